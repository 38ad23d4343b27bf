"""The section "Display" of the panel, used as a person does."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

MODES = ("fixed", "moving", "warped", "blend", "checkerboard", "flicker", "difference")
OVERLAYS = ("grid", "glyphs", "displacement", "jacobian", "folds")


def _fold(points: np.ndarray) -> np.ndarray:
    """Displacements that fold where the first axis runs through the middle."""
    vectors = np.zeros_like(points)
    vectors[..., 0] = -2.5 * points[..., 0] * np.exp(-((points / 6) ** 2).sum(axis=-1))
    return vectors


@pytest.fixture
def pair(form: Any, registered: Callable[..., Any]) -> Any:
    pair = registered(_fold)
    form.parameters.fixedVolume, form.parameters.movingVolume = pair.fixed, pair.moving
    form.section.update()
    return pair


def _layers(host: Any) -> Any:
    return host.slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")


def _states(host: Any) -> dict[str, str]:
    """The views and displays of the scene, as text."""
    scene, found = host.slicer.mrmlScene, {}
    for number in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(number)
        if any(word in node.GetClassName() for word in ("Slice", "View", "Display", "Volume")):
            text = str(node)
            # Without addresses, and what is derived from the size of the window.
            found[node.GetID()] = "\n".join(
                line
                for line in text.splitlines()
                if not any(
                    word in line for word in ("0x", "Time", "Debug", "Reference Count", "Extents")
                )
            )
    return found


def test_nothing_can_be_shown_without_volumes(host: Any, form: Any) -> None:
    for name in (*MODES, *OVERLAYS):
        button = getattr(form.ui, f"{name}Button")
        assert not button.enabled
        assert button.toolTip == "Choose a fixed and a moving volume."


def test_without_a_result_only_the_images_are_offered(
    host: Any, form: Any, registered: Callable[..., Any]
) -> None:
    pair = registered(_fold)
    pair.change.revert()
    form.parameters.fixedVolume, form.parameters.movingVolume = pair.fixed, pair.moving
    form.section.update()
    offered = {name for name in (*MODES, *OVERLAYS) if getattr(form.ui, f"{name}Button").enabled}
    assert offered == {"fixed", "moving"}
    assert "Warped volume" in form.ui.blendButton.toolTip


@pytest.mark.parametrize("mode", MODES)
def test_one_click_shows_images(host: Any, form: Any, pair: Any, mode: str) -> None:
    host.click(getattr(form.ui, f"{mode}Button"))
    host.wait_until(lambda: form.section.display.mode is not None)
    assert form.section.display.mode.value == mode
    shown = [name for name in MODES if getattr(form.ui, f"{name}Button").checked]
    assert shown == [mode]
    layers = _layers(host)
    back = host.slicer.mrmlScene.GetNodeByID(layers.GetBackgroundVolumeID())
    expected = {"moving": pair.moving, "warped": pair.nodes["warped"]}
    if mode in ("checkerboard", "difference"):
        assert back.GetAttribute("LDMReg.Comparison") == mode
    else:
        assert back is expected.get(mode, pair.fixed)
    assert bool(layers.GetForegroundVolumeID()) == (mode in ("blend", "flicker"))


def test_a_checkerboard_does_not_block_and_can_be_replaced(host: Any, form: Any, pair: Any) -> None:
    host.click(form.ui.checkerboardButton)
    host.click(form.ui.fixedButton)  # before it is there
    for _ in range(20):
        host.process_events()
    assert form.section.display.mode.value == "fixed"
    assert form.ui.fixedButton.checked
    assert not form.ui.checkerboardButton.checked


def test_flicker_changes_between_the_images(host: Any, form: Any, pair: Any) -> None:
    form.section._flicker.setInterval(5)
    host.click(form.ui.flickerButton)
    seen = set()
    host.wait_until(lambda: seen.add(_layers(host).GetForegroundOpacity()) or seen == {0.0, 1.0})
    parameters, form.parameters = form.parameters, None  # another module is opened
    form.section.update()
    assert not form.section._flicker.active
    form.parameters = parameters
    form.section.update()
    assert form.section._flicker.active
    host.click(form.ui.fixedButton)
    assert not form.section._flicker.active
    assert _layers(host).GetForegroundVolumeID() is None


def test_the_slider_blends(host: Any, form: Any, pair: Any) -> None:
    assert not form.ui.blendSlider.enabled
    host.click(form.ui.blendButton)
    host.set_value(form.ui.blendSlider, 80)
    assert _layers(host).GetForegroundOpacity() == pytest.approx(0.8)
    host.click(form.ui.jacobianButton)
    assert form.ui.blendSlider.value == 60
    host.set_value(form.ui.blendSlider, 30)
    host.click(form.ui.jacobianButton)
    assert form.ui.blendSlider.value == 80
    assert _layers(host).GetForegroundOpacity() == pytest.approx(0.8)


def test_overlays_are_switched_one_by_one(host: Any, form: Any, pair: Any) -> None:
    for name in OVERLAYS:
        host.click(getattr(form.ui, f"{name}Button"))
    # One map hides the other.
    assert form.section.display.shown == set(OVERLAYS) - {"displacement"}
    host.click(form.ui.threeDButton)
    assert "3d" in form.section.display.shown
    host.click(form.ui.gridButton)
    assert form.section.display.shown == {"glyphs", "jacobian", "folds", "3d"}
    host.set_value(form.ui.gridSpacingSpinBox, 4)
    displays = [
        pair.nodes["transform"].GetNthDisplayNode(number)
        for number in range(pair.nodes["transform"].GetNumberOfDisplayNodes())
    ]
    glyphs = [d for d in displays if "glyphs" in (d.GetAttribute("LDMReg.Shows") or "")]
    # In the planes of three views, or of more where another test has made some.
    views = host.slicer.util.getNodesByClass("vtkMRMLSliceNode")
    assert [d.GetGlyphSpacingMm() for d in glyphs] == [4.0] * len(views)


def test_reset_brings_everything_back(host: Any, form: Any, pair: Any) -> None:
    before = _states(host)
    assert not form.ui.resetDisplayButton.enabled
    for name in ("blend", *OVERLAYS, "threeD", "moving", "difference"):
        host.click(getattr(form.ui, f"{name}Button"))
    host.wait_until(lambda: form.section.display.mode.value == "difference")
    assert _states(host) != before
    host.click(form.ui.resetDisplayButton)
    after = _states(host)
    assert after.keys() == before.keys()
    for identifier, text in before.items():
        assert after[identifier] == text, identifier
    for name in (*MODES, *OVERLAYS, "threeD"):
        assert not getattr(form.ui, f"{name}Button").checked, name
    host.click(form.ui.warpedButton)  # and again
    assert form.ui.warpedButton.checked


def test_a_finished_run_is_shown_and_reverted(host: Any, form: Any, pair: Any) -> None:
    pair.metrics = {"deformation": {"fold_count": 7}}
    before = _layers(host).GetBackgroundVolumeID()
    form.section.run_finished(pair)
    assert form.section.display.mode.value == "blend"
    assert form.section.display.shown == {"folds"}
    pair.change.revert()
    form.section.update()
    assert form.section.display.mode is None
    assert _layers(host).GetBackgroundVolumeID() == before
    assert not form.ui.blendButton.enabled


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError, ValueError, OSError, KeyError])
def test_a_view_that_fails_is_told(
    host: Any, form: Any, pair: Any, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    from SlicerLDMRegLib.slicer_app.display import images

    def fail(*_: Any) -> None:
        raise kind("no memory for the layer")

    monkeypatch.setattr(images, "show_layers", fail)
    host.click(form.ui.movingButton)
    assert form.said[-1][0] == "error" and "no memory for the layer" in form.said[-1][1]


def test_other_volumes_end_the_display(host: Any, form: Any, pair: Any) -> None:
    host.click(form.ui.gridButton)
    form.parameters.movingVolume = pair.nodes["warped"]
    form.section.update()
    assert form.section.display.shown == set()
    assert pair.nodes["transform"].GetNumberOfDisplayNodes() == 0


def test_closing_the_scene_ends_the_display(host: Any, form: Any, pair: Any) -> None:
    host.click(form.ui.flickerButton)
    host.click(form.ui.jacobianButton)
    form.parameters = None
    host.slicer.mrmlScene.Clear(0)
    form.section.update()
    assert form.section.display is None
    assert not form.section._flicker.active
    assert not form.ui.fixedButton.enabled


def test_another_run_is_shown_in_the_same_way(
    host: Any, form: Any, pair: Any, registered: Callable[..., Any]
) -> None:
    host.click(form.ui.differenceButton)
    host.wait_until(lambda: form.section.display.mode is not None)
    host.click(form.ui.gridButton)
    host.click(form.ui.jacobianButton)
    slicer = host.slicer
    shown = slicer.mrmlScene.GetNodeByID(_layers(host).GetBackgroundVolumeID())
    before = slicer.util.arrayFromVolume(shown).copy()
    limits = pair.nodes["transform"].GetDisplayNode().GetScalarRange()
    again = registered(lambda points: 0.2 * _fold(points), again=pair)
    form.section.run_finished(SimpleNamespace(change=again.change, plan=again.plan, metrics={}))
    host.wait_until(lambda: (slicer.util.arrayFromVolume(shown) != before).any())
    assert again.nodes["transform"] is pair.nodes["transform"]
    assert form.section.display.mode.value == "difference"
    assert form.section.display.shown == {"grid", "jacobian"}
    assert pair.nodes["transform"].GetDisplayNode().GetScalarRange()[1] < 0.5 * limits[1]
    again.change.revert()
    form.section.update()
    assert form.section.display.mode is None
    assert form.ui.warpedButton.enabled  # the first result is there again


def test_a_difference_follows_the_frames(host: Any, form: Any, pair: Any) -> None:
    host.click(form.ui.differenceButton)
    host.wait_until(lambda: form.section.display.mode is not None)
    slicer = host.slicer
    shown = slicer.mrmlScene.GetNodeByID(_layers(host).GetBackgroundVolumeID())
    before = slicer.util.arrayFromVolume(shown).copy()
    warped = pair.nodes["warped"]
    slicer.util.updateVolumeFromArray(warped, slicer.util.arrayFromVolume(warped) + 1)
    host.wait_until(lambda: np.allclose(slicer.util.arrayFromVolume(shown), before + 1, atol=1e-5))
    host.click(form.ui.fixedButton)
    slicer.util.updateVolumeFromArray(warped, slicer.util.arrayFromVolume(warped) - 1)
    assert not form.section._comparisons.Observations
