"""Nodes of the moving anatomy land on the fixed anatomy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.slicer_app.results.apply_transform import apply_transform
from SlicerLDMRegLib.slicer_app.scene.coordinates import FLIP
from SlicerLDMRegLib.slicer_app.scene.labels import segmentation_from_labels
from SlicerLDMRegLib.slicer_app.scene.volume_nodes import image_from_volume, volume_geometry
from Testing.Python.slicer_app.failures import failures
from Testing.Python.slicer_app.scenes import (
    array_of,
    grid_from_field,
    lattice,
    resliced,
    result_of,
    rotation,
    scene_images,
    scene_text,
    volume_node,
    write_result,
)

LATTICE = lattice((44, 42, 40), (1.0, 1.1, 1.2))
CENTER = np.array([3.0, -2.0, 4.0])  # of the anatomy in the fixed image, LPS mm
RADIUS = 6.0


def moved(name: str, points: np.ndarray) -> np.ndarray:
    """Fixed to moving points, LPS mm: what a perfect registration would find."""
    if name == "translation":
        return points + np.array([4.0, -3.0, 2.5])
    turn = rotation(0.2, -0.1, 0.3)
    return points @ turn.T + np.array([1.0, 2.0, -1.0])


@pytest.fixture(params=["translation", "rotation"])
def transform(request: pytest.FixtureRequest, scene: Any) -> Any:
    """The transform node of the result of such a registration."""
    field = DisplacementField(moved(request.param, LATTICE.points()) - LATTICE.points(), LATTICE)
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "moving to fixed")
    node.SetAndObserveTransformFromParent(grid_from_field(field))
    node.SetAttribute("map", request.param)
    return node


def moving_center(transform: Any) -> np.ndarray:
    """The place of the anatomy in the moving image, LPS mm."""
    return moved(transform.GetAttribute("map"), CENTER[None])[0]


def ball(center: np.ndarray, geometry: ImageGeometry = LATTICE) -> sitk.Image:
    distance = np.linalg.norm(geometry.points() - center, axis=-1)
    return geometry.to_image((distance < RADIUS).astype(np.uint8))


def centroid(image: sitk.Image) -> np.ndarray:
    """Centre of mass of an image in LPS mm."""
    values = sitk.GetArrayFromImage(image).astype(float)
    points = ImageGeometry.from_image(image).points()
    return np.asarray((points * values[..., None]).sum(axis=(0, 1, 2)) / values.sum())


def markup(center: np.ndarray) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "points")
    node.AddControlPoint(vtk.vtkVector3d(*(center * FLIP)))
    return node


def model(center: np.ndarray) -> Any:
    sphere = vtk.vtkSphereSource()
    sphere.SetCenter(*(center * FLIP))
    sphere.SetRadius(RADIUS)
    sphere.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "surface")
    node.SetAndObservePolyData(sphere.GetOutput())
    return node


def segmentation(center: np.ndarray) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segments")
    node.SetAndObserveSegmentation(segmentation_from_labels(ball(center), {1: "ball"}))
    node.CreateDefaultDisplayNodes()
    return node


def volume(center: np.ndarray) -> Any:
    return volume_node(sitk.Cast(ball(center), sitk.sitkFloat32), "image")


def labelmap(center: np.ndarray) -> Any:
    return volume_node(ball(center), "labels", "vtkMRMLLabelMapVolumeNode")


def position(node: Any) -> np.ndarray:
    """The middle of what a node shows in the world, LPS mm, by Slicer's own computation."""
    if node.IsA("vtkMRMLMarkupsNode"):
        point = [0.0, 0.0, 0.0]
        node.GetNthControlPointPositionWorld(0, point)
        return np.asarray(point) * FLIP
    if node.IsA("vtkMRMLModelNode"):
        to_world = vtk.vtkGeneralTransform()
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
            node.GetParentTransformNode(), None, to_world
        )
        polydata = node.GetPolyData()
        points = [polydata.GetPoint(n) for n in range(polydata.GetNumberOfPoints())]
        return np.mean([to_world.TransformPoint(p) for p in points], axis=0) * FLIP
    if node.IsA("vtkMRMLSegmentationNode"):
        data = slicer.vtkOrientedImageData()
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        identifier = node.GetSegmentation().GetNthSegmentID(0)
        assert logic.GetSegmentBinaryLabelmapRepresentation(node, identifier, data, True)
        matrix = vtk.vtkMatrix4x4()
        data.GetImageToWorldMatrix(matrix)
        scalars = data.GetPointData().GetScalars()
        size = data.GetDimensions()
        mask = np.reshape([scalars.GetValue(n) > 0 for n in range(np.prod(size))], size[::-1])
        index = np.argwhere(mask).mean(axis=0)[::-1] + data.GetExtent()[::2]
        return np.asarray(matrix.MultiplyPoint((*index, 1.0))[:3]) * FLIP
    if node.GetParentTransformNode() is None:
        return centroid(image_from_volume(node))
    return centroid(LATTICE.to_image(resliced(node, LATTICE)))


MAKERS = {f.__name__: f for f in (markup, model, segmentation, volume, labelmap)}
#: Points move exactly, labels to half a voxel.
TOLERANCE = {"markup": 0.02, "model": 0.02, "segmentation": 0.5, "volume": 0.1, "labelmap": 0.5}


