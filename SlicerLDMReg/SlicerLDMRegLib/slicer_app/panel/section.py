"""The base class of the sections of the panel."""

from __future__ import annotations

from typing import Any

__all__ = ["Section"]


class Section:
    """A part of the panel, which calls its methods; those that are not needed do nothing.

    Args:
        ui: widgets by name.
        panel: the :class:`~.widget.Panel`, through which sections know of each other.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel

    def setup(self) -> None:
        """Connect the widgets; the module is opened for the first time."""

    def update(self) -> None:
        """Show how things are."""
        if self.panel.parameters is not None:
            self.show(self.panel.parameters)

    def show(self, parameters: Any) -> None:
        """Show how things are, with the choices of a parameter node."""

    def run_finished(self, run: Any) -> None:
        """Show the result of a registration that has just succeeded."""

    def leave_views(self) -> None:
        """Bring back the views that the section has changed for a while: another one wants them."""

    def cleanup(self) -> None:
        """Let go of everything; the module is closed for good."""
