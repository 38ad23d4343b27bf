"""What all sections of the panel have in common."""

from __future__ import annotations

from typing import Any

__all__ = ["Section"]


class Section:
    """A part of the panel; what it does not need to do, it leaves out.

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

    def run_finished(self, run: Any) -> None:
        """Show the result of a registration that has just succeeded."""

    def cleanup(self) -> None:
        """Let go of everything; the module is closed for good."""
