"""The motion that a short deformation still finds after a registration."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.intensity import IntensityMap
from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib.pipeline.inputs import Inputs
from SlicerLDMRegLib.pipeline.residual_motion import coarse_lattice, residual_motion
from SlicerLDMRegLib.pipeline.slices import SliceSelection
from SlicerLDMRegLib.report import judge

UNIT = (IntensityMap(0.0, 1.5), IntensityMap(0.0, 1.5))


def picture(shift: float = 0.0, stretch: float = 1.0, n: int = 64) -> np.ndarray:
    y, x = np.mgrid[:n, :n] * (64 / n)
    x = 32 + (x - 32 - shift) / stretch
    body = 1 / (1 + np.exp(((x - 32) ** 2 / 24**2 + (y - 32) ** 2 / 20**2 - 1) * 8))
    return np.asarray(body * (1 + 0.3 * np.sin(x / 3) * np.cos(y / 4)), np.float32)


def left(fixed: np.ndarray, moving: np.ndarray, spacing: float = 1.0, **more: object) -> float:
    images = [sitk.GetImageFromArray(a) for a in (fixed, moving)]
    for image in images:
        image.SetSpacing([spacing] * image.GetDimension())
    still = sitk.AffineTransform(fixed.ndim)
    return residual_motion(Inputs(*images, **more), still, UNIT)  # type: ignore[arg-type]


def test_equal_images_have_none_left() -> None:
    assert left(picture(), picture()) < 0.1


@pytest.mark.parametrize("spacing", [0.5, 1.0, 3.0])
def test_a_shift_is_measured_in_millimetres(spacing: float) -> None:
    assert left(picture(), picture(2.5), spacing) == pytest.approx(2.5 * spacing, rel=0.2)


def test_the_contrast_does_not_matter() -> None:
    assert left(picture(), 1.3 - picture(2.5)) == pytest.approx(2.5, rel=0.3)


def test_slices_and_flat_volumes_count_in_their_plane() -> None:
    fixed, moving = (np.stack([a, a, a]) for a in (picture(), picture(2.0)))
    geometry = ImageGeometry.from_image(sitk.GetImageFromArray(fixed))
    slices = SliceSelection().resolve(geometry)
    assert left(fixed, moving, slices=slices) == pytest.approx(2.0, rel=0.2)


@pytest.mark.parametrize(
    ("size", "spacing", "expected"),
    [
        ((300, 200), (0.5, 0.5), (64, 43)),
        ((40, 30), (2.0, 2.0), (40, 30)),
        ((12, 12, 12), (1.0, 1.0, 1.0), (12, 12, 12)),
        ((20, 24, 16), (3.0, 3.0, 3.0), (20, 24, 16)),
        ((128, 128, 64), (1.0, 1.0, 2.0), (32, 32, 32)),
    ],
)
def test_small_images_are_not_asked_between_their_voxels(
    size: tuple[int, ...], spacing: tuple[float, ...], expected: tuple[int, ...]
) -> None:
    dimension = len(size)
    fixed = ImageGeometry(size, spacing, (0.0,) * dimension, tuple(np.eye(dimension).ravel()))
    lattice = coarse_lattice(fixed)
    assert lattice.size == expected
    assert np.allclose(
        np.multiply(lattice.size, lattice.spacing), np.multiply(size, spacing), rtol=0.02
    )


@pytest.mark.parametrize("n", [16, 24])
def test_a_shift_of_a_small_image_is_measured_in_millimetres(n: int) -> None:
    # Voxels of 64 / n mm.
    assert left(picture(n=n), picture(4.0, n=n), 64 / n) == pytest.approx(4.0, rel=0.2)


def test_an_alignment_that_leaves_much_is_to_be_checked() -> None:
    fixed, moving = picture(n=96), picture(0.0, 1.3, n=96)
    metrics = register(fixed, moving, model="none", align="rigid", refine=False).metrics
    assert metrics["deformation"]["residual_motion_mm"] > 2.5
    verdict = judge(metrics)
    assert verdict.status == "check"
    assert any("would still move" in finding for finding in verdict.findings)


def test_a_whole_refinement_is_not_asked() -> None:
    metrics = register(picture(), picture(1.5), model="none").metrics
    assert "residual_motion_mm" not in metrics["deformation"]
