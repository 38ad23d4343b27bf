"""Model folders of untrained networks, for tests that need some model."""

from __future__ import annotations

from pathlib import Path

import torch

from SlicerLDMRegLib.model_store import Grid, ModelCard, write_model_folder
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.text import label_scheme

__all__ = ["SIZE", "SPACING", "write_segmenter"]

#: Voxels along x, y, z, and mm between them, of the images of these tests.
SIZE, SPACING = (32, 32, 32), 6.0


def write_segmenter(folder: Path) -> Path:
    """An untrained segmenter of all structures as a model folder."""
    arguments = {"classes": 36, "features": [4, 4, 4, 4, 4, 4]}
    torch.manual_seed(1)
    card = ModelCard(
        id=folder.name,
        title="Untrained",
        method="unet",
        kind="segmentation",
        spatial_dims=3,
        network=arguments,
        grid=Grid(SIZE, 16, SPACING, "LPS"),
        use="Tests",
        label_scheme=label_scheme("freesurfer35"),
    )
    state = build_network("unet", arguments).state_dict()
    write_model_folder(folder, card, state, "CC0", dtype="float32")
    return folder
