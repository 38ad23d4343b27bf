"""Nodes by their class, and what they tell of their origin: attributes and references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer

from ..._small_files import DamagedFile, parse_json
from .volume_nodes import Node

__all__ = [
    "PREFIX",
    "display_nodes",
    "free_name",
    "nodes_of_class",
    "read_attributes",
    "read_json",
    "roles_of",
    "set_attributes",
    "set_roles",
]

#: All attributes of this extension begin with it.
PREFIX = "LDMReg."


def nodes_of_class(scene: Any, class_name: str = "vtkMRMLNode") -> list[Node]:
    """Return all nodes of a class and of those derived from it, in the order of the scene."""
    nodes = scene.GetNodesByClass(class_name)
    nodes.UnRegister(None)
    return [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]


def free_name(scene: Any, name: str) -> str:
    """Return a name that no node of the scene has: the name itself, or with a number.

    The scene's own unique names go on counting after the nodes of a reverted run are gone.
    """
    taken = {node.GetName() for node in nodes_of_class(scene)}
    free, number = name, 0
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def display_nodes(node: Node) -> list[Node]:
    """Return the display nodes of a node; empty for one that cannot be displayed."""
    if not node.IsA("vtkMRMLDisplayableNode"):
        return []
    nodes = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    return [display for display in nodes if display is not None]


def set_attributes(node: Node, attributes: Mapping[str, str]) -> None:
    """Write attributes with the prefix on a node; those of an earlier result disappear."""
    with slicer.util.NodeModify(node):
        for name in read_attributes(node):
            node.RemoveAttribute(PREFIX + name)
        for name, value in attributes.items():
            node.SetAttribute(PREFIX + name, value)


def read_attributes(node: Node) -> dict[str, str]:
    """Return the attributes with the prefix, without it."""
    names = [name for name in node.GetAttributeNames() if name.startswith(PREFIX)]
    return {name[len(PREFIX) :]: node.GetAttribute(name) for name in names}


def read_json(node: Node, name: str) -> Any:
    """Return the value of a JSON attribute, ``Options`` or ``Metrics``.

    None if there is none, or one that a scene of others spoilt.
    """
    text = node.GetAttribute(PREFIX + name)
    try:
        return None if not text else parse_json(text, constants=True)
    except DamagedFile:
        return None


def set_roles(node: Node, fixed: Node | None, moving: Node | None) -> None:
    """Say which images a node of a result belongs to, in Slicer's standard reference roles."""
    for role, image in zip(_roles(), (fixed, moving), strict=True):
        node.SetNodeReferenceID(role, None if image is None else image.GetID())


def roles_of(node: Node) -> tuple[Node | None, Node | None]:
    """Return the fixed and the moving image of a node, as :func:`set_roles` has said."""
    fixed, moving = _roles()
    return node.GetNodeReference(fixed), node.GetNodeReference(moving)


def _roles() -> tuple[str, str]:
    roles = slicer.vtkMRMLTransformNode
    return roles.GetFixedNodeReferenceRole(), roles.GetMovingNodeReferenceRole()
