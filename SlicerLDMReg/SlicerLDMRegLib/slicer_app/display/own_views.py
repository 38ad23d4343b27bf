"""Nodes that lie on one of several images, shown in the views of that image alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import slicer

from ..scene.nodes import display_nodes, nodes_of_class
from ..scene.volume_nodes import Node
from .view_memory import DisplayMemory

__all__ = ["labels_on_their_images", "show_only_in"]

_REFERENCE = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()


def labels_on_their_images(
    scene: Any,
    images: Sequence[Node],
    views: Sequence[Sequence[Node]],
    memory: DisplayMemory,
) -> None:
    """Show each segmentation over the image that it was drawn on, and over no other one.

    Args:
        scene: of the nodes.
        images: volume nodes; the first also has the segmentations that name no image, as those do
            that were made of a label map.
        views: slice view nodes of each image; none where it is shown in all.
        memory: brings the displays back.
    """
    for labels in nodes_of_class(scene, "vtkMRMLSegmentationNode"):
        image = labels.GetNodeReference(_REFERENCE)
        if image in images:
            show_only_in(labels, views[images.index(image)], memory)
        elif image is None or image.IsA("vtkMRMLLabelMapVolumeNode"):
            show_only_in(labels, views[0], memory)
        else:
            memory.hide(display_nodes(labels))


def show_only_in(node: Node, views: Iterable[Node], memory: DisplayMemory) -> None:
    """Show a node in some of the views.

    Args:
        node: with displays.
        views: view nodes; none: as it is.
        memory: brings the displays back.
    """
    identifiers = [view.GetID() for view in views]
    if not identifiers:
        return
    for display in display_nodes(node):
        shown = tuple(display.GetViewNodeIDs())
        memory.keep_value(f"{display.GetID()} views", shown, _setter(display))
        _setter(display)(identifiers)


def _setter(display: Node) -> Callable[[Iterable[str]], None]:
    """Return what sets the views in which a display node is shown; none stands for all."""

    def set_views(identifiers: Iterable[str]) -> None:
        display.RemoveAllViewNodeIDs()
        for identifier in identifiers:
            display.AddViewNodeID(identifier)

    return set_views
