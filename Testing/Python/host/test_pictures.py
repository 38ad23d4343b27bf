"""Pictures: panels, slice views with volumes and grids, 3D views, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


def _pixels(host: Any, path: Path) -> np.ndarray:
    image = host.qt.QImage(str(path)).convertToFormat(host.qt.QImage.Format_RGB888)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


@pytest.fixture
def bright_corner(host: Any) -> Any:
    """A volume of 40 x 40 x 1 pixels of 1 mm: bright where R and A are small."""
    array = np.zeros((1, 40, 40), np.float32)
    array[0, :20, :20] = 100
    node = host.slicer.util.addVolumeFromArray(array, name="Image")
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevelMinMax(0, 100)
    host.slicer.util.setSliceViewerLayers(background=node, fit=True)
    return node


def test_a_slice_view_shows_the_volume(host: Any, bright_corner: Any, tmp_path: Path) -> None:
    view = host.slicer.app.layoutManager().sliceWidget("Red")
    host._grab_view(view.sliceView(), tmp_path / "first.png", (200, 200))
    view.fitSliceToBackground()
    pixels = _pixels(host, host.grab_slice("Red", tmp_path / "red.png", (200, 200)))
    assert pixels.shape == (200, 200, 3)
    # R points to the left of the picture, A to the top: the corner of small R and A is at the
    # right below.
    bright = pixels.mean(axis=2) > 128
    rows, columns = np.nonzero(bright)
    assert 0.2 < bright.mean() < 0.3
    assert rows.min() >= 95
    assert columns.min() >= 95


def test_layers_are_blended(host: Any, bright_corner: Any, tmp_path: Path) -> None:
    other = host.slicer.util.addVolumeFromArray(np.full((1, 40, 40), 100, np.float32), name="Other")
    other.GetDisplayNode().SetAutoWindowLevel(False)
    other.GetDisplayNode().SetWindowLevelMinMax(0, 100)
    host.slicer.util.setSliceViewerLayers(foreground=other, foregroundOpacity=0.5)
    pixels = _pixels(host, host.grab_slice("Red", tmp_path / "blend.png", (100, 100)))
    levels = np.unique(pixels[10:90, 10:90].mean(axis=2).round(-1))
    assert {130.0, 250.0} <= set(levels) or {130.0, 260.0} <= set(levels)


def test_a_warped_grid_is_drawn(host: Any, bright_corner: Any, tmp_path: Path) -> None:
    import vtk

    slicer = host.slicer
    before = _pixels(host, host.grab_slice("Red", tmp_path / "plain.png", (200, 200)))
    image = vtk.vtkImageData()
    image.SetDimensions(5, 5, 2)
    image.SetSpacing(10, 10, 10)
    image.SetOrigin(-40, -40, -5)
    image.AllocateScalars(vtk.VTK_DOUBLE, 3)
    grid = slicer.vtkOrientedGridTransform()
    grid.SetDisplacementGridData(image)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "Field")
    node.SetAndObserveTransformFromParent(grid)
    slicer.util.arrayFromGridTransform(node)[:] = (2.0, 0.0, 0.0)
    slicer.util.arrayFromGridTransformModified(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisualizationMode(display.VIS_MODE_GRID)
    display.SetGridSpacingMm(5)
    display.SetAndObserveRegionNode(bright_corner)
    for switch in (display.SetVisibility, display.SetVisibility2D):
        switch(True)
    after = _pixels(host, host.grab_slice("Red", tmp_path / "grid.png", (200, 200)))
    changed = np.abs(after - before).sum(axis=2) > 30
    assert 0.02 < changed.mean() < 0.6


def test_a_model_is_shown_in_3d(host: Any, tmp_path: Path) -> None:
    import vtk

    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(50)
    model = host.slicer.modules.models.logic().AddModel(sphere.GetOutputPort())
    model.GetDisplayNode().SetColor(1, 0, 0)
    host.slicer.util.resetThreeDViews()
    pixels = _pixels(host, host.grab_three_d(tmp_path / "3d.png", (200, 150)))
    assert pixels.shape == (150, 200, 3)
    assert pixels[75, 100, 0] > pixels[75, 100, 2] + 50


def test_a_panel_is_shown_at_its_full_height(host: Any, tiny_path: Path, tmp_path: Path) -> None:
    host.load_module(tiny_path)
    host.open_module("TinyModule")
    light = _pixels(host, host.grab_panel(tmp_path / "light.png", 360))
    assert light.shape[1] == 360
    host.check("optionsButton")
    taller = _pixels(host, host.grab_panel(tmp_path / "taller.png", 360))
    assert taller.shape[0] > light.shape[0]
    host.set_palette("dark")
    dark = _pixels(host, host.grab_panel(tmp_path / "dark.png", 360))
    assert light.mean() > 180 > 90 > dark.mean()
    assert host.widget("applyButton").visible  # the panel is back in its window


def test_the_window_shows_panel_and_views(
    host: Any, bright_corner: Any, tiny_path: Path, tmp_path: Path
) -> None:
    host.load_module(tiny_path)
    host.open_module("TinyModule")
    pixels = _pixels(host, host.grab_window(tmp_path / "window.png", (1000, 700)))
    assert pixels.shape == (700, 1000, 3)
    assert pixels[:, :300].mean() > 180  # the panel
    blue = (pixels[..., 2] > pixels[..., 0] + 20) & (pixels[..., 2] > 120)
    assert blue[:350, 700:].mean() > 0.3  # the 3D view


def test_layouts_change(host: Any) -> None:
    layout = host.slicer.app.layoutManager()
    node = layout.layoutLogic().GetLayoutNode()
    assert sorted(layout.sliceViewNames()) == ["Green", "Red", "Yellow"]
    shown: list[int] = []
    layout.connect("layoutChanged(int)", shown.append)
    layout.setLayout(node.SlicerLayoutOneUpRedSliceView)
    host.process_events()
    assert shown == [node.SlicerLayoutOneUpRedSliceView] == [layout.layout]
    assert layout.sliceWidget("Red").visible
    assert not layout.sliceWidget("Green").visible


def test_a_slice_is_moved_by_its_controller(host: Any, bright_corner: Any) -> None:
    widget = host.slicer.app.layoutManager().sliceWidget("Yellow")
    widget.fitSliceToBackground()
    slider = widget.sliceController().sliceOffsetSlider()
    slider.value = -12.0
    assert widget.sliceLogic().GetSliceOffset() == pytest.approx(-12.0)
    widget.sliceLogic().SetSliceOffset(-20.0)
    assert slider.value == pytest.approx(-20.0)
