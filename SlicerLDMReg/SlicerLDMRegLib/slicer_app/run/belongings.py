"""Choices that belong to certain volumes: what goes when others are chosen, and what is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slicer.i18n import tr as _

from ..results.result_nodes import output_roles
from ..scene.belongings import owner_of, pair_of, same_lattice, share_inside
from ..scene.nodes import read_attributes
from ..scene.volume_nodes import Node
from .choices import Extent
from .parameters import OUTPUT_PARAMETERS

__all__ = ["BELONGINGS", "foreign_choices", "notices"]

#: By the parameter of a volume: the parameters of what belongs to it.
BELONGINGS = {
    "fixedVolume": ("fixedLabels", "fixedMask", "fixedLandmarks"),
    "movingVolume": ("movingLabels", "movingMask", "movingLandmarks"),
}
_OUTPUTS = {node: output for output, (_wanted, node) in OUTPUT_PARAMETERS.items()}
# Part of the box around labels from which on they lie in an image that was cropped. Not tuned.
_MOSTLY = 0.5


def foreign_choices(parameters: Any, former: Mapping[str, Node | None]) -> dict[str, Node]:
    """Return the nodes that were chosen for former volumes and do not belong to those of now.

    Args:
        parameters: the choices of now.
        former: by parameter, the nodes that were chosen with the former volumes, and these.

    Returns:
        By parameter. What has been chosen since belongs to the new volumes.
    """
    chosen: dict[str, Node] = {}
    others = {
        volume
        for volume in BELONGINGS
        if None not in (former.get(volume), getattr(parameters, volume))
        and former[volume] is not getattr(parameters, volume)
    }
    for volume in others:
        for name in BELONGINGS[volume]:
            node = getattr(parameters, name)
            if node is former.get(name) and not _belongs(node, getattr(parameters, volume)):
                chosen[name] = node
    if others:
        pair = parameters.fixedVolume, parameters.movingVolume
        node = parameters.initialTransform
        if node is former.get("initialTransform") and node is not None and pair_of(node) != pair:
            chosen["initialTransform"] = node
        for name, output in _OUTPUTS.items():
            node = getattr(parameters, name)
            if node is former.get(name) and _holds_another_result(node, output, *pair):
                chosen[name] = node
    return chosen


def notices(parameters: Any) -> list[str]:
    """Return what the user should know of the choices before a registration begins."""
    fixed, moving = parameters.fixedVolume, parameters.movingVolume
    if parameters.extent is Extent.FRAMES:
        fixed = fixed or moving
    if fixed is None or moving is None:
        return []
    found = []
    for volume, names in zip((fixed, moving), BELONGINGS.values(), strict=True):
        for name in names:
            found += _about_labels(getattr(parameters, name), volume)
    start = parameters.initialTransform
    of = None if start is None else pair_of(start)
    if of is not None and of != (fixed, moving):
        found.append(
            _("{transform} was found for {moving} and {fixed}, not for these volumes.").format(
                transform=start.GetName(), moving=of[1].GetName(), fixed=of[0].GetName()
            )
        )
    for name, output in _OUTPUTS.items():
        node = getattr(parameters, name)
        wanted = getattr(parameters, OUTPUT_PARAMETERS[output][0])
        if wanted and _holds_another_result(node, output, fixed, moving):
            found.append(
                _("{node} holds a result of other volumes, which will be replaced.").format(
                    node=node.GetName()
                )
            )
    return list(dict.fromkeys(found))


def _about_labels(labels: Node | None, volume: Node) -> list[str]:
    if labels is None or labels.IsA("vtkMRMLMarkupsNode") or _belongs(labels, volume):
        return []
    owner, share = owner_of(labels), share_inside(labels, volume)
    if owner is not None and owner is not volume:
        text = _("{labels} was drawn on {owner}, not on {volume}.")
        return [
            text.format(labels=labels.GetName(), owner=owner.GetName(), volume=volume.GetName())
        ]
    if share is not None and 0.0 < share < _MOSTLY:
        text = _("Most of {labels} lies outside of {volume}.")
        return [text.format(labels=labels.GetName(), volume=volume.GetName())]
    return []


def _belongs(labels: Node | None, volume: Node) -> bool:
    """Whether labels are known to be those of a volume; nothing belongs to every one."""
    return labels is None or owner_of(labels) is volume or same_lattice(labels, volume)


def _holds_another_result(node: Node | None, output: str, fixed: Node, moving: Node) -> bool:
    if node is None or "Output" not in read_attributes(node):
        return False
    pair = pair_of(node)
    return pair is not None and pair != output_roles(output, fixed, moving)
