"""The section "Options": device, precision, refinement, masks, seed."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..run.choices import Refinement
from ..run.parameters import OPTIONS, changed, restore
from .section import Section
from .widgets import title_with

__all__ = ["OptionsSection"]

_OF_REFINEMENT = ("similarityComboBox", "iterationsLineEdit", "smoothnessSpinBox")
_RESTORED = (*OPTIONS, "alignment", "initialTransform")


class OptionsSection(Section):
    """Its widgets are tied to the parameters; the title counts those that were changed."""

    def setup(self) -> None:
        self.ui.restoreDefaultsButton.connect("clicked()", self._on_restore)

    def show(self, parameters: Any) -> None:
        refined = parameters.refinement is not Refinement.OFF
        for name in _OF_REFINEMENT:
            getattr(self.ui, name).enabled = refined
            getattr(self.ui, f"{name}Label").enabled = refined
        self.ui.restoreDefaultsButton.enabled = bool(changed(parameters, _RESTORED))
        count = len(changed(parameters))
        parts = [_("{count} changed").format(count=count)] if count else []
        self.ui.optionsSection.text = title_with(_("Options"), parts)

    def _on_restore(self) -> None:
        if self.panel.parameters is not None:
            restore(self.panel.parameters, _RESTORED)
