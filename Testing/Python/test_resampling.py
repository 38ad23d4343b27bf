"""Warped images keep their pixel type, their values and, on average, their brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.resampling import antialiased, resample, warp_image

INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
CUBE = ImageGeometry((20, 18, 16), (1.1, 0.9, 1.3), (3.0, -2.0, 5.0), (0, -1, 0, 1, 0, 0, 0, 0, 1))
PLANE = ImageGeometry((20, 18), (1.1, 0.9), (3.0, -2.0), (0, -1, 1, 0))


def array_of(image: sitk.Image) -> np.ndarray:
    return np.asarray(sitk.GetArrayFromImage(image))


def wavy(geometry: ImageGeometry, amplitude: float = 1.5) -> sitk.Transform:
    """A smooth deformation that looks outside of the image at some borders."""
    points = geometry.points()
    vectors = [amplitude * np.sin(points.sum(axis=-1) / 6 + n) for n in range(geometry.dimension)]
    return DisplacementField(np.stack(vectors, axis=-1), geometry).to_transform()


def shift(*vector: float) -> sitk.Transform:
    return sitk.TranslationTransform(len(vector), vector)


def texture(dtype: str, geometry: ImageGeometry = CUBE, components: tuple[int, ...] = ()) -> Any:
    """Whole numbers from all over the range of a type (of 64 bits: as far as float64 is exact)."""
    info = np.iinfo(dtype)
    low, high = max(info.min, -(2**52)), min(info.max, 2**52)
    rng = np.random.default_rng(0)
    shape = (*geometry.array_shape, *components)
    return rng.integers(low, high, shape, dtype, endpoint=True)


@pytest.mark.parametrize("geometry", [PLANE, CUBE], ids=["2D", "3D"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_whole_numbers_are_rounded_to_the_nearest(dtype: str, geometry: ImageGeometry) -> None:
    voxels = texture(dtype, geometry)
    transform = wavy(geometry)
    exact = sitk.Resample(
        geometry.to_image(voxels.astype(np.float64)),
        geometry.empty_image(),
        transform,
        sitk.sitkLinear,
        float(voxels.min()),
        sitk.sitkFloat64,
    )
    warped = warp_image(geometry.to_image(voxels), geometry, transform)
    assert ImageGeometry.from_image(warped) == geometry
    assert array_of(warped).dtype == np.dtype(dtype)
    difference = array_of(warped).astype(np.float64) - array_of(exact)
    assert np.abs(difference).max() <= 0.5
    if np.iinfo(dtype).bits <= 32:  # beyond, float64 has no fractions left to round
        assert abs(difference.mean()) < 0.05


def test_halves_go_to_the_even_number() -> None:
    row = np.tile(np.arange(-4, 6, dtype=np.int16), (3, 1))
    image = sitk.GetImageFromArray(row)
    warped = warp_image(image, ImageGeometry.from_image(image), shift(0.5, 0.0))
    assert array_of(warped)[1, :-1].tolist() == [-4, -2, -2, 0, 0, 2, 2, 4, 4]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("u1", 255),
        ("i1", -128),
        ("u2", 65535),
        ("i2", -32768),
        ("i4", 2**24 + 1),
        ("i4", 2**31 - 1),
        ("i4", -(2**31)),
        ("u4", 2**32 - 1),
        ("i8", 2**53 - 1),
        ("i8", -(2**63)),
        ("u8", 2**40 + 1),
    ],
)
def test_a_constant_stays_what_it_is(dtype: str, value: int) -> None:
    """The limits of the type too, and what float32 cannot hold."""
    voxels = np.full(CUBE.array_shape, value, dtype)
    warped = array_of(warp_image(CUBE.to_image(voxels), CUBE, wavy(CUBE)))
    assert (warped == value).all()


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_the_largest_numbers_of_64_bits_do_not_wrap(dtype: str) -> None:
    top = np.iinfo(dtype).max
    voxels = np.full(CUBE.array_shape, top, dtype)
    warped = array_of(warp_image(CUBE.to_image(voxels), CUBE, wavy(CUBE)))
    assert int(warped.min()) >= top - 2048


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_real_numbers_are_what_itk_makes_of_them(dtype: str) -> None:
    voxels = np.random.default_rng(0).standard_normal(CUBE.array_shape).astype(dtype)
    image, transform = CUBE.to_image(voxels), wavy(CUBE)
    expected = sitk.Resample(image, image, transform, sitk.sitkLinear, float(voxels.min()))
    np.testing.assert_array_equal(
        array_of(warp_image(image, CUBE, transform)), array_of(expected), strict=True
    )


@pytest.mark.parametrize(
    ("dtype", "darkest"),
    [("u1", 7), ("i2", 967), ("i2", -1024), ("u2", 100), ("i8", 12), ("f4", 3.5), ("f8", -0.25)],
)
def test_outside_of_an_image_there_is_its_darkest_value(dtype: str, darkest: float) -> None:
    voxels = np.full(CUBE.array_shape, darkest + 40).astype(dtype)
    voxels[3:6] = darkest
    far = shift(1000.0, 0.0, 0.0)
    assert (array_of(warp_image(CUBE.to_image(voxels), CUBE, far)) == darkest).all()
    labels = warp_image(CUBE.to_image(voxels), CUBE, far, labels=True)
    assert (array_of(labels) == 0).all()


def test_the_darkest_value_of_an_image_with_gaps_is_a_number() -> None:
    voxels = np.full(CUBE.array_shape, 5.0, np.float32)
    voxels[0], voxels[1, 0] = np.nan, -np.inf
    voxels[2] = 2.0
    far = shift(1000.0, 0.0, 0.0)
    assert (array_of(warp_image(CUBE.to_image(voxels), CUBE, far)) == 2).all()
    nothing = CUBE.to_image(np.full(CUBE.array_shape, np.nan))
    assert (array_of(warp_image(nothing, CUBE, far)) == 0).all()


@pytest.mark.parametrize("dtype", [*INTEGERS, "f4", "f8"])
def test_labels_are_taken_bit_for_bit(dtype: str) -> None:
    """Nearest neighbour, also of numbers that float64 cannot hold."""
    if dtype.startswith("f"):
        labels = np.random.default_rng(0).integers(0, 2**20, CUBE.array_shape).astype(dtype)
    else:
        info = np.iinfo(dtype)
        rng = np.random.default_rng(0)
        labels = rng.integers(0, info.max, CUBE.array_shape, dtype, endpoint=True)
        labels.flat[:2] = info.max, info.min
    # The place of every voxel, which no type loses, tells which one is the nearest.
    places = CUBE.to_image(np.arange(1, labels.size + 1, dtype=np.int32).reshape(labels.shape))
    transform = wavy(CUBE)
    found = array_of(sitk.Resample(places, places, transform, sitk.sitkNearestNeighbor, 0))
    assert 0 < (found == 0).sum() < found.size / 2
    expected = np.concatenate([np.zeros(1, dtype), labels.ravel()])[found]
    warped = warp_image(CUBE.to_image(labels), CUBE, transform, labels=True)
    assert ImageGeometry.from_image(warped) == CUBE
    np.testing.assert_array_equal(array_of(warped), expected, strict=True)


@pytest.mark.parametrize("components", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "f4"])
@pytest.mark.parametrize("labels", [False, True])
def test_every_component_of_a_colour_is_warped(dtype: str, components: int, labels: bool) -> None:
    if dtype == "f4":
        shape = (*CUBE.array_shape, components)
        voxels = np.random.default_rng(0).standard_normal(shape, np.float32)
    else:
        voxels = texture(dtype, CUBE, (components,))
    image = CUBE.to_image(voxels, is_vector=True)
    warped = warp_image(image, CUBE, shift(0.4, -0.3, 0.6), labels=labels)
    assert warped.GetPixelID() == image.GetPixelID()
    assert ImageGeometry.from_image(warped) == CUBE
    inside = (slice(2, -2),) * 3
    for channel in range(components):
        alone = CUBE.to_image(np.ascontiguousarray(voxels[..., channel]))
        expected = warp_image(alone, CUBE, shift(0.4, -0.3, 0.6), labels=labels)
        found = array_of(sitk.VectorIndexSelectionCast(warped, channel))
        np.testing.assert_array_equal(found[inside], array_of(expected)[inside])
    outside = array_of(warp_image(image, CUBE, shift(1000.0, 0.0, 0.0), labels=labels))
    assert (outside == (0 if labels else voxels.min())).all()


def test_a_large_image_is_the_same_in_parts() -> None:
    """It goes slab by slab; here there are several, and a thinner last one."""
    size = (300, 290, 31)
    geometry = ImageGeometry(size, (1.0, 1.0, 2.0), (0.0,) * 3, tuple(np.eye(3).ravel()))
    voxels = np.random.default_rng(0).integers(-1000, 2000, geometry.array_shape, np.int16)
    image = geometry.to_image(voxels)
    coarse = ImageGeometry((32, 30, 8), (10.0, 10.0, 10.0), (0.0,) * 3, geometry.direction)
    transform = wavy(coarse, 3.0)
    exact = sitk.Resample(
        image, image, transform, sitk.sitkLinear, float(voxels.min()), sitk.sitkFloat64
    )
    warped = array_of(warp_image(image, geometry, transform))
    assert np.abs(warped - array_of(exact)).max() <= 0.5 + 1e-9


def test_without_a_transform_only_the_lattice_changes() -> None:
    voxels = texture("i2")
    image = CUBE.to_image(voxels)
    part = CUBE.crop((2, 3, 4), (7, 6, 5))
    np.testing.assert_array_equal(array_of(warp_image(image, part)), voxels[4:9, 3:9, 2:9])


def test_a_mask_keeps_its_size() -> None:
    """Cut off instead of rounded, a ball loses its skin: half a voxel all around."""
    distance = np.linalg.norm(CUBE.points() - CUBE.center(), axis=-1)
    ball = CUBE.to_image((distance < 6).astype(np.uint8))
    volume = 4 / 3 * np.pi * 6**3 / np.prod(CUBE.spacing)
    for vector in ((0.3, -0.2, 0.5), (0.55, 0.45, 0.0), (-0.27, 0.6, 0.65)):
        count = int(array_of(warp_image(ball, CUBE, shift(*vector))).sum())
        assert count == pytest.approx(volume, rel=0.05)


def test_beyond_an_image_its_border_goes_on_unless_a_value_is_given() -> None:
    voxels = np.arange(20, dtype=np.float32) * np.ones(CUBE.array_shape, np.float32) + 3
    wide = CUBE.crop((-4, 0, 0), (28, 18, 16))
    none = sitk.Transform(3, sitk.sitkIdentity)
    row = array_of(resample(CUBE.to_image(voxels), wide, none))[8, 9]
    np.testing.assert_allclose(row, np.clip(np.arange(-4, 24), 0, 19) + 3, atol=1e-5)
    row = array_of(resample(CUBE.to_image(voxels), wide, none, -7.0))[8, 9]
    assert set(row[:4]) == set(row[-4:]) == {-7.0}


@pytest.mark.parametrize("spacing", [0.3, 0.9, 1.0, 1.04])
def test_a_lattice_that_is_not_coarser_needs_no_smoothing(spacing: float) -> None:
    geometry = ImageGeometry((12, 12, 12), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    image = geometry.to_image(np.random.default_rng(0).random((12, 12, 12)).astype(np.float32))
    assert antialiased(image, geometry.resampled(spacing=(spacing,) * 3)) is image
    coarser = geometry.resampled(spacing=(spacing, 2.0, spacing))
    smooth = array_of(antialiased(image, coarser))
    # Along the one axis that is coarser, and along no other.
    means = array_of(image).mean(axis=1)
    assert np.abs(smooth.mean(axis=1) - means).max() < 0.15
    assert smooth.std(axis=1).mean() < 0.8 * array_of(image).std(axis=1).mean()


def test_slices_do_not_run_into_each_other() -> None:
    """Thin slices of the moving image, thick ones of the fixed one: each is its own picture."""
    geometry = ImageGeometry((16, 16, 20), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    stripes = np.zeros(geometry.array_shape, np.float32)
    stripes[::2] = 1
    thick = ImageGeometry((8, 8, 4), (2.0, 2.0, 5.0), (0.5, 0.5, 2.0), geometry.direction)
    image = geometry.to_image(stripes)
    kept = array_of(antialiased(image, thick, through=2))
    np.testing.assert_allclose(kept[2:-2, 8, 8], stripes[2:-2, 8, 8], atol=1e-4)
    mixed = array_of(antialiased(image, thick))
    np.testing.assert_allclose(mixed[6:-6, 8, 8], 0.5, atol=0.05)
