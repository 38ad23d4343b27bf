"""Checkerboard and difference: images made of two others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("slicer_core", reason="needs slicer-core: pip install -e .[dev]")

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.slicer_app.display.comparison_images import (
    alike,
    checkerboard,
    difference,
    percentile_window,
)

LATTICE = ImageGeometry((8, 6, 4), (1.0, 2.0, 3.0), (5.0, 0.0, -3.0), tuple(np.eye(3).ravel()))
SAME = ((0.0, 10.0), (0.0, 10.0))


def _constant(value: float, geometry: ImageGeometry = LATTICE) -> sitk.Image:
    return geometry.to_image(np.full(geometry.array_shape, value, np.float32))


def _array(image: Any) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def test_the_fields_of_a_checkerboard_are_cubes_in_turn() -> None:
    # 12 mm along the longest side (j, k): 4 fields of 3 mm.
    mix = checkerboard(_constant(1), _constant(2), SAME, 4)
    found = _array(mix.image)
    assert found[0, 0].tolist() == [1, 1, 1, 2, 2, 2, 1, 1]  # i: 3 voxels of 1 mm
    assert found[0, :, 0].tolist() == [1, 2, 2, 1, 2, 2]  # j: 3 mm are a voxel and a half
    assert found[:, 0, 0].tolist() == [1, 2, 1, 2]  # k: a voxel of 3 mm
    assert mix.window == (0.0, 10.0)
    assert ImageGeometry.from_image(mix.image).matches(LATTICE)


def test_a_checkerboard_gives_both_images_one_scale() -> None:
    mix = checkerboard(_constant(5), _constant(750), ((0, 10), (500, 1000)), 4)
    assert np.unique(_array(mix.image)).tolist() == [5.0]


def test_a_result_on_some_slices_is_compared_there() -> None:
    part = LATTICE.crop((0, 0, 1), (8, 6, 2))
    values = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 6, 8), np.float32)
    mix = checkerboard(LATTICE.to_image(values), _constant(9, part), SAME, 4)
    assert ImageGeometry.from_image(mix.image).matches(part)
    assert set(np.unique(_array(mix.image)[0])) == {1.0, 9.0}
    assert set(np.unique(_array(mix.image)[1])) == {2.0, 9.0}


def test_beyond_the_fixed_image_there_is_its_black() -> None:
    """A smaller fixed image whose black is 967 would else be a bright difference around it."""
    windows = ((967.0, 1500.0), (967.0, 1500.0))
    part = LATTICE.crop((0, 0, 1), (8, 6, 2))
    fixed, moving = _constant(1200, part), _constant(967)
    mix = difference(fixed, moving, moving, windows)
    assert np.unique(_array(mix.image)[[0, 3]]).tolist() == [0.0]
    assert np.unique(_array(mix.image)[1:3]).tolist() == [967.0 - 1200.0]
    assert mix.window == pytest.approx((-233.0, 233.0))
    board = checkerboard(fixed, _constant(1300), windows, 4)
    assert np.unique(_array(board.image)[0]).tolist() == [967.0, 1300.0]


def test_windows_see_every_plane_of_a_large_image() -> None:
    """Planes at the step of a sample would be missed, or be all that it sees."""
    voxels = np.random.default_rng(0).integers(0, 100, (128, 128, 128)).astype(np.float32)
    voxels[..., 1::8] = 1000
    assert percentile_window(voxels) == (0.0, 1000.0)
    geometry = ImageGeometry(voxels.shape, (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    image = geometry.to_image(voxels)
    mix = difference(geometry.to_image(0 * voxels), image, image, ((0, 1000), (0, 1000)))
    assert mix.window == pytest.approx((-1000.0, 1000.0))


def test_the_difference_is_warped_minus_fixed_around_zero() -> None:
    mix = difference(_constant(2), _constant(7), _constant(5), SAME)
    assert np.unique(_array(mix.image)).tolist() == [3.0]
    # All of it is shown that was there before: moving minus fixed.
    assert mix.window == pytest.approx((-5.0, 5.0))


def test_a_small_difference_stays_small() -> None:
    mix = difference(_constant(2), _constant(2.001), _constant(2.001), SAME)
    assert mix.window == pytest.approx((-0.5, 0.5))


def test_windows_of_one_kind_are_alike() -> None:
    assert alike((0, 100), (10, 110))
    assert not alike((0, 100), (0, 1000))


def test_a_window_leaves_extreme_voxels_out() -> None:
    voxels = np.arange(1001.0)
    voxels[-1] = 1e6
    assert percentile_window(voxels) == pytest.approx((5.0, 995.0))
    assert percentile_window(np.full(10, 3.0)) == (3.0, 4.0)
    rare = np.zeros(100000)
    rare[0] = 7
    assert percentile_window(rare) == (0.0, 7.0)
