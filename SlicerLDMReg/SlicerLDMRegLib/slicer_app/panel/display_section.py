"""The section "Display": compare the images, see the deformation, one click each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from slicer.i18n import tr as _

from ...errors import InputError
from ..background_call import is_held, timer
from ..display.result_display import NEEDED, Mode, ResultDisplay
from ..results.result_nodes import find_outputs
from ..scene.nodes import read_attributes, read_json
from ..scene.volume_nodes import Node
from .comparisons import Comparisons
from .section import Section
from .shown_result import volumes_of
from .widgets import camel, set_quietly

__all__ = ["DisplaySection"]

_FLICKER_MS = 600
_MODES = [mode.value for mode in Mode]
_OVERLAYS = ("grid", "glyphs", "displacement", "jacobian", "round_trip", "uncertainty",
             "folds")  # fmt: skip
_MAPS = {"jacobian", "displacement", "round_trip", "uncertainty"}


class DisplaySection(Section):
    """Ties the buttons to a :class:`~..display.ResultDisplay` of the chosen volumes."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self.display: ResultDisplay | None = None
        self._adopted = -1  # number of loaded scenes of which displays were taken over
        self._key: Any = None
        self._comparisons = Comparisons(self._on_made, self._on_not_made, self._on_changed)
        self._frame = 0
        self._flicker = timer(self._on_flicker, _FLICKER_MS)

    def setup(self) -> None:
        ui = self.ui
        self._tips = {name: self._button(name).toolTip for name in (*_MODES, *_OVERLAYS)}
        for mode in Mode:
            self._button(mode.value).connect("clicked()", partial(self._on_mode, mode))
        for overlay in _OVERLAYS:
            self._button(overlay).connect("clicked()", partial(self._on_overlay, overlay, overlay))
        ui.threeDButton.connect("clicked()", partial(self._on_overlay, "3d", "in_3d"))
        ui.oneViewButton.connect("clicked()", partial(self._on_overlay, "alone", "alone"))
        ui.ofInverseCheckBox.connect("clicked(bool)", self._on_of_inverse)
        ui.resetDisplayButton.connect("clicked()", self._on_reset)
        ui.blendSlider.connect("valueChanged(double)", self._on_opacity)
        ui.checkerboardSpinBox.connect("valueChanged(int)", self._on_squares)
        ui.gridSpacingSpinBox.connect("valueChanged(double)", self._on_spacing)
        ui.leastSpinBox.connect("valueChanged(double)", self._on_least)
        self._show_state()

    def update(self) -> None:
        """Follow the chosen volumes, and what is in the scene of them."""
        if self.display is not None and self.display.fixed.GetScene() is None:
            self._forget()  # the scene was closed
        if self.panel.parameters is None:
            self._stop_flicker()
        super().update()
        self._show_state()

    def show(self, parameters: Any) -> None:
        fixed, moving = volumes_of(parameters.fixedVolume, parameters.movingVolume)
        display = self.display
        if display is not None and (display.fixed is not fixed or display.moving is not moving):
            self._forget()
            display.leave(fixed)
        if fixed is None or moving is None:
            return
        outputs = find_outputs(fixed, moving)
        key = _key_of(outputs)
        if self.display is None:
            self._begin(fixed, moving, outputs)
        elif key != self._key:
            self._refresh(self.display, outputs)
        self._key = key
        flickers = self.display is not None and self.display.mode is Mode.FLICKER
        if flickers and not self._flicker.active:
            self._flicker.start()  # the module was left and is open again

    def cleanup(self) -> None:
        self._forget()

    def run_finished(self, run: Any) -> None:
        """Show the result of a run: the warped image in front of the fixed one, and its folds."""
        self.update()
        display = self.display
        if display is None or not _is_of(display, run):
            return  # other volumes have been chosen since
        run.change.on_undo(lambda: self._leave() if self.display is display else None)
        self.ui.displaySection.collapsed = False
        if display.mode is None and display.can_show("blend"):
            self._on_mode(Mode.BLEND)
        folded = (run.metrics.get("deformation") or {}).get("fold_count")
        if folded and "folds" not in display.shown and display.can_show("folds"):
            self._on_overlay("folds", "folds")

    # The display of one pair

    def _begin(self, fixed: Node, moving: Node, outputs: dict[str, Node]) -> None:
        try:
            self.display = ResultDisplay(fixed, moving, outputs)
        except InputError:
            return  # volumes without voxels, or under a transform that is not linear
        if self._adopted != self.panel.imports:  # else what is shown was brought back by an undo
            self._adopted = self.panel.imports
            self.display.least = self.ui.leastSpinBox.value
            self._try(lambda display: display.adopt())
            set_quietly(self.ui.leastSpinBox, self.display.least)
        self.display.least = self.ui.leastSpinBox.value
        set_quietly(self.ui.gridSpacingSpinBox, self.display.spacing)
        self.display.squares = self.ui.checkerboardSpinBox.value

    def _refresh(self, display: ResultDisplay, outputs: dict[str, Node]) -> None:
        self.panel.leave_views()
        self._try(lambda display: display.use_outputs(outputs))
        mode = display.mode
        if mode is not None:
            self._on_mode(mode if display.can_show(mode.value) else Mode.FIXED)

    def _leave(self) -> None:
        """Bring the views back, and have nothing on display."""
        display = self.display
        self._forget()
        if display is not None:
            display.reset()
        self._show_state()

    def _forget(self) -> None:
        self._stop_flicker()
        self._comparisons.stop()
        self.display, self._key = None, None

    def _try(self, action: Callable[[ResultDisplay], object]) -> None:
        """Change the display, where there is one."""
        try:
            if self.display is not None:
                action(self.display)
        except InputError as error:
            self.panel.say(str(error), "error")
        except Exception as error:  # a view that cannot be drawn must not be silent
            self._tell(error)
        finally:
            self._show_state()

    def _tell(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        self.panel.say(text, "error")
        self.panel.log("error", text)

    # Images

    def _on_mode(self, mode: Mode) -> None:
        self._try(lambda display: self._show_mode(display, mode))

    def _show_mode(self, display: ResultDisplay, mode: Mode) -> None:
        self.panel.leave_views()
        self._stop_flicker()
        self._comparisons.stop()
        if mode in Comparisons.modes:
            self._comparisons.make(display, mode)
            return
        display.show(mode)
        if mode is Mode.FLICKER:
            self._frame = 0
            self._flicker.start()

    def _on_made(self, mode: Mode, mix: Any) -> None:
        self._try(lambda display: display.show_mix(mode, mix))

    def _on_not_made(self, error: Exception) -> None:
        self._tell(error)
        self._show_state()

    def _on_changed(self) -> None:
        if self.display is not None and self.display.mode is not None:
            self._on_mode(self.display.mode)

    def _on_flicker(self) -> None:
        if is_held():
            return
        self._frame += 1
        if self.display is not None:
            self.display.show_frame(self._frame)

    def _stop_flicker(self) -> None:
        if self._flicker.active:
            self._flicker.stop()
            if self.display is not None:
                self.display.show_frame(0)

    def _on_opacity(self, percent: float) -> None:
        if self.display is not None:
            self.display.set_opacity(percent / 100)

    def _on_squares(self, squares: int) -> None:
        if self.display is not None:
            self.display.squares = squares
            if self.display.mode is Mode.CHECKERBOARD:
                self._on_mode(Mode.CHECKERBOARD)

    # What lies over them

    def _on_overlay(self, overlay: str, method: str) -> None:
        self.panel.leave_views()
        self._try(lambda display: getattr(display, f"show_{method}")(overlay not in display.shown))

    def _on_of_inverse(self, checked: bool) -> None:
        self.panel.leave_views()
        self._stop_flicker()
        self._comparisons.stop()
        self._try(lambda display: display.show_of_inverse(checked))

    def _on_spacing(self, spacing: float) -> None:
        self._try(lambda display: display.set_spacing(spacing))

    def _on_least(self, least: float) -> None:
        self._try(lambda display: display.set_least(least))

    def _on_reset(self) -> None:
        self.panel.leave_views()
        self._stop_flicker()
        self._comparisons.stop()
        self._try(lambda display: display.reset())

    # The widgets

    def _button(self, name: str) -> Any:
        return getattr(self.ui, f"{camel(name)}Button")

    def _show_state(self) -> None:
        """Let the widgets tell what is shown, and what can be."""
        ui, display = self.ui, self.display
        making = self._comparisons.making
        for mode in Mode:
            self._enable(mode.value)
            if not making:
                _check(self._button(mode.value), display is not None and display.mode is mode)
        shown = set() if display is None else display.shown
        for overlay in _OVERLAYS:
            self._enable(overlay)
            self._button(overlay).checked = overlay in shown
        ui.threeDButton.checked = "3d" in shown
        ui.threeDButton.enabled = display is not None
        ui.oneViewButton.checked = "alone" in shown
        ui.oneViewButton.enabled = display is not None and display.can_be_alone
        ui.resetDisplayButton.enabled = display is not None and bool(display.changed or making)
        over = bool(shown & _MAPS)
        ui.blendSlider.enabled = display is not None and (over or display.mode is Mode.BLEND)
        ui.gridSpacingSpinBox.enabled = bool(shown & {"grid", "glyphs"})
        back = display is not None and display.output("inverse") is not None
        ui.ofInverseCheckBox.enabled = back
        ui.ofInverseCheckBox.checked = display is not None and display.of_inverse
        ui.leastSpinBox.enabled = "displacement" in shown
        ui.checkerboardSpinBox.enabled = ui.checkerboardButton.checked
        if display is not None:
            opacity = display.overlay_opacity if over else display.opacity
            set_quietly(ui.blendSlider, round(100 * opacity))

    def _enable(self, name: str) -> None:
        """Enable the button of what can be shown; else its tooltip tells what is missing."""
        button, display = self._button(name), self.display
        button.enabled = display is not None and display.can_show(name)
        button.toolTip = self._tips[name]
        if display is None:
            button.toolTip = _("Choose a fixed and a moving volume.")
        elif name == "folds" and not button.enabled and _is_free_of_folds(display):
            button.toolTip = _("The map does not fold anywhere.")
        elif not button.enabled:
            output = getattr(self.ui, f"{camel(NEEDED[name])}OutputCheckBox").text
            button.toolTip = _("There is no output \u201c{output}\u201d yet: press Apply.").format(
                output=output
            )


def _is_of(display: ResultDisplay, run: Any) -> bool:
    """Whether a run has registered the volumes of a display."""
    of = volumes_of(run.plan.fixed, run.plan.moving)
    return of == (display.fixed, display.moving)


def _is_free_of_folds(display: ResultDisplay) -> bool:
    transform = display.output("transform")
    metrics = None if transform is None else read_json(transform, "Metrics")
    deformation = metrics.get("deformation") if isinstance(metrics, dict) else None
    return isinstance(deformation, dict) and deformation.get("fold_count") == 0


def _check(button: Any, checked: bool) -> None:
    """Set a button that excludes others; such a one is not switched off by itself."""
    if button.checked != checked:
        button.autoExclusive = False
        button.checked = checked
        button.autoExclusive = True


def _key_of(outputs: dict[str, Node]) -> Any:
    """Return what changes with every run."""
    return sorted(
        (name, node.GetID(), read_attributes(node).get("Date", ""))
        for name, node in outputs.items()
    )
