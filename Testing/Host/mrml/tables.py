"""A view of a table node."""

from __future__ import annotations

from typing import Any

from PySide6 import QtGui, QtWidgets

from ..pythonqt.native import kept, native_widget
from ..pythonqt.signals import emit
from .observing import Observing

__all__ = ["qMRMLTableView"]


@native_widget
class qMRMLTableView(Observing, QtWidgets.QTableView):
    """Shows a vtkMRMLTableNode; text that is changed is written to the node."""

    cpp_signals = ("mrmlSceneChanged(vtkMRMLScene*)", "selectionChanged()")
    _scene: Any = None
    _node: Any = None

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._items = QtGui.QStandardItemModel(self)
        self.setModel(self._items)
        self._items.connect("itemChanged(QStandardItem*)", self._on_edited)
        self._filling = False

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        emit(self, "mrmlSceneChanged(vtkMRMLScene*)", scene)

    def mrmlTableNode(self) -> Any:
        return self._node

    def setMRMLTableNode(self, node: Any) -> None:
        self._stop_observing()
        self._node = node
        if node is not None:
            self._observe(node, "ModifiedEvent", self._fill)
        self._fill()

    def _fill(self, data: Any = None) -> None:
        self._filling = True
        self._items.clear()
        node = self._node
        if node is not None:
            columns = range(node.GetNumberOfColumns())
            names = [node.GetColumnName(column) or "" for column in columns]
            rows = [
                [node.GetCellText(row, c) for c in columns] for row in range(node.GetNumberOfRows())
            ]
            if node.GetUseColumnTitleAsColumnHeader():
                names = [node.GetColumnTitle(name) or name for name in names]
            if not node.GetUseColumnNameAsColumnHeader():
                rows.insert(0, names)
            else:
                self._items.setHorizontalHeaderLabels(names)
            for row in rows:
                self._items.appendRow([QtGui.QStandardItem(text) for text in row])
        self._filling = False

    def _on_edited(self, item: QtGui.QStandardItem) -> None:
        if not self._filling:
            offset = 0 if self._node.GetUseColumnNameAsColumnHeader() else 1
            self._node.SetCellText(item.row() - offset, item.column(), item.text())

    def resizeColumnsToContents(self) -> None:
        super().resizeColumnsToContents()

    transposed = kept(bool, "transposed", False)
    firstRowLocked = kept(bool, "firstRowLocked", False)
    firstColumnLocked = kept(bool, "firstColumnLocked", False)
