"""Two images in the same place: side by side in linked views, or in turns in all views."""

from __future__ import annotations

from typing import Any

import slicer

from ..scene.nodes import display_nodes, nodes_of_class
from ..scene.volume_nodes import Node
from .aligned_views import align_views
from .colors import update_legends
from .own_views import show_only_in
from .view_memory import DisplayMemory
from .views import show_layout

__all__ = ["CompareViews"]

_SIDES = ("Red", "Yellow")


class CompareViews:
    """Shows two volumes; :meth:`leave` brings the views back.

    Args:
        scene: of the volumes.
        first, second: the volumes, mostly two warped images on one lattice.
        labels: segmentations that lie on each; where one of them is shown, each is shown on its own
            volume, and on no other.
    """

    def __init__(
        self,
        scene: Any,
        first: Node,
        second: Node,
        labels: tuple[Node | None, Node | None] = (None, None),
    ) -> None:
        self._scene, self._volumes = scene, (first, second)
        self._memory = DisplayMemory(scene)
        shown = [node for node in labels if node is not None and _is_shown(node)]
        self._labels = labels if shown else (None, None)

    def side_by_side(self) -> None:
        """Show the first volume on the left and the second on the right, through one slice."""
        layout = slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView
        show_layout(self._scene, layout, self._memory)
        for node in nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode"):
            if node.GetLayoutName() not in _SIDES:
                continue
            self._layers(node, self._volumes[_SIDES.index(node.GetLayoutName())])
            node.SetLinkedControl(False)  # else one is changed with the other
        for name, labels in zip(_SIDES, self._labels, strict=True):
            view = self._scene.GetSingletonNode(name, "vtkMRMLSliceNode")
            self._memory.keep(view)
            if labels is not None:
                show_only_in(labels, [view], self._memory)
                self._set_shown(labels, True)
        align_views(self._scene, _SIDES)
        for node in nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode"):
            if node.GetLayoutName() in _SIDES:
                node.SetLinkedControl(True)
                node.SetHotLinkedControl(True)
        update_legends(self._scene)

    def show_turn(self, number: int) -> None:
        """Show the first volume in even turns and the second in odd ones, in all slice views."""
        for node in nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode"):
            self._layers(node, self._volumes[number % 2])
        for turn, labels in enumerate(self._labels):
            if labels is not None:
                self._set_shown(labels, turn == number % 2)
        update_legends(self._scene)

    def leave(self) -> None:
        """Bring the views back."""
        self._memory.restore()
        update_legends(self._scene)

    def _layers(self, node: Node, volume: Node) -> None:
        self._memory.keep(node)
        node.SetBackgroundVolumeID(volume.GetID())
        node.SetForegroundVolumeID(None)

    def _set_shown(self, labels: Node, shown: bool) -> None:
        for display in display_nodes(labels):
            self._memory.keep(display)
            display.SetVisibility(shown)


def _is_shown(labels: Node) -> bool:
    return any(display.GetVisibility() for display in display_nodes(labels))
