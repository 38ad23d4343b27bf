"""Grid, arrows and maps that a saved scene shows are switched on when it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def bend(points: np.ndarray) -> np.ndarray:
    return np.stack([3 * np.cos(points[..., 1] / 9), 0 * points[..., 0], 0 * points[..., 0]], -1)


@pytest.fixture
def reload(host: Any, registered: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Register, show something, save, load; the display of the loaded nodes."""

    def run(show: Callable[[Any], object], vectors: Any = bend) -> Any:
        from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay

        result = registered(vectors)
        show(ResultDisplay(result.fixed, result.moving))
        file = str(tmp_path / "scene.mrb")
        assert host.slicer.util.saveScene(file)
        host.slicer.mrmlScene.Clear(0)
        host.slicer.util.loadScene(file)
        host.process_events()
        display = ResultDisplay(*(host.slicer.util.getNode(name) for name in ("fixed", "moving")))
        assert display.shown == set()
        display.adopt()
        return display

    return run


def drawn(display: Any, output: str = "transform") -> list[str]:
    node = display.output(output)
    nodes = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    found = {"grid": 0, "glyphs": 0}
    for one in nodes:
        mark = "" if one is None else (one.GetAttribute("LDMReg.Shows") or "").split(" ")[0]
        if mark in found and one.GetVisibility():
            found[mark] += 1
    return [name for name, count in found.items() if count]


def in_front(host: Any, volume: Any) -> bool:
    nodes = host.slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return any(node.GetForegroundVolumeID() == volume.GetID() for node in nodes)


def test_a_grid(reload: Callable[..., Any]) -> None:
    def show(display: Any) -> None:
        display.show_grid(True)
        display.set_spacing(7.0)

    display = reload(show)
    assert display.shown == {"grid"} and display.spacing == 7.0
    assert drawn(display) == ["grid"]
    display.show_grid(False)
    assert display.shown == set() and drawn(display) == []


def test_grid_and_arrows(reload: Callable[..., Any]) -> None:
    display = reload(lambda d: (d.show_grid(True), d.show_glyphs(True)))
    assert display.shown == {"grid", "glyphs"} and drawn(display) == ["grid", "glyphs"]
    display.reset()
    assert drawn(display) == []


@pytest.mark.parametrize("name", ["jacobian", "displacement"])
def test_a_map(host: Any, reload: Callable[..., Any], name: str) -> None:
    display = reload(lambda d: getattr(d, f"show_{name}")(True))
    assert display.shown == {name}
    assert in_front(host, display.output(name))
    getattr(display, f"show_{name}")(False)
    assert not in_front(host, display.output(name)) and display.shown == set()


def test_the_grid_of_the_inverse(reload: Callable[..., Any]) -> None:
    display = reload(lambda d: (d.show_grid(True), d.show_of_inverse(True)))
    assert display.shown == {"grid"} and display.of_inverse
    assert drawn(display, "inverse") == ["grid"] and drawn(display) == []


def test_images_alone_are_left_as_they_are(host: Any, reload: Callable[..., Any]) -> None:
    from SlicerLDMRegLib.slicer_app.display.layers import Mode

    display = reload(lambda d: d.show(Mode.BLEND))
    assert display.shown == set() and display.mode is None and not display.changed
    assert in_front(host, display.output("warped"))


def test_folds_an_uncertainty_and_slices_in_3d(host: Any, reload: Callable[..., Any]) -> None:
    def show(display: Any) -> None:
        # Any map of lengths will do.
        display.output("displacement").SetAttribute("LDMReg.Output", "uncertainty")
        display.use_outputs()
        display.show_uncertainty(True)
        display.show_folds(True)
        display.show_in_3d(True)

    display = reload(show, lambda points: -2.0 * np.abs(points) * [1, 0, 0])
    assert display.shown == {"uncertainty", "folds", "3d"}
    assert in_front(host, display.output("uncertainty"))
    folds, views = display.output("folds"), host.slicer.util.getNodesByClass("vtkMRMLSliceNode")
    assert any(view.GetSliceVisible() for view in views)
    display.reset()
    assert display.shown == set() and not in_front(host, display.output("uncertainty"))
    assert not any(
        folds.GetNthDisplayNode(n).GetVisibility() for n in range(folds.GetNumberOfDisplayNodes())
    )
    assert not any(view.GetSliceVisible() for view in views)


def test_what_a_map_leaves_out(reload: Callable[..., Any]) -> None:
    display = reload(lambda d: (d.show_displacement(True), d.set_least(1.5)))
    assert display.shown == {"displacement"} and display.least == 1.5


def test_the_buttons_of_a_loaded_scene(
    host: Any, form: Any, registered: Callable[..., Any], tmp_path: Path
) -> None:
    result = registered(bend)
    form.parameters.fixedVolume, form.parameters.movingVolume = result.fixed, result.moving
    form.section.update()
    host.click(form.ui.gridButton)
    host.click(form.ui.jacobianButton)
    file = str(tmp_path / "scene.mrb")
    assert host.slicer.util.saveScene(file)
    form.parameters.fixedVolume = form.parameters.movingVolume = None
    host.slicer.mrmlScene.Clear(0)
    form.section.update()
    assert not form.ui.gridButton.checked
    host.slicer.util.loadScene(file)
    form.imports += 1
    form.parameters.fixedVolume, form.parameters.movingVolume = (
        host.slicer.util.getNode(name) for name in ("fixed", "moving")
    )
    form.section.update()
    ui = form.ui
    assert (ui.gridButton.checked, ui.jacobianButton.checked) == (True, True)
    host.click(ui.gridButton)
    host.click(ui.resetDisplayButton)
    assert not (ui.gridButton.checked or ui.jacobianButton.checked)
    assert drawn(form.section.display) == []
