"""Actions of users and modules on the nodes of a selector: create, rename, edit, delete, choose."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.signals import emit

__all__ = ["KEY", "NodeActions", "Row"]

KEY = int(QtCore.Qt.ItemDataRole.UserRole) + 1
"""The role under which a row keeps its key: none, node:<id>, separator or action:<name>."""

Row = tuple[str, str]
"""The key and the text of a row."""


class NodeActions:
    """The rows of a selector that act, and what they do."""

    def setNodeTypeLabel(self: Any, label: str, kind: str) -> None:
        self._labels[kind] = label
        self._refresh()

    def nodeTypeLabel(self: Any, kind: str) -> str:
        if kind in self._labels:
            return self._labels[kind]
        label = self._scene.GetTypeDisplayNameByClassName(kind) if self._scene and kind else ""
        return label or "node"

    def addNode(self: Any, kind: str | None = None) -> Any:
        """Make a node of an allowed type, by default the first, and select it."""
        if kind is None and self.nodeTypes:
            kind = self.nodeTypes[0]
        if kind not in self.nodeTypes:
            return None
        node = self._scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        name = self.baseName or (node.GetName() or node.GetDefaultNodeNamePrefix())
        node.SetName(self._scene.GetUniqueNameByString(name))
        for attribute, value in self._created_with.items():
            node.SetAttribute(attribute, value)
        node = self._scene.AddNode(node)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        emit(self, "nodeAddedByUser(vtkMRMLNode*)", node)
        return node

    def removeCurrentNode(self: Any) -> None:
        self._scene.RemoveNode(self.currentNode())

    def editCurrentNode(self: Any) -> None:
        emit(self, "nodeAboutToBeEdited(vtkMRMLNode*)", self.currentNode())

    def renameCurrentNode(self: Any) -> None:
        node = self.currentNode()
        if node is None:
            return
        title = f"Rename {self.nodeTypeLabel(node.GetClassName())}"
        name = QtWidgets.QInputDialog.getText(self, title, "New name:")
        if name:
            node.SetName(name)
            emit(self, "currentNodeRenamed(QString)", name)

    def addMenuAction(self: Any, action: QtGui.QAction) -> None:
        self._actions.append(action)
        self._refresh()

    def _action_rows(self: Any) -> list[Row]:
        label = self.nodeTypeLabel(self.nodeTypes[0] if len(self.nodeTypes) == 1 else "")
        rows: list[Row] = []
        if self.renameEnabled:
            rows.append(("action:rename", f"Rename current {label}"))
        if self.editEnabled:
            rows.append(("action:edit", f"Edit current {label}"))
        if self.addEnabled:
            for kind in self.nodeTypes:
                text = f"Create new {self.nodeTypeLabel(kind)}"
                rows.append((f"action:create {kind}", text))
                if self.renameEnabled:
                    rows.append((f"action:create_as {kind}", f"{text} as..."))
        if self.removeEnabled:
            rows.append(("action:delete", f"Delete current {label}"))
        rows += [(f"action:user {index}", a.text) for index, a in enumerate(self._actions)]
        return rows

    # What a user does

    def _choose(self: Any, text: str = "", key: str = "") -> None:
        """Click a row, given by its text or its key: a node, None, or an action."""
        row = self._row(key) if key else self._combo.findText(text)
        if row < 0:
            rows = [self._combo.itemText(r) for r in range(self._combo.count)]
            raise LookupError(f"{self.objectName}: no row '{key or text}' among {rows}")
        key = self._combo.itemData(row, KEY)
        if not key.startswith("action:"):
            self._combo.setCurrentIndex(row)
            emit(self._combo, "activated(int)", row)
            return
        command, _, argument = key[7:].partition(" ")
        if command in ("create", "create_as"):
            self._create(argument, ask_name=command == "create_as")
        elif command == "user":
            self._actions[int(argument)].trigger()
        else:
            actions = {
                "delete": self.removeCurrentNode,
                "edit": self.editCurrentNode,
                "rename": self.renameCurrentNode,
            }
            actions[command]()

    def _create(self: Any, kind: str, ask_name: bool) -> None:
        name = ""
        if ask_name:
            title = f"Create new {self.nodeTypeLabel(kind)}"
            name = QtWidgets.QInputDialog.getText(self, title, "New name:")
            if not name:
                return
        node = self.addNode(kind)
        if name:
            node.SetName(name)
        self.setCurrentNode(node)
        emit(self, "nodeAddedByUserAction(vtkMRMLNode*)", node)
