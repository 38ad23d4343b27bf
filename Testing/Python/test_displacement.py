"""DisplacementField against SimpleITK and analytic maps, on every kind of lattice."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import gaussian_smooth, warp
from SlicerLDMRegLib.geometry import ImageGeometry


def rotation(axis, angle):
    matrix = np.eye(3)
    i, j = (n for n in range(3) if n != axis)
    matrix[i, i] = matrix[j, j] = math.cos(angle)
    matrix[i, j], matrix[j, i] = -math.sin(angle), math.sin(angle)
    return matrix


OBLIQUE = rotation(2, 0.4) @ rotation(0, -0.3)
SAGITTAL = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
SPACING = (0.8, 1.5, 2.5)
DIRECTIONS = {
    "2d": np.eye(2),
    "2d oblique left-handed": rotation(2, 0.3)[:2, :2] @ np.diag([1, -1]),
    "3d": np.eye(3),
    "3d slicer": np.diag([-1.0, -1, 1]),
    "3d sagittal": SAGITTAL,
    "3d oblique": OBLIQUE,
    "3d oblique left-handed": OBLIQUE @ np.diag([1, 1, -1]),
}


def lattice(direction, size=(14, 12, 9)):
    d = len(direction)
    return ImageGeometry(size[:d], SPACING[:d], (12.0, -30.0, 55.0)[:d], direction.ravel())


@pytest.fixture(params=DIRECTIONS.values(), ids=DIRECTIONS.keys())
def geometry(request):
    return lattice(request.param)


def smooth_field(geometry, largest=1.5, sigma=2.0, seed=0):
    """Random smooth field whose components are at most ``largest`` voxels."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, geometry.dimension, *geometry.array_shape, generator=generator)
    smooth = gaussian_smooth(noise, sigma)[0]
    return DisplacementField.from_voxels(smooth * (largest / smooth.abs().max()), geometry)


def affine(geometry, seed=0, strength=0.15):
    """A general affine transform about the centre of the lattice, with a translation."""
    d = geometry.dimension
    rng = np.random.default_rng(seed)
    matrix = np.eye(d) + strength * rng.normal(size=(d, d))
    transform = sitk.AffineTransform(d)
    transform.SetMatrix(matrix.ravel())
    transform.SetCenter(geometry.center())
    transform.SetTranslation(rng.normal(size=d))
    return transform, matrix


def inner_points(geometry, count=20, margin=2.0, seed=0):
    rng = np.random.default_rng(seed)
    last = np.asarray(geometry.size) - 1
    return geometry.index_to_physical(rng.uniform(margin, last - margin, size=(count, len(last))))


def transform_points(transform, points):
    return np.array([transform.TransformPoint(point) for point in np.asarray(points).tolist()])


def test_one_voxel_along_an_array_axis_is_one_step_of_that_index(geometry):
    d = geometry.dimension
    for array_axis in range(d):
        displacement = np.zeros((d, *geometry.array_shape))
        displacement[array_axis] = 1
        field = DisplacementField.from_voxels(displacement, geometry)
        start, end = np.zeros(d), np.zeros(d)
        end[d - 1 - array_axis] = 1
        expected = geometry.index_to_physical(end) - geometry.index_to_physical(start)
        np.testing.assert_allclose(field.vectors.reshape(-1, d)[5], expected, atol=1e-12)


def test_voxels_round_trip(geometry):
    displacement = torch.randn(geometry.dimension, *geometry.array_shape, requires_grad=True)
    field = DisplacementField.from_voxels(displacement, geometry)
    np.testing.assert_allclose(field.to_voxels(), displacement.detach(), atol=1e-6)
    half = DisplacementField.from_voxels(displacement.bfloat16(), geometry)
    np.testing.assert_allclose(half.vectors, field.vectors, atol=0.1)


def test_warping_tensors_and_simpleitk_resampling_agree(geometry):
    field = smooth_field(geometry)
    moving = torch.rand(1, 1, *geometry.array_shape)
    warped = warp(moving, torch.from_numpy(field.to_voxels())[None])[0, 0].numpy()
    image = geometry.to_image(moving[0, 0].numpy())
    resampled = sitk.Resample(image, image, field.to_transform(), sitk.sitkLinear, -1.0)
    expected = sitk.GetArrayFromImage(resampled)
    inside = expected != -1  # where ITK finds the moving image
    assert inside.mean() > 0.6
    np.testing.assert_allclose(warped[inside], expected[inside], atol=1e-4)
    unmoved = np.abs(moving[0, 0].numpy() - expected)[inside].mean()
    assert unmoved > 0.05


