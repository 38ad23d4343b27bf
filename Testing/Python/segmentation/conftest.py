"""A head with a ball on either side, and a small network that tells left from right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import nn

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import (
    Grid,
    ModelCard,
    ModelSegmenter,
    build_segmenter,
    write_model_folder,
)
from SlicerLDMRegLib.networks import build_network


class Phantom:
    """A head around the origin of the world; both balls look the same, only their side differs."""

    left, right = 17, 53
    grid = Grid((32, 32, 32), divisor=16, spacing=4.0, orientation="LPS")
    _head_mm = np.array([44.0, 52.0, 48.0])
    _ball_mm = 13.0
    # At the surface: on one side there is air, which tells the side.
    _ball_centre_mm = np.array([30.0, -12.0, 5.0])

    def lattice(
        self,
        size: tuple[int, ...] = (32, 32, 32),
        spacing: tuple[float, ...] = (4.0, 4.0, 4.0),
        direction: np.ndarray | None = None,
        centre: tuple[float, ...] = (0.0, 0.0, 0.0),
    ) -> ImageGeometry:
        """Return a lattice around a point."""
        matrix = np.eye(3) if direction is None else direction
        origin = np.asarray(centre) - matrix @ ((np.asarray(size) - 1) / 2 * spacing)
        return ImageGeometry(size, spacing, tuple(origin.tolist()), tuple(matrix.ravel().tolist()))

    def draw(self, lattice: ImageGeometry, shift: Any = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return image and labels, wherever the voxels are."""
        points = lattice.points() - shift
        image = np.where(np.square(points / self._head_mm).sum(axis=-1) < 1, 0.4, 0.0)
        labels = np.zeros(image.shape, np.uint8)
        for side, label in ((1, self.left), (-1, self.right)):
            centre = self._ball_centre_mm * (side, 1, 1)
            ball = np.square(points - centre).sum(axis=-1) < self._ball_mm**2
            image[ball], labels[ball] = 1.0, label
        return image.astype(np.float32), labels

    def image(self, lattice: ImageGeometry) -> sitk.Image:
        """Return it with numbers as a scanner gives them, and some noise."""
        array = 1000 * self.draw(lattice)[0]
        noise = np.random.default_rng(0).normal(0, 10, array.shape)
        return lattice.to_image((array + noise).astype(np.int16))

    def dice(self, labels: sitk.Image, label: int) -> float:
        """Overlap of a label with the truth."""
        found = sitk.GetArrayViewFromImage(labels) == label
        truth = self.draw(ImageGeometry.from_image(labels))[1] == label
        return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    return Phantom()


@pytest.fixture(scope="session")
def segmenter_folder(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> Path:
    """A model folder with a network that was trained for a few seconds."""
    card = ModelCard(
        id="segment-balls",
        title="Balls",
        method="unet",
        spatial_dims=3,
        network={"classes": 3, "features": [4, 4, 4, 4, 4, 4]},
        grid=phantom.grid,
        use="Generated heads",
        kind="segmentation",
        label_scheme={
            str(phantom.left): {"name": "left ball"},
            str(phantom.right): {"name": "right ball"},
        },
    )
    folder = tmp_path_factory.mktemp("models") / card.id
    write_model_folder(folder, card, _trained(card, phantom).state_dict(), "CC0", dtype="float32")
    return folder


@pytest.fixture(scope="session")
def segmenter(segmenter_folder: Path) -> ModelSegmenter:
    built = build_segmenter(segmenter_folder)
    assert isinstance(built, ModelSegmenter)
    return built


def _trained(card: ModelCard, phantom: Phantom) -> nn.Module:
    """Minimise one minus the soft Dice."""
    torch.manual_seed(1)
    network = build_network(card.method, dict(card.network))
    rng = np.random.default_rng(0)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-2)
    for _ in range(80):
        image, labels = phantom.draw(phantom.lattice(), rng.uniform(-15, 15, 3))
        image += rng.normal(0, 0.02, image.shape).astype(np.float32)
        truth = torch.from_numpy(np.stack([labels == n for n in card.label_numbers[1:]])[None])
        found = network(torch.from_numpy(image.clip(0, 1))[None, None]).softmax(dim=1)[:, 1:]
        both = (2 * (found * truth).sum((2, 3, 4)) + 1) / (found**2 + truth).sum((2, 3, 4))
        optimiser.zero_grad()
        (1 - both.mean()).backward()
        optimiser.step()
    return network
