"""The slices that the views show, the memory of displays, and results of a saved scene."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.Python.calls import note_calls

SIZE = (200, 200)


def _wave(points: np.ndarray) -> np.ndarray:
    return np.stack([np.sin(points[..., n] / 6) for n in range(points.shape[-1])], axis=-1)


def _bright(geometry: Any) -> Any:
    array = np.full(geometry.array_shape, 100, np.float32)
    array.reshape(-1)[:3] = 0
    return geometry.to_image(array)


def _display(pair: Any) -> Any:
    from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay

    return ResultDisplay(pair.fixed, pair.moving)


def _node(host: Any, view: str) -> Any:
    return host.slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{view}")


def _axes(node: Any) -> np.ndarray:
    matrix = node.GetSliceToRAS()
    return np.array([[matrix.GetElement(r, c) for c in range(3)] for r in range(3)])


def _plane(name: str) -> tuple[str, Any]:
    """The view that an image of one slice belongs to, and its lattice (LPS)."""
    from Testing.Python.slicer_app.scenes import lattice, rotation

    tilt = rotation(0.2, -0.3, 0.4)
    sagittal = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # i: posterior, j: up, k: left
    coronal = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    return {
        "axial": ("Red", lattice((40, 30, 1), (1.0, 1.0, 8.0), None, (60, -40, 30))),
        "coronal": ("Green", lattice((40, 30, 1), (1.0, 1.0, 1.0), coronal, (9, 8, 7))),
        "sagittal": ("Yellow", lattice((40, 30, 1), (1.0, 1.0, 1.0), sagittal, (-50, 8, 7))),
        "sagittal stack": ("Yellow", lattice((1, 40, 30), (4.0, 1.0, 1.0), None, (-50, 8, 7))),
        "tilted": ("Red", lattice((40, 30, 1), (1.0, 1.5, 2.0), tilt, (10, 20, 30))),
        "tilted sagittal": ("Yellow", lattice((40, 30, 1), (1.0, 1.5, 2.0), tilt @ sagittal)),
    }[name]


@pytest.mark.parametrize(
    "name", ["axial", "coronal", "sagittal", "sagittal stack", "tilted", "tilted sagittal"]
)
def test_an_image_of_one_slice_fills_the_view_it_belongs_to(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any], name: str
) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode

    view, geometry = _plane(name)
    pair = registered(_wave, geometry, images=_bright)
    display = _display(pair)
    for other in ("Red", "Green", "Yellow"):
        picture(other, SIZE)  # the views have their size
    display.show(Mode.WARPED)
    lit = picture(view, SIZE).max(axis=2) > 100
    assert max(lit.any(axis=0).mean(), lit.any(axis=1).mean()) > 0.93
    assert min(lit.any(axis=0).mean(), lit.any(axis=1).mean()) > 0.6
    # In its plane: one of the axes of the image is the normal of the view.
    through = geometry.size.index(1)
    normal = geometry.direction_matrix[:, through] * [-1, -1, 1]
    assert abs(_axes(_node(host, view))[:, 2] @ normal) == pytest.approx(1, abs=1e-6)
    # Upright: what was to the right or up in the standard view still is.
    up = _axes(_node(host, view))[:, 1]
    assert up @ {"Red": [0, 1, 0], "Green": [0, 0, 1], "Yellow": [0, 0, 1]}[view] > 0.5


def test_the_grid_of_one_slice_is_drawn_only_where_the_slice_is(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any]
) -> None:
    view, geometry = _plane("coronal")
    display = _display(registered(_wave, geometry, images=_bright))
    for other in ("Red", "Green", "Yellow"):
        picture(other, SIZE)
    display.show_grid(True)
    for other in ("Red", "Green", "Yellow"):
        pixels = picture(other, SIZE)
        colored = (pixels.max(axis=2) - pixels.min(axis=2) > 60).mean()
        assert (colored > 0.1) == (other == view), other


def test_segments_are_outlined_while_images_are_compared(
    host: Any, registered: Callable[..., Any]
) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode

    display = _display(registered(_wave))
    slicer = host.slicer
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    shown = node.GetDisplayNode()
    assert shown.GetVisibility2DFill()
    display.show(Mode.WARPED)
    assert shown.GetVisibility()
    assert (shown.GetVisibility2DFill(), shown.GetVisibility2DOutline()) == (0, 1)
    display.reset()
    assert shown.GetVisibility2DFill()


def test_views_of_an_oblique_volume_turn_to_its_axes(
    host: Any, registered: Callable[..., Any]
) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode
    from Testing.Python.slicer_app.scenes import lattice, rotation

    geometry = lattice((30, 28, 26), (1.0, 1.2, 1.4), rotation(0.2, -0.3, 0.1), (5, 6, 7))
    display = _display(registered(_wave, geometry))
    display.show(Mode.FIXED)
    axes = geometry.direction_matrix * np.array([[-1.0], [-1.0], [1.0]])
    for view in ("Red", "Green", "Yellow"):
        cosines = np.abs(axes.T @ _axes(_node(host, view)))
        assert np.sort(cosines, axis=0)[-1] == pytest.approx([1, 1, 1], abs=1e-6)
    display.reset()
    assert _axes(_node(host, "Red"))[:, 2] == pytest.approx([0, 0, 1])


def test_a_moving_slice_in_another_place_is_found(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any]
) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode
    from Testing.Python.slicer_app.scenes import lattice

    fixed = lattice((40, 30, 1), (1.0, 1.0, 2.0), None, (0, 0, 0))
    moving = lattice((40, 30, 1), (1.0, 1.0, 2.0), None, (0, 0, 20))
    pair = registered(_wave, fixed, moving, images=_bright)
    display = _display(pair)
    picture("Red", SIZE)
    for mode in (Mode.FIXED, Mode.MOVING, Mode.WARPED):
        display.show(mode)
        assert (picture("Red", SIZE).max(axis=2) > 100).mean() > 0.5, mode


@pytest.mark.parametrize("kind", ["some slices", "tilted slice"])
def test_views_go_where_the_result_is(host: Any, registered: Callable[..., Any], kind: str) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode, ResultDisplay
    from Testing.Python.slicer_app.scenes import lattice, rotation, volume_node

    whole = lattice((40, 36, 30), (1.0, 1.0, 2.0))
    fixed = volume_node(_bright(whole), "fixed")
    moving = volume_node(_bright(whole), "moving")
    tilt = rotation(0.3, 0.2, 0.0)
    part = whole.crop((0, 0, 20), (40, 36, 3))
    if kind == "tilted slice":
        part = lattice((30, 30, 1), (1.0, 1.0, 2.0), tilt, (2, 3, 4))
    warped = volume_node(_bright(part), "warped")
    display = ResultDisplay(fixed, moving, {"warped": warped})
    display.show(Mode.CHECKERBOARD)
    node = _node(host, "Red")
    center = np.array(part.index_to_physical([n // 2 for n in part.size])) * [-1, -1, 1]
    normal = _axes(node)[:, 2]
    assert abs(normal @ (part.direction_matrix[:, 2] * [-1, -1, 1])) == pytest.approx(1, abs=1e-6)
    origin = np.array([node.GetSliceToRAS().GetElement(row, 3) for row in range(3)])
    assert (origin - center) @ normal == pytest.approx(0, abs=1e-6)
    # As much as there is of the fixed image fits in.
    assert node.GetFieldOfView()[0] >= 40


def test_a_layout_without_3d_view_is_exchanged(host: Any, registered: Callable[..., Any]) -> None:
    layout = host.slicer.app.layoutManager()
    node = layout.layoutLogic().GetLayoutNode()
    red, four = node.SlicerLayoutOneUpRedSliceView, node.SlicerLayoutFourUpView
    layout.setLayout(red)
    display = _display(registered(_wave))
    display.show_in_3d(True)
    assert layout.layout == four
    display.reset()
    assert layout.layout == red


def test_the_zoom_of_the_user_stays(host: Any, registered: Callable[..., Any]) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode

    display = _display(registered(_wave))
    display.show(Mode.FIXED)
    node = _node(host, "Red")
    node.SetFieldOfView(10, 10, 1)
    display.show(Mode.WARPED)
    display.show_jacobian(True)
    assert node.GetFieldOfView()[0] == 10


def test_views_go_to_the_folds(host: Any, registered: Callable[..., Any]) -> None:
    def folding(points: np.ndarray) -> np.ndarray:
        vectors = np.zeros_like(points)
        offset = points - [0.0, 0.0, 12.0]
        vectors[..., 0] = -2.5 * offset[..., 0] * np.exp(-((offset / 4) ** 2).sum(axis=-1))
        return vectors

    from SlicerLDMRegLib.slicer_app.display.result_display import Mode

    display = _display(registered(folding))
    display.show(Mode.FIXED)
    # Away from the folds in all three views.
    for view in ("Red", "Green", "Yellow"):
        _node(host, view).JumpSliceByOffsetting(15.0, 15.0, -10.0)
    display.show_folds(True)
    assert _node(host, "Red").GetSliceOffset() == pytest.approx(12.0, abs=1.1)


def test_windows_are_common_and_those_of_the_user_stay(
    host: Any, registered: Callable[..., Any]
) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode

    def window(node: Any) -> tuple[float, float]:
        display = node.GetDisplayNode()
        return display.GetWindowLevelMin(), display.GetWindowLevelMax()

    pair = registered(_wave)
    display = _display(pair)
    display.show(Mode.BLEND)
    assert window(pair.fixed) == window(pair.moving) == window(pair.nodes["warped"])
    display.reset()
    assert pair.fixed.GetDisplayNode().GetAutoWindowLevel()
    for node, high in ((pair.fixed, 3.0), (pair.moving, 5.0)):
        node.GetDisplayNode().SetAutoWindowLevel(False)
        node.GetDisplayNode().SetWindowLevelMinMax(0.0, high)
    display.show(Mode.BLEND)
    assert window(pair.fixed) == (0.0, 3.0)
    assert window(pair.moving) == window(pair.nodes["warped"]) == (0.0, 5.0)


def test_a_saved_scene_shows_its_result(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any], tmp_path: Path
) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode

    pair = registered(_wave)
    display = _display(pair)
    picture("Red", SIZE)
    display.show(Mode.DIFFERENCE)
    for switch in (display.show_grid, display.show_jacobian):
        switch(True)
    before = picture("Red", SIZE)
    slicer = host.slicer
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(0)
    del pair, display
    slicer.util.loadScene(str(path))
    fixed, moving = (slicer.util.getNode(name) for name in ("fixed", "moving"))
    for view in ("Red", "Green", "Yellow"):
        _node(host, view).Modified()  # as when the layout finds its sizes
    assert np.abs(picture("Red", SIZE) - before).mean() < 3  # as it was saved
    from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay

    display = ResultDisplay(fixed, moving)
    assert all(display.can_show(what) for what in ("warped", "grid", "jacobian"))
    count = len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
    display.show(Mode.DIFFERENCE)
    for switch in (display.show_grid, display.show_jacobian):
        switch(True)
    assert np.abs(picture("Red", SIZE) - before).mean() < 3
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == count


def test_what_is_missing_is_told(host: Any, registered: Callable[..., Any]) -> None:
    from SlicerLDMRegLib.errors import InputError
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode

    pair = registered(_wave)
    display = _display(pair)
    host.slicer.mrmlScene.RemoveNode(pair.nodes["transform"])
    host.slicer.mrmlScene.RemoveNode(pair.nodes["warped"])
    with pytest.raises(InputError, match="'transform'"):
        display.show_grid(True)
    with pytest.raises(InputError, match="'warped'"):
        display.show(Mode.BLEND)
    display.show(Mode.FIXED)
    host.slicer.mrmlScene.RemoveNode(pair.moving)
    with pytest.raises(InputError, match="moving volume was removed"):
        display.show(Mode.MOVING)
    display.reset()


@pytest.mark.parametrize("mode", ["checkerboard", "difference"])
def test_volumes_are_compared_in_a_thread(
    host: Any, registered: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    from SlicerLDMRegLib.slicer_app.display import images
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode
    from SlicerLDMRegLib.slicer_app.scene.steps import all_at_once, in_thread

    display = _display(registered(_wave))
    display.show(Mode.BLEND)
    threads = note_calls(monkeypatch, images, mode, threading.get_ident)
    make = display.mixer(Mode(mode))
    mix = all_at_once(in_thread(make))
    display.show_mix(Mode(mode), mix)
    assert len(threads) == 1 and threads[0] != threading.get_ident()
    volumes = host.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    shown = next(node for node in volumes if node.GetName().lower().startswith(mode))
    voxels = host.slicer.util.arrayFromVolume(shown)
    np.testing.assert_array_equal(voxels, sitk.GetArrayViewFromImage(mix.image))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_scales_are_those_of_all_planes(host: Any, axis: int) -> None:
    """Every n-th voxel of a large volume would miss them, or see nothing else."""
    from SlicerLDMRegLib.displacement import DisplacementField
    from SlicerLDMRegLib.slicer_app.display.deformation import longest_displacement
    from SlicerLDMRegLib.slicer_app.display.jacobian import jacobian_limit
    from Testing.Python.slicer_app.scenes import grid_from_field, lattice, volume_node

    geometry = lattice((128, 128, 128))
    determinant = np.ones(geometry.array_shape, np.float32)
    np.moveaxis(determinant, axis, 0)[1::8] = 2.9
    assert jacobian_limit(volume_node(geometry.to_image(determinant), "determinant")) == 4.0
    geometry = lattice((80, 80, 80))
    vectors = np.zeros((*geometry.array_shape, 3))
    np.moveaxis(vectors, axis, 0)[1::2, ..., 0] = 8.0
    vectors[0, 0, 0, 0] = 10.0
    node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "transform")
    node.SetAndObserveTransformFromParent(grid_from_field(DisplacementField(vectors, geometry)))
    assert longest_displacement(node) == pytest.approx(8.0)


def test_the_scale_of_a_small_deformation_is_its_own(
    host: Any, registered: Callable[..., Any]
) -> None:
    from SlicerLDMRegLib.slicer_app.display.deformation import longest_displacement

    def bump(points: np.ndarray) -> np.ndarray:
        vectors = np.zeros_like(points)
        vectors[..., 1] = 4.0 * np.exp(-((points / 2) ** 2).sum(axis=-1))
        return vectors

    pair = registered(bump)  # 2.4 mm at the nearest voxels, nothing at nearly all of them
    longest = longest_displacement(pair.nodes["transform"])
    assert 1.1 < longest < 2.5
    _display(pair).show_glyphs(True)
    display = pair.nodes["transform"].GetDisplayNode()
    assert display.GetGlyphDisplayRangeMaxMm() > 2.4
    assert display.GetGlyphDisplayRangeMinMm() < 0.3
