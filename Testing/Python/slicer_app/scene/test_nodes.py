"""Volumes become images and images volumes, each in its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.planes import Plane, plane_pair
from SlicerLDMRegLib.slicer_app.scene.coordinates import (
    FLIP,
    geometry_from_ijk_to_ras,
    ijk_to_ras,
)
from SlicerLDMRegLib.slicer_app.scene.transform_nodes import field_from_transform
from SlicerLDMRegLib.slicer_app.scene.volume_nodes import image_from_volume, volume_geometry
from Testing.Python.slicer_app.scenes import (
    array_of,
    blobs,
    grid_from_field,
    itk_transform,
    lattice,
    rotation,
    smooth_field,
    volume_node,
)

GEOMETRIES = {
    "identity": lattice((9, 8, 7)),
    "flipped": lattice((9, 8, 7), (1.1, 1.2, 1.3), np.diag([-1.0, -1, 1]), (5, 6, 7)),
    "left-handed": lattice((9, 8, 7), (1.1, 1.2, 1.3), np.diag([1.0, 1, -1]), (5, 6, 7)),
    "oblique": lattice((9, 8, 7), (0.5, 2.0, 4.0), rotation(0.3, -0.7, 1.1), (5, 6, 7)),
}


def linear(matrix: np.ndarray, name: str = "linear") -> Any:
    """A linear transform node; the matrix is to parent, RAS."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


@pytest.mark.parametrize("name", GEOMETRIES)
def test_an_image_survives_the_way_through_a_node(scene: Any, name: str) -> None:
    geometry = GEOMETRIES[name]
    image = blobs(geometry)
    node = volume_node(image, "v")
    found = image_from_volume(node)
    assert np.array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(image))
    assert ImageGeometry.from_image(found).matches(geometry, 1e-9)
    # Slicer itself finds the voxel where the image has it.
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    there = np.asarray(matrix.MultiplyPoint((3, 2, 1, 1))[:3]) * FLIP
    assert np.allclose(there, image.TransformIndexToPhysicalPoint((3, 2, 1)))


def test_pixel_types_and_components_are_kept(scene: Any) -> None:
    geometry = GEOMETRIES["oblique"]
    for dtype in (np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64):
        node = volume_node(geometry.to_image(np.arange(504).reshape(7, 8, 9).astype(dtype)), "v")
        array = sitk.GetArrayFromImage(image_from_volume(node))
        assert array.dtype == dtype
        assert np.array_equal(array.ravel(), np.arange(504).astype(dtype))
    colors = np.arange(7 * 8 * 9 * 3, dtype=np.uint16).reshape(7, 8, 9, 3)
    node = volume_node(geometry.to_image(colors, is_vector=True), "rgb", "vtkMRMLVectorVolumeNode")
    assert np.array_equal(sitk.GetArrayFromImage(image_from_volume(node)), colors)


def test_the_image_is_a_copy(scene: Any) -> None:
    node = volume_node(blobs(GEOMETRIES["identity"]), "v")
    image = image_from_volume(node)
    before = sitk.GetArrayFromImage(image)
    array_of(node)[:] = 0
    assert np.array_equal(sitk.GetArrayFromImage(image), before)


def test_linear_parents_are_applied(scene: Any) -> None:
    geometry = GEOMETRIES["oblique"]
    node = volume_node(blobs(geometry), "v")
    matrices = [np.eye(4), np.eye(4)]
    matrices[0][:3, :3], matrices[0][:3, 3] = rotation(0.2, 0.1, -0.4), (3, 4, 5)
    matrices[1][:3, :3], matrices[1][:3, 3] = np.diag([-2.0, 2, 2]), (0, 1, 0)  # mirrors, scales
    inner, outer = linear(matrices[0]), linear(matrices[1])
    node.SetAndObserveTransformNodeID(inner.GetID())
    inner.SetAndObserveTransformNodeID(outer.GetID())
    found = volume_geometry(node)
    node.HardenTransform()
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    for index in ((0, 0, 0), (8, 0, 3), (2, 7, 6)):
        slicer_says = np.asarray(matrix.MultiplyPoint((*index, 1))[:3]) * FLIP
        assert np.allclose(found.index_to_physical(index), slicer_says)
    assert np.allclose(found.spacing, [1.0, 4.0, 8.0])


def test_what_has_no_lattice_is_refused(scene: Any) -> None:
    node = volume_node(blobs(GEOMETRIES["identity"]), "v")
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    with pytest.raises(InputError, match="'empty' has no voxels"):
        volume_geometry(empty)
    shear = np.eye(4)
    shear[0, 2] = 0.2
    node.SetAndObserveTransformNodeID(linear(shear).GetID())
    with pytest.raises(InputError, match=r"'v': expected voxel axes at right angles"):
        volume_geometry(node)
    bent = scene.AddNewNodeByClass("vtkMRMLTransformNode", "bent")
    bent.SetAndObserveTransformFromParent(grid_from_field(smooth_field(GEOMETRIES["identity"])))
    node.SetAndObserveTransformNodeID(bent.GetID())
    with pytest.raises(InputError, match="'v' is under the transform 'bent', which is not linear"):
        image_from_volume(node)


