"""The section "Setup": which packages are missing; it is hidden when all are there."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..dependencies import EXTENSION, SetupStatus, check_setup
from ..installation import Installation

__all__ = ["SetupSection"]


class SetupSection:
    """Says what is missing and installs it on a click; nothing is installed or asked unasked.

    Args:
        ui: widgets by name.
        panel: with ``update()``, which is called when what is installed has changed.

    Attributes:
        installation: what is going on.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel
        self.installation = Installation(self._on_change, self._on_line)
        self._status: SetupStatus | None = None

    def setup(self) -> None:
        self.ui.setupLabel.textFormat = qt.Qt.PlainText
        self.ui.installButton.connect("clicked(bool)", self._on_click)
        self.update()

    @property
    def problem(self) -> str:
        """Why one cannot register yet, in words for the button Apply; empty when one can."""
        if self.installation.is_running:
            return _("Packages are being installed")
        if not self._look().is_ready:
            return _("Python packages are missing; see Setup")
        if self.installation.restart_for:
            return _("Slicer has to be restarted; see Setup")
        return ""

    def update(self) -> None:
        status, installation, ui = self._look(), self.installation, self.ui
        ui.setupSection.setVisible(bool(self.problem))
        if not self.problem:
            return
        ui.setupLabel.text = "\n\n".join(filter(None, self._texts(status)))
        ui.installButton.text = self._button(status)
        ui.installButton.enabled = not installation.is_running
        if not installation.is_running:
            lines = [
                f"{package.requirement}: {package.version or _('missing')}"
                for package in (status.torch, *status.packages)
            ]
            if installation.problem and installation.last_lines:
                lines += ["", installation.last_lines]
            ui.setupDetails.setPlainText("\n".join(lines))

    def cleanup(self) -> None:
        self.installation.forget()

    def _look(self) -> SetupStatus:
        """Look again for as long as something is missing."""
        if self._status is None or not self._status.is_ready:
            self._status = check_setup()
        return self._status

    def _texts(self, status: SetupStatus) -> list[str]:
        installation = self.installation
        if installation.is_running:
            return [installation.step]
        texts = [installation.problem]
        if installation.declined:
            texts.append(_("Nothing was installed."))
        if status.is_ready:
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
        else:
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
        status = self._look()
        if self._waits_for_restart(status):
            slicer.app.confirmRestart(_("Slicer restarts. What is not saved is lost."))
        elif status.is_ready:  # meanwhile, by another way
            self._on_change()
        elif status.needs_extension:
            self.installation.install_extension()
        else:
            self.installation.install()

    def _on_change(self) -> None:
        if self.installation.is_running:
            self.ui.setupDetails.setPlainText("")
        self.update()
        self.panel.update()

    def _on_line(self, line: str) -> None:
        self.ui.setupDetails.appendPlainText(line)
