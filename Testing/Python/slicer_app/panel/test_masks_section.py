"""Masks: what they leave out is told and shown before Apply."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import vtk


@pytest.fixture
def mask(host: Any) -> Any:
    """Make a label map on the lattice of a volume, 1 where its slices from a number on lie."""

    def make(volume: Any, name: str, first: int) -> Any:
        slicer = host.slicer
        array = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
        array[first:] = 1
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
        slicer.util.updateVolumeFromArray(node, array)
        node.CopyOrientation(volume)
        return node

    return make


@pytest.fixture
def chosen(host: Any, panel: Any, pair: tuple[Any, Any], mask: Any) -> Any:
    """The panel with two volumes and a mask of the fixed one that keeps 4 of 6 slices."""
    for selector, volume in zip(("fixedSelector", "movingSelector"), pair, strict=True):
        host.select(selector, volume)
    host.click("optionsSection")
    host.select("fixedMaskSelector", mask(pair[0], "Healthy", 2))
    return panel


def layers(host: Any, name: str) -> tuple[str, str]:
    node = host.slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")
    return node.GetBackgroundVolumeID(), node.GetLabelVolumeID()


def view(host: Any, name: str) -> Any:
    """A slice view."""
    return host.slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceNode")


def red(host: Any, name: str) -> bool:
    """Whether the plane of a slice view cuts a voxel that is left out."""
    slicer = host.slicer
    volume = slicer.mrmlScene.GetNodeByID(layers(host, name)[1])
    index = np.argwhere(slicer.util.arrayFromVolume(volume) > 0)[:, ::-1]
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    points = index @ to_ras[:3, :3].T + to_ras[:3, 3]
    plane = slicer.util.arrayFromVTKMatrix(view(host, name).GetSliceToRAS())
    normal = plane[:3, 2] / np.linalg.norm(plane[:3, 2])
    return bool(np.abs((points - plane[:3, 3]) @ normal).min() < 1.01)


def test_how_much_is_left_out_is_told_before_apply(host: Any, chosen: Any) -> None:
    text = host.widget("masksLabel").text
    assert text == "Healthy leaves out 240 of 720 voxels of ED (33.3 %)."


def test_the_count_follows_the_mask(
    host: Any, panel: Any, chosen: Any, pair: tuple[Any, Any], mask: Any
) -> None:
    slicer, node = host.slicer, panel.parameters.fixedMask
    array = slicer.util.arrayFromVolume(node)
    array[:] = 1
    slicer.util.arrayFromVolumeModified(node)
    panel.update()
    assert "leaves out 0 of 720" in host.widget("masksLabel").text
    assert "has no effect" in host.widget("masksLabel").text
    host.select("fixedMaskSelector", mask(pair[0], "Spot", 6))
    assert "nearly all" in host.widget("masksLabel").text
    host.select("fixedMaskSelector", None)
    assert not host.widget("masksLabel").visible
    assert not host.widget("showMasksButton").visible


def test_it_is_shown_over_the_image_and_taken_back(
    host: Any, panel: Any, chosen: Any, pair: tuple[Any, Any]
) -> None:
    slicer = host.slicer
    before, offset = layers(host, "Red"), view(host, "Red").GetSliceOffset()
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    host.click("showMasksButton")
    background, label = layers(host, "Red")
    assert background == pair[0].GetID()
    voxels = slicer.util.arrayFromVolume(slicer.mrmlScene.GetNodeByID(label))
    assert voxels[:2].all() and not voxels[2:].any()
    assert all(red(host, name) for name in ("Red", "Yellow", "Green"))
    host.click("showMasksButton")
    assert layers(host, "Red") == before
    assert view(host, "Red").GetSliceOffset() == offset
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_two_masks_lie_side_by_side(
    host: Any, panel: Any, chosen: Any, pair: tuple[Any, Any], mask: Any
) -> None:
    host.select("movingMaskSelector", mask(pair[1], "Other", 5))
    assert len(host.widget("masksLabel").text.splitlines()) == 2
    host.click("showMasksButton")
    layout = host.slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert layout.GetViewArrangement() == layout.SlicerLayoutSideBySideView
    assert [layers(host, name)[0] for name in ("Red", "Yellow")] == [v.GetID() for v in pair]
    orientations = {view(host, name).GetOrientation() for name in ("Red", "Yellow")}
    assert len(orientations) == 1
    assert red(host, "Red") and red(host, "Yellow")  # both cut what is left out
    host.select("movingMaskSelector", None)  # another choice ends it
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpView
    assert not host.widget("showMasksButton").checked


def test_leaving_the_module_takes_it_back(host: Any, panel: Any, chosen: Any) -> None:
    before = layers(host, "Red")
    host.click("showMasksButton")
    host.close_module()
    assert layers(host, "Red") == before


def test_labels_are_shown_over_their_own_image(
    host: Any, chosen: Any, pair: tuple[Any, Any], mask: Any, add_segmentation: Any
) -> None:
    """Those of the fixed image would lie beside the structures of the moving one."""
    role = host.slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    displays = []
    for reference in (*pair, None, mask(pair[1], "Made of it", 1)):
        labels = add_segmentation(pair[0], "Ventricle")
        labels.CreateDefaultDisplayNodes()
        labels.SetNodeReferenceID(role, None if reference is None else reference.GetID())
        displays.append(labels.GetDisplayNode())
    host.select("movingMaskSelector", mask(pair[1], "Other", 5))
    host.click("showMasksButton")
    red, yellow = (view(host, name).GetID() for name in ("Red", "Yellow"))
    assert [d.GetViewNodeIDs() for d in displays] == [(red,), (yellow,), (red,), (red,)]
    host.click("showMasksButton")
    assert not any(d.GetViewNodeIDs() for d in displays)
    # Over the moving image alone, those of the fixed one are not seen.
    host.select("fixedMaskSelector", None)
    host.click("showMasksButton")
    assert [d.GetVisibility() for d in displays] == [0, 1, 1, 1]
    host.click("showMasksButton")
    assert all(d.GetVisibility() for d in displays)