def test_image_and_transform_forms_hold_the_same_values(geometry):
    field = smooth_field(geometry)
    image = field.to_image()
    assert image.GetPixelID() == sitk.sitkVectorFloat64
    index = [3] * geometry.dimension
    np.testing.assert_array_equal(image[index], field.vectors[tuple(index)])
    np.testing.assert_array_equal(DisplacementField.from_image(image).vectors, field.vectors)
    transform = field.to_transform()
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(transform.GetDisplacementField()), field.vectors
    )
    assert image[index] == field.to_image()[index]  # not emptied by the transform


def test_any_transform_can_be_sampled(geometry):
    transform, _ = affine(geometry)
    field = DisplacementField.from_transform(transform, geometry)
    points = geometry.points()
    expected = transform_points(transform, points.reshape(-1, geometry.dimension))
    np.testing.assert_allclose(
        field.vectors, expected.reshape(points.shape) - points, rtol=1e-9, atol=1e-9
    )


def test_points_move_as_by_the_transform(geometry):
    field = smooth_field(geometry)
    points = inner_points(geometry)
    np.testing.assert_allclose(
        field.warp_points(points), transform_points(field.to_transform(), points), atol=1e-9
    )
    assert field.warp_points(points.reshape(4, 5, -1)).shape == (4, 5, geometry.dimension)
    assert field.warp_points(points[0]).shape == (geometry.dimension,)


def test_points_outside_move_like_the_border(geometry):
    field = smooth_field(geometry)
    outside = geometry.index_to_physical([-10.0] * geometry.dimension)
    first = (0,) * geometry.dimension
    np.testing.assert_allclose(field.warp_points(outside) - outside, field.vectors[first])


def test_determinant_of_an_affine_map_on_any_lattice(geometry):
    transform, matrix = affine(geometry)
    field = DisplacementField.from_transform(transform, geometry)
    determinant = field.jacobian_determinant()
    assert determinant.shape == geometry.array_shape
    np.testing.assert_allclose(determinant, np.linalg.det(matrix), rtol=1e-9)


def test_determinant_is_right_where_the_filter_of_itk_is_not():
    geometry = lattice(np.diag([-1.0, -1, 1]))
    transform, matrix = affine(geometry)
    field = DisplacementField.from_transform(transform, geometry)
    filtered = sitk.DisplacementFieldJacobianDeterminant(field.to_image())
    itk = sitk.GetArrayFromImage(filtered)[4, 5, 6]
    assert abs(itk - np.linalg.det(matrix)) > 0.05
    # On an identity direction both agree, which shows that it is the same quantity.
    straight = DisplacementField.from_transform(transform, lattice(np.eye(3)))
    filtered = sitk.DisplacementFieldJacobianDeterminant(straight.to_image())
    assert sitk.GetArrayFromImage(filtered)[4, 5, 6] == pytest.approx(np.linalg.det(matrix))


def test_determinants_of_translation_scaling_and_fold(geometry):
    d = geometry.dimension
    moved = DisplacementField(np.full((*geometry.array_shape, d), 7.0), geometry)
    np.testing.assert_allclose(moved.jacobian_determinant(), 1)
    center = np.asarray(geometry.center())
    grown = DisplacementField(0.2 * (geometry.points() - center), geometry)
    np.testing.assert_allclose(grown.jacobian_determinant(), 1.2**d)
    displacement = np.zeros((d, *geometry.array_shape))
    displacement[-1] = -2 * np.clip(np.arange(geometry.size[0]), 4, 8)  # along i
    determinant = DisplacementField.from_voxels(displacement, geometry).jacobian_determinant()
    expected = np.select(
        [np.abs(np.arange(14) - 6) < 2, np.abs(np.arange(14) - 6) == 2], [-1.0, 0.0], 1.0
    )
    np.testing.assert_allclose(
        determinant, np.broadcast_to(expected, determinant.shape), atol=1e-12
    )


def test_resample_keeps_the_map(geometry):
    field = smooth_field(geometry)
    finer = geometry.resampled(spacing=[0.6 * s for s in geometry.spacing])
    result = field.resample(finer)
    assert result.geometry == finer
    points = finer.points()
    np.testing.assert_allclose(result.vectors, field.warp_points(points) - points, atol=1e-9)
    at_old = field.resample(geometry)
    np.testing.assert_allclose(at_old.vectors, field.vectors, atol=1e-9)


def test_resample_outside_of_the_lattice(geometry):
    d = geometry.dimension
    field = DisplacementField(np.full((*geometry.array_shape, d), 2.0), geometry)
    larger = geometry.crop([-3] * d, [n + 6 for n in geometry.size])
    np.testing.assert_allclose(field.resample(larger).vectors, 2.0)
    torn = field.resample(larger, padding="identity").vectors
    core = (slice(3, -3),) * d
    np.testing.assert_allclose(torn[core], 2.0)
    assert (torn[(0,) * d] == 0).all()


