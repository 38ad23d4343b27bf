"""The section "Landmarks": pairs are placed in turns, measured while they move, and used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def rows(host: Any) -> list[list[str]]:
    table = host.widget("landmarksTable")
    return [[table.item(r, c).text() for c in range(3)] for r in range(table.rowCount)]


def settle(host: Any, panel: Any) -> None:
    """Wait until the table has followed the points."""
    section = panel.sections["landmarks"]
    host.wait_until(lambda: not section._live.active and not section._next.active)


@pytest.fixture
def labels(pair: tuple[Any, Any], add_segmentation: Any) -> Any:
    """Labels of the moving volume, which belong into its view."""
    node = add_segmentation(pair[1], "left kidney")
    node.SetReferenceImageGeometryParameterFromVolumeNode(pair[1])
    node.CreateDefaultDisplayNodes()
    return node


@pytest.fixture
def placed(host: Any, panel: Any, pair: tuple[Any, Any]) -> tuple[Any, Any]:
    """The lists of two pairs that were clicked in turns."""
    for selector, volume in zip(("fixedSelector", "movingSelector"), pair, strict=True):
        host.select(selector, volume)
    host.click("landmarksSection")
    host.click("placeLandmarksButton")
    lists = panel.parameters.fixedLandmarks, panel.parameters.movingLandmarks
    for number, place in enumerate(((4.0, 4.0, 4.0), (12.0, 8.0, 4.0))):
        for side, shift in ((0, 0.0), (1, 3.0)):
            active = host.slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
            assert active.GetActivePlaceNodeID() == lists[side].GetID(), number
            lists[side].AddControlPoint(place[0] + shift, *place[1:])
            settle(host, panel)
    return lists


def test_pairs_are_placed_in_turns_side_by_side(
    host: Any, panel: Any, pair: tuple[Any, Any], labels: Any, placed: tuple[Any, Any]
) -> None:
    scene = host.slicer.mrmlScene
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    layers = [
        scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode").GetBackgroundVolumeID()
        for name in ("Red", "Yellow")
    ]
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert layers == [volume.GetID() for volume in pair]
    assert layout.GetViewArrangement() == layout.SlicerLayoutSideBySideView
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert "fixed image, on the left" in host.widget("landmarksLabel").text
    assert rows(host) == [["1", "3.0", "\u2013"], ["2", "3.0", "\u2013"]]
    assert host.widget("landmarksSection").text == "Landmarks: 2 pairs"
    shown = [points.GetDisplayNode().GetViewNodeIDs() for points in placed]
    assert shown == [("vtkMRMLSliceNodeRed",), ("vtkMRMLSliceNodeYellow",)]
    assert labels.GetDisplayNode().GetViewNodeIDs() == ("vtkMRMLSliceNodeYellow",)
    host.click("placeLandmarksButton")
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpView
    assert interaction.GetCurrentInteractionMode() != interaction.Place
    assert placed[0].GetDisplayNode().GetViewNodeIDs() == ()
    assert labels.GetDisplayNode().GetViewNodeIDs() == ()
    assert "next point" not in host.widget("landmarksLabel").text


def test_leaving_the_module_ends_the_placing(
    host: Any, panel: Any, placed: tuple[Any, Any]
) -> None:
    host.close_module()
    layout = host.slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpView


def test_distances_follow_the_points(host: Any, panel: Any, placed: tuple[Any, Any]) -> None:
    placed[1].SetNthControlPointPositionWorld(0, 4.0, 9.0, 4.0)
    settle(host, panel)
    assert rows(host)[0] == ["1", "5.0", "\u2013"]
    placed[1].UnsetNthControlPointPosition(1)
    placed[0].AddControlPoint(1, 1, 1, "alone")
    settle(host, panel)
    names = [row[0] for row in rows(host)]
    assert "2: not placed on the moving image" in names
    assert "alone: only on the fixed image" in names


def test_after_a_run_the_table_tells_what_is_left(
    host: Any, panel: Any, placed: tuple[Any, Any], finish: Any
) -> None:
    host.click("placeLandmarksButton")
    host.click("applyButton")
    run = finish()
    host.wait_until(lambda: rows(host)[0][2] != "\u2013", what="the new distances")
    transform = run.nodes["transform"].GetTransformFromParent()
    expected = np.linalg.norm(np.array(transform.TransformPoint(4.0, 4.0, 4.0)) - [7.0, 4.0, 4.0])
    assert float(rows(host)[0][2].strip("\u2715 ")) == pytest.approx(expected, abs=0.06)


def test_what_they_are_for_goes_into_the_plan(
    host: Any, panel: Any, placed: tuple[Any, Any]
) -> None:
    assert not host.widget("landmarkMmSpinBox").enabled
    host.choose("landmarkUseComboBox", "Hold together")
    host.set_value("landmarkMmSpinBox", 2.5)
    plan = panel.plan()
    assert not plan.problems()
    request = plan.request(_all(plan.images()))
    assert (request.landmark_use, request.landmark_mm) == ("hold", 2.5)
    np.testing.assert_allclose(request.moving_landmarks.points[0], [-7.0, -4.0, 4.0])
    assert "they guide" in host.widget("landmarksSection").text


def _all(steps: Any) -> Any:
    from SlicerLDMRegLib.slicer_app.scene.steps import all_at_once

    return all_at_once(steps)


def test_what_is_missing_stands_on_the_button(
    host: Any, panel: Any, placed: tuple[Any, Any]
) -> None:
    from SlicerLDMRegLib.slicer_app.run.choices import LandmarkUse

    parameters, apply = panel.parameters, host.widget("applyButton")
    cases = (
        ({"movingLandmarks": None}, "Select the moving landmarks, too"),
        ({"movingLandmarks": placed[0]}, "are the same list"),
        ({"movingLandmarks": None, "fixedLandmarks": None}, ""),  # the use of none is none
    )
    parameters.landmarkUse = LandmarkUse.HOLD
    for changes, told in cases:
        parameters.fixedLandmarks, parameters.movingLandmarks = placed
        for name, node in changes.items():
            setattr(parameters, name, node)
        panel.update()
        assert told in apply.toolTip, changes
        assert bool(told) != apply.enabled, changes
    parameters.fixedLandmarks, parameters.movingLandmarks = placed
    host.click("optionsSection")
    host.choose("refineComboBox", "Off")
    assert "held by the refinement, which is off" in apply.toolTip
    assert "Use of the landmarks" in apply.toolTip
    placed[0].RemoveAllControlPoints()
    host.process_events()
    panel.update()
    assert "has no points yet" in apply.toolTip


def test_points_are_refined_where_the_images_are_alike(
    host: Any, panel: Any, placed: tuple[Any, Any]
) -> None:
    slicer = host.slicer
    k, j, i = np.mgrid[:24, :26, :28]
    for node, shift in ((panel.parameters.fixedVolume, 0), (panel.parameters.movingVolume, 3)):
        x, y, z = i - 12.0 - shift, j - 12.0, k - 12.0
        field = np.exp(-(x**2 + y**2 + z**2) / 30) + np.exp(
            -((x - 6) ** 2 + (y + 4) ** 2 + z**2) / 9
        )
        slicer.util.updateVolumeFromArray(node, field.astype(np.float32))
    for points in placed:
        points.RemoveAllControlPoints()
        points.AddControlPoint(24.0, 22.0, 24.0, "a")
    settle(host, panel)
    host.click("refineLandmarksButton")
    place = [0.0] * 3
    placed[1].GetNthControlPointPositionWorld(0, place)
    np.testing.assert_allclose(place, [30.0, 22.0, 24.0], atol=0.2)
    assert "a: moved by 5.9 mm" in host.widget("landmarksLabel").text


def test_other_volumes_take_the_landmarks_out(
    host: Any, panel: Any, placed: tuple[Any, Any], add_volume: Any
) -> None:
    host.select("movingSelector", add_volume("third", seed=3))
    assert panel.parameters.movingLandmarks is None
    assert panel.parameters.fixedLandmarks is placed[0]
