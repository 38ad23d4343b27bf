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


# Copies: the other contrasts, segmentations and points of a session


@pytest.fixture
def contrast(host: Any, registered: Any, form: Any) -> Any:
    """Another contrast of the moving volume, with a coarser lattice."""
    from Testing.Python.slicer_app.scenes import blobs, lattice, volume_node

    registered()
    return volume_node(
        3 * blobs(lattice((11, 10, 9), spacing=(2.0, 2.0, 2.0)), (1.5, -1, 0.5)), "T2"
    )


def test_copies_are_moved_and_the_nodes_stay(
    host: Any, form: Any, section: Any, points: Any, contrast: Any
) -> None:
    fixed, transform = form.parameters.fixedVolume, form.session.last.nodes["transform"]
    start, voxels = positions(points), host.slicer.util.arrayFromVolume(contrast).copy()
    tick(host, form, points, contrast)
    host.check(form.ui.copiesCheckBox)
    assert not form.ui.hardenCheckBox.enabled
    host.click(form.ui.applyToButton)
    np.testing.assert_array_equal(positions(points), start)
    np.testing.assert_array_equal(host.slicer.util.arrayFromVolume(contrast), voxels)
    copy = host.slicer.util.getNode("points warped to fixed")
    np.testing.assert_allclose(positions(copy), moved(transform, start), atol=1e-3)
    volume = host.slicer.util.getNode("T2 warped to fixed")
    assert volume.GetImageData().GetDimensions() == fixed.GetImageData().GetDimensions()
    # Three times the moving volume, so its copy is nearly three times the warped volume.
    warped = host.slicer.util.arrayFromVolume(form.session.last.nodes["warped"])
    inner = (slice(6, -6),) * 3
    ratio = host.slicer.util.arrayFromVolume(volume)[inner] / warped[inner]
    assert abs(np.median(ratio) - 3) < 0.15
    assert "T2 warped to fixed" in form.ui.applyMessageLabel.text
    count = host.slicer.mrmlScene.GetNumberOfNodes()
    host.click(form.ui.undoApplyButton)
    assert host.slicer.util.getNodes("* warped to fixed*", useLists=True).keys() == {
        form.session.last.nodes["warped"].GetName()
    }
    assert host.slicer.mrmlScene.GetNumberOfNodes() < count


def test_the_same_copy_is_used_again(
    host: Any, form: Any, section: Any, points: Any, contrast: Any
) -> None:
    tick(host, form, points)
    host.check(form.ui.copiesCheckBox)
    host.click(form.ui.applyToButton)
    copy = host.slicer.util.getNode("points warped to fixed")
    first = positions(copy)
    points.SetNthControlPointPosition(0, 2.0, 2.0, 2.0)
    host.click(form.ui.applyToButton)
    assert not host.slicer.util.getNodes("points warped to fixed_1")
    transform = form.session.last.nodes["transform"]
    expected = moved(transform, positions(points))
    np.testing.assert_allclose(positions(copy), expected, atol=1e-3)
    host.click(form.ui.undoApplyButton)
    np.testing.assert_allclose(positions(copy), first, atol=1e-6)


def test_a_copy_that_was_deleted_is_made_anew(
    host: Any, form: Any, section: Any, points: Any, contrast: Any
) -> None:
    tick(host, form, points)
    host.check(form.ui.copiesCheckBox)
    host.click(form.ui.applyToButton)
    host.slicer.mrmlScene.RemoveNode(host.slicer.util.getNode("points warped to fixed"))
    host.click(form.ui.applyToButton)
    assert host.slicer.util.getNode("points warped to fixed").GetNumberOfControlPoints() == 3


def test_copies_against_the_transform(
    host: Any, form: Any, section: Any, points: Any, contrast: Any
) -> None:
    tick(host, form, points)
    host.check(form.ui.copiesCheckBox)
    host.check(form.ui.inverseCheckBox)
    host.click(form.ui.applyToButton)
    copy = host.slicer.util.getNode("points warped to moving")
    inverse = form.session.last.nodes["inverse"]
    np.testing.assert_allclose(positions(copy), moved(inverse, positions(points)), atol=1e-3)


def test_they_move_with_each_run(
    host: Any, form: Any, section: Any, points: Any, contrast: Any, registered: Any
) -> None:
    tick(host, form, points, contrast, form.parameters.movingVolume)
    section.run_finished(form.session.last)
    assert not host.slicer.util.getNodes("points warped*")  # not asked for
    host.check(form.ui.alongCheckBox)
    section.run_finished(registered())
    transform = form.session.last.nodes["transform"]
    copy = host.slicer.util.getNode("points warped to fixed")
    np.testing.assert_allclose(positions(copy), moved(transform, positions(points)), atol=1e-3)
    assert host.slicer.util.getNode("T2 warped to fixed") is not None
    # The moving volume has its own output; the ticks stay for the next run.
    assert len(host.slicer.util.getNodes("moving warped to fixed*", useLists=True)) == 1
    assert len(form.ui.applyNodesSelector.checkedNodes()) == 3


def test_a_run_without_a_transform_is_told(
    host: Any, form: Any, section: Any, points: Any, contrast: Any, registered: Any
) -> None:
    tick(host, form, points)
    host.check(form.ui.alongCheckBox)
    for node in list(form.session.last.nodes.values()):
        host.slicer.mrmlScene.RemoveNode(node)
    section.run_finished(registered(outputs={"warped": None, "metrics": None}))
    assert "has made no transform" in form.ui.applyMessageLabel.text
    assert not host.slicer.util.getNodes("points warped*")
