"""A scene that is saved and loaded has the results, and they still agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.slicer_app.results.result_nodes import OUTPUTS, after_loading, find_outputs
from SlicerLDMRegLib.slicer_app.scene.labels import labels_from_node
from SlicerLDMRegLib.slicer_app.scene.nodes import read_attributes, read_json
from SlicerLDMRegLib.slicer_app.scene.scene_images import LabelSource
from SlicerLDMRegLib.slicer_app.scene.transform_nodes import field_from_transform
from SlicerLDMRegLib.slicer_app.scene.volume_nodes import image_from_volume, volume_geometry
from Testing.Python.slicer_app.scenes import (
    array_of,
    blobs,
    lattice,
    resliced,
    result_of,
    rotation,
    scene_images,
    volume_node,
    write_result,
)

OBLIQUE = rotation(0.4, -0.3, 0.6)
GEOMETRIES = {
    "flipped": lattice((20, 18, 16), (1.1, 1.2, 1.3), np.diag([-1.0, -1, 1])),
    "oblique left-handed": lattice(
        (20, 18, 16), (1.1, 0.9, 1.4), OBLIQUE @ np.diag([1.0, 1, -1]), (1, 2, 3)
    ),
    "anisotropic": lattice((24, 22, 6), (0.9, 0.9, 5.0)),
    "2D": lattice((26, 24, 1), (1.0, 1.2, 6.0), OBLIQUE),
}


def save_and_load(scene: Any, path: Path) -> None:
    """Write everything into one file and read it into the empty scene."""
    messages = slicer.vtkMRMLMessageCollection()
    picture = vtk.vtkImageData()
    assert scene.WriteToMRB(str(path), picture, messages), messages.GetAllMessagesAsString()
    scene.Clear(0)
    assert scene.GetFirstNodeByName("fixed") is None
    assert scene.ReadFromMRB(str(path), True, messages), messages.GetAllMessagesAsString()


@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_saved_scene_gives_the_same(scene: Any, tmp_path: Path, name: str) -> None:
    geometry = GEOMETRIES[name]
    fixed = volume_node(blobs(geometry), "fixed")
    moving = volume_node(blobs(geometry, (1, 0, 0)), "moving")
    ones = image_from_volume(moving) > 0.5
    labels = volume_node(ones, "ball", "vtkMRMLLabelMapVolumeNode")
    images = scene_images(fixed, moving, moving_labels=LabelSource(labels))
    result = result_of(images)
    written = write_result(result, images).nodes
    field = field_from_transform(written["transform"], geometry)
    inverse = field_from_transform(written["inverse"], geometry)
    before = {n: image_from_volume(written[n]) for n in ("warped", "jacobian")}
    segments = {n: labels_from_node(written[n], geometry) for n in ("folds", "warped_labels")}
    rows = written["metrics"].GetNumberOfRows()
    del written, images

    save_and_load(scene, tmp_path / "scene.mrb")

    fixed, moving = (scene.GetFirstNodeByName(n) for n in ("fixed", "moving"))
    nodes = find_outputs(fixed, moving)
    assert set(nodes) == set(OUTPUTS) - {"uncertainty"}
    # What is moved through the transform of the loaded scene is the loaded warped volume.
    warped = image_from_volume(nodes["warped"])
    moving.SetAndObserveTransformNodeID(nodes["transform"].GetID())
    lattice_now = ImageGeometry.from_image(warped)  # loading turns left-handed volumes around
    found = resliced(moving, lattice_now)
    difference = np.abs(found - array_of(nodes["warped"])).max() / np.ptp(found)
    print(f"{name}, after loading: largest difference {difference:.1e} of the range")
    assert difference < 1e-5
    for output, expected in (("transform", field), ("inverse", inverse)):
        loaded = field_from_transform(nodes[output], geometry)
        assert np.abs(loaded.vectors - expected.vectors).max() < 1e-6
    # Between the nodes of the grid, too, once the module has seen that a scene was loaded.
    between = lattice(
        tuple(max(1, n - 1) for n in geometry.size),
        geometry.spacing,
        geometry.direction_matrix,
        geometry.center(),
    )
    after_loading(scene)
    loaded = field_from_transform(nodes["transform"], between)
    itk = DisplacementField.from_transform(field.to_transform(), between)
    assert np.abs(loaded.vectors - itk.vectors).max() < 1e-6
    for output, image in before.items():
        same = resliced(nodes[output], geometry)
        assert np.abs(same - _array(image)).max() < 1e-5, output
    for output, labels in segments.items():
        kept = labels_from_node(nodes[output], geometry)
        assert kept.names == labels.names
        assert np.array_equal(_array(kept.image), _array(labels.image)), output
    assert nodes["metrics"].GetNumberOfRows() == rows
    for node in nodes.values():
        assert read_json(node, "Options") == result.provenance["options"]
        assert read_attributes(node)["WeightsSHA256"] == "ab" * 32
    assert read_json(nodes["transform"], "Metrics")["after"]["ncc"] == 0.9
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    above = tree.GetItemParent(tree.GetItemByDataNode(nodes["warped"]))
    assert tree.GetItemDataNode(above) is fixed
    assert nodes["jacobian"].GetDisplayNode().GetWindow() == 2


def _array(image: Any) -> np.ndarray:
    return np.asarray(sitk.GetArrayFromImage(image))


def test_a_result_without_folds_is_saved(
    scene: Any, tmp_path: Path, pair: Callable[..., tuple[Any, Any]]
) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    result = result_of(images)
    write_result(result, images)  # else there would be no node of folds
    empty = write_result(result_of(images, folds=result.folds * 0), images).nodes["folds"]
    assert empty.GetSegmentation().GetNumberOfSegments() == 1
    save_and_load(scene, tmp_path / "scene.mrb")
    fixed, moving = (scene.GetFirstNodeByName(n) for n in ("fixed", "moving"))
    folds = find_outputs(fixed, moving)["folds"]
    found = labels_from_node(folds, volume_geometry(fixed))
    assert found.names == {1: "Folds"}
    assert _array(found.image).max() == 0


def test_a_loaded_result_is_updated(
    scene: Any, tmp_path: Path, pair: Callable[..., tuple[Any, Any]]
) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    write_result(result_of(images), images)
    save_and_load(scene, tmp_path / "scene.mrb")
    fixed, moving = (scene.GetFirstNodeByName(n) for n in ("fixed", "moving"))
    before = {name: node.GetID() for name, node in find_outputs(fixed, moving).items()}
    images = scene_images(fixed, moving)
    nodes = write_result(result_of(images), images).nodes
    assert {name: node.GetID() for name, node in nodes.items()} == before
