"""Results that are kept beside the current one: named, listed, exchanged, removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import InputError
from ..scene.nodes import (
    PREFIX,
    display_nodes,
    free_name,
    nodes_of_class,
    read_attributes,
    read_json,
    roles_of,
)
from ..scene.scene_change import remove_node
from ..scene.volume_nodes import Node
from ..texts import tr as _
from .result_nodes import KEPT, OUTPUTS, find_outputs, output_roles, output_title, part_of

__all__ = [
    "StoredResult",
    "delete_result",
    "hide_labels",
    "keep_result",
    "stored_results",
    "use_result",
]

_LONGEST = 60  # characters of a name


@dataclass(frozen=True, eq=False)
class StoredResult:
    """A result of two volumes in the scene.

    Attributes:
        name: as the user has named it; empty for the current one.
        nodes: by the names of :data:`~.result_nodes.OUTPUTS`.
        metrics: what was measured; empty where no node tells.
        attributes: where it comes from.
    """

    name: str
    nodes: Mapping[str, Node]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)


def stored_results(fixed: Node, moving: Node) -> list[StoredResult]:
    """Return the current result of two volumes, if there is one, and those that were kept."""
    found: dict[str, dict[str, Node]] = {}
    current = find_outputs(fixed, moving)
    for node in nodes_of_class(fixed.GetScene()):
        name, output = node.GetAttribute(PREFIX + KEPT), node.GetAttribute(PREFIX + "Output")
        if name and output in OUTPUTS and roles_of(node) == output_roles(output, fixed, moving):
            found.setdefault(name, {})[output] = node
    stored = [("", current)] if current else []
    return [_stored(name, nodes) for name, nodes in [*stored, *found.items()]]


def keep_result(fixed: Node, moving: Node, name: str) -> StoredResult:
    """Keep the current result of two volumes under a name; the next run makes new nodes.

    Raises:
        InputError: when there is no result, or the name is empty, too long or taken.
    """
    nodes = find_outputs(fixed, moving)
    name = " ".join(name.split())
    if not nodes:
        raise InputError(
            _("there is no result of these volumes that could be kept; register first")
        )
    if not name or len(name) > _LONGEST:
        raise InputError(
            _("name: expected 1 to {longest} characters, got {count}").format(
                longest=_LONGEST, count=len(name)
            )
        )
    if name in {stored.name for stored in stored_results(fixed, moving)}:
        raise InputError(
            _("name: a result is already kept as {name!r}; take another one").format(name=name)
        )
    for output, node in nodes.items():
        node.SetAttribute(PREFIX + KEPT, name)
        title = output_title(output, fixed, moving, part_of(node))
        if node.GetName().startswith(title):  # else the user has named it
            node.SetName(free_name(node.GetScene(), f"{title}, {name}"))
    return _stored(name, nodes)


def use_result(fixed: Node, moving: Node, stored: StoredResult, name: str) -> None:
    """Make a kept result the current one; the one that was current is kept instead.

    Args:
        fixed, moving: the volumes.
        stored: a kept one.
        name: under which the former current one is kept, if there is one.

    Raises:
        InputError: for a name that cannot be.
    """
    if not stored.name:
        return
    if find_outputs(fixed, moving):
        former = keep_result(fixed, moving, name)
        if hide_labels([former]) and "warped_labels" in stored.nodes:
            for display in display_nodes(stored.nodes["warped_labels"]):
                display.SetVisibility(True)
    for output, node in stored.nodes.items():
        node.RemoveAttribute(PREFIX + KEPT)
        title = output_title(output, fixed, moving, part_of(node))
        if node.GetName().startswith(title):
            node.SetName(free_name(node.GetScene(), title))


def hide_labels(results: Iterable[StoredResult]) -> list[Node]:
    """Hide the warped labels of results, and return the displays that were visible."""
    labels = [s.nodes["warped_labels"] for s in results if "warped_labels" in s.nodes]
    shown = [d for node in labels for d in display_nodes(node) if d.GetVisibility()]
    for display in shown:
        display.SetVisibility(False)
    return shown


def delete_result(stored: StoredResult) -> None:
    """Remove the nodes of a result from the scene."""
    for node in stored.nodes.values():
        scene = node.GetScene()
        if scene is None:
            continue
        storage = node.GetStorageNode() if node.IsA("vtkMRMLStorableNode") else None
        if storage is not None:
            remove_node(scene, storage)
        remove_node(scene, node)


def _stored(name: str, nodes: Mapping[str, Node]) -> StoredResult:
    told = [(node, read_json(node, "Metrics")) for node in nodes.values()]
    for node, metrics in told:
        if isinstance(metrics, dict):
            return StoredResult(name, nodes, metrics, read_attributes(node))
    return StoredResult(name, nodes)
