"""ImageGeometry against SimpleITK, for oblique, anisotropic and left-handed lattices."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry


def rotation(axis: int, angle: float) -> np.ndarray:
    matrix = np.eye(3)
    i, j = (n for n in range(3) if n != axis)
    matrix[i, i] = matrix[j, j] = math.cos(angle)
    matrix[i, j], matrix[j, i] = -math.sin(angle), math.sin(angle)
    return matrix


OBLIQUE = rotation(2, 0.4) @ rotation(0, -0.3)
GEOMETRIES = {
    "2d": ImageGeometry((7, 5), (0.5, 2.0), (10.0, -4.0), rotation(2, 0.3)[:2, :2].ravel()),
    "2d left-handed": ImageGeometry((7, 5), (1.0, 2.0), (0.0, 1.0), (1, 0, 0, -1)),
    "3d": ImageGeometry((7, 5, 4), (0.5, 2.0, 3.0), (10.0, -4.0, 90.0), np.eye(3).ravel()),
    "3d oblique": ImageGeometry((7, 5, 4), (0.5, 2.0, 3.0), (1.0, -4.0, 9.0), OBLIQUE.ravel()),
    "3d left-handed": ImageGeometry(
        (7, 5, 4), (0.5, 2.0, 3.0), (1.0, -4.0, 9.0), (OBLIQUE @ np.diag([1, 1, -1])).ravel()
    ),
}


@pytest.fixture(params=GEOMETRIES.values(), ids=GEOMETRIES.keys())
def geometry(request: pytest.FixtureRequest) -> ImageGeometry:
    return request.param


def test_index_and_physical_agree_with_itk(geometry):
    image = geometry.empty_image()
    indices = np.random.default_rng(0).uniform(-2, 9, size=(3, 4, geometry.dimension))
    points = geometry.index_to_physical(indices)
    for index, point in zip(indices.reshape(12, -1), points.reshape(12, -1), strict=True):
        np.testing.assert_allclose(
            point, image.TransformContinuousIndexToPhysicalPoint(index.tolist())
        )
    np.testing.assert_allclose(geometry.physical_to_index(points), indices, atol=1e-10)


def test_image_round_trip(geometry):
    array = np.arange(math.prod(geometry.size), dtype=np.int16).reshape(geometry.array_shape)
    image = geometry.to_image(array)
    assert ImageGeometry.from_image(image) == geometry
    assert image.GetPixelID() == sitk.sitkInt16
    index = [n - 2 for n in geometry.size]
    assert image[index] == array[tuple(index[::-1])]
    assert geometry.empty_image(sitk.sitkFloat32).GetPixelID() == sitk.sitkFloat32


def test_vector_and_mask_images(geometry):
    vectors = np.random.default_rng(0).normal(size=(*geometry.array_shape, geometry.dimension))
    image = geometry.to_image(vectors, is_vector=True)
    assert image.GetNumberOfComponentsPerPixel() == geometry.dimension
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), vectors)
    assert geometry.to_image(vectors[..., 0] > 0).GetPixelID() == sitk.sitkUInt8


def test_points_are_those_of_every_voxel(geometry):
    points = geometry.points()
    assert points.shape == (*geometry.array_shape, geometry.dimension)
    index = [n - 1 - i for i, n in enumerate(geometry.size)]
    np.testing.assert_allclose(
        points[tuple(index[::-1])],
        geometry.empty_image().TransformIndexToPhysicalPoint(index),
    )


def test_matrix_center_and_extent(geometry):
    step = np.zeros(geometry.dimension)
    step[1] = 1
    expected = geometry.index_to_physical(step) - np.asarray(geometry.origin)
    np.testing.assert_allclose(geometry.matrix[:, 1], expected)
    assert np.linalg.norm(geometry.matrix[:, 1]) == pytest.approx(geometry.spacing[1])
    middle = [(n - 1) / 2 for n in geometry.size]
    assert geometry.center() == pytest.approx(
        geometry.empty_image().TransformContinuousIndexToPhysicalPoint(middle)
    )
    assert geometry.extent_mm[0] == geometry.size[0] * geometry.spacing[0]


def test_resampled_to_a_size_keeps_the_box(geometry):
    size = [2 * n + 1 for n in geometry.size]
    result = geometry.resampled(size=size)
    assert result.size == tuple(size)
    assert result.extent_mm == pytest.approx(geometry.extent_mm)
    # The outer corner of the first voxel stays where it is.
    half = [-0.5] * geometry.dimension
    np.testing.assert_allclose(result.index_to_physical(half), geometry.index_to_physical(half))


def test_resampled_to_a_spacing_keeps_the_center(geometry):
    spacing = [0.7 * s for s in geometry.spacing]
    result = geometry.resampled(spacing=spacing)
    assert result.spacing == pytest.approx(spacing)
    assert result.size == tuple(round(n / 0.7) for n in geometry.size)
    assert result.center() == pytest.approx(geometry.center())
    assert result.direction == geometry.direction


def test_crop_is_that_of_itk(geometry):
    start, size = [1, 2, 1][: geometry.dimension], [3, 2, 2][: geometry.dimension]
    expected = sitk.RegionOfInterest(geometry.empty_image(), size, start)
    assert geometry.crop(start, size).matches(ImageGeometry.from_image(expected), 1e-9)


def test_matches_within_a_fraction_of_a_voxel(geometry):
    assert geometry.matches(geometry)
    moved = dataclasses.replace(
        geometry, origin=(geometry.origin[0] + 0.01 * geometry.spacing[0], *geometry.origin[1:])
    )
    assert not geometry.matches(moved)
    assert geometry.matches(moved, tolerance=0.02)
    assert not geometry.matches(geometry.resampled(spacing=[s * 2 for s in geometry.spacing]))
    # The same box with the axes the other way round is another lattice.
    flipped = dataclasses.replace(geometry, direction=[-v for v in geometry.direction])
    assert not geometry.matches(flipped, tolerance=0.1)
    # A spacing that is off by little is off by much at the far end.
    long = ImageGeometry((1000, 10), (1, 1), (0, 0), (1, 0, 0, 1))
    assert not long.matches(dataclasses.replace(long, spacing=(1.0001, 1)), tolerance=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": (4,)}, "size: expected 2 or 3 numbers"),
        ({"size": (4, 4, 4, 4)}, "size: expected 2 or 3 numbers"),
        ({"size": (4, 0)}, "at least 1 voxel"),
        ({"spacing": (1, 1, 1)}, "spacing: expected 2 finite numbers for a 2D image"),
        ({"spacing": (1, -1)}, r"spacing: expected positive numbers \(mm\), got \(1.0, -1.0\)"),
        ({"spacing": (1, 0)}, "expected positive"),
        ({"origin": (1, float("nan"))}, "origin: expected 2 finite numbers"),
        ({"direction": (1, 0, 1, 0)}, "direction: expected an invertible matrix"),
        ({"direction": (1, 0, 1)}, "direction: expected 4 finite numbers"),
    ],
)
def test_unusable_geometry_is_refused(change, message):
    good = {"size": (4, 4), "spacing": (1, 1), "origin": (0, 0), "direction": (1, 0, 0, 1)}
    with pytest.raises(InputError, match=message):
        ImageGeometry(**(good | change))


def test_unusable_arguments_are_refused(geometry):
    with pytest.raises(InputError, match="array: expected shape"):
        geometry.to_image(np.zeros(geometry.size))
    with pytest.raises(InputError, match="either size or spacing"):
        geometry.resampled()
    with pytest.raises(InputError, match="positive numbers"):
        geometry.resampled(size=[0] * geometry.dimension)
    with pytest.raises(InputError, match="positive numbers"):
        geometry.resampled(spacing=[1.0])
    with pytest.raises(InputError, match="crop: expected"):
        geometry.crop([0], [1])


def test_four_dimensional_image_is_refused():
    with pytest.raises(InputError, match="size: expected 2 or 3 numbers"):
        ImageGeometry.from_image(sitk.Image([2, 2, 2, 2], sitk.sitkUInt8))
