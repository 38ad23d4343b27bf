"""The line under "Display" that tells the deformation under the cursor."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..display.point_text import point_text
from ..scene.volume_nodes import Node
from .section import Section

__all__ = ["CursorSection"]


class CursorSection(Section, VTKObservationMixin):
    """Follows the cursor in the slice views while it can be seen, as Slicer's Data Probe does."""

    def __init__(self, ui: Any, panel: Any) -> None:
        Section.__init__(self, ui, panel)
        VTKObservationMixin.__init__(self)
        self._crosshair: Node | None = None

    def update(self) -> None:
        crosshair = None
        if self._display() is not None and self.panel.parameters is not None:
            crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        if crosshair is not self._crosshair:
            self.removeObservers()
            self._crosshair = crosshair
            if crosshair is not None:
                event = slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent
                self.addObserver(crosshair, event, self._on_moved)
        self._on_moved()

    def cleanup(self) -> None:
        self.removeObservers()
        self._crosshair = None

    def _display(self) -> Any:
        display = self.panel.sections["display"].display
        return display if display is not None and display.can_show("grid") else None

    def _on_moved(self, _caller: Any = None, _event: Any = None) -> None:
        label, display = self.ui.cursorLabel, self._display()
        if self._crosshair is None or display is None:
            label.text = _("Where the cursor points: there is no transform yet.")
            return
        if self.ui.displaySection.collapsed and _event is not None:
            return
        point = [0.0, 0.0, 0.0]
        inside = self._crosshair.GetCursorPositionRAS(point)
        text = point_text(display, point) if inside else ""
        label.text = text or _("Point at the image: how far it has moved, and where to.")
