"""The section "Setup": the packages that are missing; it is hidden when none is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...text.matching import match_region
from ..setup.dependencies import ENCODER, EXTENSION, SetupStatus, check_setup, why_no_torch
from ..setup.installation import Installation
from .section import Section

__all__ = ["SetupSection"]


class SetupSection(Section):
    """Says what is missing and installs it on a click; nothing is installed or asked unasked.

    Attributes:
        installation: what is going on.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self.installation = Installation(self._on_change, self._on_line)
        self._status = check_setup()

    def setup(self) -> None:
        self.ui.setupLabel.textFormat = qt.Qt.PlainText
        self.ui.installButton.connect("clicked(bool)", self._on_click)
        self.ui.installFromFolderButton.connect("clicked(bool)", self._on_folder)
        self.update()

    @property
    def problem(self) -> str:
        """The reason why one cannot register yet, for the button Apply; empty when one can."""
        if self.installation.is_running:
            return _("Packages are being installed")
        if not self._status.is_ready:
            return _("Python packages are missing; see Setup")
        if self.installation.restart_for:
            return _("Slicer has to be restarted; see Setup")
        return ""

    def update(self) -> None:
        installation, ui = self.installation, self.ui
        # What is missing may have come by another way.
        if not self._status.is_ready or self._lacks_encoder(self._status):
            self._status = check_setup()
        status = self._status
        shown = bool(self.problem) or self._lacks_encoder(status)
        ui.setupSection.setVisible(shown)
        if not shown:
            return
        ui.setupLabel.text = "\n\n".join(filter(None, self._texts(status)))
        ui.installButton.text = self._button(status)
        cannot = not status.torch.present and bool(why_no_torch())
        lacks = bool(status.missing(self._lacks_encoder(status)))
        ui.installFromFolderButton.visible = lacks
        ui.installFromFolderButton.enabled = not installation.is_running and not cannot
        ui.installButton.enabled = not installation.is_running and not cannot
        if not installation.is_running:
            listed = (status.torch, *status.packages)
            if self._lacks_encoder(status):
                listed = (*status.encoder, *listed)
            lines = [f"{p.requirement}: {p.version or _('missing')}" for p in listed]
            if installation.problem and installation.last_lines:
                lines += ["", installation.last_lines]
            ui.setupDetails.setPlainText("\n".join(lines))
            if installation.problem:
                ui.setupDetails.moveCursor(qt.QTextCursor.End)

    def cleanup(self) -> None:
        self.installation.forget()

    def _lacks_encoder(self, status: SetupStatus) -> bool:
        """Whether structures have names that the model has to make sense of, and cannot."""
        parameters, card = self.panel.parameters, self.panel.card()
        if parameters is None or card is None or card.text.get("encoder") != ENCODER:
            return False
        if all(package.present for package in status.encoder):
            return False
        names = (words.strip().lower() for words in parameters.prompts.values())
        return any(
            name not in ("", "background") and match_region(name, card.label_scheme) is None
            for name in names
        )

    def _texts(self, status: SetupStatus) -> list[str]:
        installation = self.installation
        if installation.is_running:
            return [installation.step]
        if not status.torch.present and why_no_torch():
            return [why_no_torch()]
        texts = [installation.problem]
        if installation.declined:
            texts.append(_("Nothing was installed."))
        if status.is_ready and not installation.restart_for:
            texts.append(
                _(
                    "The model does not know all names that you gave to structures. To understand"
                    " them, it needs a text encoder, a download of about 100 MB; without it these"
                    " structures count as background."
                )
            )
        elif status.is_ready:
            texts.append(
                _(
                    "Everything is installed. Restart Slicer before you register: these packages"
                    " were replaced while Slicer was using them: {names}."
                ).format(names=", ".join(installation.restart_for))
            )
        elif status.needs_extension and status.extension_waits:
            texts.append(
                _(
                    "The extension {name} is installed. Restart Slicer, open this module again and"
                    " install what is missing."
                ).format(name=EXTENSION)
            )
        elif status.needs_extension:
            texts.append(
                _(
                    "Registering needs PyTorch, which the extension {name} installs in the build"
                    " for this computer. The extension is missing: install it here or in the menu"
                    " View, Extensions Manager, restart Slicer, and open this module again."
                ).format(name=EXTENSION)
            )
        elif not installation.problem:
            texts.append(
                _(
                    "Registering needs Python packages that Slicer does not have. Before anything"
                    " is downloaded you are asked, and told how much it is and where it goes."
                )
            )
        return texts

    def _button(self, status: SetupStatus) -> str:
        if self._waits_for_restart(status):
            return _("Restart Slicer...")
        if status.needs_extension:
            return _("Install the extension {name}...").format(name=EXTENSION)
        return _("Install what is missing...")

    def _waits_for_restart(self, status: SetupStatus) -> bool:
        if status.is_ready:
            return bool(self.installation.restart_for)
        return status.needs_extension and status.extension_waits

    def _on_click(self) -> None:
        status = self._status = check_setup()
        if self._waits_for_restart(status):
            slicer.app.confirmRestart(_("Slicer restarts. What is not saved is lost."))
        elif status.needs_extension:
            self.installation.install_extension()
        elif status.missing(self._lacks_encoder(status)):
            self.installation.install(self._lacks_encoder(status))
        else:  # it came by another way meanwhile
            self._on_change()

    def _on_folder(self) -> None:
        chosen = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("The folder of wheels"), ""
        )
        if chosen:
            lacks = self._lacks_encoder(check_setup())
            self.installation.install_from(Path(chosen), lacks)

    def _on_change(self) -> None:
        self._status = check_setup()
        if self.installation.is_running:
            self.ui.setupDetails.setPlainText("")
        self.update()
        self.panel.update()

    def _on_line(self, line: str) -> None:
        self.ui.setupDetails.appendPlainText(line)
