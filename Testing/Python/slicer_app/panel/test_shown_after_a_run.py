"""A result on the panel and in the views, wherever the user is when it arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def layers(host: Any) -> Callable[[], tuple[str | None, str | None]]:
    """The names of the images in the red view."""

    def read() -> tuple[str | None, str | None]:
        scene = host.slicer.mrmlScene
        view = scene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
        found = [
            scene.GetNodeByID(name) if name else None
            for name in (view.GetBackgroundVolumeID(), view.GetForegroundVolumeID())
        ]
        return tuple(None if node is None else node.GetName() for node in found)  # type: ignore[return-value]

    return read


def _mode(panel: Any) -> str | None:
    display = panel.sections["display"].display
    return None if display is None or display.mode is None else display.mode.value


def test_it_arrives_while_another_module_is_open(
    host: Any, panel: Any, pair: Any, finish: Any, layers: Any
) -> None:
    host.click("applyButton")
    host.close_module()
    before = layers()
    finish()
    for _ in range(5):
        host.process_events()
    assert layers() == before, "the views belong to the other module"
    host.open_module("SlicerLDMReg")
    host.wait_until(lambda: _mode(panel) == "blend")
    assert layers() == ("ED", "ES warped to ED")
    assert not host.widget("displaySection").collapsed
    assert host.widget("verdictLabel").visible
    assert host.widget("foldsButton").checked, "as after any run with folds"


def test_it_was_reverted_before_the_module_was_opened_again(
    host: Any, panel: Any, pair: Any, finish: Any, session: Any
) -> None:
    host.click("applyButton")
    host.close_module()
    finish()
    session.revert()
    host.open_module("SlicerLDMReg")
    for _ in range(5):
        host.process_events()
    assert _mode(panel) is None


def test_the_scene_was_closed_before_the_module_was_opened_again(
    host: Any, panel: Any, pair: Any, finish: Any
) -> None:
    host.click("applyButton")
    host.close_module()
    finish()
    host.slicer.mrmlScene.Clear(0)
    host.open_module("SlicerLDMReg")
    for _ in range(5):
        host.process_events()
    assert _mode(panel) is None


def test_two_results_arrive_meanwhile(host: Any, panel: Any, pair: Any, finish: Any) -> None:
    """One by one of the module, started by another one."""
    host.click("applyButton")
    panel.parameters.makeFolds = True
    host.close_module()
    finish()
    panel.session.plan = panel.session.last.plan
    finish()
    host.open_module("SlicerLDMReg")
    host.wait_until(lambda: _mode(panel) == "blend")


def test_it_arrives_while_other_volumes_are_chosen(
    host: Any, panel: Any, pair: Any, finish: Any, add_volume: Any, layers: Any
) -> None:
    host.click("applyButton")
    other = add_volume("other", seed=3)
    host.select("fixedSelector", other)
    before = layers()
    finish()
    for _ in range(5):
        host.process_events()
    assert _mode(panel) is None
    assert layers() == before
    assert host.widget("displaySection").collapsed
    host.select("fixedSelector", pair[0])
    assert host.widget("blendButton").enabled


def test_sections_stay_folded_when_one_comes_back(
    host: Any, panel: Any, pair: Any, finish: Any
) -> None:
    host.click("applyButton")
    finish()
    host.wait_until(lambda: not host.widget("resultsSection").collapsed)
    host.widget("resultsSection").collapsed = True
    host.close_module()
    host.open_module("SlicerLDMReg")
    for _ in range(5):
        host.process_events()
    assert host.widget("resultsSection").collapsed


def test_three_clicks_from_two_volumes_to_their_displacement(
    host: Any, panel: Any, add_volume: Any, add_segmentation: Any, finish: Any, layers: Any
) -> None:
    """Beside the one that opens the module."""
    fixed = add_volume("ED")
    add_volume("ES", seed=1)
    panel.parameters.fixedLabels = add_segmentation(fixed, "ball", "cube")
    host.process_events()
    host.click("applyButton")
    finish()
    host.wait_until(lambda: not host.widget("resultsSection").collapsed)
    host.click("displacementButton")
    assert layers() == ("ED", "ES to ED, displacement")
    assert host.widget("cursorLabel").visible


# Other volumes are chosen afterwards


def _show_result(host: Any, panel: Any, finish: Any) -> None:
    host.click("applyButton")
    finish()
    host.wait_until(lambda: _mode(panel) == "blend")


def test_views_with_other_images_stay(
    host: Any, panel: Any, pair: Any, finish: Any, add_volume: Any, layers: Any
) -> None:
    first = add_volume("before", seed=7)
    host.slicer.util.setSliceViewerLayers(background=first)
    _show_result(host, panel, finish)
    # Slicer shows what is loaded.
    fixed, moving = add_volume("new", seed=8), add_volume("newer", seed=9)
    host.slicer.util.setSliceViewerLayers(background=moving, foreground=None)
    host.select("fixedSelector", fixed)
    host.select("movingSelector", moving)
    assert layers() == ("newer", None)


def test_views_with_the_former_result_go_on_to_the_new_image(
    host: Any, panel: Any, pair: Any, finish: Any, add_volume: Any, layers: Any
) -> None:
    first = add_volume("before", seed=7)
    host.slicer.util.setSliceViewerLayers(background=first)
    _show_result(host, panel, finish)
    host.select("fixedSelector", add_volume("new", seed=8))
    assert layers() == ("new", None)


@pytest.mark.parametrize("button", ["differenceButton", "checkerboardButton", "jacobianButton"])
def test_no_view_keeps_what_was_made_for_the_former_pair(
    host: Any, panel: Any, pair: Any, finish: Any, add_volume: Any, layers: Any, button: str
) -> None:
    _show_result(host, panel, finish)
    host.click(button)
    display = panel.sections["display"]
    host.wait_until(lambda: not display._comparisons.making)
    legends = host.slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    assert legends or button == "checkerboardButton"
    host.select("fixedSelector", add_volume("new", seed=8))
    assert layers() == ("new", None)
    assert not host.slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    names = [n.GetName() for n in host.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]
    assert not [name for name in names if name.startswith(("Difference", "Checkerboard"))]


def test_where_the_user_looks_stays(
    host: Any, panel: Any, pair: Any, finish: Any, add_volume: Any
) -> None:
    """The slice, and how much of it: not those before the first result."""
    _show_result(host, panel, finish)
    view = host.slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    view.JumpSliceByOffsetting(4.0, 4.0, 6.0)
    view.SetFieldOfView(11.0, 11.0, 1.0)
    expected = view.GetSliceOffset(), view.GetFieldOfView()
    host.select("movingSelector", add_volume("new", seed=8))
    assert (view.GetSliceOffset(), view.GetFieldOfView()) == expected


def test_slices_in_3d_are_taken_back(
    host: Any, panel: Any, pair: Any, finish: Any, add_volume: Any
) -> None:
    _show_result(host, panel, finish)
    host.click("threeDButton")
    views = host.slicer.util.getNodesByClass("vtkMRMLSliceNode")
    assert any(view.GetSliceVisible() for view in views)
    host.select("movingSelector", add_volume("new", seed=8))
    assert not any(view.GetSliceVisible() for view in views)


def test_reset_views_still_brings_back_what_was_there(
    host: Any, panel: Any, pair: Any, finish: Any, add_volume: Any, layers: Any
) -> None:
    first = add_volume("before", seed=7)
    host.slicer.util.setSliceViewerLayers(background=first)
    _show_result(host, panel, finish)
    host.click("resetDisplayButton")
    assert layers()[0] == "before"


# A dialog is open, such as the question to save the scene before it is closed


@pytest.fixture
def dialog(host: Any) -> Any:
    made = host.qt.QDialog(host.slicer.util.mainWindow())
    made.setModal(True)
    yield made
    made.hide()
    made.deleteLater()
    host.process_events()


def test_views_stay_while_a_dialog_asks(
    host: Any, panel: Any, pair: Any, finish: Any, layers: Any, dialog: Any
) -> None:
    host.click("applyButton")
    before = layers()
    dialog.show()
    finish()
    for _ in range(20):
        host.process_events()
    assert layers() == before and _mode(panel) is None
    dialog.hide()
    host.wait_until(lambda: _mode(panel) == "blend")


def test_a_comparison_waits_for_a_dialog(
    host: Any, panel: Any, pair: Any, finish: Any, dialog: Any
) -> None:
    _show_result(host, panel, finish)
    count = host.slicer.mrmlScene.GetNumberOfNodes()
    dialog.show()
    host.click("differenceButton")
    made = panel.sections["display"]._comparisons
    for _ in range(20):
        host.process_events()
    assert made.making
    assert host.slicer.mrmlScene.GetNumberOfNodes() == count
    dialog.hide()
    host.wait_until(lambda: _mode(panel) == "difference")


def test_flicker_rests_while_a_dialog_asks(
    host: Any, panel: Any, pair: Any, finish: Any, dialog: Any
) -> None:
    _show_result(host, panel, finish)
    host.click("flickerButton")
    section = panel.sections["display"]
    view = host.slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    dialog.show()
    before = view.GetForegroundOpacity()
    for _ in range(3):
        section._on_flicker()
        assert view.GetForegroundOpacity() == before
    dialog.hide()
    section._on_flicker()
    assert view.GetForegroundOpacity() != before


# One view


def test_an_image_of_one_slice_is_shown_alone_and_the_views_given_back(
    host: Any, panel: Any, flat_pair: Any, finish: Any
) -> None:
    layout = host.slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    before = layout.GetViewArrangement()
    _show_result(host, panel, finish)
    button = host.widget("oneViewButton")
    host.click(button)
    assert layout.GetViewArrangement() == layout.SlicerLayoutOneUpRedSliceView
    assert button.checked
    host.click(button)
    assert layout.GetViewArrangement() == before
    host.click(button)
    host.click("resetDisplayButton")
    assert layout.GetViewArrangement() == before
    host.click(button)
    host.click("threeDButton")  # which needs a 3D view
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpView
    assert not button.checked
    host.click("threeDButton")
    host.click(button)
    host.select("fixedSelector", None)
    host.select("movingSelector", None)
    assert layout.GetViewArrangement() == before
    assert not button.enabled


def test_volumes_and_views_that_are_alone_need_no_single_view(
    host: Any, panel: Any, pair: Any, finish: Any, add_volume: Any
) -> None:
    _show_result(host, panel, finish)
    assert not host.widget("oneViewButton").enabled
    flat = [add_volume(name, (1, 10, 12)) for name in ("flat", "flatter")]
    layout = host.slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    layout.SetViewArrangement(layout.SlicerLayoutOneUpRedSliceView)
    host.select("fixedSelector", flat[0])
    host.select("movingSelector", flat[1])
    assert not host.widget("oneViewButton").enabled
    layout.SetViewArrangement(layout.SlicerLayoutFourUpView)
    panel.update()
    assert host.widget("oneViewButton").enabled


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_view_in_whose_plane_the_image_lies(
    host: Any, panel: Any, finish: Any, add_volume: Any, axis: int
) -> None:
    shape = [14, 10, 12]
    shape[axis] = 1
    for name in ("flat", "flatter"):
        add_volume(name, tuple(shape))
    _show_result(host, panel, finish)
    host.click("oneViewButton")
    layout = host.slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    expected = ("Red", "Green", "Yellow")[axis]
    assert layout.GetViewArrangement() == getattr(layout, f"SlicerLayoutOneUp{expected}SliceView")
