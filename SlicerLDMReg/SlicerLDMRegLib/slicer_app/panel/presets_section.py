"""The presets: settings for a purpose, of LDMReg and of the user."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ...pipeline.presets import (
    PRESETS,
    Preset,
    own_presets,
    user_presets_dir,
    write_preset,
)
from ..run.preset_choices import choose_preset, preset_fields, same_settings
from .control_names import told_on_panel
from .section import Section
from .widgets import ChoiceBox

__all__ = ["PresetsSection"]

_OWN = ""  # the choices are those of no preset


class PresetsSection(Section):
    """Shows which preset the choices are; one that is chosen changes them.

    Nothing is kept but the choices: a scene that is loaded shows its preset by them.
    """

    def setup(self) -> None:
        self._own: dict[str, Preset] = {}
        self._box = ChoiceBox(self.ui.presetComboBox, self._on_choice)
        button = self.ui.presetButton
        self._menu = qt.QMenu(button)
        self._menu.addAction(_("Save the choices as a preset...")).connect(
            "triggered()", self._on_save
        )
        self._menu.addAction(_("Open the folder of own presets")).connect(
            "triggered()", self._on_folder
        )
        self._menu.addAction(_("Look for presets again")).connect("triggered()", self._on_look)
        button.setMenu(self._menu)
        button.popupMode = qt.QToolButton.InstantPopup
        self._look()

    def show(self, parameters: Any) -> None:
        presets = {**PRESETS, **self._own}
        known = (name for name, p in presets.items() if same_settings(parameters, p.fields))
        current = next(known, _OWN)
        texts = {**_titles(), **{name: name for name in self._own}}
        if current == _OWN:
            texts = {_OWN: _("Own choices"), **texts}
        self._box.show(texts, current)
        self.ui.presetComboBox.enabled = self.ui.presetButton.enabled = not self.panel.running

    def _look(self) -> None:
        broken: list[InputError] = []
        self._own = own_presets(broken)
        for problem in broken:
            self.panel.log("warning", told_on_panel(problem))

    def _on_look(self) -> None:
        self._look()
        self.panel.update()

    def _on_choice(self, name: str) -> None:
        preset = {**PRESETS, **self._own}.get(name)
        parameters = self.panel.parameters
        if preset is None or parameters is None:
            return
        try:
            choose_preset(parameters, preset.fields)
        except InputError as error:
            self.panel.say(told_on_panel(error), "error")
        self.panel.update()

    def _on_save(self) -> None:
        if self.panel.parameters is None:
            return
        name = qt.QInputDialog.getText(
            slicer.util.mainWindow(), _("Save the choices as a preset"), _("Name of the preset:")
        )
        # PyQt and PySide also tell the button.
        name = name[0] if isinstance(name, tuple) else name
        if not name:
            return
        try:
            path = write_preset(name, preset_fields(self.panel.parameters))
        except InputError as error:
            self.panel.say(told_on_panel(error), "error")
            return
        self._look()
        text = _("Saved as preset, also for the shell: ldmreg register --preset \u201c{name}\u201d")
        self.panel.say(text.format(name=path.stem), "good")
        self.panel.update()

    def _on_folder(self) -> None:
        folder = user_presets_dir()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.panel.say(str(error), "error")
            return
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(folder)))


def _titles() -> dict[str, str]:
    """Return what the presets of LDMReg are called."""
    return {
        "standard": _("Standard"),
        "fast": _("Fast"),
        "careful": _("Careful"),
        "contrasts": _("Different modalities (MIND)"),
        "rigid": _("Rigid only"),
        "affine": _("Affine only"),
    }
