"""The nodes of a scene that a selector offers."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore

from ..pythonqt.native import kept

__all__ = ["NodeFilter"]


def _changed(self: Any) -> None:
    self._on_change()


class NodeFilter(QtCore.QObject):
    """The conditions a node must meet; ``selector.sortFilterProxyModel()`` returns them."""

    nodeTypes = kept("QStringList", "nodeTypes", [], _changed)
    showHidden = kept(bool, "showHidden", False, _changed)
    showHiddenForTypes = kept("QStringList", "showHiddenForTypes", [], _changed)
    showChildNodeTypes = kept(bool, "showChildNodeTypes", True, _changed)
    hideChildNodeTypes = kept("QStringList", "hideChildNodeTypes", [], _changed)
    hiddenNodeIDs = kept("QStringList", "hiddenNodeIDs", [], _changed)
    visibleNodeIDs = kept("QStringList", "visibleNodeIDs", [], _changed)

    def __init__(self, parent: Any, on_change: Any) -> None:
        super().__init__(parent)
        self._attributes: dict[str, tuple[str, str | None]] = {}
        self._on_change = on_change

    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        self._attributes[node_type] = (name, None if value is None else str(value))
        self._on_change()

    def removeAttribute(self, node_type: str, name: str) -> None:
        if self._attributes.get(node_type, ("",))[0] == name:
            del self._attributes[node_type]
            self._on_change()

    def _accepts(self, node: Any) -> bool:
        if node.GetID() in self.hiddenNodeIDs:
            return False
        if node.GetID() in self.visibleNodeIDs:
            return True
        shown = self.showHidden or any(node.IsA(kind) for kind in self.showHiddenForTypes)
        if node.GetHideFromEditors() and not shown:
            return False
        if not self.nodeTypes:
            return True
        return any(self._accepts_as(node, kind) for kind in self.nodeTypes)

    def _accepts_as(self, node: Any, kind: str) -> bool:
        if not node.IsA(kind):
            return False
        if not self.showChildNodeTypes and node.GetClassName() != kind:
            return False
        if self.showChildNodeTypes and any(node.IsA(k) for k in self.hideChildNodeTypes):
            return False
        if kind in self._attributes:
            name, wanted = self._attributes[kind]
            actual = node.GetAttribute(name)
            return actual is not None and wanted in (None, actual)
        return True
