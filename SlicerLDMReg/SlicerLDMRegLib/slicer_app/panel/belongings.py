"""Choices beside the volumes: taken out when they belong to others, told before Apply."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..run.belongings import BELONGINGS, foreign_choices, notices
from ..run.parameters import OUTPUT_PARAMETERS
from ..scene.volume_nodes import Node
from .safe_texts import printable
from .section import Section
from .widgets import fitting, sentence, tint

__all__ = ["Belongings"]

_FOLLOWED = (
    *BELONGINGS,
    *(name for names in BELONGINGS.values() for name in names),
    "initialTransform",
    *(node for _wanted, node in OUTPUT_PARAMETERS.values()),
)


class Belongings(Section, VTKObservationMixin):
    """Sees when other volumes are chosen, and fills the notice above the button Apply."""

    def __init__(self, ui: Any, panel: Any) -> None:
        Section.__init__(self, ui, panel)
        VTKObservationMixin.__init__(self)
        self._of: Any = None
        self._former: dict[str, Node | None] = {}

    def setup(self) -> None:
        self.ui.noticeLabel.visible = False
        event = slicer.mrmlScene.NodeAboutToBeRemovedEvent
        self.addObserver(slicer.mrmlScene, event, self._on_leaving)

    def show(self, parameters: Any) -> None:
        if parameters.parameterNode is self._of:
            self._take_out(parameters)
        else:  # another set of choices
            self._of, self._former = parameters.parameterNode, {}
        for name in _FOLLOWED:
            node = getattr(parameters, name)
            # A volume that is deselected for a moment is still the one that the labels belong to.
            if node is not None or name not in BELONGINGS:
                self._former[name] = node
        found = [f"! {printable(text)}" for text in (*self._cut_reason(), *notices(parameters))]
        label = self.ui.noticeLabel
        label.text = "\n".join(found)
        label.visible = bool(found)
        tint(label, "warning")

    def _cut_reason(self) -> list[str]:
        """Return why one cannot register, where the button has no room for all of it."""
        if self.panel.running or self.panel.loading:
            return []
        reasons = self.panel.problems()[:1]
        return [
            sentence(reason)
            for reason in reasons
            if fitting(reason, self.ui.applyButton) != reason.rstrip(".")
        ]

    def cleanup(self) -> None:
        self.removeObservers()
        self._of, self._former = None, {}

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_leaving(self, _scene: Any, _event: Any, node: Node) -> None:
        """Deselect a node that is deleted: its selector would choose the one beside it."""
        parameters = self.panel.parameters
        if parameters is None:
            return
        for name in _FOLLOWED:
            if getattr(parameters, name) is node:
                setattr(parameters, name, None)

    def _take_out(self, parameters: Any) -> None:
        foreign = foreign_choices(parameters, self._former)
        if not foreign:
            return
        with slicer.util.NodeModify(parameters.parameterNode):
            for name in foreign:
                setattr(parameters, name, None)
        names = ", ".join(dict.fromkeys(node.GetName() for node in foreign.values()))
        text = _("Taken out, as it was chosen for other volumes: {names}.").format(names=names)
        self.panel.say(text, "warning")
        self.panel.log("warning", text)
