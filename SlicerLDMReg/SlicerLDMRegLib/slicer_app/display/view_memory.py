"""The state of views and displays before something else was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..scene.nodes import free_name
from ..scene.scene_change import NodeState, remove_node
from ..scene.volume_nodes import Node

__all__ = ["DisplayMemory"]


class DisplayMemory:
    """Remembers nodes before they are changed for the first time, and nodes that were added.

    Other than a :class:`~.scene_change.SceneChange` it lasts for as long as something is shown, and
    the scene stays alive in between.

    Args:
        scene: of all the nodes.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._known: set[str] = set()
        self._undo: list[tuple[Node | None, Callable[[], None]]] = []
        self._added: list[Node] = []

    def __bool__(self) -> bool:
        return bool(self._undo or self._added)

    def keep(self, node: Node | None) -> None:
        """Remember a node that is going to change; nothing happens if it is known already."""
        if node is not None and node.GetID() not in self._known:
            self._known.add(node.GetID())
            self._undo.append((node, NodeState(node).restore))

    def keep_value(self, key: str, value: Any, setter: Callable[[Any], None]) -> None:
        """Remember a value that is not part of the contents of a node; the first one counts.

        Args:
            key: names it.
            value: of now.
            setter: brings it back.
        """
        if key not in self._known:
            self._known.add(key)
            self._undo.append((None, lambda: setter(value)))

    def hide(self, displays: Iterable[Node]) -> None:
        """Remember display nodes, and hide what they show."""
        for display in displays:
            self.keep(display)
            display.SetVisibility(False)

    def add(self, class_name: str, name: str) -> Node:
        """Add a node to the scene, for as long as something is shown."""
        unique = free_name(self._scene, name)
        return self.added(self._scene.AddNewNodeByClass(class_name, unique))

    def added(self, node: Node) -> Node:
        """Take care of a node that has just been added."""
        self._known.add(node.GetID())
        self._added.append(node)
        return node

    def restore(self, stays: Callable[[Node], bool] = lambda node: False) -> None:
        """Bring everything back; nodes that the scene has lost are left out.

        Args:
            stays: whether a node is left as it is now, and only forgotten.
        """
        undo, added = self._undo, self._added
        self._known, self._undo, self._added = set(), [], []
        while undo:
            node, bring_back = undo.pop()
            if node is None or not stays(node):
                bring_back()
        for node in reversed(added):
            # The scene also lets those forget it that it displays. Not RemoveNthDisplayNodeID: with
            # it the views of transforms crash.
            remove_node(self._scene, node)
