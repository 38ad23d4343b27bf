"""The section "Apply to": other nodes are moved with the transform of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ..results.apply_transform import apply_transform, check_targets, opposite_transform
from ..results.moved_copies import move_copies
from ..results.result_nodes import find_outputs
from ..scene.nodes import read_attributes, roles_of
from ..scene.scene_change import SceneChange
from ..scene.volume_nodes import Node
from .safe_texts import printable, tip
from .section import Section
from .shown_result import volumes_of
from .ticks import Ticks
from .widgets import Hider, tint

__all__ = ["ApplySection"]


class ApplySection(Section):
    """Moves volumes, segmentations, models and markups; each step can be undone."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        # The nodes that each click has moved, and what takes it back.
        self._steps: list[tuple[Sequence[Node], Sequence[SceneChange]]] = []
        self._offered: Node | None = None

    def setup(self) -> None:
        ui = self.ui
        self._hider = Hider(ui.applySection)
        ui.applyMessageLabel.textFormat = qt.Qt.PlainText
        self._say("")
        self._ticks = Ticks(ui.applyNodesSelector, "applyTo", self.panel, self._update_buttons)
        ui.applyTransformSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._on_chosen)
        ui.applyToButton.connect("clicked(bool)", self._on_apply)
        ui.undoApplyButton.connect("clicked(bool)", self._on_undo)
        for box in (ui.copiesCheckBox, ui.alongCheckBox):
            box.connect("toggled(bool)", self._on_chosen)
        self._update_buttons()

    def update(self) -> None:
        super().update()
        # A scene that was closed took the nodes with it.
        self._steps = [s for s in self._steps if any(n.GetScene() is not None for n in s[0])]
        self._update_buttons()

    def cleanup(self) -> None:
        self._steps.clear()
        self._offered = None

    def show(self, parameters: Any) -> None:
        """Show the ticks; choose the transform of the volumes when there is a new one."""
        self._ticks.show(parameters.parameterNode)
        fixed, moving = volumes_of(parameters.fixedVolume, parameters.movingVolume)
        if fixed is None or moving is None:
            return
        transform = find_outputs(fixed, moving).get("transform")
        selector = self.ui.applyTransformSelector
        # Slicer empties its selectors when a scene is loaded.
        is_new = transform is not self._offered or selector.currentNode() is None
        if transform is not None and is_new:
            selector.setCurrentNode(transform)
        elif transform is None and selector.currentNode() is self._offered is not None:
            selector.setCurrentNode(None)  # it is that of other volumes
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
        ui.hardenCheckBox.enabled = not ui.copiesCheckBox.checked  # copies always are
        ui.undoApplyButton.enabled = bool(self._steps)
        if self._steps:
            names = _names(self._steps[-1][0])
            ui.undoApplyButton.toolTip = tip(_("Put back as before: {names}").format(names=names))
        else:
            ui.undoApplyButton.toolTip = _("Nothing to undo.")

    def _on_chosen(self, _node: Node | None = None) -> None:
        self._update_buttons()

    def _say(self, text: str, level: str = "info") -> None:
        label = self.ui.applyMessageLabel
        label.text = printable(text)
        tint(label, level)
        self._hider.set_visible(label, bool(text))

    def _on_apply(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The nodes could not be moved."), waitCursor=True):
            self._apply()
        self._update_buttons()

    def _apply(self) -> None:
        ui = self.ui
        transform = ui.applyTransformSelector.currentNode()
        nodes = list(ui.applyNodesSelector.checkedNodes())
        inverse, harden = ui.inverseCheckBox.checked, ui.hardenCheckBox.checked
        if ui.copiesCheckBox.checked:
            self._copy(transform, nodes, inverse)
            return
        try:
            self._steps.append((nodes, _move(transform, nodes, inverse, harden)))
        except InputError as error:
            self._say(str(error), "error")
            return
        if not ui.alongCheckBox.checked:
            for node in nodes:  # else the next click would move them once more
                ui.applyNodesSelector.setCheckState(node, qt.Qt.Unchecked)
        text = _("Moved and hardened: {names}.") if harden else _("Moved: {names}.")
        self._say(text.format(names=_names(nodes)), "good")

    def _copy(self, transform: Node, nodes: Sequence[Node], inverse: bool) -> None:
        """Move copies, which stay selected for the next result."""
        try:
            copies, changes = _move_copies(transform, nodes, inverse)
        except InputError as error:
            self._say(str(error), "error")
            return
        self._steps.append((copies, changes))
        self._say(_("Copies: {names}.").format(names=_names(copies)), "good")

    def run_finished(self, run: Any) -> None:
        """Move copies of the ticked nodes with the new transform, where that is wanted."""
        ui = self.ui
        if not ui.alongCheckBox.checked:
            return
        own = (run.plan.fixed, run.plan.moving)
        nodes = [node for node in ui.applyNodesSelector.checkedNodes() if node not in own]
        transform = run.nodes.get("transform")
        if transform is None:
            self._say(_("The run has made no transform: tick it under Outputs."), "warning")
        elif nodes:
            with slicer.util.tryWithErrorDisplay(
                _("The nodes could not be moved."), waitCursor=True
            ):
                self._copy(transform, nodes, inverse=False)
        else:
            self._say(_("Tick the nodes to move."), "warning")
        self._update_buttons()

    def _on_undo(self) -> None:
        failure = _("The nodes could not be put back.")
        with slicer.util.tryWithErrorDisplay(failure, waitCursor=True):
            nodes, changes = self._steps[-1]
            for change in changes:
                change.revert()
            self._steps.pop()  # what failed can be tried again
            self._say(_("As before: {names}.").format(names=_names(nodes)))
        self._update_buttons()


def _move(transform: Node, nodes: Sequence[Node], inverse: bool, harden: bool) -> list[SceneChange]:
    """Move nodes with a transform or against it; return what takes it back, in this order.

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
    return [moved, change]


def _move_copies(
    transform: Node, nodes: Sequence[Node], inverse: bool
) -> tuple[list[Node], list[SceneChange]]:
    """Move copies of nodes; return them, and what takes it back, in this order."""
    check_targets(transform, nodes)
    with SceneChange(transform.GetScene()) as change:
        used = opposite_transform(transform, change) if inverse else transform
    moved = move_copies(used, nodes, _reference(used))
    for node in change.created:
        transform.GetScene().RemoveNode(node)
    return moved.nodes, [*moved.changes, change]


def _reference(transform: Node) -> Node | None:
    """Return the volume that a transform of a result moves onto; None: it is of no result."""
    if "Output" not in read_attributes(transform):
        return None
    return roles_of(transform)[0]


def _names(nodes: Sequence[Node]) -> str:
    return ", ".join(node.GetName() for node in nodes)
