"""The section "Alignment": how the images are brought together before they are deformed."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..choices import Alignment
from .widgets import title_with

__all__ = ["AlignmentSection"]


class AlignmentSection:
    """Its widgets are tied to the parameters; the title says when something is chosen.

    Args:
        ui: widgets by name.
        panel: the :class:`~.widget.Panel`.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel

    def setup(self) -> None:
        pass

    def update(self) -> None:
        parameters = self.panel.parameters
        if parameters is None:
            return
        parts = []
        if parameters.alignment is not Alignment.AUTO:
            parts.append(parameters.alignment.label().split(":")[0].lower())
        if parameters.initialTransform is not None:
            parts.append(parameters.initialTransform.GetName())
        self.ui.alignmentSection.text = title_with(_("Alignment"), parts)

    def cleanup(self) -> None:
        pass
