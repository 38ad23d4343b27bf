"""Results are kept, listed, looked at in pairs, and exchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def rows(host: Any) -> list[list[str]]:
    table = host.widget("runsTable")
    return [
        [table.item(r, c).text() for c in range(table.columnCount)] for r in range(table.rowCount)
    ]


def select(host: Any, *numbers: int) -> None:
    table = host.widget("runsTable")
    table.clearSelection()
    for number in numbers:
        table.item(number, 0).setSelected(True)
    host.process_events()


@pytest.fixture
def register(host: Any, panel: Any, pair: tuple[Any, Any], finish: Any) -> Any:
    """Register the pair with some measurements, and a date of its own."""
    for selector, volume in zip(("fixedSelector", "movingSelector"), pair, strict=True):
        host.select(selector, volume)
    host.click("compareSection")
    count = 0

    def run(ncc: float, dice: float, labelled: bool = False) -> Any:
        from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry

        nonlocal count
        count += 1
        host.click("applyButton")
        metrics = {
            "before": {"ncc": 0.5, "dice_mean": 0.5},
            "after": {"ncc": ncc, "dice_mean": dice},
            "deformation": {"fold_count": count},
        }
        provenance = {"date": f"2026-01-02T03:0{count}:00+00:00", "options": {}, "versions": {}}
        labels = {}
        if labelled:
            geometry = volume_geometry(pair[0])
            array = np.zeros(geometry.array_shape, np.uint8)
            array[:, 2:8, 2 : 4 + count] = 1
            labels = dict.fromkeys(("moving_labels", "warped_labels"), geometry.to_image(array))
        done = finish(metrics=metrics, provenance=provenance, **labels)
        host.process_events()
        panel.update()
        return done

    return run


def test_results_are_kept_and_listed(host: Any, panel: Any, register: Any) -> None:
    first = register(0.9, 0.7)
    assert rows(host) == [["Current", "0.900", "0.700", "\u2013", "1"]]
    assert host.widget("keepNameLineEdit").text == "Run 1"
    host.type_text("keepNameLineEdit", "soft")
    host.click("keepResultButton")
    assert rows(host) == [["soft", "0.900", "0.700", "\u2013", "1"]]
    assert first.nodes["warped"].GetName() == "ES warped to ED, soft"
    assert not host.widget("revertButton").enabled
    second = register(0.8, 0.75)
    assert second.nodes["warped"] is not first.nodes["warped"]
    assert rows(host) == [
        ["Current", "0.800", "\u2713 0.750", "\u2013", "2"],
        ["soft", "\u2713 0.900", "0.700", "\u2013", "\u2713 1"],
    ]
    assert host.widget("compareSection").text == "Compare results: 1 kept"
    host.click("revertButton")
    assert [row[0] for row in rows(host)] == ["soft"]
    assert first.nodes["warped"].GetScene() is not None


def test_two_are_shown_side_by_side_and_in_turns(host: Any, panel: Any, register: Any) -> None:
    first = register(0.9, 0.7)
    host.click("keepResultButton")
    second = register(0.8, 0.75)
    scene = host.slicer.mrmlScene
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")

    def background(view: str) -> str:
        layers = scene.GetSingletonNode(view, "vtkMRMLSliceCompositeNode")
        return str(layers.GetBackgroundVolumeID())

    select(host, 0, 1)
    before = background("Red"), layout.GetViewArrangement()
    host.click("sideBySideButton")
    assert layout.GetViewArrangement() == layout.SlicerLayoutSideBySideView
    warped = [run.nodes["warped"].GetID() for run in (second, first)]
    assert [background("Red"), background("Yellow")] == warped
    left, right = (scene.GetSingletonNode(name, "vtkMRMLSliceNode") for name in ("Red", "Yellow"))
    for one, other in zip(left.GetFieldOfView(), right.GetFieldOfView(), strict=True):
        assert abs(one - other) < 0.05 * one  # the same zoom
    assert left.GetSliceOffset() == right.GetSliceOffset()
    host.click("flickerRunsButton")
    assert layout.GetViewArrangement() == before[1]
    seen = set()
    host.wait_until(lambda: seen.add(background("Red")) or len(seen) > 1, what="both images")
    assert seen == set(warped)
    host.click("flickerRunsButton")
    assert (background("Red"), layout.GetViewArrangement()) == before

    # Another button for the views ends it first: else it would bring back what is no longer shown.
    moving = panel.parameters.movingVolume.GetID()
    for button in ("sideBySideButton", "flickerRunsButton", "placeLandmarksButton"):
        host.widget("landmarksSection").collapsed = False
        host.click(button)
        assert background("Red") != moving
        host.click("movingButton")
        host.process_events()
        assert not host.widget(button).checked, button
        assert layout.GetViewArrangement() == before[1]
        assert background("Red") == moving
        host.click("fixedButton")
    host.click("sideBySideButton")
    host.click("placeLandmarksButton")
    host.process_events()
    assert not host.widget("sideBySideButton").checked
    host.click("placeLandmarksButton")
    assert layout.GetViewArrangement() == before[1]


def test_labels_lie_on_their_own_result_alone(host: Any, panel: Any, register: Any) -> None:
    """Kept ones would lie on the next result: nobody could tell whose outlines these are."""
    first = register(0.9, 0.7, labelled=True)
    host.click("keepResultButton")
    shown = first.nodes["warped_labels"].GetDisplayNode()
    assert shown.GetVisibility(), "until there is another one"
    second = register(0.8, 0.75, labelled=True)
    displays = [run.nodes["warped_labels"].GetDisplayNode() for run in (second, first)]

    def visible() -> list[bool]:
        return [bool(display.GetVisibility()) for display in displays]

    assert visible() == [True, False]
    select(host, 0, 1)
    host.click("sideBySideButton")
    assert visible() == [True, True]
    ids = [f"vtkMRMLSliceNode{view}" for view in ("Red", "Yellow")]
    assert [tuple(display.GetViewNodeIDs()) for display in displays] == [(ids[0],), (ids[1],)]
    host.click("flickerRunsButton")
    assert visible() == [True, False]
    assert host.widget("compareMessageLabel").text == "Shown: Current"
    host.wait_until(lambda: visible() == [False, True], what="the other turn")
    assert host.widget("compareMessageLabel").text == "Shown: Run 1"
    host.click("flickerRunsButton")
    assert visible() == [True, False]
    assert not any(display.GetViewNodeIDs() for display in displays)
    assert not host.widget("compareMessageLabel").visible
    select(host, 1)
    host.click("useResultButton")
    assert visible() == [False, True]
    displays[1].SetVisibility(False)  # by the eye, in the module Data
    select(host, 0, 1)
    host.click("sideBySideButton")
    assert visible() == [False, False]
    host.click("sideBySideButton")


def test_a_reverted_run_shows_the_kept_labels_again(host: Any, register: Any) -> None:
    first = register(0.9, 0.7, labelled=True)
    host.click("keepResultButton")
    register(0.8, 0.75, labelled=True)
    host.click("revertButton")
    assert first.nodes["warped_labels"].GetDisplayNode().GetVisibility()


def test_the_better_one_is_kept_by_a_click(host: Any, panel: Any, register: Any) -> None:
    first = register(0.9, 0.7)
    host.click("keepResultButton")
    second = register(0.8, 0.75)
    select(host, 0)
    assert not host.widget("useResultButton").enabled  # it is the current one
    select(host, 1)
    host.click("useResultButton")
    assert [row[0] for row in rows(host)] == ["Current", "Run 2"]
    assert rows(host)[0][1] == "\u2713 0.900"
    assert first.nodes["warped"].GetName() == "ES warped to ED"
    assert "0.900" in host.widget("findingsLabel").text
    select(host, 1)
    host.click("deleteResultButton")
    assert [row[0] for row in rows(host)] == ["Current"]
    assert second.nodes["warped"].GetScene() is None
    assert first.nodes["warped"].GetScene() is not None


def test_the_result_of_a_slice_is_compared_with_that_of_the_volumes(
    host: Any, panel: Any, register: Any
) -> None:
    """Keeping the one brings the other back, which it has not replaced."""
    slices = register(0.9, 0.7)
    for node in slices.nodes.values():
        node.SetAttribute("LDMReg.Part", "axial slice at 2 mm")
    register(0.8, 0.75)
    assert [row[:2] for row in rows(host)] == [["Current", "0.800"]]
    host.click("keepResultButton")
    assert [row[:2] for row in rows(host)] == [["Current", "\u2713 0.900"], ["Run 1", "0.800"]]
    told = host.widget("compareMessageLabel").text
    assert told.startswith("Kept as Run 1; the result that these volumes had before is the current")
    host.click("keepResultButton")
    assert host.widget("compareMessageLabel").text == "Kept as Run 2; the next run makes new nodes."


def test_names_that_cannot_be_are_told(host: Any, panel: Any, register: Any) -> None:
    register(0.9, 0.7)
    for name, told in (("   ", "expected 1 to 60"), ("x" * 61, "expected 1 to 60")):
        host.widget("keepNameLineEdit").text = name
        host.click("keepResultButton")
        assert told in host.widget("compareMessageLabel").text
    host.widget("keepNameLineEdit").text = "a"
    host.click("keepResultButton")
    register(0.8, 0.8)
    host.widget("keepNameLineEdit").text = "a"
    host.click("keepResultButton")
    assert "already kept as 'a'" in host.widget("compareMessageLabel").text


def test_kept_results_come_back_with_the_scene(
    host: Any, panel: Any, register: Any, tmp_path: Any
) -> None:
    register(0.9, 0.7)
    host.click("keepResultButton")
    register(0.8, 0.75)
    before = rows(host)
    path = str(tmp_path / "scene.mrb")
    assert host.slicer.util.saveScene(path)
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    host.slicer.util.loadScene(path)
    host.process_events()
    assert rows(host) == before