def test_compose_applies_the_field_and_then_the_alignment(geometry):
    field = smooth_field(geometry)
    pre, _ = affine(geometry)
    whole = field.compose(pre)
    points = geometry.points()
    expected = transform_points(pre, (points + field.vectors).reshape(-1, geometry.dimension))
    np.testing.assert_allclose(whole.vectors, expected.reshape(points.shape) - points, atol=1e-9)


def test_composed_field_resamples_the_original_moving_image():
    geometry = lattice(OBLIQUE)
    field = smooth_field(geometry, largest=1.0)
    pre, _ = affine(geometry, strength=0.03)
    ramp = geometry.points() @ np.array([1.0, 2.0, -0.5])
    moving = geometry.to_image(ramp)
    aligned = sitk.Resample(moving, moving, pre, sitk.sitkLinear, -1e6)
    twice = sitk.Resample(aligned, aligned, field.to_transform(), sitk.sitkLinear, -1e6)
    once = sitk.Resample(moving, moving, field.compose(pre).to_transform(), sitk.sitkLinear, -1e6)
    centre = (slice(3, -3),) * 3
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(once)[centre], sitk.GetArrayFromImage(twice)[centre], atol=1e-6
    )


def test_compose_with_a_field(geometry):
    field, pre = smooth_field(geometry), smooth_field(geometry, seed=1)
    points = geometry.points()
    expected = pre.warp_points(field.warp_points(points))
    np.testing.assert_allclose(field.compose(pre).vectors, expected - points, atol=1e-9)


def test_compose_with_a_transform_that_is_not_linear(geometry):
    """The field acts first, as with one that is, and is what the other then acts upon."""
    field, second = smooth_field(geometry), smooth_field(geometry, seed=1, largest=3.0)
    turn, _ = affine(geometry)
    pre = sitk.CompositeTransform([second.to_transform(), turn])
    assert not pre.IsLinear()
    points = geometry.points()
    moved = (points + field.vectors).reshape(-1, geometry.dimension)
    expected = transform_points(pre, moved).reshape(points.shape)
    np.testing.assert_allclose(field.compose(pre).vectors, expected - points, atol=1e-6)


def test_inverse_undoes_the_field(geometry):
    field = smooth_field(geometry)
    inverse = field.inverse()
    points = geometry.points()
    there = inverse.warp_points(points)
    inside = geometry.physical_to_index(there)
    inside = ((inside >= 0) & (inside <= np.asarray(geometry.size) - 1)).all(-1)
    assert inside.mean() > 0.5
    error = geometry.physical_to_index(field.warp_points(there)) - geometry.physical_to_index(
        points
    )
    assert np.abs(error[inside]).max() < 2e-3
    unmoved = geometry.physical_to_index(field.warp_points(points)) - geometry.physical_to_index(
        points
    )
    assert np.abs(unmoved).max() > 1


def test_inverse_of_the_inverse_is_the_field(geometry):
    field = smooth_field(geometry, largest=1.0, sigma=3.0)
    twice = field.inverse().inverse()
    error = np.abs(twice.to_voxels() - field.to_voxels())
    assert error.mean() < 0.02
    assert np.abs(field.to_voxels()).mean() > 0.1


def test_inverse_on_the_lattice_of_the_moving_image(geometry):
    transform, _ = affine(geometry, strength=0.2)
    field = DisplacementField.from_transform(transform, geometry)
    d = geometry.dimension
    other = ImageGeometry(
        (8, 7, 6)[:d], (1.1, 2.0, 0.9)[:d], geometry.center(), np.eye(d)[::-1].ravel()
    )
    inverse = field.inverse(other)
    assert inverse.geometry == other
    points = other.points()
    expected = transform_points(transform.GetInverse(), points.reshape(-1, d)).reshape(points.shape)
    np.testing.assert_allclose(points + inverse.vectors, expected, atol=5e-3)


