"""Results become nodes: all or none, the same ones again, and back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib.slicer_app.results import result_nodes
from SlicerLDMRegLib.slicer_app.results.apply_transform import apply_transform
from SlicerLDMRegLib.slicer_app.results.result_nodes import OUTPUTS, check_outputs, find_outputs
from SlicerLDMRegLib.slicer_app.scene.labels import labels_from_node
from SlicerLDMRegLib.slicer_app.scene.nodes import read_attributes, read_json, roles_of
from SlicerLDMRegLib.slicer_app.scene.scene_change import SceneChange
from SlicerLDMRegLib.slicer_app.scene.scene_images import LabelSource, SceneImages
from SlicerLDMRegLib.slicer_app.scene.transform_nodes import field_from_transform
from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry
from Testing.Python.slicer_app.failures import failures
from Testing.Python.slicer_app.scenes import (
    array_of,
    blobs,
    lattice,
    prepare_result,
    resliced,
    result_of,
    rotation,
    scene_images,
    scene_text,
    smooth_field,
    volume_node,
    write_result,
)

Pair = Callable[..., tuple[Any, Any]]


def labelled(pair: Pair) -> SceneImages:
    """Images with labels of the moving one, so that every output is there."""
    fixed, moving = pair()
    labels = sitk.Cast(scene_images(fixed, moving).moving > 0.5, sitk.sitkUInt8)
    node = volume_node(labels, "ball", "vtkMRMLLabelMapVolumeNode")
    return scene_images(fixed, moving, moving_labels=LabelSource(node))


def rows_of(node: Any) -> list[list[Any]]:
    """The values of a table node."""
    table = node.GetTable()
    columns = [table.GetColumn(n) for n in range(table.GetNumberOfColumns())]
    return [[c.GetValue(row) for c in columns] for row in range(table.GetNumberOfRows())]


def parent_name(node: Any) -> str:
    """Name of what a node is under in the subject hierarchy."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    return str(tree.GetItemName(tree.GetItemParent(tree.GetItemByDataNode(node))))


def test_every_output_is_a_node_with_its_origin(scene: Any, pair: Pair) -> None:
    images = labelled(pair)
    fixed, moving = images.fixed_source.node, images.moving_source.node
    result = result_of(images)
    nodes = write_result(result, images).nodes
    assert list(nodes) == [o for o in OUTPUTS if o != "uncertainty"]  # not asked for
    for output, node in nodes.items():
        assert node.GetClassName() == OUTPUTS[output][0]
        expected = (moving, fixed) if output == "inverse" else (fixed, moving)
        assert roles_of(node) == expected
        assert parent_name(node) == "fixed"
        attributes = read_attributes(node)
        assert attributes["Output"] == output
        assert attributes["Model"] == "some-model"
        assert attributes["WeightsSHA256"] == "ab" * 32
        assert attributes["Seed"] == "7"
        assert attributes["Version"] == "0.1.0"
        assert attributes["Date"] == "2026-01-02T03:04:05+00:00"
        assert read_json(node, "Options") == result.provenance["options"]
    assert nodes["transform"].GetNodeReference("spatialRegistrationMoving") is moving
    assert nodes["transform"].GetNodeReference("spatialRegistrationFixed") is fixed
    assert read_json(nodes["transform"], "Metrics")["after"]["ncc"] == 0.9
    assert nodes["warped"].GetName() == "moving warped to fixed"


def test_transforms_hold_the_fields_from_parent(scene: Any, pair: Pair) -> None:
    images = labelled(pair)
    result = result_of(images)
    nodes = write_result(result, images).nodes
    for output, field in (("transform", result.field), ("inverse", result.inverse)):
        found = field_from_transform(nodes[output], field.geometry)
        assert np.abs(found.vectors - field.vectors).max() < 1e-9
        assert nodes[output].GetTransformFromParent().GetInterpolationModeAsString() == "Linear"
        assert nodes[output].GetTransformFromParent().GetDisplacementGrid().GetScalarType() == 11


def test_volumes_are_displayed_sensibly(scene: Any, pair: Pair) -> None:
    images = labelled(pair)
    shown = images.moving_source.node.GetDisplayNode()
    shown.SetAutoWindowLevel(0)
    shown.SetWindowLevel(0.3, 0.2)
    nodes = write_result(result_of(images), images).nodes
    warped, jacobian = nodes["warped"].GetDisplayNode(), nodes["jacobian"].GetDisplayNode()
    assert (warped.GetWindow(), warped.GetLevel()) == (0.3, 0.2)
    assert (jacobian.GetWindow(), jacobian.GetLevel(), jacobian.GetAutoWindowLevel()) == (2, 1, 0)


