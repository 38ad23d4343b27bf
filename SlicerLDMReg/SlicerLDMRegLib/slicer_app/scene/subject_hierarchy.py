"""The subject hierarchy, the tree of nodes that the Data module shows."""

from __future__ import annotations

from typing import Any

import slicer

from .volume_nodes import Node

__all__ = ["forget_item", "has_item", "place_under", "remove_node"]


def has_item(node: Node) -> bool:
    """Whether a node has an item in the subject hierarchy."""
    return bool(_hierarchy(node).GetItemByDataNode(node))


def place_under(node: Node, parent: Node) -> None:
    """Put a node under another one in the subject hierarchy.

    Both get an item if they have none; the application gives every node one when it is added.
    """
    hierarchy = _hierarchy(node)
    above = hierarchy.GetItemByDataNode(parent)
    if not above:
        above = hierarchy.CreateItem(hierarchy.GetSceneItemID(), parent)
    hierarchy.CreateItem(above, node)


def forget_item(node: Node) -> None:
    """Remove the item of a node that is about to leave the scene; what is under it moves up."""
    hierarchy = _hierarchy(node)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False, False)


def remove_node(scene: Any, node: Node) -> None:
    """Remove a node with its item from the scene, if the scene still has it."""
    if node.GetScene() is scene:
        forget_item(node)
        scene.RemoveNode(node)


def _hierarchy(node: Node) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