def test_identity_field(geometry):
    field = DisplacementField.identity(geometry)
    assert (field.vectors == 0).all()
    assert field.inverse().vectors == pytest.approx(0, abs=1e-4)
    np.testing.assert_array_equal(field.jacobian_determinant(), 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_move_in_their_plane(axis):
    volume = lattice(OBLIQUE)
    start, size = [0, 0, 0], list(volume.size)
    start[axis], size[axis] = 3, 2
    slab = volume.crop(start, size)
    in_plane = [i for i in range(3) if i != axis]
    plane = ImageGeometry(
        [volume.size[i] for i in in_plane],
        [volume.spacing[i] for i in in_plane],
        (0.0, 0.0),
        (1, 0, 0, 1),
    )
    fields = [smooth_field(plane, seed=seed) for seed in (0, 1)]
    result = DisplacementField.from_slices(fields, slab, axis)
    assert result.geometry == slab
    normal = volume.direction_matrix[:, axis]
    np.testing.assert_allclose(result.vectors @ normal, 0, atol=1e-12)
    for number, field in enumerate(fields):
        vectors = np.take(result.vectors, number, axis=2 - axis)
        for component, i in enumerate(in_plane):
            np.testing.assert_allclose(
                vectors @ volume.direction_matrix[:, i], field.vectors[..., component], atol=1e-12
            )


def test_slice_in_3d_warps_like_the_2d_image():
    volume = lattice(OBLIQUE @ np.diag([1, 1, -1]))
    slice_geometry = volume.crop((0, 0, 4), (*volume.size[:2], 1))
    plane = ImageGeometry(volume.size[:2], volume.spacing[:2], (0, 0), (1, 0, 0, 1))
    field = smooth_field(plane)
    array = np.random.default_rng(0).random(plane.array_shape)
    flat = plane.to_image(array)
    expected = sitk.Resample(flat, flat, field.to_transform(), sitk.sitkLinear, -1.0)
    moving = slice_geometry.to_image(array[None])
    transform = field.to_3d(slice_geometry).to_transform()
    result = sitk.Resample(moving, moving, transform, sitk.sitkLinear, -1.0)
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(result)[0], sitk.GetArrayFromImage(expected), atol=1e-9
    )


def test_plane_of_a_2d_field_is_z_0():
    plane = lattice(rotation(2, 0.3)[:2, :2])
    field = smooth_field(plane)
    result = field.to_3d()
    assert result.geometry.size == (*plane.size, 1)
    np.testing.assert_allclose(result.geometry.points()[0, ..., :2], plane.points())
    np.testing.assert_allclose(result.vectors[0, ..., :2], field.vectors, atol=1e-12)
    assert (result.vectors[..., 2] == 0).all()
    assert (result.geometry.points()[..., 2] == 0).all()


FLAT = lattice(np.eye(2))
SOLID = lattice(np.eye(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DisplacementField(np.zeros((12, 14, 3)), FLAT), "vectors: expected shape"),
        (lambda: DisplacementField(np.full((12, 14, 2), np.nan), FLAT), "NaN or infinity"),
        (lambda: DisplacementField.from_voxels(torch.zeros(12, 14, 2), FLAT), "expected shape"),
        (lambda: DisplacementField.from_image(FLAT.empty_image()), "2 components a voxel, got 1"),
        (
            lambda: DisplacementField.from_transform(sitk.Transform(3, sitk.sitkIdentity), FLAT),
            "expected a 2D one like the image, got 3D",
        ),
        (lambda: smooth_field(FLAT).compose(sitk.Transform(3, sitk.sitkIdentity)), "pre: expected"),
        (lambda: smooth_field(FLAT).compose(smooth_field(SOLID)), "expected 3D like the field"),
        (lambda: smooth_field(FLAT).resample(SOLID), "expected 2D like the field, got 3D"),
        (lambda: smooth_field(FLAT).inverse(SOLID), "expected 2D like the field, got 3D"),
        (lambda: smooth_field(FLAT).warp_points([1.0, 2.0, 3.0]), "expected 2 coordinates"),
        (lambda: smooth_field(FLAT).to_3d(SOLID), "expected 9 fields of size"),
        (lambda: smooth_field(SOLID).to_3d(), "expected a 2D field"),
        (lambda: DisplacementField.from_slices([smooth_field(FLAT)], FLAT), "expected a 3D geom"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("voxels", [1, 300, 10**6])
def test_parts_of_a_large_lattice_are_those_of_the_whole(geometry, voxels, monkeypatch):
    """Resampling, composition and determinant do not depend on how the lattice is cut."""
    from SlicerLDMRegLib import _slabs

    field = smooth_field(geometry)
    target = lattice(geometry.direction_matrix, (9, 13, 11))
    (pre, _), other = affine(geometry), smooth_field(geometry, seed=3)

    def everything():
        return [
            field.resample(target).vectors,
            field.compose(pre).vectors,
            field.compose(other).vectors,
            field.warp_points(target.points()),
            field.jacobian_determinant(),
        ]

    whole = everything()
    monkeypatch.setattr(_slabs, "_VOXELS_AT_ONCE", voxels)
    for part, expected in zip(everything(), whole, strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-9)


def test_linear_transforms_are_composed_exactly(geometry):
    field = smooth_field(geometry)
    both = sitk.CompositeTransform([affine(geometry, seed=seed)[0] for seed in (0, 4)])
    start = geometry.points().reshape(-1, geometry.dimension)
    moved = start + field.vectors.reshape(start.shape)
    expected = (transform_points(both, moved) - start).reshape(field.vectors.shape)
    np.testing.assert_allclose(field.compose(both).vectors, expected, atol=1e-9)
