"""The section "Outputs": the nodes that are put into the scene."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..results.sequence_results import SEQUENCE_OUTPUTS
from ..run.choices import Extent
from ..run.parameters import OUTPUT_PARAMETERS
from .section import Section
from .widgets import title_with

__all__ = ["OutputsSection"]


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
            name = _widget_name(output)
            getattr(self.ui, f"{name}OutputCheckBox").enabled = possible
            getattr(self.ui, f"{name}OutputSelector").enabled = possible and chosen and not frames
        self.ui.outputsSection.text = title_with(
            _("Outputs"), [_("{count} selected").format(count=made)]
        )


def _widget_name(output: str) -> str:
    first, *others = output.split("_")
    return first + "".join(word.capitalize() for word in others)
