"""Results of parts of two volumes: a slice does not replace the result of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.slicer_app.results.apply_transform import opposite_transform
from SlicerLDMRegLib.slicer_app.results.result_nodes import (
    OUTPUTS,
    ResultWriter,
    find_outputs,
    part_of,
)
from SlicerLDMRegLib.slicer_app.scene.scene_change import SceneChange
from SlicerLDMRegLib.slicer_app.scene.view_slices import slice_node
from Testing.Python.slicer_app.scenes import result_of, scene_images

SLICE, OTHER = "axial slice at 0.0 mm", "axial slice at 2.0 mm"


@pytest.fixture
def write(scene: Any, pair: Any) -> Callable[..., Any]:
    """Registers a part of a pair; what was written."""
    nodes = pair()
    clock = iter(range(60))

    def run(part: str, outputs: Any = OUTPUTS) -> Any:
        view = slice_node(scene, "Red") if part and "slices" not in part else None
        images = scene_images(*nodes, view=view)
        result = result_of(images)
        result.provenance["date"] = f"2026-01-02T03:04:{next(clock):02}+00:00"
        writer = ResultWriter(dict.fromkeys(outputs))
        writer.add(result, images, part)
        return writer.write()

    run.nodes = nodes  # type: ignore[attr-defined]
    return run


def test_a_slice_has_nodes_of_its_own(write: Any) -> None:
    whole = write("")
    names = {output: node.GetName() for output, node in whole.nodes.items()}
    depth = whole.nodes["warped"].GetImageData().GetDimensions()[2]
    sliced = write(SLICE)
    assert not set(sliced.nodes.values()) & set(whole.nodes.values())
    assert whole.nodes["warped"].GetImageData().GetDimensions()[2] == depth > 1
    assert {output: node.GetName() for output, node in whole.nodes.items()} == names
    assert sliced.nodes["warped"].GetName() == "moving warped to fixed, axial slice at 0.0 mm"


@pytest.mark.parametrize("part", ["", SLICE, "axial slices 3 to 5"])
def test_the_same_part_again_replaces_its_own_result(write: Any, part: str) -> None:
    others = [write(other) for other in ("", SLICE, "axial slices 3 to 5") if other != part]
    first, second = write(part), write(part)
    assert first.nodes == second.nodes
    for other in others:
        assert not set(other.nodes.values()) & set(first.nodes.values())


def test_another_slice_is_another_part(write: Any) -> None:
    first, second = write(SLICE), write(OTHER)
    assert not set(first.nodes.values()) & set(second.nodes.values())


def test_what_was_registered_last_is_found_and_not_mixed(write: Any) -> None:
    fixed, moving = write.nodes
    whole, sliced = write(""), write(SLICE, ["transform", "warped"])
    assert find_outputs(fixed, moving) == sliced.nodes
    assert find_outputs(fixed, moving, "") == whole.nodes
    again = write("", ["metrics"])
    assert find_outputs(fixed, moving) == whole.nodes | again.nodes
    assert find_outputs(fixed, moving, SLICE) == sliced.nodes
    assert find_outputs(fixed, moving, OTHER) == {}


def test_a_revert_brings_the_result_of_the_whole_back(write: Any) -> None:
    whole = write("")
    write(SLICE).change.revert()
    assert find_outputs(*write.nodes) == whole.nodes


def test_the_inverse_of_a_part_is_that_of_the_part(scene: Any, write: Any) -> None:
    whole, sliced = write(""), write(SLICE)
    with SceneChange(scene) as change:
        for result in (whole, sliced):
            found = opposite_transform(result.nodes["transform"], change)
            assert found is result.nodes["inverse"]
            assert part_of(found) == part_of(result.nodes["transform"])


def test_all_names_go_one_way(write: Any) -> None:
    """ "A to B" beside "B to A" would be read as two registrations."""
    for node in write("").nodes.values():
        assert "fixed to moving" not in node.GetName(), node.GetName()


# Folds


def _without_folds(images: Any) -> Any:
    result = result_of(images)
    folds = result.folds
    empty = sitk.GetImageFromArray(np.zeros_like(sitk.GetArrayFromImage(folds)))
    empty.CopyInformation(folds)
    return result_of(images, folds=empty, metrics={**result.metrics, "deformation": {}})


def test_a_map_without_folds_has_no_node_of_them(scene: Any, write: Any) -> None:
    images = scene_images(*write.nodes)
    writer = ResultWriter(dict.fromkeys(OUTPUTS))
    writer.add(_without_folds(images), images)
    assert set(writer.write().nodes) == set(OUTPUTS) - {"folds", "warped_labels", "uncertainty"}
    assert not scene.GetNodesByClass("vtkMRMLSegmentationNode").GetNumberOfItems()


@pytest.mark.parametrize("chosen", [False, True])
def test_a_node_of_folds_that_is_there_is_emptied(scene: Any, write: Any, chosen: bool) -> None:
    """It would show the folds of an earlier map."""
    before = write("")
    node = before.nodes["folds"]
    images = scene_images(*write.nodes)
    writer = ResultWriter({"folds": node if chosen else None})
    writer.add(_without_folds(images), images)
    written = writer.write()
    assert written.nodes["folds"] is node
    assert _voxels(node) == 0
    written.change.revert()
    assert _voxels(node) > 0


def _voxels(segmentation: Any) -> int:
    from SlicerLDMRegLib.slicer_app.display.folds import fold_points

    return len(fold_points(segmentation))


def test_segments_are_outlines(write: Any) -> None:
    """Filled, they cover the image below."""
    display = write("").nodes["folds"].GetDisplayNode()
    assert display.GetVisibility2DOutline() and not display.GetVisibility2DFill()
