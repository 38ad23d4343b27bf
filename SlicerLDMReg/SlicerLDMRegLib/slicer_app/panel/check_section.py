"""The button "Check installation" of the log, and its one line of outcome."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..setup.installation_check import InstallationCheck
from .section import Section
from .widgets import sentence

__all__ = ["CheckSection"]


class CheckSection(Section):
    """Starts the check and tells its outcome below *Apply* and in the log."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._check: InstallationCheck | None = None

    def setup(self) -> None:
        self.ui.checkButton.connect("clicked()", self._on_click)

    def update(self) -> None:
        button, busy = self.ui.checkButton, self._check is not None
        button.enabled = not busy and not self.panel.running
        button.text = _("Checking...") if busy else _("Check installation")

    def cleanup(self) -> None:
        if self._check is not None:
            self._check.forget()
            self._check = None

    def _on_click(self) -> None:
        self._check = InstallationCheck(self.panel.session, self._on_done)
        self.panel.say(_("Checking the installation: registering two small images..."))
        self.update()
        self._check.start()

    def _on_done(self, text: str, good: bool) -> None:
        self._check = None
        self.panel.say(sentence(text), "good" if good else "error")
        self.panel.log("info" if good else "error", text)
        self.update()
