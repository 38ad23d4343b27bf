"""What the nodes of a result tell about their origin: attributes that are saved with the scene."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import slicer

from ..scene.volume_nodes import Node

__all__ = [
    "PREFIX",
    "read_attributes",
    "read_json",
    "result_attributes",
    "roles_of",
    "set_attributes",
    "set_roles",
]

#: All attributes of this extension begin with it.
PREFIX = "LDMReg."


def result_attributes(
    provenance: Mapping[str, Any], metrics: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return the attributes of the nodes of a result.

    Args:
        provenance: of the :class:`~SlicerLDMRegLib.pipeline.RegistrationResult`.
        metrics: of it; None leaves them out.

    Returns:
        ``Model`` (id, or ``none``), ``WeightsSHA256``, ``Options`` (JSON), ``Seed``, ``Version`` of
        LDMReg, ``Date``, and ``Metrics`` (JSON).
    """
    model = provenance.get("model") or {}
    found = {
        "Model": model.get("id") or "none",
        "WeightsSHA256": model.get("sha256") or "",
        "Options": json.dumps(provenance.get("options") or {}, sort_keys=True),
        "Seed": str(provenance.get("seed", "")),
        "Version": str((provenance.get("versions") or {}).get("ldmreg", "")),
        "Date": str(provenance.get("date", "")),
    }
    if metrics is not None:
        found["Metrics"] = json.dumps(metrics)
    return found


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
    """Return the value of a JSON attribute, ``Options`` or ``Metrics``; None if there is none."""
    text = node.GetAttribute(PREFIX + name)
    return None if not text else json.loads(text)


def set_roles(node: Node, fixed: Node | None, moving: Node | None) -> None:
    """Say which images a node of a result belongs to, in Slicer's standard reference roles."""
    roles = slicer.vtkMRMLTransformNode
    for role, image in (
        (roles.GetFixedNodeReferenceRole(), fixed),
        (roles.GetMovingNodeReferenceRole(), moving),
    ):
        node.SetNodeReferenceID(role, None if image is None else image.GetID())


def roles_of(node: Node) -> tuple[Node | None, Node | None]:
    """Return the fixed and the moving image of a node, as :func:`set_roles` has said."""
    roles = slicer.vtkMRMLTransformNode
    return (
        node.GetNodeReference(roles.GetFixedNodeReferenceRole()),
        node.GetNodeReference(roles.GetMovingNodeReferenceRole()),
    )
