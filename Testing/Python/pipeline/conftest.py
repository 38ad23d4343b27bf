"""Images for the pipeline: a smooth pattern in space, so that every motion of it is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import Grid, ModelCard, write_model_folder
from SlicerLDMRegLib.networks import build_network

REGION_NETWORK = {
    "backbone_arguments": {"start_channels": 4},
    "regions": 3,
    "text_channels": 384,
    "hidden_channels": 16,
    "integration_steps": 5,
}

MakeImage = Callable[..., sitk.Image]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_image() -> MakeImage:
    """``make_image(geometry, shift, kind)``: blobs around the geometry's centre, moved by a shift.

    The pattern of ``make_image(g, s)`` at x is that of ``make_image(g)`` at x - s (LPS mm), so that
    registering ``moving = make_image(g, s)`` to ``fixed = make_image(g)`` gives u = s.
    """

    def make(
        geometry: ImageGeometry,
        shift: Sequence[float] | None = None,
        labels: bool = False,
        center: Sequence[float] | None = None,
    ) -> sitk.Image:
        points = geometry.points()
        center = geometry.center() if center is None else center
        offset = points - np.asarray(center) - np.asarray(shift or [0.0] * geometry.dimension)
        scale = 0.22 * min(geometry.extent_mm)
        generator = np.random.default_rng(5)
        image = np.zeros(geometry.array_shape)
        for number in range(7):
            place = generator.uniform(-1.2, 1.2, 3)[: geometry.dimension] * scale
            width = generator.uniform(0.35, 0.7) * scale
            square = ((offset - place) ** 2).sum(axis=-1)
            image += (0.5 + number / 7) * np.exp(-square / (2 * width**2))
        if labels:
            values = (image > 0.5).astype(np.uint8) + (image > 1.0)
            return geometry.to_image(values.astype(np.uint8))
        return geometry.to_image(image.astype(np.float32))

    return make


@pytest.fixture(scope="session")
def plane() -> ImageGeometry:
    """A 2D lattice with unequal spacing and an oblique direction."""
    c, s = np.cos(0.4), np.sin(0.4)
    return ImageGeometry((56, 40), (1.0, 1.4), (30.0, -12.0), (c, -s, s, c))


@pytest.fixture(scope="session")
def volume() -> ImageGeometry:
    """A 3D lattice of few, thick sagittal slices: k runs to the left, j upwards, i backwards."""
    direction = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    return ImageGeometry((36, 32, 10), (1.5, 1.5, 4.0), (-10.0, 20.0, 70.0), direction)


@pytest.fixture(scope="session")
def region_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small textSCF model, seeded and not trained, whose field depends on everything.

    It knows the left and the right hippocampus (17 and 53), and takes new names by MiniLM's
    vectors. Its lattice has 4 mm and 32 x 32 x 32 voxels along LPS.
    """
    network = build_network("textscf", REGION_NETWORK)
    generator = torch.Generator().manual_seed(3)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            scale = (2.0 / parameter[0].numel()) ** 0.5
            parameter.data = scale * torch.randn(parameter.shape, generator=generator)
    network.head.common.weight.data *= 4
    network.function.functions[0][-1].weight.data *= 4
    network.embeddings.copy_(torch.randn(network.embeddings.shape, generator=generator))
    network.eval()  # folds the table
    card = ModelCard(
        id="tiny-regions",
        title="Tiny regions",
        method="textscf",
        spatial_dims=3,
        network=REGION_NETWORK,
        grid=Grid((32, 32, 32), 16, spacing=4.0, orientation="LPS"),
        use="Nothing: a test",
        label_scheme={
            "17": {"name": "Left-Hippocampus", "prompt": "left hippocampus"},
            "53": {"name": "Right-Hippocampus", "prompt": "right hippocampus"},
        },
        text={"encoder": "minilm", "template": "brain-mr", "background": "svd"},
        defaults={"refine": {"enabled": False}},
    )
    path = tmp_path_factory.mktemp("models") / "tiny-regions"
    write_model_folder(path, card, network.state_dict(), "CC0", dtype="float32")
    return path
