"""The section "Alignment": how the images are brought together before they are deformed."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..run.choices import Alignment
from .section import Section
from .widgets import title_with

__all__ = ["AlignmentSection"]


class AlignmentSection(Section):
    """Its widgets are tied to the parameters; the title says when something is chosen."""

    def show(self, parameters: Any) -> None:
        parts = []
        if parameters.alignment is not Alignment.AUTO:
            parts.append(parameters.alignment.label().split(":")[0].lower())
        if parameters.initialTransform is not None:
            parts.append(parameters.initialTransform.GetName())
        self.ui.alignmentSection.text = title_with(_("Alignment"), parts)