def test_folds_and_labels_are_segments(scene: Any, pair: Pair) -> None:
    images = labelled(pair)
    result = result_of(images)
    nodes = write_result(result, images).nodes
    folds = labels_from_node(nodes["folds"], result.field.geometry)
    assert folds.names == {1: "Folds"}
    assert np.array_equal(sitk.GetArrayFromImage(folds.image), sitk.GetArrayFromImage(result.folds))
    labels = labels_from_node(nodes["warped_labels"], result.field.geometry)
    assert np.array_equal(
        sitk.GetArrayFromImage(labels.image), sitk.GetArrayFromImage(result.warped_labels)
    )


def test_metrics_are_a_table(scene: Any, pair: Pair) -> None:
    images = labelled(pair)
    node = write_result(result_of(images), images).nodes["metrics"]
    table = node.GetTable()
    columns = [table.GetColumnName(n) for n in range(table.GetNumberOfColumns())]
    assert columns == ["Measure", "Structure", "Before", "After"]
    rows = {(row[0], row[1]): (row[2], row[3]) for row in rows_of(node)}
    assert rows["Normalised cross-correlation (NCC)", ""] == (0.7, 0.9)
    assert rows["Dice", "ball"] == (0.6, 0.8)
    assert np.isnan(rows["Folded samples", ""][0]) and rows["Folded samples", ""][1] == 27


