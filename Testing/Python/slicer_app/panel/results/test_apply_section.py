"""The section "Apply to" moves other nodes with a result, and puts them back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def section(form: Any) -> Any:
    from SlicerLDMRegLib.slicer_app.panel.apply_section import ApplySection

    section = ApplySection(form.ui, form)
    section.setup()
    form.sections.append(section)
    form.ui.applySection.collapsed = False
    section.update()
    return section


@pytest.fixture
def points(host: Any) -> Any:
    """Markups near the middle of the volumes."""
    node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "points")
    for point in ((0, 0, 0), (3, -2, 1), (-4, 2, 2)):
        node.AddControlPoint(point)
    return node


def positions(node: Any) -> np.ndarray:
    point, found = [0.0] * 3, []
    for number in range(node.GetNumberOfControlPoints()):
        node.GetNthControlPointPositionWorld(number, point)
        found.append(tuple(point))
    return np.array(found)


def moved(transform: Any, start: np.ndarray) -> np.ndarray:
    """Points as Slicer's transform brings them to its parent, point by point."""
    return np.array([transform.GetTransformToParent().TransformPoint(p) for p in start])


def tick(host: Any, form: Any, *nodes: Any) -> None:
    for node in nodes:
        form.ui.applyNodesSelector.setCheckState(node, host.qt.Qt.Checked)
    host.process_events()


def test_it_says_what_is_missing(
    host: Any, form: Any, section: Any, points: Any, registered: Any
) -> None:
    ui = form.ui
    assert (ui.applyToButton.enabled, ui.applyToButton.toolTip) == (False, "Select a transform.")
    run = registered()
    assert ui.applyTransformSelector.currentNode() is run.nodes["transform"]
    assert ui.applyToButton.toolTip == "Tick the nodes to move."
    assert not ui.applyToButton.enabled
    tick(host, form, points)
    assert ui.applyToButton.enabled
    assert (ui.undoApplyButton.enabled, ui.undoApplyButton.toolTip) == (False, "Nothing to undo.")


@pytest.mark.parametrize("harden", [False, True])
def test_points_are_moved_and_put_back(
    host: Any, form: Any, section: Any, points: Any, registered: Any, harden: bool
) -> None:
    run = registered()
    start = positions(points)
    tick(host, form, points)
    host.check(form.ui.hardenCheckBox, harden)
    host.click(form.ui.applyToButton)
    expected = moved(run.nodes["transform"], start)
    assert np.abs(expected - start).max() > 0.5
    np.testing.assert_allclose(positions(points), expected, atol=1e-3)
    assert (points.GetParentTransformNode() is None) == harden
    assert "points" in form.ui.applyMessageLabel.text
    assert form.ui.applyMessageLabel.visible
    assert not form.ui.applyToButton.enabled  # a second click would move them once more
    host.click(form.ui.undoApplyButton)
    np.testing.assert_allclose(positions(points), start, atol=1e-6)
    assert points.GetParentTransformNode() is None
    assert not form.ui.undoApplyButton.enabled


@pytest.mark.parametrize("harden", [False, True])
def test_the_other_direction_uses_the_inverse_of_the_result(
    host: Any, form: Any, section: Any, points: Any, registered: Any, harden: bool
) -> None:
    run = registered()
    start, count = positions(points), host.slicer.mrmlScene.GetNumberOfNodes()
    tick(host, form, points)
    host.check(form.ui.inverseCheckBox)
    host.check(form.ui.hardenCheckBox, harden)
    host.click(form.ui.applyToButton)
    np.testing.assert_allclose(positions(points), moved(run.nodes["inverse"], start), atol=1e-3)
    assert host.slicer.mrmlScene.GetNumberOfNodes() == count


