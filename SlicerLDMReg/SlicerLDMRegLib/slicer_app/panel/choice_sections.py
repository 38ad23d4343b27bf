"""The sections "Alignment", "Options" and "Outputs", whose widgets are tied to the parameters."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..results.sequence_results import SEQUENCE_OUTPUTS
from ..run.choices import Alignment, Extent, Refinement
from ..run.parameters import OPTIONS, OUTPUT_PARAMETERS, changed, restore
from .section import Section
from .widgets import camel, title_with

__all__ = ["AlignmentSection", "OptionsSection", "OutputsSection"]

_OF_REFINEMENT = ("similarityComboBox", "iterationsLineEdit", "smoothnessSpinBox")
_RESTORED = (*OPTIONS, "alignment", "initialTransform", "landmarkUse", "landmarkMm")


class AlignmentSection(Section):
    """The first, rough alignment of the images; the title says when something is chosen."""

    def show(self, parameters: Any) -> None:
        parts = []
        if parameters.alignment is not Alignment.AUTO:
            parts.append(parameters.alignment.label().split(":")[0].lower())
        if parameters.initialTransform is not None:
            parts.append(parameters.initialTransform.GetName())
        self.ui.alignmentSection.text = title_with(_("Alignment"), parts)


class OptionsSection(Section):
    """Device, precision, refinement, masks, seed; the title counts those that were changed."""

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


class OutputsSection(Section):
    """A check box and a node for each output; those that cannot be made are greyed."""

    def show(self, parameters: Any) -> None:
        frames = parameters.extent is Extent.FRAMES
        made = 0
        for output, (wanted, _node) in OUTPUT_PARAMETERS.items():
            possible = output in SEQUENCE_OUTPUTS if frames else True
            if output == "warped_labels":
                possible = possible and parameters.movingLabels is not None
            chosen = getattr(parameters, wanted)
            made += possible and chosen
            name = camel(output)
            getattr(self.ui, f"{name}OutputCheckBox").enabled = possible
            getattr(self.ui, f"{name}OutputSelector").enabled = possible and chosen and not frames
        self.ui.outputsSection.text = title_with(
            _("Outputs"), [_("{count} selected").format(count=made)]
        )
