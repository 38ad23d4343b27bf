"""The selector for a node of the scene."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from ..ctk.choices import ctkComboBox
from ..pythonqt.native import kept, native_widget
from ..pythonqt.signals import emit
from .node_actions import KEY, NodeActions, Row
from .node_filter import NodeFilter
from .observing import Observing

__all__ = ["qMRMLNodeComboBox"]


def _refresh(self: Any) -> None:
    self._refresh()


def _filter_property(kind: Any, name: str) -> Any:
    def read(self: Any) -> Any:
        return getattr(self._filter, name)

    def write(self: Any, value: Any) -> None:
        setattr(self._filter, name, value)

    return QtCore.Property(kind, read, write)


@native_widget
class qMRMLNodeComboBox(NodeActions, Observing, QtWidgets.QWidget):
    """A combo box with the nodes of a scene that pass a filter, and actions on them."""

    cpp_signals = (
        "currentNodeChanged(vtkMRMLNode*)",
        "currentNodeChanged(bool)",
        "currentNodeIDChanged(QString)",
        "nodeActivated(vtkMRMLNode*)",
        "nodeAdded(vtkMRMLNode*)",
        "nodeAddedByUser(vtkMRMLNode*)",
        "nodeAddedByUserAction(vtkMRMLNode*)",
        "nodeAboutToBeRemoved(vtkMRMLNode*)",
        "nodeAboutToBeEdited(vtkMRMLNode*)",
        "currentNodeRenamed(QString)",
    )

    nodeTypes = _filter_property("QStringList", "nodeTypes")
    showHidden = _filter_property(bool, "showHidden")
    showChildNodeTypes = _filter_property(bool, "showChildNodeTypes")
    hideChildNodeTypes = _filter_property("QStringList", "hideChildNodeTypes")
    noneEnabled = kept(bool, "noneEnabled", False, _refresh)
    addEnabled = kept(bool, "addEnabled", True, _refresh)
    removeEnabled = kept(bool, "removeEnabled", True, _refresh)
    editEnabled = kept(bool, "editEnabled", False, _refresh)
    renameEnabled = kept(bool, "renameEnabled", False, _refresh)
    selectNodeUponCreation = kept(bool, "selectNodeUponCreation", True)
    noneDisplay = kept(str, "noneDisplay", "None", _refresh)
    baseName = kept(str, "baseName", "")
    interactionNodeSingletonTag = kept(str, "interactionNodeSingletonTag", "")
    sizeAdjustPolicy = kept(int, "sizeAdjustPolicy", 1)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._requested = ""
        self._quiet = False
        self._last: tuple[str, str] | None = None
        self._labels: dict[str, str] = {}
        self._created_with: dict[str, str] = {}
        self._actions: list[QtGui.QAction] = []
        self._combo = ctkComboBox()
        self._combo.defaultText = "Select a node"
        self._filter = NodeFilter(self, self._on_filter_changed)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        policy = QtWidgets.QSizePolicy.Policy
        self._combo.setSizePolicy(policy.Expanding, policy.Fixed)
        self.setSizePolicy(policy.Preferred, policy.Fixed)
        self.setFocusProxy(self._combo)
        self.setEnabled(False)
        # Another node, of the same name or not; and another name of the current node.
        self._combo.connect("currentIndexChanged(int)", self._on_combo_changed)
        self._combo.connect("currentTextChanged(QString)", self._on_combo_changed)
        self._combo.connect("activated(int)", self._on_activated)

    # The scene

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        before = self.currentNodeID
        had_nodes = self.nodeCount() > 0
        self._stop_observing()
        self._scene = scene
        if scene is not None:
            self._observe(scene, "NodeAddedEvent", self._on_node_added)
            self._observe(scene, "NodeAboutToBeRemovedEvent", self._on_node_about_to_be_removed)
            self._observe(scene, "NodeRemovedEvent", self._on_node_removed)
            self._observe(scene, scene.EndBatchProcessEvent, self._on_scene_changed)
            self._observe(scene, scene.EndImportEvent, self._fill_anew)
            self._observe(scene, scene.EndCloseEvent, self._fill_anew)
            self._observe_nodes()
        self._quiet = True
        self._refresh()
        if not had_nodes and not self.noneEnabled and self.nodeCount():
            self.setCurrentNodeIndex(0)
        self._quiet = False
        self.setCurrentNodeID(before if had_nodes else self._requested or self.currentNodeID)
        self._requested = ""
        self.setEnabled(scene is not None)
        self._on_current_changed()

    def _on_node_added(self, node: Any) -> None:
        if self._scene.IsBatchProcessing() or self._scene.IsImporting():
            return
        if not any(node.IsA(kind) for kind in self.nodeTypes or ("vtkMRMLNode",)):
            return  # as most nodes: a change of theirs changes no row
        self._observe(node, "ModifiedEvent", self._on_scene_changed)
        self._refresh()
        if self._row(f"node:{node.GetID()}") >= 0:
            emit(self, "nodeAdded(vtkMRMLNode*)", node)

    def _on_node_about_to_be_removed(self, node: Any) -> None:
        self._stop_observing(node)
        if self._row(f"node:{node.GetID()}") >= 0:
            emit(self, "nodeAboutToBeRemoved(vtkMRMLNode*)", node)

    def _on_node_removed(self, _node: Any) -> None:
        if self._scene is not None and not self._scene.IsBatchProcessing():
            self._refresh()

    def _on_scene_changed(self, data: Any = None) -> None:
        if self._scene is None or self._scene.IsBatchProcessing() or self._scene.IsImporting():
            return
        self._observe_nodes()
        self._refresh()

    def _on_filter_changed(self) -> None:
        if self._scene is not None:
            self._observe_nodes()
        self._refresh()

    def _observe_nodes(self) -> None:
        observed = {id(subject) for subject, _ in self._observed}
        for node in self._nodes():
            if id(node) not in observed:
                self._observe(node, "ModifiedEvent", self._on_scene_changed)

    def _fill_anew(self, _data: Any = None) -> None:
        """Take out the rows of all nodes, and with them the selection, and put them in anew."""
        for row in reversed(range(self._combo.count)):
            if (self._combo.itemData(row, KEY) or "").startswith("node:"):
                self._combo.removeItem(row)
        self._select("none" if self.noneEnabled else "")
        self._refresh()
        self._on_scene_changed()

    def _nodes(self) -> list[Any]:
        """All nodes of the filter's types, hidden ones included."""
        if self._scene is None:
            return []
        found: dict[str, Any] = {}
        for kind in self.nodeTypes or ("vtkMRMLNode",):
            collection = self._scene.GetNodesByClass(kind)
            collection.UnRegister(None)
            for index in range(collection.GetNumberOfItems()):
                node = collection.GetItemAsObject(index)
                found[node.GetID()] = node
        return list(found.values())

    # The rows

    def _rows(self) -> list[Row]:
        if self._scene is None:
            return []
        rows = [("none", self.noneDisplay)] if self.noneEnabled else []
        rows += [
            (f"node:{node.GetID()}", node.GetName() or "")
            for node in self._nodes()
            if self._filter._accepts(node)
        ]
        actions = self._action_rows()
        return rows + ([("separator", ""), *actions] if actions else [])

    def _refresh(self) -> None:
        """Change the rows that differ, so that the combo box keeps its selection as Qt does."""
        wanted = self._rows()
        keys = [key for key, _ in wanted]
        for row in reversed(range(self._combo.count)):
            if self._combo.itemData(row, KEY) not in keys:
                self._combo.removeItem(row)
        for row, (key, text) in enumerate(wanted):
            if self._combo.itemData(row, KEY) == key:
                if self._combo.itemText(row) != text:
                    self._combo.setItemText(row, text)
                continue
            item = QtGui.QStandardItem(text)
            item.setData(key, KEY)
            if key == "separator":
                item.setData("separator", QtCore.Qt.ItemDataRole.AccessibleDescriptionRole)
                item.setEnabled(False)
            self._prepare_item(item, key)
            self._combo.model().insertRow(row, item)
        label = self.nodeTypeLabel(self.nodeTypes[0] if self.nodeTypes else "")
        self._combo.defaultText = f"Select a {label}"
        if self.currentNode() is None and not self._quiet:
            self._select("none" if self.noneEnabled else "")

    def _prepare_item(self, item: QtGui.QStandardItem, key: str) -> None:
        """For derived widgets."""

    def _row(self, key: str) -> int:
        return self._combo.findData(key, KEY)

    def _select(self, key: str) -> None:
        self._combo.setCurrentIndex(self._row(key) if key else -1)

    # The current node

    def currentNode(self) -> Any:
        key = self._combo.itemData(self._combo.currentIndex, KEY) or ""
        if self._scene is None or not key.startswith("node:"):
            return None
        return self._scene.GetNodeByID(key[5:])

    def _read_current_id(self) -> str:
        node = self.currentNode()
        return node.GetID() if node is not None else ""

    def setCurrentNode(self, node: Any) -> None:
        if isinstance(node, str):
            raise ValueError("setCurrentNode takes a node; setCurrentNodeID takes an ID")
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, node_id: str) -> None:
        if self._scene is None:
            self._requested = node_id or ""
        elif node_id and self._row(f"node:{node_id}") >= 0:
            self._select(f"node:{node_id}")
        else:
            self._select("none" if self.noneEnabled else "")

    def setCurrentNodeIndex(self, index: int) -> None:
        index = index if index < self.nodeCount() else -1
        self._combo.setCurrentIndex(index + 1 if self.noneEnabled else index)

    currentNodeID = QtCore.Property(str, _read_current_id, setCurrentNodeID)

    def _on_combo_changed(self, _value: Any = None) -> None:
        """Two signals tell of one change, and the index changes with rows above, too."""
        key = self._combo.itemData(self._combo.currentIndex, KEY) or ""
        current = key, self._combo.currentText
        if current != self._last:
            self._last = current
            self._on_current_changed()

    def _on_current_changed(self) -> None:
        if self._quiet:
            return
        key = self._combo.itemData(self._combo.currentIndex, KEY) or ""
        if key.startswith(("action:", "separator")):  # an action is not a selection
            last = self.nodeFromIndex(self.nodeCount() - 1)
            if last is not None:
                self.setCurrentNode(last)
            return
        node = self.currentNode()
        emit(self, "currentNodeChanged(vtkMRMLNode*)", node)
        emit(self, "currentNodeChanged(bool)", node is not None)
        emit(self, "currentNodeIDChanged(QString)", node.GetID() if node is not None else "")

    def _on_activated(self, row: int) -> None:
        key = self._combo.itemData(row, KEY) or ""
        if key.startswith(("node:", "none")):
            emit(self, "nodeActivated(vtkMRMLNode*)", self.currentNode())

    # Nodes

    def nodeCount(self) -> int:
        keys = [self._combo.itemData(row, KEY) or "" for row in range(self._combo.count)]
        return sum(key.startswith("node:") for key in keys)

    def nodeFromIndex(self, index: int) -> Any:
        key = self._combo.itemData(index + 1 if self.noneEnabled else index, KEY) or ""
        return self._scene.GetNodeByID(key[5:]) if key.startswith("node:") else None

    def addAttribute(self, kind: str, name: str, value: Any = None) -> None:
        self._created_with[name] = "" if value is None else str(value)
        self._filter.addAttribute(kind, name, value)

    def removeAttribute(self, kind: str, name: str) -> None:
        self._created_with.pop(name, None)
        self._filter.removeAttribute(kind, name)

    def sortFilterProxyModel(self) -> NodeFilter:
        return self._filter