@pytest.mark.parametrize("harden", [False, True])
def test_the_other_direction_without_an_inverse_output(
    host: Any, form: Any, section: Any, points: Any, registered: Any, harden: bool
) -> None:
    run = registered(outputs={"transform": None, "metrics": None})
    start, count = positions(points), host.slicer.mrmlScene.GetNumberOfNodes()
    tick(host, form, points)
    host.check(form.ui.inverseCheckBox)
    host.check(form.ui.hardenCheckBox, harden)
    host.click(form.ui.applyToButton)
    there_and_back = moved(run.nodes["transform"], positions(points))
    np.testing.assert_allclose(there_and_back, start, atol=0.02)
    assert np.abs(positions(points) - start).max() > 0.5
    assert (host.slicer.mrmlScene.GetNumberOfNodes() == count) == harden  # nothing is left behind
    host.click(form.ui.undoApplyButton)
    np.testing.assert_allclose(positions(points), start, atol=1e-6)
    assert host.slicer.mrmlScene.GetNumberOfNodes() == count


def test_an_undo_that_failed_can_be_tried_again(
    host: Any, form: Any, section: Any, points: Any, registered: Any
) -> None:
    registered()
    start = positions(points)
    tick(host, form, points)
    host.click(form.ui.applyToButton)

    def fail() -> None:
        raise RuntimeError("the disk is full")

    section._steps[-1][1][0].on_undo(fail)
    host.dialogs.answer("could not be put back", None)
    host.click(form.ui.undoApplyButton)
    assert "the disk is full" in host.errors.pop()
    assert form.ui.undoApplyButton.enabled
    host.click(form.ui.undoApplyButton)
    np.testing.assert_allclose(positions(points), start, atol=1e-6)
    assert not form.ui.undoApplyButton.enabled


def test_a_hardened_volume_equals_the_warped_one(
    host: Any, form: Any, section: Any, registered: Any
) -> None:
    run = registered()
    arrays = host.slicer.util.arrayFromVolume
    moving = form.parameters.movingVolume
    before = arrays(moving).copy()
    tick(host, form, moving)
    host.check(form.ui.hardenCheckBox)
    host.click(form.ui.applyToButton)
    np.testing.assert_allclose(arrays(moving), arrays(run.nodes["warped"]), atol=1e-5)
    host.click(form.ui.undoApplyButton)
    np.testing.assert_array_equal(arrays(moving), before)


def test_steps_are_undone_one_by_one(
    host: Any, form: Any, section: Any, points: Any, registered: Any
) -> None:
    registered()
    start = positions(points)
    host.check(form.ui.hardenCheckBox)
    for _ in range(2):
        tick(host, form, points)
        host.click(form.ui.applyToButton)
    twice = positions(points)
    host.click(form.ui.undoApplyButton)
    assert np.abs(positions(points) - twice).max() > 0.1
    assert np.abs(positions(points) - start).max() > 0.1
    host.click(form.ui.undoApplyButton)
    np.testing.assert_allclose(positions(points), start, atol=1e-6)


def test_what_cannot_be_moved_is_told_and_nothing_is_changed(
    host: Any, form: Any, section: Any, points: Any, registered: Any
) -> None:
    run = registered()
    moving = form.parameters.movingVolume
    moving.SetAndObserveTransformNodeID(run.nodes["inverse"].GetID())
    start = positions(points)
    tick(host, form, points, moving)
    host.check(form.ui.hardenCheckBox)
    host.click(form.ui.applyToButton)
    assert "'moving' is under the transform" in form.ui.applyMessageLabel.text
    assert "not linear" in form.ui.applyMessageLabel.text
    np.testing.assert_array_equal(positions(points), start)
    assert moving.GetParentTransformNode() is run.nodes["inverse"]
    assert not form.ui.undoApplyButton.enabled
    assert form.ui.applyToButton.enabled  # they are still ticked


def test_a_closed_scene_has_nothing_to_undo(
    host: Any, form: Any, section: Any, points: Any, registered: Any
) -> None:
    registered()
    tick(host, form, points)
    host.click(form.ui.applyToButton)
    assert form.ui.undoApplyButton.enabled
    form.parameters.fixedVolume = form.parameters.movingVolume = form.session.last = None
    host.slicer.mrmlScene.Clear(0)
    form.update()
    assert not form.ui.undoApplyButton.enabled
    assert not form.ui.applyToButton.enabled
