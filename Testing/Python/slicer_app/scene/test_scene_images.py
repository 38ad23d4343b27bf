"""The images that are registered: volumes, a slice of a view, some slices, labels with names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.slicer_app.results.result_contents import place
from SlicerLDMRegLib.slicer_app.scene.coordinates import FLIP
from SlicerLDMRegLib.slicer_app.scene.labels import labels_from_node, segmentation_from_labels
from SlicerLDMRegLib.slicer_app.scene.scene_images import LabelSource
from SlicerLDMRegLib.slicer_app.scene.segment_layers import on_lattice
from SlicerLDMRegLib.slicer_app.scene.view_slices import slice_node
from Testing.Python.slicer_app.scenes import (
    array_of,
    blobs,
    lattice,
    resliced,
    result_of,
    rotation,
    scene_images,
    smooth_field,
    volume_node,
    write_result,
)

Pair = Callable[..., tuple[Any, Any]]
LPS_FLIP = np.diag([-1.0, -1.0, 1.0])


def put_view(name: str, axes: np.ndarray, center: tuple[float, ...]) -> Any:
    """Let a slice view show a plane: right, up and normal as columns, the middle; LPS mm."""
    node = slice_node(slicer.mrmlScene, name)
    matrix = np.eye(4)
    matrix[:3, :3] = FLIP[:, None] * axes
    matrix[:3, 3] = FLIP * center
    node.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(matrix))
    node.UpdateMatrices()
    return node


def segmentation_node(image: sitk.Image, names: dict[int, str], name: str = "segments") -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.SetAndObserveSegmentation(segmentation_from_labels(image, names))
    return node


def two_labels(geometry: ImageGeometry, numbers: tuple[int, int] = (1, 2)) -> sitk.Image:
    """A left and a right half, with background around."""
    labels = np.zeros(geometry.array_shape, np.uint8)
    labels[2:-2, 2:-2, 3:8] = numbers[0]
    labels[2:-2, 2:-2, 8:-3] = numbers[1]
    return geometry.to_image(labels)


def test_whole_volumes(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    assert (images.planes, images.resampled) == (None, None)
    assert set(images.fields()) == {"fixed", "moving"}
    assert images.fixed.GetDimension() == 3
    assert (images.fixed_source.shown, images.moving_source.shown) == (fixed, moving)


def test_inputs_that_cannot_be_are_told(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    with pytest.raises(InputError, match="are both 'fixed'"):
        scene_images(fixed, fixed)
    with pytest.raises(InputError, match="expected one of Green, Red, Yellow, got 'Blue'"):
        slice_node(scene, "Blue")
    far = put_view("Red", np.eye(3), (0, 0, 200))
    with pytest.raises(InputError, match="the slice shown in 'Red' lies outside"):
        scene_images(fixed, moving, view=far)
    oblique = put_view("Red", rotation(0.3, 0.2, 0), (0, 0, 200))
    with pytest.raises(InputError, match="the slice shown in 'Red' lies outside"):
        scene_images(fixed, moving, view=oblique)


# Slices of views


@pytest.mark.parametrize("view", ["Axial", "Coronal", "Sagittal"])
@pytest.mark.parametrize("direction", [np.eye(3), LPS_FLIP, np.diag([1.0, -1, 1])])
def test_slices_of_the_volume_are_taken_voxel_by_voxel(
    scene: Any, view: str, direction: np.ndarray
) -> None:
    geometry = lattice((14, 12, 10), (1.0, 1.5, 2.0), direction, (3, 4, 5))
    fixed, moving = (volume_node(blobs(geometry), name) for name in ("fixed", "moving"))
    node = slice_node(scene, "Red")
    node.SetOrientation(view)
    node.JumpSlice(*(FLIP * geometry.index_to_physical((5.2, 4.1, 3.3))))
    images = scene_images(fixed, moving, view=node)
    assert images.resampled is None
    plane = images.planes[0]
    # Every pixel is a voxel of the slice nearest to the view, at its place.
    index = geometry.physical_to_index(plane.to_3d(plane.flat_geometry.points()))
    assert np.abs(index - np.rint(index)).max() < 1e-9
    i, j, k = np.rint(index).astype(int).reshape(-1, 3).T
    voxels = array_of(fixed)[k, j, i]
    assert np.abs(sitk.GetArrayFromImage(images.fixed).ravel() - voxels).max() < 1e-6
    through = {"Axial": k, "Coronal": j, "Sagittal": i}[view]
    assert set(through) == {{"Axial": 3, "Coronal": 4, "Sagittal": 5}[view]}
    # The image is what the view shows: its first pixel is at the top left.
    to_view = np.linalg.inv(
        [[node.GetSliceToRAS().GetElement(r, c) for c in range(4)] for r in range(4)]
    )
    corners = [plane.to_3d(images.fixed.TransformIndexToPhysicalPoint(p)) for p in ((0, 0), (1, 1))]
    first, next_ = (to_view @ [*(FLIP * corner), 1] for corner in corners)
    assert next_[0] > first[0] and next_[1] < first[1]


def test_an_oblique_slice_is_where_the_view_is(scene: Any) -> None:
    geometry = lattice((30, 28, 26), (1.0, 1.1, 1.2), center=(2, 1, 0))
    fixed = volume_node(blobs(geometry), "fixed")
    moving = volume_node(blobs(geometry, (1, 0, 0)), "moving")
    axes = rotation(0.5, 0.4, 0.3)
    node = put_view("Red", axes, (1, 0, 2))
    images = scene_images(fixed, moving, view=node)
    plane = images.planes[0]
    points = plane.to_3d(plane.flat_geometry.points())
    assert np.abs((points - (1, 0, 2)) @ axes[:, 2]).max() < 1e-9
    # It covers all of the volume that the plane crosses, with the detail of the volume.
    index = geometry.physical_to_index(points)
    inside = ((index >= 0) & (index <= np.asarray(geometry.size) - 1)).all(axis=-1)
    assert inside.mean() > 0.6
    assert min(plane.geometry.spacing) > 0.99 and max(plane.geometry.spacing) < 1.21
    found = sitk.GetArrayFromImage(images.fixed)
    expected = sitk.GetArrayFromImage(blobs(plane.geometry))[0]
    assert np.abs(found - expected)[inside].max() < 0.03  # linear interpolation of the blobs


def test_the_result_of_an_oblique_slice_comes_back_into_3d(scene: Any) -> None:
    geometry = lattice((30, 28, 26), (1.0, 1.1, 1.2), center=(2, 1, 0))
    fixed = volume_node(blobs(geometry), "fixed")
    moving = volume_node(blobs(geometry, (1, 0, 0)), "moving")
    node = put_view("Red", rotation(0.5, 0.4, 0.3), (1, 0, 2))
    images = scene_images(fixed, moving, view=node)
    field = smooth_field(images.planes[0].flat_geometry, 1.0)
    nodes = write_result(result_of(images, field), images).nodes
    warped = array_of(nodes["warped"])
    assert warped.shape[0] == 1 and warped.max() > 0.5
    # Through the node, Slicer makes the same of the whole moving volume.
    moving.SetAndObserveTransformNodeID(nodes["transform"].GetID())
    found = resliced(moving, images.planes[0].geometry)
    print(f"largest difference {np.abs(found - warped).max() / np.ptp(warped):.1e} of the range")
    assert np.abs(found - warped).max() < 1e-5 * np.ptp(warped)


def test_a_photograph_meets_a_slice_of_a_volume(scene: Any) -> None:
    """One slice against a volume: the volume is cut in its plane."""
    turn = rotation(0.3, -0.2, 0.4)
    fixed = volume_node(blobs(lattice((26, 24, 1), (1.0, 1.0, 5.0), turn)), "photograph")
    moving = volume_node(blobs(lattice((30, 28, 26))), "volume")
    images = scene_images(fixed, moving)
    assert images.fixed.GetSize() == (26, 24)
    assert images.moving.GetDimension() == 2
    first, second = images.planes
    assert np.abs((second.to_3d([[0, 0], [9, 0], [0, 9]]) - first.base) @ first.normal).max() < 1e-9
    nodes = write_result(result_of(images), images, {"warped": None, "transform": None}).nodes
    moving.SetAndObserveTransformNodeID(nodes["transform"].GetID())
    found = resliced(moving, first.geometry)
    assert np.abs(found - array_of(nodes["warped"])).max() < 1e-5


def test_slices_and_results_of_whole_numbers_are_rounded(scene: Any) -> None:
    """Neither the slice that is cut nor what the transform makes of the volume is cut off."""
    turn = rotation(0.3, -0.2, 0.4)
    plane = lattice((60, 56, 1), (1.0, 1.0, 5.0), turn)  # reaches out of the volume
    fixed = volume_node(blobs(plane), "photograph")
    geometry = lattice((30, 28, 26))
    rng = np.random.default_rng(0)
    voxels = geometry.to_image(rng.integers(967, 2000, geometry.array_shape, np.int16))
    images = scene_images(fixed, volume_node(voxels, "volume"))
    assert images.resampled is not None
    placed = place(result_of(images), images)
    none = sitk.Transform(3, sitk.sitkIdentity)
    cut = images.planes[1].geometry
    shown = sitk.GetArrayFromImage(images.moving).reshape(cut.array_shape)
    for found, on, map_ in (
        (shown, cut, none),
        (sitk.GetArrayFromImage(placed.warped), plane, placed.field.to_transform()),
    ):
        assert found.dtype == np.int16
        exact = sitk.GetArrayFromImage(
            sitk.Resample(voxels, on.empty_image(), map_, sitk.sitkLinear, -1.0, sitk.sitkFloat64)
        )
        inside = exact != -1
        assert np.abs(found - exact)[inside].max() < 0.5 + 1e-3
        assert abs((found - exact)[inside].mean()) < 0.05
        assert (found[~inside] == 967).all()
    assert not inside.all()


# Labels


def test_large_labels_on_another_lattice_stay_what_they_are() -> None:
    """Numbers that float64, through which ITK passes them, does not hold."""
    geometry = lattice((14, 12, 10), (1.0, 1.5, 2.0), rotation(0.3, 0.2, 0.1))
    numbers = 2**60 + np.arange(geometry.size[0] * 120, dtype=np.int64)
    labels = numbers.reshape(geometry.array_shape)
    found = sitk.GetArrayFromImage(
        on_lattice(geometry.to_image(labels), geometry.crop((2, 3, 4), (6, 5, 4)))
    )
    np.testing.assert_array_equal(found, labels[4:8, 3:8, 2:8])


def test_labels_on_the_lattice_are_taken_as_they_are(scene: Any) -> None:
    geometry = lattice((14, 12, 10), (1.0, 1.5, 2.0), rotation(0.3, 0.2, 0.1))
    labels = two_labels(geometry, (3, 7))
    node = segmentation_node(labels, {3: "left", 7: "right"})
    found = labels_from_node(node, geometry)
    assert np.array_equal(sitk.GetArrayFromImage(found.image), sitk.GetArrayFromImage(labels))
    assert found.names == {3: "left", 7: "right"}
    only = labels_from_node(node, geometry, [node.GetSegmentation().GetNthSegmentID(1)])
    assert only.names == {7: "right"}
    assert set(np.unique(sitk.GetArrayFromImage(only.image))) == {0, 7}


def test_parents_of_a_segmentation_are_applied(scene: Any) -> None:
    geometry = lattice((14, 12, 10))
    node = segmentation_node(two_labels(geometry), {1: "left", 2: "right"})
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "own")
    matrix = np.eye(4)
    matrix[:3, 3] = FLIP * (1, 2, 0)
    own.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node.SetAndObserveTransformNodeID(own.GetID())
    found = sitk.GetArrayFromImage(labels_from_node(node, geometry).image)
    expected = sitk.GetArrayFromImage(two_labels(geometry))
    assert np.array_equal(found[:, 2:, 1:], expected[:, :-2, :-1])


def test_a_closed_surface_becomes_labels(scene: Any) -> None:
    geometry = lattice((30, 30, 30))
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(8)
    sphere.SetThetaResolution(40)
    sphere.SetPhiResolution(40)
    sphere.Update()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "surface")
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "ball", (1, 0, 0))
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "own")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation(0.3, 0.2, 0.1), FLIP * (1, 2, 3)
    own.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    for parent, center in ((None, (0, 0, 0)), (own, (1, 2, 3))):
        node.SetAndObserveTransformNodeID(None if parent is None else parent.GetID())
        found = labels_from_node(node, geometry)
        mask = sitk.GetArrayFromImage(found.image) > 0
        assert found.names == {1: "ball"}
        assert abs(mask.sum() / (4 / 3 * np.pi * 8**3) - 1) < 0.05
        assert np.allclose(geometry.points()[mask].mean(axis=0), center, atol=0.3)
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")


def test_overlapping_segments_are_told(scene: Any) -> None:
    geometry = lattice((14, 12, 10))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "heart")
    segmentation = slicer.vtkSegmentation()
    segmentation.SetSourceRepresentationName("Binary labelmap")
    for name, numbers in (("chamber", (1, 0)), ("whole", (1, 1))):
        part = segmentation_from_labels(two_labels(geometry, numbers), {1: name})
        segmentation.AddSegment(part.GetNthSegment(0), name)
    node.SetAndObserveSegmentation(segmentation)
    with pytest.raises(InputError, match="'chamber' and 'whole' of 'heart' overlap in 240 voxels"):
        labels_from_node(node, geometry)
    assert labels_from_node(node, geometry, ["whole"]).names == {1: "whole"}


def test_label_maps_have_the_names_of_their_colours(scene: Any) -> None:
    geometry = lattice((14, 12, 10))
    node = volume_node(two_labels(geometry), "labels", "vtkMRMLLabelMapVolumeNode")
    assert labels_from_node(node, geometry).names == {}  # nobody has named them
    table = scene.AddNewNodeByClass("vtkMRMLColorTableNode", "mine")
    table.SetTypeToUser()
    table.SetNumberOfColors(3)
    table.SetColor(1, "left", 1, 0, 0, 1)
    table.SetColor(2, "right", 0, 1, 0, 1)
    node.GetDisplayNode().SetAndObserveColorNodeID(table.GetID())
    found = labels_from_node(node, geometry)
    assert found.names == {1: "left", 2: "right"}
    assert found.colors[2] == (0, 1, 0)


def test_labels_of_one_name_have_one_number(scene: Any, pair: Pair) -> None:
    geometry = lattice((20, 18, 16))
    fixed, moving = pair(geometry, geometry)
    images = scene_images(
        fixed,
        moving,
        fixed_labels=LabelSource(segmentation_node(two_labels(geometry), {1: "left", 2: "right"})),
        moving_labels=LabelSource(
            segmentation_node(two_labels(geometry, (2, 1)), {2: "Left ", 1: "new"})
        ),
    )
    assert images.label_names == {1: "left", 2: "right"}
    assert images.moving_names == {1: "Left ", 3: "new"}
    expected = sitk.GetArrayFromImage(two_labels(geometry, (1, 3)))
    assert np.array_equal(sitk.GetArrayFromImage(images.moving_labels), expected)
    arguments = images.fields()
    assert arguments["label_names"] == {1: "left", 2: "right"}
    nodes = write_result(result_of(images), images).nodes
    written = nodes["warped_labels"].GetSegmentation()
    names = [written.GetNthSegment(n).GetName() for n in range(written.GetNumberOfSegments())]
    assert names == ["Left ", "new"]


def test_labels_follow_into_the_slice_of_a_view(scene: Any) -> None:
    geometry = lattice((20, 18, 16), (1.0, 1.2, 1.4))
    fixed = volume_node(blobs(geometry), "fixed")
    moving = volume_node(blobs(geometry, (1, 0, 0)), "moving")
    labels = LabelSource(segmentation_node(two_labels(geometry), {1: "left", 2: "right"}))
    for axes in (np.eye(3), rotation(0.4, 0.3, 0.2)):
        view = put_view("Red", axes, (0.2, 0.1, 0.3))
        images = scene_images(fixed, moving, view=view, fixed_labels=labels, moving_labels=labels)
        assert images.fixed_labels.GetSize() == images.fixed.GetSize()
        plane = images.planes[0]
        index = np.rint(geometry.physical_to_index(plane.to_3d(plane.flat_geometry.points())))
        inside = ((index >= 0) & (index < geometry.size)).all(axis=-1)
        i, j, k = index[inside].astype(int).T
        expected = sitk.GetArrayFromImage(two_labels(geometry))[k, j, i]
        found = sitk.GetArrayFromImage(images.fixed_labels)
        assert np.mean(found[inside] == expected) > 0.99
        nodes = write_result(result_of(images), images).nodes
        assert nodes["warped_labels"].GetSegmentation().GetNumberOfSegments() == 2


# Masks


def test_masks_of_segments_and_volumes_lie_on_their_images(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    plain = scene_images(fixed, moving)
    on_fixed, on_moving = (ImageGeometry.from_image(i) for i in (plain.fixed, plain.moving))
    segments = segmentation_node(two_labels(on_fixed), {1: "organ", 2: "tumour"})
    overlapping = segments.GetSegmentation().GetSegment("Segment_2")
    segments.GetSegmentation().GetSegment("Segment_1").DeepCopy(overlapping)
    organ = volume_node(two_labels(on_moving, (4, 0)), "organ")
    images = scene_images(fixed, moving, fixed_mask=segments, moving_mask=organ)
    assert set(images.fields()) == {"fixed", "moving", "fixed_mask", "moving_mask"}
    both = sitk.GetArrayFromImage(two_labels(on_fixed)) == 2
    assert np.array_equal(sitk.GetArrayFromImage(images.fixed_mask), both.astype(np.uint8))
    left = sitk.GetArrayFromImage(two_labels(on_moving)) == 1
    assert np.array_equal(sitk.GetArrayFromImage(images.moving_mask) == 1, left)

    only = segmentation_node(two_labels(on_fixed), {1: "organ", 2: "tumour"}, "both")
    chosen = scene_images(fixed, moving, fixed_mask=LabelSource(only, ["Segment_1"]))
    assert chosen.moving_mask is None
    one = sitk.GetArrayFromImage(two_labels(on_fixed)) == 1
    assert np.array_equal(sitk.GetArrayFromImage(chosen.fixed_mask) == 1, one)
    with pytest.raises(InputError, match="'both' has no segments"):
        scene_images(fixed, moving, fixed_mask=LabelSource(only, ["Segment_9"]))


def test_masks_are_cut_with_the_slice_of_a_view(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    geometry = ImageGeometry.from_image(scene_images(fixed, moving).fixed)
    middle = tuple(float(x) for x in geometry.center())
    mask = volume_node(two_labels(geometry, (1, 0)), "organ", "vtkMRMLLabelMapVolumeNode")
    view = put_view("Red", np.eye(3), middle)
    images = scene_images(fixed, moving, view=view, fixed_mask=mask, moving_mask=mask)
    for image, own in ((images.fixed, images.fixed_mask), (images.moving, images.moving_mask)):
        assert own.GetDimension() == 2
        assert ImageGeometry.from_image(own).matches(ImageGeometry.from_image(image))
        assert 0 < sitk.GetArrayFromImage(own).mean() < 1


@pytest.mark.parametrize("role", ["fixed", "moving"])
@pytest.mark.parametrize("kind", ["segments", "label map"])
def test_labels_around_their_image_are_refused(pair: Pair, role: str, kind: str) -> None:
    """The box around them overlaps the image; no voxel of it is labelled."""
    fixed, moving = pair()
    around = lattice((80, 70, 60), (1.3, 1.3, 1.3))
    labels = np.zeros(around.array_shape, np.uint8)
    labels[:4, :4, :4] = labels[-4:, -4:, -4:] = 1
    image = around.to_image(labels)
    if kind == "segments":
        node = segmentation_node(image, {1: "elsewhere"}, "elsewhere")
    else:
        node = volume_node(image, "elsewhere", "vtkMRMLLabelMapVolumeNode")
    expected = f"no label of 'elsewhere' lies inside of '{role}'; select labels of this volume"
    with pytest.raises(InputError, match=expected):
        scene_images(fixed, moving, **{f"{role}_labels": LabelSource(node)})


def test_a_slice_beside_all_structures_has_no_labels(scene: Any, pair: Pair) -> None:
    """The volume has them, so they are its own."""
    fixed, moving = pair()
    geometry = ImageGeometry.from_image(sitk.Cast(blobs(lattice((20, 18, 16), (1.2, 1.3, 1.4))), 1))
    labels = np.zeros(geometry.array_shape, np.uint8)
    labels[:3] = 1
    node = segmentation_node(geometry.to_image(labels), {1: "below"})
    view = slice_node(scene, "Red")
    images = scene_images(fixed, moving, view=view, fixed_labels=LabelSource(node))
    assert not sitk.GetArrayViewFromImage(images.fixed_labels).any()
