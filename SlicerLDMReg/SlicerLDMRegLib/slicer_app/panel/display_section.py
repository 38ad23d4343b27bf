"""The section "Display": compare the images, see the deformation, one click each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ..display.result_display import NEEDED, Mode, ResultDisplay
from ..results.node_attributes import read_attributes
from ..results.result_nodes import find_outputs
from ..scene.volume_nodes import Node
from .comparisons import Comparisons
from .section import Section

__all__ = ["DisplaySection"]

_FLICKER_MS = 600
_MODES = {
    "fixedButton": Mode.FIXED,
    "movingButton": Mode.MOVING,
    "warpedButton": Mode.WARPED,
    "blendButton": Mode.BLEND,
    "checkerboardButton": Mode.CHECKERBOARD,
    "flickerButton": Mode.FLICKER,
    "differenceButton": Mode.DIFFERENCE,
}
_OVERLAYS = {
    "gridButton": "grid",
    "glyphsButton": "glyphs",
    "jacobianButton": "jacobian",
    "foldsButton": "folds",
}


class DisplaySection(Section):
    """Ties the buttons to a :class:`~..display.ResultDisplay` of the chosen volumes.

    Args:
        ui: widgets by name.
        panel: with ``parameters``, ``session`` and ``say``.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self.display: ResultDisplay | None = None
        self._key: Any = None
        self._comparisons = Comparisons(self._on_made, self._on_not_made, self._on_changed)
        self._tips: dict[str, str] = {}
        self._frame = 0
        self._flicker = qt.QTimer()
        self._flicker.setInterval(_FLICKER_MS)

    def setup(self) -> None:
        ui = self.ui
        for name in (*_MODES, *_OVERLAYS):
            self._tips[name] = getattr(ui, name).toolTip
        for name, mode in _MODES.items():
            getattr(ui, name).connect("clicked(bool)", self._mode_slot(mode))
        for name, overlay in _OVERLAYS.items():
            getattr(ui, name).connect("clicked(bool)", self._overlay_slot(overlay))
        ui.threeDButton.connect("clicked(bool)", self._on_three_d)
        ui.resetDisplayButton.connect("clicked(bool)", self._on_reset)
        ui.blendSlider.connect("valueChanged(double)", self._on_opacity)
        ui.checkerboardSpinBox.connect("valueChanged(int)", self._on_squares)
        ui.gridSpacingSpinBox.connect("valueChanged(double)", self._on_spacing)
        self._flicker.connect("timeout()", self._on_flicker)
        self._show_state()

    def update(self) -> None:
        """Follow the chosen volumes, and what is in the scene of them."""
        if self.display is not None and self.display.fixed.GetScene() is None:
            self._forget()  # the scene was closed
        parameters = self.panel.parameters
        if parameters is None:
            self._stop_flicker()
            self._show_state()
            return
        fixed, moving = _pair(parameters)
        display = self.display
        if display is not None and (display.fixed is not fixed or display.moving is not moving):
            self._leave()
        if fixed is None or moving is None:
            self._show_state()
            return
        outputs = find_outputs(fixed, moving)
        key = _key_of(outputs)
        if self.display is None:
            self._begin(fixed, moving, outputs)
        elif key != self._key:
            self._refresh(outputs)
        self._key = key
        flickers = self.display is not None and self.display.mode is Mode.FLICKER
        if flickers and not self._flicker.active:
            self._flicker.start()  # the module was left and is open again
        self._show_state()

    def cleanup(self) -> None:
        self._forget()

    def run_finished(self, run: Any) -> None:
        """Show the result of a run: the warped image in front of the fixed one, and its folds."""
        self.update()
        if self.display is None:
            return
        run.change.on_undo(self._leave)
        self.ui.displaySection.collapsed = False
        if self.display.mode is None and self.display.can_show("blend"):
            self._try(lambda: self._show(Mode.BLEND))
        if "folds" not in self.display.shown and self.display.can_show("folds"):
            deformation = run.metrics.get("deformation") or {}
            if deformation.get("fold_count"):
                self._try(lambda: self.display.show_folds(True))  # type: ignore[union-attr]
        self._show_state()

    # The display of one pair

    def _begin(self, fixed: Node, moving: Node, outputs: dict[str, Node]) -> None:
        try:
            self.display = ResultDisplay(fixed, moving, outputs)
        except InputError:
            return  # volumes without voxels, or under a transform that is not linear
        self._set(self.ui.gridSpacingSpinBox, self.display.spacing)
        self.display.squares = self.ui.checkerboardSpinBox.value

    def _refresh(self, outputs: dict[str, Node]) -> None:
        display = self.display
        assert display is not None
        self._try(lambda: display.use_outputs(outputs))
        mode = display.mode
        if mode is not None:
            self._try(lambda: self._show(mode if display.can_show(mode.value) else Mode.FIXED))

    def _leave(self) -> None:
        """Bring the views back, and have nothing on display."""
        display, self.display = self.display, None
        self._forget()
        if display is not None:
            display.reset()
        self._show_state()

    def _forget(self) -> None:
        self._stop_flicker()
        self._comparisons.stop()
        self.display, self._key = None, None

    # Images

    def _mode_slot(self, mode: Mode) -> Callable[..., None]:
        return lambda *_arguments: self._try(lambda: self._show(mode))

    def _show(self, mode: Mode) -> None:
        display = self.display
        if display is None:
            return
        self._stop_flicker()
        self._comparisons.stop()
        if mode in Comparisons.modes:
            self._comparisons.make(display, mode)
            return
        display.show(mode)
        if mode is Mode.FLICKER:
            self._frame = 0
            self._flicker.start()
        self._show_state()

    def _on_made(self, mode: Mode, mix: Any) -> None:
        display = self.display
        if display is not None:
            self._try(lambda: display.show_mix(mode, mix))

    def _on_not_made(self, error: Exception) -> None:
        self._say(f"{type(error).__name__}: {error}")
        self._show_state()

    def _on_changed(self) -> None:
        display = self.display
        if display is not None and display.mode is not None:
            mode = display.mode
            self._try(lambda: self._show(mode))

    def _on_flicker(self) -> None:
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
                self._try(lambda: self._show(Mode.CHECKERBOARD))

    # What lies over them

    def _overlay_slot(self, overlay: str) -> Callable[..., None]:
        def toggle(*_arguments: Any) -> None:
            display = self.display
            if display is not None:
                switch = getattr(display, f"show_{overlay}")
                self._try(lambda: switch(overlay not in display.shown))

        return toggle

    def _on_spacing(self, spacing: float) -> None:
        display = self.display
        if display is not None:
            self._try(lambda: display.set_spacing(spacing))

    def _on_three_d(self, *_arguments: Any) -> None:
        display = self.display
        if display is not None:
            self._try(lambda: display.show_in_3d("3d" not in display.shown))

    def _on_reset(self, *_arguments: Any) -> None:
        self._stop_flicker()
        self._comparisons.stop()
        if self.display is not None:
            self.display.reset()
        self._show_state()

    # The widgets

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except InputError as error:
            self._say(str(error))
        finally:
            self._show_state()

    def _say(self, text: str) -> None:
        say = getattr(self.panel, "say", None)
        if say is None:
            slicer.util.warningDisplay(text)
        else:
            say(text, "error")

    def _show_state(self) -> None:
        """Let the widgets tell what is shown, and what can be."""
        ui, display = self.ui, self.display
        making = self._comparisons.making
        for name, mode in _MODES.items():
            self._set_button(name, mode.value)
            if not making:
                _check(getattr(ui, name), display is not None and display.mode is mode)
        shown = set() if display is None else display.shown
        for name, overlay in _OVERLAYS.items():
            self._set_button(name, overlay)
            getattr(ui, name).checked = overlay in shown
        ui.threeDButton.checked = "3d" in shown
        ui.threeDButton.enabled = display is not None
        ui.resetDisplayButton.enabled = display is not None and bool(display.changed or making)
        over = "jacobian" in shown
        ui.blendSlider.enabled = display is not None and (over or display.mode is Mode.BLEND)
        ui.gridSpacingSpinBox.enabled = bool(shown & {"grid", "glyphs"})
        ui.checkerboardSpinBox.enabled = ui.checkerboardButton.checked
        if display is not None:
            opacity = display.overlay_opacity if over else display.opacity
            self._set(ui.blendSlider, round(100 * opacity))

    def _set_button(self, name: str, what: str) -> None:
        button, display = getattr(self.ui, name), self.display
        possible = display is not None and display.can_show(what)
        button.enabled = possible
        if possible:
            button.toolTip = self._tips[name]
        elif display is None:
            button.toolTip = _("Choose a fixed and a moving volume.")
        else:
            button.toolTip = _("There is no output \u201c{output}\u201d yet: press Apply.").format(
                output=_NAMES[NEEDED[what]]()
            )

    def _set(self, widget: Any, value: float) -> None:
        was = widget.blockSignals(True)
        widget.value = value
        widget.blockSignals(was)


_NAMES: dict[str, Callable[[], str]] = {
    "warped": lambda: _("Warped volume"),
    "transform": lambda: _("Transform"),
    "jacobian": lambda: _("Jacobian map"),
    "folds": lambda: _("Folds"),
}


def _check(button: Any, checked: bool) -> None:
    """Set a button that excludes others; such a one is not switched off by itself."""
    if button.checked != checked:
        button.autoExclusive = False
        button.checked = checked
        button.autoExclusive = True


def _pair(parameters: Any) -> tuple[Node | None, Node | None]:
    """Return the chosen volumes; the frames of a sequence may be registered to one of their own."""
    fixed, moving = parameters.fixedVolume, parameters.movingVolume
    moving = None if moving is None or moving.GetScene() is None else moving
    fixed = moving if fixed is None or fixed.GetScene() is None else fixed
    return fixed, moving


def _key_of(outputs: dict[str, Node]) -> Any:
    """Return what changes with every run."""
    return sorted(
        (name, node.GetID(), read_attributes(node).get("Date", ""))
        for name, node in outputs.items()
    )