def test_voxels_may_begin_at_another_index(scene: Any) -> None:
    geometry = GEOMETRIES["oblique"]
    node = volume_node(blobs(geometry), "v")
    image = vtk.vtkImageData()
    image.ShallowCopy(node.GetImageData())
    image.SetExtent(2, 10, 3, 10, 4, 10)
    node.SetAndObserveImageData(image)
    assert volume_geometry(node).matches(geometry.crop((2, 3, 4), (9, 8, 7)), 1e-9)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_lattices_and_matrices_are_inverse(name: str) -> None:
    geometry = GEOMETRIES[name]
    found = geometry_from_ijk_to_ras(ijk_to_ras(geometry), geometry.size)
    assert found.matches(geometry, 1e-9)


# Planes


def test_parallel_planes_share_their_coordinates() -> None:
    turn = rotation(0.4, -0.3, 0.6)
    fixed = lattice((12, 10, 1), (1.0, 1.5, 3.0), turn, (5, 6, 7))
    # 4 mm above, turned by a quarter within the plane, seen from behind.
    quarter = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
    moving = lattice(
        (9, 11, 1), (2.0, 1.0, 1.0), turn @ quarter, tuple(turn @ (0, 0, 4) + (5, 6, 7))
    )
    first, second = plane_pair(fixed, moving)
    assert np.allclose(first.to_3d((3, 2)) + turn @ (0, 0, 4), second.to_3d((3, 2)))
    for plane, geometry in ((first, fixed), (second, moving)):
        flat = plane.flat_geometry
        points = plane.to_3d(flat.points())
        assert np.allclose(points, geometry.points()[0])
        assert np.allclose(plane.to_2d(points), flat.points())


def test_tilted_planes_have_the_closest_axes() -> None:
    fixed = lattice((12, 10, 1))
    tilted = lattice((12, 10, 1), direction=rotation(0.3, 0, 0) @ rotation(0, 0, 1.2))
    first, second = plane_pair(fixed, tilted)
    assert np.allclose(second.axes[:, 0], (1, 0, 0))  # along the line that they share
    assert np.allclose(first.to_3d((4, 0)), (-5.5 + 4, -4.5, 0))
    across = lattice((12, 1, 10))
    first, second = plane_pair(fixed, across)
    assert np.allclose(first.to_2d(fixed.center()), second.to_2d(across.center()))


def test_a_field_comes_back_into_the_plane_of_the_other_image() -> None:
    turn = rotation(0.4, -0.3, 0.6)
    fixed = lattice((12, 10, 1), (1.0, 1.5, 3.0), turn)
    moving = lattice((12, 1, 10), (1.0, 2.0, 1.5), turn @ rotation(np.pi / 2, 0, 0), (1, 2, 3))
    first, second = plane_pair(fixed, moving)
    field = smooth_field(first.flat_geometry)
    found = first.embed_field(field, second)
    assert found.geometry.size == (12, 10, 1)
    moved = found.geometry.points() + found.vectors
    # Every point lies in the plane of the moving image, where the 2D field says.
    assert np.abs((moved - moving.center()) @ second.normal).max() < 1e-9
    assert np.allclose(second.to_2d(moved)[0], first.flat_geometry.points() + field.vectors)


def test_flat_images_come_back() -> None:
    for size in ((1, 9, 8), (9, 1, 8), (9, 8, 1)):
        geometry = lattice(size, (1.0, 2.0, 3.0), rotation(0.1, 0.2, 0.3))
        image = blobs(geometry)
        plane = Plane.of(geometry)
        flat = plane.flatten(image)
        assert flat.GetDimension() == 2
        back = plane.embed(flat)
        assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
        assert ImageGeometry.from_image(back).matches(geometry)
        point = flat.TransformIndexToPhysicalPoint((3, 4))
        index = [3, 4]
        index.insert(plane.axis, 0)
        assert np.allclose(plane.to_3d(point), geometry.index_to_physical(index))


# Transforms


def test_linear_transforms_become_affine(scene: Any) -> None:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation(0.2, 0.1, -0.4) * 1.1, (3, 4, 5)
    node = linear(matrix)
    transform = itk_transform(node, GEOMETRIES["oblique"])
    assert transform.IsLinear()
    fixed = np.array([1.0, 2, 3])
    # From parent is the inverse of the matrix, and ITK's point is LPS.
    expected = FLIP * (np.linalg.inv(matrix) @ [*(FLIP * fixed), 1])[:3]
    assert np.allclose(transform.TransformPoint(fixed), expected)


def test_other_transforms_are_sampled(scene: Any) -> None:
    field = smooth_field(GEOMETRIES["oblique"])
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "bent")
    node.SetAndObserveTransformFromParent(grid_from_field(field))
    transform = itk_transform(node, field.geometry)
    point = field.geometry.points()[3, 2, 4]
    assert np.allclose(transform.TransformPoint(point), point + field.vectors[3, 2, 4])
    assert np.allclose(field_from_transform(node, field.geometry).vectors, field.vectors)


def test_in_planes_the_part_within_them_is_taken(scene: Any) -> None:
    matrix = np.eye(4)
    matrix[:2, :2] = rotation(0, 0, 0.3)[:2, :2]
    matrix[:3, 3] = (3, 4, 5)
    geometry = lattice((12, 10, 1))
    planes = plane_pair(geometry, geometry)
    transform = itk_transform(linear(matrix), geometry, planes)
    assert (transform.GetDimension(), transform.IsLinear()) == (2, True)
    point = planes[0].to_3d((2, 1))
    expected = FLIP * (np.linalg.inv(matrix) @ [*(FLIP * point), 1])[:3]
    assert np.allclose(transform.TransformPoint((2.0, 1.0)), planes[1].to_2d(expected))
