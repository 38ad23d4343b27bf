"""The ticks of a selector of several nodes, kept in the set of choices: the scene saves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from ..scene.volume_nodes import Node

__all__ = ["Ticks"]


class Ticks:
    """Ties a qMRMLCheckableNodeComboBox to node references of the parameter node.

    Args:
        selector: the combo box.
        role: of the references.
        panel: its ``parameters`` are the set of choices; None: the ticks are left alone.
        on_changed: called when the user, or a node that goes, has changed them.
    """

    def __init__(
        self, selector: Any, role: str, panel: Any, on_changed: Callable[[], object]
    ) -> None:
        self._selector, self._role, self._panel = selector, role, panel
        self._on_changed = on_changed
        self._showing = False
        selector.connect("checkedNodesChanged()", self._on_ticked)

    def show(self, choices: Node) -> None:
        """Tick the nodes that a parameter node refers to."""
        wanted = self._kept(choices)
        for node in set(self._selector.checkedNodes()) ^ set(wanted):
            self._showing = True
            state = qt.Qt.Checked if node in wanted else qt.Qt.Unchecked
            self._selector.setCheckState(node, state)
            self._showing = False

    def _on_ticked(self) -> None:
        parameters = self._panel.parameters
        if parameters is not None and not self._showing:
            choices, nodes = parameters.parameterNode, list(self._selector.checkedNodes())
            if nodes != self._kept(choices):
                with slicer.util.NodeModify(choices):
                    choices.RemoveNodeReferenceIDs(self._role)
                    for node in nodes:
                        choices.AddNodeReferenceID(self._role, node.GetID())
        self._on_changed()

    def _kept(self, choices: Node) -> list[Node]:
        count = choices.GetNumberOfNodeReferences(self._role)
        nodes = [choices.GetNthNodeReference(self._role, n) for n in range(count)]
        return [node for node in nodes if node is not None]
