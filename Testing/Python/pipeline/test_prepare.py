from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.prepare import (
    IntensityMap,
    network_lattice,
    prepare_pair,
    refinement_lattice,
)
from SlicerLDMRegLib.pipeline.slices import SliceRange

IDENTITY = (1.0, 0.0, 0.0, 1.0)
UNIT = IntensityMap(0.0, 1.0)


def plane_of(size: tuple[int, int], spacing: tuple[float, float] = (1.0, 1.0)) -> ImageGeometry:
    return ImageGeometry(size, spacing, (0.0, 0.0), IDENTITY)


def test_image_on_the_network_grid_is_not_resampled() -> None:
    lattice = plane_of((128, 128))
    assert network_lattice(lattice, (128, 128), 32) == lattice
    array = np.random.default_rng(0).random((128, 128)).astype(np.float32)
    image = lattice.to_image(array)
    none = sitk.Transform(2, sitk.sitkIdentity)
    pair = prepare_pair(image, image, none, lattice, (UNIT, UNIT))
    np.testing.assert_array_equal(pair.fixed[0, 0].numpy(), array)
    np.testing.assert_array_equal(pair.moving[0, 0].numpy(), array)
    assert pair.mask.all()


@pytest.mark.parametrize("spacing", [1.0, 0.7, 1.37])
@pytest.mark.parametrize("size", [(128, 101), (90, 128), (127, 128)])
def test_padding_is_whole_voxels(size: tuple[int, int], spacing: float) -> None:
    fixed = plane_of(size, (spacing, spacing))
    lattice = network_lattice(fixed, (128, 128), 32)
    assert lattice.size == tuple(-(-n // 32) * 32 for n in size)
    assert lattice.spacing == pytest.approx((spacing, spacing))
    index = lattice.physical_to_index(fixed.origin)
    np.testing.assert_allclose(index, np.rint(index), atol=1e-9)
    image = fixed.to_image(np.random.default_rng(0).random(fixed.array_shape).astype(np.float32))
    none = sitk.Transform(2, sitk.sitkIdentity)
    pair = prepare_pair(image, image, none, lattice, (UNIT, UNIT))
    x, y = np.rint(index).astype(int)
    inner = pair.fixed[0, 0, y : y + size[1], x : x + size[0]].numpy()
    np.testing.assert_allclose(inner, sitk.GetArrayFromImage(image), atol=1e-5)
    assert int(pair.fixed_mask.sum()) == size[0] * size[1]
    black = pair.black_outside()[1]
    assert float(black[pair.fixed_mask == 0].abs().sum()) == 0


def test_lattice_is_isotropic_and_covers_the_image(plane: ImageGeometry) -> None:
    lattice = network_lattice(plane, (128, 128), 32)
    assert lattice.spacing[0] == lattice.spacing[1] == pytest.approx(56 / 128)
    assert lattice.size == (128, 128)
    assert lattice.direction == plane.direction
    corners = [(-0.5, -0.5), (plane.size[0] - 0.5, plane.size[1] - 0.5)]
    index = lattice.physical_to_index(plane.index_to_physical(corners))
    assert (index >= -0.5 - 1e-6).all()
    assert (index <= 127.5 + 1e-6).all()


def test_3d_lattice(volume: ImageGeometry) -> None:
    lattice = network_lattice(volume, (48, 48, 48), 16)
    assert lattice.size == (48, 48, 48)
    assert lattice.spacing == pytest.approx((1.125,) * 3)
    assert network_lattice(volume, (54, 54, 54), 1).size == (54, 48, 40)


def test_slices_keep_their_planes(volume: ImageGeometry) -> None:
    slices = SliceRange(1, 4, 9)
    lattice = network_lattice(volume, (64, 64), 32, slices)
    assert lattice.size == (64, 5, 64)
    assert lattice.spacing == pytest.approx((54 / 64, 1.5, 54 / 64))
    np.testing.assert_allclose(
        volume.physical_to_index(lattice.index_to_physical([0, 2, 0]))[1], 6.0, atol=1e-9
    )


def test_refinement_lattice_bounds_memory(plane: ImageGeometry) -> None:
    assert refinement_lattice(plane).spacing == pytest.approx((1.0, 1.0))
    assert max(refinement_lattice(plane_of((2000, 900))).size) == 256
    axes = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    small = ImageGeometry((35, 51, 35), (1.0,) * 3, (0.0,) * 3, axes)
    assert refinement_lattice(small) == small
    most = replace(small, size=(100, 100, 100))
    assert refinement_lattice(most).spacing == pytest.approx((1.0,) * 3)
    brain = replace(small, size=(200, 200, 200))
    assert refinement_lattice(brain).spacing == pytest.approx((2.0,) * 3)
    large = replace(small, size=(512, 512, 512))
    assert np.prod(refinement_lattice(large).size) < 1.1e6


def test_coarse_lattice_does_not_alias() -> None:
    """A checkerboard, sampled at every third voxel without smoothing, would be 0 or 1."""
    fixed = plane_of((63, 63))
    checker = (np.indices((63, 63)).sum(axis=0) % 2).astype(np.float32)
    image = fixed.to_image(checker)
    lattice = fixed.resampled(size=(21, 21))
    none = sitk.Transform(2, sitk.sitkIdentity)
    pair = prepare_pair(image, image, none, lattice, (UNIT, UNIT))
    assert float((pair.fixed - 0.5).abs().max()) < 0.03


def test_moving_image_goes_through_the_alignment(
    plane: ImageGeometry, make_image: Callable[..., sitk.Image]
) -> None:
    fixed, moving = make_image(plane), make_image(plane, (3.0, -2.0))
    shift = sitk.TranslationTransform(2, (3.0, -2.0))
    pair = prepare_pair(fixed, moving, shift, plane, (UNIT, UNIT))
    difference = (pair.fixed - pair.moving)[pair.mask > 0].abs()
    assert float(difference.max()) < 0.02
    assert 0.8 < float(pair.moving_mask.mean()) < 1.0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_become_a_batch(volume: ImageGeometry, axis: int) -> None:
    array = np.random.default_rng(0).random(volume.array_shape).astype(np.float32)
    image = volume.to_image(array)
    slices = SliceRange(axis, 2, 5)
    none = sitk.Transform(3, sitk.sitkIdentity)
    pair = prepare_pair(image, image, none, slices.crop(volume), (UNIT, UNIT), slices)
    assert pair.fixed.shape[:2] == (3, 1)
    expected = np.take(array, 3, axis=2 - axis)
    np.testing.assert_allclose(pair.fixed[1, 0].numpy(), expected, atol=1e-5)


def test_intensities() -> None:
    array = np.linspace(-1000, 1000, 400, dtype=np.float32).reshape(20, 20)
    image = sitk.GetImageFromArray(array)
    whole = IntensityMap.from_image(image)
    assert (whole.low, whole.high) == (-1000, 1000)
    middle = IntensityMap.from_image(image, 25, 75)
    assert (middle.low, middle.high) == pytest.approx((-500, 500), abs=1)
    mapped = middle(array)
    assert (mapped.min(), mapped.max(), mapped.dtype) == (0, 1, np.float32)
    assert mapped[10, 0] == pytest.approx(0.5, abs=0.01)
    # A small object: the percentiles coincide, the range does not.
    spot = np.zeros((20, 20), np.float32)
    spot[3, 3] = 9
    assert IntensityMap.from_image(sitk.GetImageFromArray(spot), 1, 99).high == 9
