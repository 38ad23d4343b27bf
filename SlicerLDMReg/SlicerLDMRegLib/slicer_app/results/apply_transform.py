"""Other nodes moved with a transform of a result: volumes, segmentations, models, markups.

What is put under a transform moves *to parent*: from the moving anatomy onto the fixed one. So give
the transform of a result to what was drawn on the moving image, and its inverse to what was drawn
on the fixed image and belongs onto the moving one.
"""

from __future__ import annotations

from collections.abc import Sequence

import slicer

from ...errors import InputError
from ...resampling import warp_image
from ..scene.nodes import PREFIX, read_attributes, roles_of, set_attributes, set_roles
from ..scene.scene_change import SceneChange
from ..scene.transform_nodes import add_transform, field_from_transform
from ..scene.volume_nodes import Node, image_from_volume, set_image, volume_geometry
from ..texts import tr as _
from .result_nodes import find_outputs, part_of

__all__ = ["apply_transform", "check_targets", "opposite_transform"]

_OPPOSITE = {"transform": "inverse", "inverse": "transform"}


def check_targets(transform: Node, nodes: Sequence[Node]) -> None:
    """Check that a transform can move some nodes.

    Raises:
        InputError: for no nodes, one that no deformation can move, or the transform itself.
    """
    if not nodes:
        raise InputError(_("nothing to move was selected; select volumes, segmentations or others"))
    for node in nodes:
        name = repr(node.GetName())
        if not node.IsA("vtkMRMLTransformableNode"):
            raise InputError(
                _("{name} has no place in space, a {kind} cannot move").format(
                    name=name, kind=node.GetNodeTagName()
                )
            )
        if node.IsA("vtkMRMLTransformNode"):
            raise InputError(
                _(
                    "{name} is a transform; combine transforms in the module Transforms instead"
                ).format(name=name)
            )
        linear = transform.IsTransformToWorldLinear()
        if not linear and not node.CanApplyNonLinearTransforms():
            raise InputError(
                _("{name} is a {kind}, which can be moved but not deformed").format(
                    name=name, kind=node.GetNodeTagName()
                )
            )


def apply_transform(
    transform: Node,
    nodes: Sequence[Node],
    *,
    harden: bool = False,
    reference: Node | None = None,
) -> SceneChange:
    """Move nodes from the moving anatomy onto the fixed one, all of them or none.

    Transforms that the nodes are under stay in force and come first, since a result was found in
    the world. For that a node goes under a copy of them; all else under the originals
    stays where it is.

    Args:
        transform: a transform node, mostly of a result.
        nodes: what to move; those that are under the transform already stay there.
        harden: change the nodes themselves for good, instead of putting them under the transform.
            Voxels are interpolated then, linearly or, of label maps, nearest neighbour.
        reference: volume on whose lattice hardened volumes come to lie, as the warped volume does;
            None: a lattice with the spacing of the volume that holds all of it, as the module
            Transforms makes it. With a reference, what lies outside of the grid does not move.

    Returns:
        Takes it back, ``revert()``, also the hardening.

    Raises:
        InputError: see :func:`check_targets`; nothing is changed.
    """
    check_targets(transform, nodes)
    copies: dict[str, Node] = {}
    with SceneChange(transform.GetScene()) as change:
        for node in nodes:
            is_volume = node.IsA("vtkMRMLVolumeNode")
            # Hardening exchanges the voxels of volumes, and changes the others in place.
            change.keep_with_display(node, deep=harden and not is_volume)
            if harden and is_volume and reference is not None:
                _resample(node, transform, reference)
            elif harden:
                if not _is_under(node, transform):
                    node.HardenTransform()
                    node.SetAndObserveTransformNodeID(transform.GetID())
                node.HardenTransform()
            elif not _is_under(node, transform):
                node.SetAndObserveTransformNodeID(_above(node, transform, copies, change).GetID())
        return change


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
        other = find_outputs(*pair, part_of(transform)).get(_OPPOSITE[output])
        if other is not None and _date(other) == _date(transform):
            return other
    node = add_transform(change, f"{transform.GetName()} inverse", transform, inverse=True)
    if of_result:
        set_attributes(node, {**read_attributes(transform), "Output": f"opposite of {output}"})
        set_roles(node, moving, fixed)
    return node


def _is_under(node: Node, transform: Node) -> bool:
    """Whether a transform is the parent of a node, or above that."""
    parent = node.GetParentTransformNode()
    while parent is not None and parent is not transform:
        parent = parent.GetParentTransformNode()
    return parent is not None


def _above(node: Node, transform: Node, copies: dict[str, Node], change: SceneChange) -> Node:
    """Return the new parent of a node: the transform, or a copy of its transforms under it."""
    parent = node.GetParentTransformNode()
    if parent is None:
        return transform
    if parent.GetID() not in copies:
        copy = add_transform(change, f"{parent.GetName()} before {transform.GetName()}", parent)
        copy.SetAndObserveTransformNodeID(transform.GetID())
        copies[parent.GetID()] = copy
    return copies[parent.GetID()]


def _resample(node: Node, transform: Node, reference: Node) -> None:
    """Give a volume node the voxels that its volume has on the lattice of another one, LPS mm."""
    image = image_from_volume(node)
    lattice = volume_geometry(reference)
    warped = warp_image(
        image,
        lattice,
        field_from_transform(transform, lattice).to_transform(),
        labels=bool(node.IsA("vtkMRMLLabelMapVolumeNode")),
    )
    with slicer.util.NodeModify(node):
        set_image(node, warped)


def _date(node: Node) -> str:
    return str(node.GetAttribute(PREFIX + "Date") or "")
