"""Copies of other nodes of a session, moved with a transform; the nodes themselves stay."""

from __future__ import annotations

from collections.abc import Sequence

from ..scene.nodes import PREFIX, display_nodes, nodes_of_class
from ..scene.scene_change import SceneChange
from ..scene.volume_nodes import Node
from .apply_transform import apply_transform, check_targets

__all__ = ["MovedCopies", "move_copies"]

_SOURCE, _ONTO = f"{PREFIX}CopyOf", f"{PREFIX}MovedOnto"


class MovedCopies:
    """Copies that were moved: ``nodes``, in the order of their sources, and :meth:`revert`."""

    def __init__(self, nodes: list[Node], changes: list[SceneChange]) -> None:
        self.nodes = nodes
        self.changes = changes

    def revert(self) -> None:
        """Bring the scene back to how it was before."""
        for change in self.changes:
            change.revert()


def move_copies(transform: Node, nodes: Sequence[Node], reference: Node | None) -> MovedCopies:
    """Copy nodes, and move the copies for good from the moving anatomy onto the fixed one.

    A copy that was made of the same node for the same reference is used again: its contents are
    replaced.

    Args:
        transform: a transform node, mostly of a result.
        nodes: volumes, segmentations, models and markups; they stay as they are.
        reference: volume on whose lattice volumes come to lie; None: as
            :func:`~.apply_transform.apply_transform` says.

    Raises:
        InputError: for what cannot be moved; nothing is changed.
    """
    check_targets(transform, nodes)
    with SceneChange(transform.GetScene()) as change:
        copies = [_copy(node, reference, change) for node in nodes]
    try:
        moved = apply_transform(transform, copies, harden=True, reference=reference)
    except BaseException:
        change.revert()
        raise
    return MovedCopies(copies, [moved, change])


def _copy(node: Node, reference: Node | None, change: SceneChange) -> Node:
    copy = _earlier(node, reference)
    if copy is None:
        onto = "moved" if reference is None else f"warped to {reference.GetName()}"
        copy = change.add(node.GetClassName(), f"{node.GetName()} {onto}")
        name = copy.GetName()
        copy.CopyContent(node, True)
        _display_alike(copy, node)
    else:
        change.keep_with_display(copy, deep=True)
        name = copy.GetName()
        copy.CopyContent(node, True)
    copy.SetName(name)
    copy.SetAndObserveTransformNodeID(node.GetTransformNodeID())
    copy.SetNodeReferenceID(_SOURCE, node.GetID())
    copy.SetNodeReferenceID(_ONTO, None if reference is None else reference.GetID())
    return copy


def _earlier(node: Node, reference: Node | None) -> Node | None:
    """Return the copy of a node that was made before for the same reference."""
    for other in nodes_of_class(node.GetScene(), node.GetClassName()):
        if other.GetNodeReference(_SOURCE) is node and other.GetNodeReference(_ONTO) is reference:
            return other
    return None


def _display_alike(copy: Node, node: Node) -> None:
    """Show a copy as its source is shown."""
    if not display_nodes(node):
        return
    copy.CreateDefaultDisplayNodes()
    for own, other in zip(display_nodes(copy), display_nodes(node), strict=False):
        own.CopyContent(other, True)
