"""The selector for several nodes of the scene."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.native import native_widget
from ..pythonqt.signals import emit
from .node_selectors import qMRMLNodeComboBox

__all__ = ["qMRMLCheckableNodeComboBox"]


@native_widget
class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """A combo box in which several nodes can be checked."""

    cpp_signals = ("checkedNodesChanged()",)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._combo.model().connect("itemChanged(QStandardItem*)", self._on_item_changed)
        self._show_count()

    def _prepare_item(self, item: QtGui.QStandardItem, key: str) -> None:
        if key.startswith("node:"):
            item.setCheckable(True)
            item.setCheckState(QtCore.Qt.CheckState.Unchecked)

    def _on_item_changed(self) -> None:
        self._show_count()
        emit(self, "checkedNodesChanged()")

    def _show_count(self) -> None:
        checked, count = len(self.checkedNodes()), self.nodeCount()
        self._combo.forceDefault = True
        self._combo.defaultText = (
            "None" if not checked else "All" if checked == count else f"{checked} selected"
        )

    def _item(self, node: Any) -> QtGui.QStandardItem:
        return self._combo.model().item(self._row(f"node:{node.GetID()}"))

    def _with_state(self, state: QtCore.Qt.CheckState) -> list[Any]:
        nodes = [self.nodeFromIndex(index) for index in range(self.nodeCount())]
        return [node for node in nodes if self._item(node).checkState() == state]

    def checkedNodes(self) -> tuple[Any, ...]:
        return tuple(self._with_state(QtCore.Qt.CheckState.Checked))

    def uncheckedNodes(self) -> tuple[Any, ...]:
        return tuple(self._with_state(QtCore.Qt.CheckState.Unchecked))

    def allChecked(self) -> bool:
        return not self.uncheckedNodes()

    def noneChecked(self) -> bool:
        return not self.checkedNodes()

    def checkState(self, node: Any) -> QtCore.Qt.CheckState:
        return self._item(node).checkState()

    def setCheckState(self, node: Any, state: int) -> None:
        self._item(node).setCheckState(QtCore.Qt.CheckState(state))

    def check(self, node: Any) -> None:
        self.setCheckState(node, QtCore.Qt.CheckState.Checked)

    def uncheck(self, node: Any) -> None:
        self.setCheckState(node, QtCore.Qt.CheckState.Unchecked)

    def setUserCheckable(self, node: Any, checkable: bool) -> None:
        self._item(node).setEnabled(checkable)
