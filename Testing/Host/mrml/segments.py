"""Widgets for the segments of a segmentation."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.native import kept, native_widget
from ..pythonqt.signals import emit
from .node_selectors import qMRMLNodeComboBox
from .observing import Observing

__all__ = ["qMRMLSegmentSelectorWidget", "qMRMLSegmentsTableView"]

_ID = int(QtCore.Qt.ItemDataRole.UserRole)


def _segments(node: Any) -> list[tuple[str, Any]]:
    if node is None or node.GetSegmentation() is None:
        return []
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    return [(segment_id, segmentation.GetSegment(segment_id)) for segment_id in ids]


def _observe_segments(widget: Any, node: Any, method: Any) -> None:
    segmentation = node.GetSegmentation()
    for event in ("SegmentAdded", "SegmentRemoved", "SegmentModified", "SegmentsOrderModified"):
        widget._observe(segmentation, getattr(segmentation, event), method)


@native_widget
class qMRMLSegmentSelectorWidget(Observing, QtWidgets.QWidget):
    """A segmentation and one or several of its segments."""

    cpp_signals = (
        "currentNodeChanged(vtkMRMLNode*)",
        "currentNodeChanged(bool)",
        "currentSegmentChanged(QString)",
        "segmentSelectionChanged(QStringList)",
        "nodeAboutToBeEdited(vtkMRMLNode*)",
    )

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._nodes = qMRMLNodeComboBox()
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.addEnabled = self._nodes.removeEnabled = False
        self._one = QtWidgets.QComboBox()
        self._many = QtWidgets.QListWidget()
        self._many.setVisible(False)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self._nodes, self._one, self._many):
            layout.addWidget(part)
        self._nodes.connect("currentNodeChanged(vtkMRMLNode*)", self._on_node)
        self._one.connect("currentIndexChanged(int)", self._on_segment)
        self._many.connect("itemChanged(QListWidgetItem*)", self._on_checked)

    def mrmlScene(self) -> Any:
        return self._nodes.mrmlScene()

    def setMRMLScene(self, scene: Any) -> None:
        self._nodes.setMRMLScene(scene)

    def currentNode(self) -> Any:
        return self._nodes.currentNode()

    def currentNodeID(self) -> str:
        return str(self._nodes.currentNodeID)

    def setCurrentNode(self, node: Any) -> None:
        self._nodes.setCurrentNode(node)

    def setCurrentNodeID(self, node_id: str) -> None:
        self._nodes.setCurrentNodeID(node_id)

    def _on_node(self, node: Any) -> None:
        self._stop_observing()
        if node is not None:
            _observe_segments(self, node, self._populate)
        self._populate()
        emit(self, "currentNodeChanged(vtkMRMLNode*)", node)
        emit(self, "currentNodeChanged(bool)", node is not None)

    def _populate(self, data: Any = None) -> None:
        before, checked = self.currentSegmentID(), self.selectedSegmentIDs()
        blocked = self._one.blockSignals(True), self._many.blockSignals(True)
        self._one.clear()
        self._many.clear()
        if self.noneEnabled:
            self._one.addItem("None", "")
        for segment_id, segment in _segments(self.currentNode()):
            self._one.addItem(segment.GetName(), segment_id)
            item = QtWidgets.QListWidgetItem(segment.GetName())
            item.setData(_ID, segment_id)
            state = QtCore.Qt.CheckState
            item.setCheckState(state.Checked if segment_id in checked else state.Unchecked)
            self._many.addItem(item)
        self._one.setCurrentIndex(max(self._one.findData(before), 0 if self._one.count else -1))
        self._one.blockSignals(blocked[0])
        self._many.blockSignals(blocked[1])
        if self.currentSegmentID() != before:
            self._on_segment()

    def _on_segment(self) -> None:
        emit(self, "currentSegmentChanged(QString)", self.currentSegmentID())

    def _on_checked(self) -> None:
        emit(self, "segmentSelectionChanged(QStringList)", self.selectedSegmentIDs())

    def segmentIDs(self) -> tuple[str, ...]:
        return tuple(segment_id for segment_id, _ in _segments(self.currentNode()))

    def currentSegmentID(self) -> str:
        return self._one.currentData or ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        self._one.setCurrentIndex(self._one.findData(segment_id))

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        items = [self._many.item(row) for row in range(self._many.count)]
        return tuple(i.data(_ID) for i in items if i.checkState() == QtCore.Qt.CheckState.Checked)

    def setSelectedSegmentIDs(self, segment_ids: Any) -> None:
        for row in range(self._many.count):
            item = self._many.item(row)
            state = QtCore.Qt.CheckState
            item.setCheckState(state.Checked if item.data(_ID) in segment_ids else state.Unchecked)

    def _show_parts(self) -> None:
        self._nodes.setVisible(self.segmentationNodeSelectorVisible)
        self._one.setVisible(not self.multiSelection)
        self._many.setVisible(self.multiSelection)
        self._nodes.noneEnabled = self.noneEnabled
        self._populate()

    noneEnabled = kept(bool, "noneEnabled", False, _show_parts)
    editEnabled = kept(bool, "editEnabled", False)
    segmentationNodeSelectorVisible = kept(
        bool, "segmentationNodeSelectorVisible", True, _show_parts
    )
    multiSelection = kept(bool, "multiSelection", False, _show_parts)
    horizontalLayout = kept(bool, "horizontalLayout", False)
    selectNodeUponCreation = kept(bool, "selectNodeUponCreation", True)


@native_widget
class qMRMLSegmentsTableView(Observing, QtWidgets.QWidget):
    """A table of segments with their colours."""

    cpp_signals = (
        "selectionChanged(QItemSelection,QItemSelection)",
        "segmentAboutToBeModified(QString)",
    )

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._table = QtWidgets.QTableWidget(0, 2)
        self._table.setHorizontalHeaderLabels(["", "Name"])
        self._table.setColumnWidth(0, 24)
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().setVisible(False)
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self._table.connect("itemSelectionChanged()", self._on_selection)

    def setMRMLScene(self, scene: Any) -> None:
        """Nothing: the segmentation brings its scene."""

    def segmentationNode(self) -> Any:
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        self._stop_observing()
        self._node = node
        if node is not None:
            _observe_segments(self, node, self._populate)
        self._populate()

    def _populate(self, data: Any = None) -> None:
        selected = self.selectedSegmentIDs()
        rows = _segments(self._node)
        self._table.setRowCount(len(rows))
        for row, (segment_id, segment) in enumerate(rows):
            color = QtWidgets.QTableWidgetItem()
            color.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
            name = QtWidgets.QTableWidgetItem(segment.GetName())
            name.setData(_ID, segment_id)
            self._table.setItem(row, 0, color)
            self._table.setItem(row, 1, name)
        self.setSelectedSegmentIDs(selected)

    def tableWidget(self) -> QtWidgets.QTableWidget:
        return self._table

    def _read_count(self) -> int:
        return int(self._table.rowCount)

    def displayedSegmentIDs(self) -> tuple[str, ...]:
        return tuple(self._table.item(row, 1).data(_ID) for row in range(self._table.rowCount))

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        rows = sorted({index.row() for index in self._table.selectedIndexes()})
        return tuple(self._table.item(row, 1).data(_ID) for row in rows)

    def setSelectedSegmentIDs(self, segment_ids: Any) -> None:
        self._table.clearSelection()
        for row, segment_id in enumerate(self.displayedSegmentIDs()):
            if segment_id in segment_ids:
                self._table.selectRow(row)

    def clearSelection(self) -> None:
        self._table.clearSelection()

    def setSelectionMode(self, mode: int) -> None:
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(mode))

    def _read_selection_mode(self) -> int:
        return int(self._table.selectionMode)

    def _on_selection(self) -> None:
        emit(self, "selectionChanged(QItemSelection,QItemSelection)", None, None)

    segmentCount = QtCore.Property(int, _read_count)
    selectionMode = QtCore.Property(int, _read_selection_mode, setSelectionMode)
    headerVisible = kept(bool, "headerVisible", True)
    visibilityColumnVisible = kept(bool, "visibilityColumnVisible", True)
    colorColumnVisible = kept(bool, "colorColumnVisible", True)
    opacityColumnVisible = kept(bool, "opacityColumnVisible", True)
    statusColumnVisible = kept(bool, "statusColumnVisible", False)
    layerColumnVisible = kept(bool, "layerColumnVisible", False)
    readOnly = kept(bool, "readOnly", False)
    filterBarVisible = kept(bool, "filterBarVisible", False)
    textFilter = kept(str, "textFilter", "")
