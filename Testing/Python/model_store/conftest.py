"""A small model and its folder; the weights of the reference outputs."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from SlicerLDMRegLib.model_store import Grid, ModelCard, TrainingData, write_model_folder
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig


@pytest.fixture(scope="session")
def small_network(small_config: LDMMorphConfig) -> LDMMorph:
    """LDM-Morph of all the real parts, with random weights where training starts from zeros."""
    network = LDMMorph(small_config)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


@pytest.fixture
def small_card(small_network: LDMMorph) -> ModelCard:
    """Describe the small network."""
    return ModelCard(
        id="small-model",
        title="Small model",
        method="ldm-morph",
        spatial_dims=2,
        network=small_network.config.to_dict(),
        grid=Grid((64, 32), divisor=32),
        use="Generated shapes",
        training_data=(TrainingData("Shapes", "CC0-1.0", "Thanks to nobody."),),
        results={"description": "Two pairs.", "identity": {"Dice": 0.5}, "model": {"Dice": 0.75}},
        limits=("Does not know real images.",),
    )


@pytest.fixture
def segmenter_card() -> ModelCard:
    """Describe a small segmenter of two structures."""
    return ModelCard(
        id="small-segmenter",
        title="Small segmenter",
        method="unet",
        spatial_dims=3,
        network={"classes": 3, "features": [2, 2, 2, 2, 2, 2]},
        grid=Grid((32, 32, 16), divisor=16, spacing=2.0, orientation="LPS", anchor="S"),
        use="Generated shapes",
        kind="segmentation",
        label_scheme={
            "17": {"name": "Left-Hippocampus", "prompt": "left hippocampus"},
            "4": {"name": "Left-Lateral-Ventricle"},
        },
    )


@pytest.fixture
def small_folder(tmp_path: Path, small_card: ModelCard, small_network: LDMMorph) -> Path:
    """Write the small network as a model folder."""
    folder = tmp_path / "small-model"
    write_model_folder(folder, small_card, small_network.state_dict(), "CC0", dtype="float32")
    return folder


@pytest.fixture(scope="session")
def parity_weights() -> Callable[[Mapping[str, Sequence[int]]], dict[str, Tensor]]:
    """Weights by name and shape, a function of the name alone: see ../shared/parity."""
    return lambda shapes: {name: _parity_weight(name, shape) for name, shape in shapes.items()}


def _parity_weight(name: str, shape: Sequence[int]) -> Tensor:
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    x = 2 * generator.random(math.prod(shape)).reshape(shape) - 1
    if len(shape) >= 2:
        x = x * math.sqrt(3 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        x = 1 + 0.1 * x
    else:
        x = 0.05 * x
    return torch.from_numpy(x.astype(np.float32))
