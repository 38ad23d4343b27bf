"""The section "Apply to": other nodes are moved with the transform of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ..results.apply_transform import apply_transform, check_targets
from ..results.inverse_transform import opposite_transform
from ..results.node_attributes import read_attributes, roles_of
from ..results.result_nodes import find_outputs
from ..scene.scene_change import SceneChange
from ..scene.volume_nodes import Node
from .section import Section
from .widgets import tint

__all__ = ["ApplySection"]


@dataclass(frozen=True, eq=False)
class _Step:
    """What one click has done: the nodes that were moved, and how to take it back."""

    nodes: Sequence[Node]
    changes: Sequence[SceneChange]

    def revert(self) -> None:
        for change in reversed(self.changes):
            change.revert()


class ApplySection(Section):
    """Moves volumes, segmentations, models and markups; each step can be undone.

    Args:
        ui: widgets by name.
        panel: the :class:`~.widget.Panel`.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._steps: list[_Step] = []
        self._offered: Node | None = None

    def setup(self) -> None:
        ui = self.ui
        self.message = qt.QLabel()
        self.message.setObjectName("applyMessageLabel")
        self.message.wordWrap = True
        ui.applySection.layout().addRow(self.message)
        self._say("")
        ui.hardenCheckBox.toolTip = _(
            "Change the nodes themselves. Volumes that are moved with a result come to lie on the "
            "voxels of the volume that they are moved onto. Else the nodes are placed under the "
            "transform, and can be taken out again."
        )
        ui.applySection.connect("contentsCollapsed(bool)", self._on_collapsed)
        ui.applyNodesSelector.connect("checkedNodesChanged()", self._on_chosen)
        ui.applyTransformSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._on_chosen)
        ui.applyToButton.connect("clicked(bool)", self._on_apply)
        ui.undoApplyButton.connect("clicked(bool)", self._on_undo)
        self._update_buttons()

    def update(self) -> None:
        self._offer_transform()
        # A scene that was closed took the nodes with it.
        self._steps = [s for s in self._steps if any(n.GetScene() is not None for n in s.nodes)]
        self._update_buttons()

    def cleanup(self) -> None:
        self._steps.clear()
        self._offered = None

    def _offer_transform(self) -> None:
        """Choose the transform of the volumes when there is a new one."""
        parameters = self.panel.parameters
        if parameters is None or parameters.movingVolume is None:
            return
        fixed = parameters.fixedVolume or parameters.movingVolume
        transform = find_outputs(fixed, parameters.movingVolume).get("transform")
        if transform is not None and transform is not self._offered:
            self.ui.applyTransformSelector.setCurrentNode(transform)
        self._offered = transform

    def _problem(self) -> str:
        """Return what is missing; empty: nothing."""
        transform = self.ui.applyTransformSelector.currentNode()
        nodes = self.ui.applyNodesSelector.checkedNodes()
        if transform is None:
            return _("Select a transform.")
        if not nodes:
            return _("Tick the nodes to move.")
        return ""

    def _update_buttons(self) -> None:
        ui, problem = self.ui, self._problem()
        ui.applyToButton.enabled = not problem
        ui.applyToButton.toolTip = problem or _("Move the ticked nodes with the transform.")
        ui.undoApplyButton.enabled = bool(self._steps)
        if self._steps:
            names = ", ".join(node.GetName() for node in self._steps[-1].nodes)
            ui.undoApplyButton.toolTip = _("Put back as before: {names}").format(names=names)
        else:
            ui.undoApplyButton.toolTip = _("Nothing to undo.")

    def _on_chosen(self, _node: Node | None = None) -> None:
        self._update_buttons()

    def _on_collapsed(self, collapsed: bool) -> None:
        if not collapsed:
            self.message.setVisible(bool(self.message.text))

    def _say(self, text: str, level: str = "info") -> None:
        self.message.text = text
        tint(self.message, level)
        if not self.ui.applySection.collapsed:
            self.message.setVisible(bool(text))

    def _on_apply(self) -> None:
        try:
            with slicer.util.tryWithErrorDisplay(
                _("The nodes could not be moved."), waitCursor=True
            ):
                self._apply()
        finally:
            self._update_buttons()

    def _apply(self) -> None:
        ui = self.ui
        transform = ui.applyTransformSelector.currentNode()
        nodes = list(ui.applyNodesSelector.checkedNodes())
        try:
            step = _move(transform, nodes, ui.inverseCheckBox.checked, ui.hardenCheckBox.checked)
        except InputError as error:
            self._say(str(error), "error")
            return
        self._steps.append(step)
        for node in nodes:  # else the next click would move them once more
            ui.applyNodesSelector.setCheckState(node, qt.Qt.Unchecked)
        self._say(_moved(nodes, ui.hardenCheckBox.checked), "good")

    def _on_undo(self) -> None:
        try:
            with slicer.util.tryWithErrorDisplay(
                _("The nodes could not be put back."), waitCursor=True
            ):
                step = self._steps[-1]
                step.revert()
                self._steps.pop()  # what failed can be tried again
                names = ", ".join(node.GetName() for node in step.nodes)
                self._say(_("As before: {names}.").format(names=names))
        finally:
            self._update_buttons()


def _move(transform: Node, nodes: Sequence[Node], inverse: bool, harden: bool) -> _Step:
    """Move nodes with a transform or against it.

    Raises:
        InputError: for what cannot be moved; nothing is changed.
    """
    check_targets(transform, nodes)
    with SceneChange(transform.GetScene()) as change:
        used = opposite_transform(transform, change) if inverse else transform
        moved = apply_transform(used, nodes, harden=harden, reference=_reference(used))
    if harden:
        # Nothing is under an inverse that was made for this.
        for node in change.created:
            transform.GetScene().RemoveNode(node)
    return _Step(nodes, (change, moved))


def _reference(transform: Node) -> Node | None:
    """Return the volume that a transform of a result moves onto; None: it is of no result."""
    if "Output" not in read_attributes(transform):
        return None
    return roles_of(transform)[0]


def _moved(nodes: Sequence[Node], harden: bool) -> str:
    names = ", ".join(node.GetName() for node in nodes)
    if harden:
        return _("Moved and hardened: {names}.").format(names=names)
    return _("Moved: {names}.").format(names=names)
