"""The displacement in mm in the views, and the deformation under the cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def _shift(points: np.ndarray) -> np.ndarray:
    """Fixed points go 6 mm to the right (LPS: against x) for their partners, fewer outside."""
    vectors = np.zeros_like(points)
    vectors[..., 0] = -6.0 * np.exp(-((points / 14) ** 2).sum(axis=-1))
    return vectors


@pytest.fixture
def shown(form: Any, registered: Callable[..., Any]) -> Any:
    pair = registered(_shift)
    form.parameters.fixedVolume, form.parameters.movingVolume = pair.fixed, pair.moving
    form.section.update()
    return pair


def test_one_click_shows_the_map_with_its_bar(
    host: Any, form: Any, shown: Any, picture: Callable[..., Any]
) -> None:
    slicer = host.slicer
    host.click(form.ui.displacementButton)
    volume = shown.nodes["displacement"]
    layers = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    assert layers.GetForegroundVolumeID() == volume.GetID()
    display = volume.GetDisplayNode()
    largest = slicer.util.arrayFromVolume(volume).max()
    assert display.GetWindowLevelMin() == 0
    assert largest <= display.GetWindowLevelMax() <= 1.5 * largest
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume)
    assert "mm" in legend.GetTitleText()
    image = picture("Red")
    red, blue = image[100, 100, 0] - image[100, 100, 2], image[30, 30, 0] - image[30, 30, 2]
    assert red > 40 > blue, "red where it moves most, blue where it rests"


def test_over_the_map_the_grid_has_its_colours_and_no_second_bar(
    host: Any, form: Any, shown: Any
) -> None:
    """One colour is one length."""
    transform, volume = shown.nodes["transform"], shown.nodes["displacement"]

    def bars() -> list[str]:
        found = host.slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
        return [bar.GetDisplayableNode().GetName() for bar in found if bar.GetVisibility()]

    def last_length() -> float:
        colors = transform.GetDisplayNode().GetColorNode()
        return float(colors.GetColorTransferFunction().GetRange()[1])

    host.click(form.ui.gridButton)
    host.click(form.ui.glyphsButton)
    own = last_length()
    assert bars() == [transform.GetName()]
    host.click(form.ui.displacementButton)
    assert bars() == [volume.GetName()]
    assert last_length() == volume.GetDisplayNode().GetWindowLevelMax()
    host.click(form.ui.glyphsButton)
    assert bars() == [volume.GetName()], "the grid is still there"
    host.click(form.ui.displacementButton)
    assert bars() == [transform.GetName()] and last_length() == own


def test_what_moves_little_is_left_out(host: Any, form: Any, shown: Any) -> None:
    assert not form.ui.leastSpinBox.enabled
    host.click(form.ui.displacementButton)
    display = shown.nodes["displacement"].GetDisplayNode()
    assert not display.GetApplyThreshold()
    host.set_value(form.ui.leastSpinBox, 2.5)
    assert display.GetApplyThreshold() and display.GetLowerThreshold() == 2.5
    assert display.GetUpperThreshold() > 6
    host.click(form.ui.displacementButton)
    host.click(form.ui.displacementButton)
    assert display.GetLowerThreshold() == 2.5, "as it was set"
    host.set_value(form.ui.leastSpinBox, 0)
    assert not display.GetApplyThreshold()


def test_one_map_at_a_time_and_none_is_left(host: Any, form: Any, shown: Any) -> None:
    scene = host.slicer.mrmlScene
    for first, second in (("displacement", "jacobian"), ("jacobian", "displacement")):
        host.click(getattr(form.ui, f"{first}Button"))
        host.click(getattr(form.ui, f"{second}Button"))
        assert not getattr(form.ui, f"{first}Button").checked
        assert form.section.display.shown == {second}
        assert len(host.slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")) == 1
        host.click(getattr(form.ui, f"{second}Button"))
        assert not host.slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    host.click(form.ui.displacementButton)
    host.click(form.ui.resetDisplayButton)
    assert not host.slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    layers = scene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    assert layers.GetForegroundVolumeID() != shown.nodes["displacement"].GetID()


def test_a_map_lies_over_the_fixed_image_alone(host: Any, form: Any, shown: Any) -> None:
    """Its voxels are those of the fixed image, while the inverse is drawn over the moving one."""
    display, ui = form.section.display, form.ui
    layers = host.slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    host.click(ui.gridButton)
    for name in ("displacement", "jacobian"):
        host.click(getattr(ui, f"{name}Button"))
        host.check(ui.ofInverseCheckBox)
        assert display.shown == {"grid"} and display.of_inverse, name
        assert layers.GetForegroundVolumeID() != shown.nodes[name].GetID()
        assert not getattr(ui, f"{name}Button").checked
        host.click(getattr(ui, f"{name}Button"))
        assert display.shown == {"grid", name} and not display.of_inverse
        assert layers.GetForegroundVolumeID() == shown.nodes[name].GetID()
        assert layers.GetBackgroundVolumeID() == shown.fixed.GetID()
        assert not ui.ofInverseCheckBox.checked


def test_the_bars_of_two_layers_do_not_overlap(host: Any, form: Any, shown: Any) -> None:
    host.click(form.ui.gridButton)
    host.click(form.ui.jacobianButton)
    bars = host.slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    left, right = sorted(bar.GetPosition()[0] for bar in bars)
    assert left < 0.1 and right > 0.9


# Under the cursor


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        # The moving anatomy came from the right (RAS +x) by about 6 mm, so it went to the left.
        ((0.75, 0.75, 1.0), "5.9 mm (5.9 L)"),
        ((500.0, 0.0, 0.0), ""),
    ],
)
def test_the_way_of_a_point(shown: Any, point: Any, expected: str, registered: Any) -> None:
    from SlicerLDMRegLib.slicer_app.display.point_text import point_text
    from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay

    text = point_text(ResultDisplay(shown.fixed, shown.moving), point)
    assert text.split(";")[0] == expected


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(0.1, "volume \u221225 %"), (-0.1, "volume +37 %"), (0.0, "volume unchanged"),
     (-1.5, "the map folds here")],
)  # fmt: skip
def test_the_change_of_volume(
    host: Any, registered: Callable[..., Any], factor: float, expected: str
) -> None:
    """x + u(x) = 1.1 x: the moving tissue was 1.331 times as large, and has shrunk by a quarter."""
    from SlicerLDMRegLib.slicer_app.display.point_text import point_text
    from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay

    pair = registered(lambda points: factor * points)
    text = point_text(ResultDisplay(pair.fixed, pair.moving), (0.0, 0.0, 0.0))
    assert text.split("; ")[1] == expected


def test_without_a_jacobian_map_or_a_transform(host: Any, shown: Any) -> None:
    from SlicerLDMRegLib.slicer_app.display.point_text import point_text
    from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay

    display = ResultDisplay(shown.fixed, shown.moving)
    host.slicer.mrmlScene.RemoveNode(shown.nodes["jacobian"])
    assert ";" not in point_text(display, (0.75, 0.75, 1.0))
    host.slicer.mrmlScene.RemoveNode(shown.nodes["transform"])
    assert point_text(display, (0.75, 0.75, 1.0)) == ""


def test_a_transform_node_that_is_empty_still(host: Any, shown: Any) -> None:
    from SlicerLDMRegLib.slicer_app.display.point_text import point_text
    from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay

    shown.nodes["transform"].SetAndObserveTransformFromParent(None)
    assert point_text(ResultDisplay(shown.fixed, shown.moving), (0.75, 0.75, 1.0)) == ""


def test_the_line_follows_the_cursor(host: Any, form: Any, shown: Any) -> None:
    from SlicerLDMRegLib.slicer_app.panel.cursor_section import CursorSection

    scene = host.slicer.mrmlScene
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is None:
        crosshair = scene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    form.sections = {"display": form.section}
    section = CursorSection(form.ui, form)
    section.update()
    label = form.ui.cursorLabel
    assert "Point at the image" in label.text
    crosshair.SetCursorPositionRAS([0.75, 0.75, 1.0])
    assert label.text.startswith("5.9 mm (5.9 L)")
    crosshair.SetCursorPositionInvalid()
    assert "Point at the image" in label.text
    form.parameters = None  # another module is open
    section.update()
    crosshair.SetCursorPositionRAS([0.75, 0.75, 1.0])
    assert not section.Observations
    section.cleanup()
