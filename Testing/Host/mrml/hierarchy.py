"""Widgets for the subject hierarchy: the tree of patients, studies, folders and data."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from ..pythonqt.native import kept, native_widget
from ..pythonqt.signals import emit
from .observing import Observing

__all__ = ["qMRMLSubjectHierarchyComboBox", "qMRMLSubjectHierarchyTreeView"]

_ITEM = int(QtCore.Qt.ItemDataRole.UserRole)


class _Items(Observing):
    """The items of the hierarchy that pass the widget's filters."""

    _hierarchy: Any = None
    _scene: Any = None
    _root = 0

    def mrmlScene(self) -> Any:
        return self._scene

    def subjectHierarchyNode(self) -> Any:
        return self._hierarchy

    def rootItem(self) -> int:
        return self._root

    def setRootItem(self: Any, item: int) -> None:
        self._root = item
        self._populate()

    def setMRMLScene(self: Any, scene: Any) -> None:
        self._stop_observing()
        self._scene = scene
        self._hierarchy = None
        if scene is not None:
            hierarchy = _hierarchy_of(scene)
            self._hierarchy = hierarchy
            self._root = hierarchy.GetSceneItemID()
            for event in (
                hierarchy.SubjectHierarchyItemAddedEvent,
                hierarchy.SubjectHierarchyItemRemovedEvent,
                hierarchy.SubjectHierarchyItemModifiedEvent,
                hierarchy.SubjectHierarchyItemReparentedEvent,
            ):
                self._observe(hierarchy, event, self._populate)
        self._populate()

    def _children(self: Any, item: int) -> list[int]:
        ids = vtk.vtkIdList()
        self._hierarchy.GetItemChildren(item, ids)
        return [ids.GetId(i) for i in range(ids.GetNumberOfIds())]

    def _shows(self: Any, item: int) -> bool:
        node = self._hierarchy.GetItemDataNode(item)
        if not self.nodeTypes:
            return node is None or not node.GetHideFromEditors()
        if node is None:
            return any(self._shows(child) for child in self._children(item))
        return any(node.IsA(kind) for kind in self.nodeTypes)


def _hierarchy_of(scene: Any) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


@native_widget
class qMRMLSubjectHierarchyComboBox(_Items, QtWidgets.QComboBox):
    """A combo box with the items of the hierarchy."""

    cpp_signals = ("currentItemChanged(vtkIdType)", "currentItemModified(vtkIdType)")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.connect("currentIndexChanged(int)", self._on_index)

    def _populate(self: Any, data: Any = None) -> None:
        before = self.currentItem()
        blocked = self.blockSignals(True)
        self.clear()
        if self.noneEnabled:
            self.addItem("None", 0)
        if self._hierarchy is not None:
            self._add(self._root, 0)
        self.setCurrentIndex(max(self.findData(before), 0 if self.count else -1))
        self.blockSignals(blocked)
        if self.currentItem() != before:
            self._on_index()

    def _add(self: Any, parent: int, depth: int) -> None:
        for item in self._children(parent):
            if self._shows(item):
                self.addItem("  " * depth + self._hierarchy.GetItemName(item), item)
                self._add(item, depth + 1)

    def currentItem(self) -> int:
        return int(self.currentData or 0)

    def setCurrentItem(self, item: int) -> None:
        self.setCurrentIndex(self.findData(item))

    def clearSelection(self) -> None:
        self.setCurrentIndex(0 if self.noneEnabled else -1)

    def _on_index(self) -> None:
        emit(self, "currentItemChanged(vtkIdType)", self.currentItem())

    nodeTypes = kept("QStringList", "nodeTypes", [], _populate)
    noneEnabled = kept(bool, "noneEnabled", False, _populate)
    noneDisplay = kept(str, "noneDisplay", "None")
    showRootItem = kept(bool, "showRootItem", False)
    defaultText = kept(str, "defaultText", "")


@native_widget
class qMRMLSubjectHierarchyTreeView(_Items, QtWidgets.QTreeWidget):
    """The tree of the hierarchy."""

    cpp_signals = (
        "currentItemChanged(vtkIdType)",
        "currentNodeChanged(vtkMRMLNode*)",
        "currentItemModified(vtkIdType)",
    )

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderHidden(True)
        self.connect("itemSelectionChanged()", self._on_selection)

    def _populate(self: Any, data: Any = None) -> None:
        self.clear()
        if self._hierarchy is not None:
            self._add(self._root, self.invisibleRootItem())
            self.expandAll()

    def _add(self: Any, parent: int, branch: QtWidgets.QTreeWidgetItem) -> None:
        for item in self._children(parent):
            if self._shows(item):
                row = QtWidgets.QTreeWidgetItem(branch, [self._hierarchy.GetItemName(item)])
                row.setData(0, _ITEM, item)
                self._add(item, row)

    def currentItem(self) -> int:
        selected = self.selectedItems()
        return int(selected[0].data(0, _ITEM)) if selected else 0

    def currentNode(self) -> Any:
        item = self.currentItem()
        return self._hierarchy.GetItemDataNode(item) if item else None

    def setCurrentItem(self, item: int) -> None:
        rows = QtWidgets.QTreeWidgetItemIterator(self)
        while rows.value() is not None:
            rows.value().setSelected(rows.value().data(0, _ITEM) == item)
            rows += 1

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentItem(self._hierarchy.GetItemByDataNode(node))

    def _on_selection(self) -> None:
        emit(self, "currentItemChanged(vtkIdType)", self.currentItem())
        emit(self, "currentNodeChanged(vtkMRMLNode*)", self.currentNode())

    nodeTypes = kept("QStringList", "nodeTypes", [], _populate)
    nameFilter = kept(str, "nameFilter", "")
    multiSelection = kept(bool, "multiSelection", False)
    contextMenuEnabled = kept(bool, "contextMenuEnabled", True)
    editMenuActionVisible = kept(bool, "editMenuActionVisible", True)
    addNodeMenuActionVisible = kept(bool, "addNodeMenuActionVisible", False)
    visibilityColumnVisible = kept(bool, "visibilityColumnVisible", True)
    idColumnVisible = kept(bool, "idColumnVisible", False)
    colorColumnVisible = kept(bool, "colorColumnVisible", True)
    transformColumnVisible = kept(bool, "transformColumnVisible", True)
    descriptionColumnVisible = kept(bool, "descriptionColumnVisible", False)
    showRootItem = kept(bool, "showRootItem", False)