def test_only_the_wanted_outputs_are_written(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    count = scene.GetNumberOfNodes()
    nodes = write_result(result_of(images), images, {"transform": None}).nodes
    assert list(nodes) == ["transform"]
    assert scene.GetNumberOfNodes() == count + 1
    # No labels were given, so none come out.
    assert "warped_labels" not in write_result(result_of(images), images).nodes


def test_running_again_updates_the_same_nodes(scene: Any, pair: Pair) -> None:
    images = labelled(pair)
    first = write_result(result_of(images), images).nodes
    ids = {output: node.GetID() for output, node in first.items()}
    first["warped"].SetName("my own name")
    first["warped"].GetDisplayNode().SetWindowLevel(5, 3)
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    tree.SetItemParent(tree.GetItemByDataNode(first["warped"]), tree.GetSceneItemID())
    count = scene.GetNumberOfNodes()
    stronger = smooth_field(first_geometry(images), 3.0)
    again = result_of(images, stronger, provenance={"seed": 8})
    second = write_result(again, images).nodes
    assert {output: node.GetID() for output, node in second.items()} == ids
    assert scene.GetNumberOfNodes() == count
    found = field_from_transform(second["transform"], stronger.geometry)
    assert np.abs(found.vectors - stronger.vectors).max() < 1e-9
    assert second["warped"].GetName() == "my own name"
    assert second["warped"].GetDisplayNode().GetWindow() == 5
    assert parent_name(second["warped"]) == parent_name(images.fixed_source.node)
    attributes = read_attributes(second["transform"])
    assert (attributes["Seed"], attributes["Model"]) == ("8", "none")
    assert find_outputs(images.fixed_source.node, images.moving_source.node) == second


def first_geometry(images: SceneImages) -> Any:
    return ImageGeometry.from_image(images.fixed)


def test_chosen_nodes_are_written_into(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    mine = volume_node(blobs(first_geometry(images)), "mine")
    above = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "above")
    mine.SetAndObserveTransformNodeID(above.GetID())
    result = result_of(images)
    nodes = write_result(result, images, {"warped": mine}).nodes
    assert nodes["warped"] is mine
    assert mine.GetParentTransformNode() is None  # results are where they are in the world
    assert np.array_equal(array_of(mine), sitk.GetArrayFromImage(result.warped))


def test_nodes_that_cannot_hold_a_result_are_refused(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    linear = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "linear")
    other = volume_node(scene_images(fixed, moving).fixed, "other")
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    for outputs, text in (
        ({"transform": linear}, "'linear' cannot hold"),
        ({"warped": fixed}, "'fixed' is an input"),
        ({"warped": moving}, "'moving' is an input"),
        ({"warped": other, "jacobian": other}, "'other' is already another output"),
        ({"warped": labels}, "expected a vtkMRMLScalarVolumeNode, got 'labels'"),
        ({"wraped": None}, "expected some of warped"),
    ):
        with pytest.raises(InputError, match=text):
            check_outputs(outputs, fixed, moving)
    check_outputs({"warped": other, "transform": None}, fixed, moving)


def test_a_volume_that_was_removed_is_told(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    result = result_of(images)
    scene.RemoveNode(moving)
    before = scene_text(scene)
    with pytest.raises(InputError, match="the moving volume 'moving' was removed"):
        write_result(result, images)
    assert scene_text(scene) == before


def test_a_removed_output_is_made_anew(scene: Any, pair: Pair) -> None:
    images = labelled(pair)
    outputs: dict[str, Any] = dict(write_result(result_of(images), images).nodes)
    prepared = prepare_result(result_of(images), images, outputs)
    scene.RemoveNode(outputs["warped"])  # while the panel was waiting for the result
    nodes = prepared.write().nodes
    assert nodes["warped"].GetScene() is scene
    assert nodes["transform"] is outputs["transform"]


def test_nothing_heavy_is_imported() -> None:
    """The panel opens at once, and before torch is installed."""
    package = Path(result_nodes.__file__).parents[3]
    modules = "SlicerLDMRegLib.slicer_app.results." + ", SlicerLDMRegLib.slicer_app.results.".join(
        ("result_nodes", "sequence_results", "apply_transform")
    )
    heavy = "{'torch', 'monai', 'matplotlib', 'scipy', 'jinja2'}"
    code = f"import sys, {modules}; print({heavy} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip() == "set()", run.stderr


# All or nothing


def contents(nodes: list[Any]) -> list[Any]:
    """The contents of nodes that the XML of the scene does not tell."""
    found = []
    for node in nodes:
        if node.IsA("vtkMRMLVolumeNode"):
            found.append(node.GetImageData())
        elif node.IsA("vtkMRMLTransformNode"):
            found.append(node.GetTransformFromParent())
        elif node.IsA("vtkMRMLSegmentationNode"):
            found.append(node.GetSegmentation())
        elif node.IsA("vtkMRMLTableNode"):
            found.append(str(rows_of(node)))
    return found


@pytest.mark.parametrize("again", [False, True], ids=["new nodes", "existing nodes"])
def test_a_failure_at_any_line_leaves_the_scene_as_it_was(
    scene: Any, pair: Pair, again: bool
) -> None:
    images = labelled(pair)
    result = result_of(images)
    outputs: dict[str, Any] = dict.fromkeys(OUTPUTS)
    if again:
        outputs = dict(write_result(result, images).nodes)
        result = result_of(images, smooth_field(first_geometry(images), 3.0), provenance={})
    before = scene_text(scene)
    held = contents([n for n in outputs.values() if n is not None])

    def write() -> SceneChange:
        return write_result(result, images, outputs).change

    count = 0
    for where in failures(write, often=("result_nodes.py", "result_contents.py")):
        assert scene_text(scene) == before, where
        assert contents([n for n in outputs.values() if n is not None]) == held, where
        assert not scene.IsBatchProcessing(), where
        count += 1
    print(f"{count} failures")
    assert count > 250


def test_revert_brings_back_what_the_views_showed(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    red = scene.GetNodeByID("vtkMRMLSliceNodeRed")
    layers = scene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    layers.SetBackgroundVolumeID(fixed.GetID())
    before = scene_text(scene)
    written = write_result(result_of(images), images)
    # What the panel and the user do with the result.
    layers.SetForegroundVolumeID(written.nodes["warped"].GetID())
    layers.SetForegroundOpacity(0.5)
    red.SetOrientation("Sagittal")
    red.SetSliceOffset(3.0)
    written.nodes["transform"].CreateDefaultDisplayNodes()
    written.nodes["warped"].AddDefaultStorageNode()
    moving.SetAndObserveTransformNodeID(written.nodes["transform"].GetID())
    written.change.revert()
    assert scene_text(scene) == before
    assert moving.GetParentTransformNode() is None


class _Selector:
    """The box above a slice view that shows the foreground, as the application's does.

    It follows its node, but not in a batch, and when its volume goes it shows another one.
    """

    def __init__(self, scene: Any, layers: Any, other: Any) -> None:
        self._layers, self._other = layers, other
        self._shown = layers.GetForegroundVolumeID()
        layers.AddObserver("ModifiedEvent", lambda *_: self._follow(scene))
        scene.AddObserver(scene.NodeRemovedEvent, lambda *_: self._replace(scene))

    def _follow(self, scene: Any) -> None:
        if not scene.IsBatchProcessing():
            self._shown = self._layers.GetForegroundVolumeID()

    def _replace(self, scene: Any) -> None:
        if self._shown and scene.GetNodeByID(self._shown) is None:
            self._shown = self._other.GetID()
            self._layers.SetForegroundVolumeID(self._shown)


def test_revert_leaves_the_selectors_of_the_views_no_choice(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    layers = scene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    selector = _Selector(scene, layers, moving)
    images = scene_images(fixed, moving)
    written = write_result(result_of(images), images)
    layers.SetForegroundVolumeID(written.nodes["warped"].GetID())
    written.change.revert()
    assert layers.GetForegroundVolumeID() is None
    # What it would do otherwise:
    again = write_result(result_of(images), images).nodes["warped"]
    layers.SetForegroundVolumeID(again.GetID())
    scene.RemoveNode(again)
    assert layers.GetForegroundVolumeID() == moving.GetID(), selector


def test_revert_brings_back_the_result_from_before(scene: Any, pair: Pair) -> None:
    images = labelled(pair)
    first = write_result(result_of(images), images).nodes
    before, held = scene_text(scene), contents(list(first.values()))
    field = smooth_field(first_geometry(images), 3.0)
    second = write_result(result_of(images, field, provenance={}), images)
    second.nodes["warped"].GetDisplayNode().SetWindowLevel(9, 8)
    second.nodes["warped"].SetName("other")
    assert scene_text(scene) != before
    second.change.revert()
    assert scene_text(scene) == before
    assert contents(list(first.values())) == held


def test_revert_after_the_user_removed_a_node(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    images = scene_images(fixed, moving)
    written = write_result(result_of(images), images)
    scene.RemoveNode(written.nodes["warped"])
    written.change.revert()
    assert find_outputs(fixed, moving) == {}
    written.change.revert()  # nothing is left to take back


def test_results_are_in_the_world_where_the_inputs_are_shown(scene: Any, pair: Pair) -> None:
    fixed, moving = pair()
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "own")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation(0.2, 0.1, -0.3), (4, 5, 6)
    own.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    for node in (fixed, moving):
        node.SetAndObserveTransformNodeID(own.GetID())
    images = scene_images(fixed, moving)
    nodes = write_result(result_of(images), images).nodes
    lattice = volume_geometry(fixed)
    assert volume_geometry(nodes["warped"]).matches(lattice)
    apply_transform(nodes["transform"], [moving])
    difference = np.abs(resliced(moving, lattice) - array_of(nodes["warped"])).max()
    assert difference < 1e-5


@pytest.mark.parametrize("size", [(40, 36, 1), (24, 22, 20)], ids=["2D", "3D"])
def test_a_registration_from_nodes_to_nodes(scene: Any, size: tuple[int, ...]) -> None:
    """The real computation: what was moved by 2 mm comes back."""
    geometry = lattice(size, (1.0, 1.1, 1.2), rotation(0, 0, 0.3) @ np.diag([-1.0, -1, 1]))
    fixed = volume_node(blobs(geometry), "fixed")
    moving = volume_node(blobs(geometry, (1.6, -1.2, 0)), "moving")
    images = scene_images(fixed, moving)
    result = register(**images.fields(), model="none", align="none")
    nodes = write_result(result, images).nodes
    assert set(nodes) == set(OUTPUTS) - {"warped_labels", "folds", "uncertainty"}
    bright = array_of(fixed) > 0.5
    found = field_from_transform(nodes["transform"], geometry).vectors[bright].mean(axis=0)
    assert np.allclose(found, (1.6, -1.2, 0), atol=0.4)
    moving.SetAndObserveTransformNodeID(nodes["transform"].GetID())
    seen = resliced(moving, geometry)
    assert np.abs(seen - array_of(nodes["warped"])).max() < 1e-4
    assert read_attributes(nodes["warped"])["Model"] == "none"
    assert read_attributes(nodes["warped"])["Version"]


def test_one_undo_that_fails_does_not_keep_the_others_from_being_done(
    scene: Any, pair: Pair
) -> None:
    _, moving = pair()
    before = scene_text(scene)
    done: list[str] = []

    def fail() -> None:
        raise OSError("no space left")

    with SceneChange(scene) as change:
        change.keep(moving)
        change.on_undo(lambda: done.append("first"))
        change.on_undo(fail)
        change.on_undo(lambda: done.append("last"))
        moving.SetName("renamed")
        change.add("vtkMRMLTransformNode", "new")
    with pytest.raises(OSError, match="no space left"):
        change.revert()
    assert done == ["last", "first"]
    assert scene_text(scene) == before
    change.revert()  # there is nothing left
    assert done == ["last", "first"]