@pytest.mark.parametrize("harden", [False, True], ids=["under the transform", "hardened"])
@pytest.mark.parametrize("kind", MAKERS)
def test_moving_anatomy_lands_on_fixed_anatomy(
    scene: Any, transform: Any, kind: str, harden: bool
) -> None:
    node = MAKERS[kind](moving_center(transform))
    away = np.linalg.norm(position(node) - CENTER)
    before = scene_text(scene)
    change = apply_transform(transform, [node], harden=harden)
    assert (node.GetParentTransformNode() is None) == harden
    error = np.linalg.norm(position(node) - CENTER)
    print(f"{kind}: {away:.1f} mm before, {error:.3f} mm after")
    assert away > 2
    assert error < TOLERANCE[kind]
    change.revert()
    assert scene_text(scene) == before
    assert np.linalg.norm(position(node) - moving_center(transform)) < TOLERANCE[kind]


@pytest.mark.parametrize("harden", [False, True], ids=["under the transform", "hardened"])
@pytest.mark.parametrize("kind", MAKERS)
def test_transforms_above_a_node_come_first(
    scene: Any, transform: Any, kind: str, harden: bool
) -> None:
    """The node was brought into the place that was registered by a transform of its own."""
    shift = np.array([3.0, 1.0, -2.0])
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "own")
    matrix = np.eye(4)
    matrix[:3, 3] = FLIP * shift
    own.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node = MAKERS[kind](moving_center(transform) - shift)
    other = markup(np.zeros(3))
    for one in (node, other):
        one.SetAndObserveTransformNodeID(own.GetID())
    before = scene_text(scene)
    change = apply_transform(transform, [node], harden=harden)
    assert np.linalg.norm(position(node) - CENTER) < TOLERANCE[kind]
    # Nothing else that is under the same transform has moved.
    assert np.allclose(position(other), shift)
    change.revert()
    assert scene_text(scene) == before


def test_hardened_volume_on_the_fixed_lattice_is_the_warped_volume(
    scene: Any, pair: Callable[..., tuple[Any, Any]]
) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    nodes = write_result(result_of(images), images).nodes
    apply_transform(nodes["transform"], [moving], harden=True, reference=fixed)
    assert volume_geometry(moving).matches(volume_geometry(fixed))
    assert np.abs(array_of(moving) - array_of(nodes["warped"])).max() < 1e-6


def test_hardened_whole_numbers_are_rounded_and_surrounded_by_the_darkest(
    scene: Any, transform: Any
) -> None:
    rng = np.random.default_rng(0)
    image = LATTICE.to_image(rng.integers(967, 2000, LATTICE.array_shape, np.int16))
    node, reference = volume_node(image, "image"), volume_node(image, "reference")
    apply_transform(transform, [node], harden=True, reference=reference)
    points = moved(transform.GetAttribute("map"), LATTICE.points())
    field = DisplacementField(points - LATTICE.points(), LATTICE).to_transform()
    exact = sitk.GetArrayFromImage(
        sitk.Resample(image, image, field, sitk.sitkLinear, -1.0, sitk.sitkFloat64)
    )
    outside = exact == -1
    assert outside.any()
    assert (array_of(node)[outside] == 967).all()
    assert np.abs(array_of(node) - exact)[~outside].max() < 0.5 + 1e-3


def test_hardened_labels_are_taken_as_they_are(scene: Any, transform: Any) -> None:
    """Between 3 and 200 there is no other structure."""
    labels = sitk.GetArrayFromImage(ball(moving_center(transform)))
    labels = np.where(labels > 0, 200, 3).astype(np.uint8)
    labels[:, :, ::3] = 0
    node = volume_node(LATTICE.to_image(labels), "labels", "vtkMRMLLabelMapVolumeNode")
    apply_transform(transform, [node], harden=True, reference=volume(CENTER))
    assert set(np.unique(array_of(node))) == {0, 3, 200}
    whole = labelmap(moving_center(transform))
    apply_transform(transform, [whole], harden=True, reference=volume(CENTER))
    assert np.linalg.norm(position(whole) - CENTER) < 0.6  # half a voxel


def test_applying_twice_moves_once(scene: Any, transform: Any) -> None:
    node = markup(moving_center(transform))
    apply_transform(transform, [node])
    apply_transform(transform, [node])
    assert np.linalg.norm(position(node) - CENTER) < 0.02
    apply_transform(transform, [node], harden=True)
    assert node.GetParentTransformNode() is None
    assert np.linalg.norm(position(node) - CENTER) < 0.02


def test_what_cannot_move_is_told(scene: Any, transform: Any) -> None:
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "table")
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode", "camera")
    points = markup(CENTER)
    before = scene_text(scene)
    for nodes, text in (
        ([], "nothing to move"),
        ([points, table], "'table' has no place in space"),
        ([points, transform], "'moving to fixed' is a transform"),
        ([points, camera], "'camera' is a Camera, which can be moved but not deformed"),
    ):
        with pytest.raises(InputError, match=text):
            apply_transform(transform, nodes)
    assert scene_text(scene) == before


@pytest.mark.parametrize("harden", [False, True], ids=["under the transform", "hardened"])
def test_a_failure_at_any_line_moves_nothing(
    scene: Any, pair: Callable[..., tuple[Any, Any]], harden: bool
) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    transform = write_result(result_of(images), images).nodes["transform"]
    nodes = [make(np.zeros(3)) for make in MAKERS.values()]
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "own")
    nodes[1].SetAndObserveTransformNodeID(own.GetID())
    places = [position(node) for node in nodes]
    before = scene_text(scene)
    count = 0
    for where in failures(
        lambda: apply_transform(
            transform, nodes, harden=harden, reference=fixed if harden else None
        ),
        often=("apply_transform.py",),
    ):
        assert scene_text(scene) == before, where
        count += 1
    for node, place in zip(nodes, places, strict=True):
        assert np.allclose(position(node), place)
    print(f"{count} failures")
    assert count > 50
