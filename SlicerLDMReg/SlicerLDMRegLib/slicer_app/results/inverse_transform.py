"""The other direction of a transform: from the fixed anatomy onto the moving one."""

from __future__ import annotations

from ..scene.nodes import PREFIX, read_attributes, roles_of, set_attributes, set_roles
from ..scene.scene_change import SceneChange
from ..scene.transform_nodes import add_transform
from ..scene.volume_nodes import Node
from .result_nodes import find_outputs

__all__ = ["opposite_transform"]

_OPPOSITE = {"transform": "inverse", "inverse": "transform"}


def opposite_transform(transform: Node, change: SceneChange) -> Node:
    """Return a transform that moves against another one.

    Results often have it, found on the lattice of the moving image. Else a node is added that
    inverts point by point, and stays as it is when the other one is computed again.

    Args:
        transform: a transform node, mostly of a result.
        change: gets the new node.
    """
    output = transform.GetAttribute(PREFIX + "Output")
    fixed, moving = roles_of(transform)
    of_result = output in _OPPOSITE and fixed is not None and moving is not None
    if of_result:
        pair = (fixed, moving) if output == "transform" else (moving, fixed)
        other = find_outputs(*pair).get(_OPPOSITE[output])
        if other is not None and _date(other) == _date(transform):
            return other
    node = add_transform(change, f"{transform.GetName()} inverse", transform, inverse=True)
    if of_result:
        set_attributes(node, {**read_attributes(transform), "Output": f"opposite of {output}"})
        set_roles(node, moving, fixed)
    return node


def _date(node: Node) -> str:
    return str(node.GetAttribute(PREFIX + "Date") or "")
