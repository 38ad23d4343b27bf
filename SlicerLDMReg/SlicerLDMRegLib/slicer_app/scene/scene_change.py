"""Changes of the scene as one, all of them or none, which can be taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any

import slicer

from .nodes import display_nodes, free_name, nodes_of_class
from .volume_nodes import Node

__all__ = ["NodeState", "SceneChange", "remove_node"]

_VIEW_CLASSES = ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode", "vtkMRMLViewNode")


class NodeState:
    """Name, attributes, contents and references of a node at one moment.

    Bulk data such as voxels, meshes, grids and tables are shared with the node, not copied: that
    is enough when they are going to be exchanged as a whole. Where they will be changed in place,
    as hardening a transform does, they must be copied.

    Args:
        node: a node of a class that can copy its contents.
        deep: copy the bulk data, too.
    """

    def __init__(self, node: Node, deep: bool = False) -> None:
        self._node = node
        self._name = node.GetName()
        self._copy = getattr(slicer, node.GetClassName())()
        self._copy.CopyContent(node, deep)
        self._references = _references(node)

    def restore(self) -> None:
        """Bring the node back into this state; nothing happens if the scene has lost it."""
        node = self._node
        if node.GetScene() is None:
            return
        is_slice = node.IsA("vtkMRMLSliceNode")
        window = node.GetDimensions()[:2] if is_slice else None
        with slicer.util.NodeModify(node):
            node.SetName(self._name)
            node.CopyContent(self._copy, False)
            if window is not None and window != node.GetDimensions()[:2]:
                node.ResizeSliceNode(*window)  # the view has been resized since
            now = _references(node)
            for role in now.keys() | self._references.keys():
                wanted = self._references.get(role, [])
                if now.get(role, []) != wanted:
                    node.RemoveNodeReferenceIDs(role)
                    for number, identifier in enumerate(wanted):
                        node.SetNthNodeReferenceID(role, number, identifier)


class SceneChange:
    """The changes of a scene in a ``with`` block: kept as a whole, or not at all.

    When the block raises, all that was added to the scene is removed and all that was announced
    with :meth:`keep` or :meth:`on_undo` is as before. Afterwards :meth:`revert` does the same, when
    the user asks for it. Views and lists of nodes update once, at the end of the block.

    Example:
        >>> with SceneChange(slicer.mrmlScene) as change:
        ...     change.keep(node)
        ...     set_voxels(node, voxels)
        >>> change.revert()
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._before: set[str] = set()
        self._created: list[Node] = []
        self._kept: set[str] = set()
        self._layers: list[NodeState] = []
        self._undo: list[Callable[[], None]] = []
        self.accepted = False

    def accept(self) -> None:
        """Forget how things were: what was changed stays, and :meth:`revert` does nothing."""
        self.accepted = True
        for things in (self._undo, self._created, self._layers):
            things.clear()
        self._kept.clear()

    @property
    def created(self) -> list[Node]:
        """The nodes that were added and that the scene still has, with their display nodes."""
        return [node for node in self._created if node.GetScene() is self._scene]

    def keep(self, node: Node | None, deep: bool = False) -> None:
        """Remember the state of a node that is going to change.

        Args:
            node: nothing happens for None, a new node, or one that was kept before.
            deep: its bulk data will change in place, see :class:`NodeState`.
        """
        if node is None or node.GetID() in self._kept or node.GetID() not in self._before:
            return
        state = NodeState(node, deep)
        self._undo.append(state.restore)
        if node.IsA("vtkMRMLSliceCompositeNode"):
            self._layers.append(state)
        self._kept.add(node.GetID())

    def keep_with_display(self, node: Node, deep: bool = False) -> None:
        """Remember a node and, if it has some, its display nodes."""
        # The last one is restored first: what is displayed sets some of how it is displayed.
        for display in display_nodes(node):
            self.keep(display)
        self.keep(node, deep)

    def keep_views(self) -> None:
        """Remember what the slice and 3D views show."""
        for class_name in _VIEW_CLASSES:
            for view in nodes_of_class(self._scene, class_name):
                self.keep(view)

    def on_undo(self, function: Callable[[], None]) -> None:
        """Call a function when the change is undone; those that were added last come first."""
        self._undo.append(function)

    def add(self, class_name: str, name: str) -> Node:
        """Add a new node; its name gets a number if the scene has it already."""
        return self._scene.AddNewNodeByClass(class_name, free_name(self._scene, name))

    def place_under(self, node: Node, parent: Node) -> None:
        """Put a new node under another one in the subject hierarchy."""
        hierarchy = _hierarchy(node)
        above = hierarchy.GetItemByDataNode(parent)
        if not above:  # only outside of the application, which gives every node an item
            self.on_undo(partial(_forget_item, parent))
            above = hierarchy.CreateItem(hierarchy.GetSceneItemID(), parent)
        hierarchy.CreateItem(above, node)

    def revert(self) -> None:
        """Take everything back; nodes that were removed in the meantime are left out."""
        # Not in the batch: the selectors above the slice views would not follow, but keep a volume
        # that goes, and then show another one in its place.
        for layers in self._layers:
            layers.restore()
        with _batch(self._scene):
            self._take_back()

    def __enter__(self) -> SceneChange:
        self._before = {node.GetID() for node in nodes_of_class(self._scene)}
        self._scene.StartState(slicer.vtkMRMLScene.BatchProcessState)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._created = [
            node for node in nodes_of_class(self._scene) if node.GetID() not in self._before
        ]
        try:
            if kind is not None:
                self._take_back()
        finally:
            self._scene.EndState(slicer.vtkMRMLScene.BatchProcessState)

    def _take_back(self) -> None:
        """Undo all that can be undone, last things first, and raise what one of them raises."""
        undo, self._undo = self._undo, []
        with contextlib.ExitStack() as stack:
            for node in _with_belongings(self.created):
                stack.callback(remove_node, self._scene, node)
            for function in undo:
                stack.callback(function)
        self._created.clear()
        self._kept.clear()
        self._layers.clear()


@contextlib.contextmanager
def _batch(scene: Any) -> Any:
    scene.StartState(slicer.vtkMRMLScene.BatchProcessState)
    try:
        yield
    finally:
        scene.EndState(slicer.vtkMRMLScene.BatchProcessState)


def _references(node: Node) -> dict[str, list[str]]:
    roles: list[str] = []
    node.GetNodeReferenceRoles(roles)
    return {
        role: [
            node.GetNthNodeReferenceID(role, n) for n in range(node.GetNumberOfNodeReferences(role))
        ]
        for role in roles
    }


def _with_belongings(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes with the display and storage nodes that they got since they were added."""
    found = list(nodes)
    for node in list(found):
        belongings = display_nodes(node)
        if node.IsA("vtkMRMLStorableNode"):
            belongings.append(node.GetStorageNode())
        found += [own for own in belongings if own is not None and own not in found]
    return found


def _forget_item(node: Node) -> None:
    """Remove the item of a node that is about to leave the scene; what is under it moves up."""
    hierarchy = _hierarchy(node)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False, False)


def remove_node(scene: Any, node: Node) -> None:
    """Remove a node with its item from the scene, if the scene still has it."""
    if node.GetScene() is scene:
        _forget_item(node)
        scene.RemoveNode(node)


def _hierarchy(node: Node) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
