"""The size that an affine alignment finds, whatever the noise and the contrast."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib._slabs import affine
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.align.agreement import Samples
from SlicerLDMRegLib.pipeline.align.alignment import align_images
from SlicerLDMRegLib.pipeline.align.linear_map import LinearMap
from SlicerLDMRegLib.pipeline.align.two_ways import WayBack
from SlicerLDMRegLib.pipeline.options import AlignOptions


def shape(
    size: tuple[int, ...], noise: float, seed: int, inverted: bool = False,
    turn: float = 0.0, shift: float = 0.0, scale: float = 1.0,
) -> sitk.Image:  # fmt: skip
    """An ellipse or ellipsoid with four dots, turned and shifted."""
    d = len(size)
    lattice = ImageGeometry(size, (1.0,) * d, (0.0,) * d, tuple(np.eye(d).ravel()))
    points = lattice.points() - (np.array(size) - 1) / 2 - shift * np.array((1.0, -0.6, 0.4)[:d])
    c, s = np.cos(turn), np.sin(turn)
    points[..., :2] = points[..., :2] @ np.array([[c, s], [-s, c]]) / scale
    points[..., 2:] /= scale
    radius = 0.3 * min(size)
    distance = np.linalg.norm(points * (1.0, 1.2, 1.1)[:d], axis=-1)
    image = 100 / (1 + np.exp((distance - radius) / 0.8))
    for n in range(4):
        dot = 0.6 * radius * np.array((np.cos(2 * n + 0.3), np.sin(2 * n + 0.3), 0.2 * n)[:d])
        near = ((points - dot) ** 2).sum(axis=-1)
        image += (30 + 10 * n) * np.exp(-near / (0.03 * radius**2))
    image = 130 - image if inverted else image
    image = image + np.random.default_rng(seed).normal(0, noise, image.shape)
    return lattice.to_image(image.astype(np.float32))


def determinant(fixed: sitk.Image, moving: sitk.Image) -> float:
    found = align_images(fixed, moving, AlignOptions("affine", metric="mattes"))
    return float(np.linalg.det(affine(found.transform)[0]))


@pytest.mark.parametrize(
    ("size", "noise", "inverted", "turn", "shift"),
    [
        ((96, 96), 5.0, False, 0.1, 2.3),
        ((96, 96), 5.0, True, 0.1, 2.3),
        ((28, 28, 28), 1.0, False, -0.2, -3.4),
        ((28, 28, 28), 5.0, True, -0.2, -3.4),
    ],
)
def test_shapes_of_one_size_keep_it(
    size: tuple[int, ...], noise: float, inverted: bool, turn: float, shift: float
) -> None:
    moving = shape(size, noise, 2, inverted, turn, shift)
    assert determinant(shape(size, noise, 1), moving) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_another_size_is_found(scale: float, inverted: bool) -> None:
    size = (96, 96)
    found = determinant(shape(size, 3.0, 1), shape(size, 3.0, 2, inverted, 0.1, 2.3, scale))
    assert found == pytest.approx(scale**2, rel=0.015)


def test_the_way_back_inverts_about_another_center() -> None:
    center, own = torch.tensor([10.0, -4.0]).double(), torch.tensor([3.0, 50.0]).double()
    matrix = torch.tensor([[[1.1, 0.2], [-0.1, 0.9]], [[0.0, -1.0], [1.0, 0.0]]]).double()
    maps = LinearMap(matrix, torch.tensor([[5.0, -2.0], [0.5, 30.0]]).double())
    nothing = torch.zeros(0)
    samples = Samples(nothing, nothing, nothing, (0, 0), nothing, nothing, "mattes")
    back = WayBack(samples, center, own).inverse(maps)
    point = torch.tensor([7.0, 8.0]).double()
    moved = (maps.matrix @ (point - center)) + center + maps.shift
    again = (back.matrix @ (moved - own)[..., None])[..., 0] + own + back.shift
    torch.testing.assert_close(again, point.expand(2, 2))
