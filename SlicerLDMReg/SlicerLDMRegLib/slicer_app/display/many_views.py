"""Several images in the same place, each in its own slice view, all linked."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from typing import Any

import slicer

from ..background_call import timer
from ..scene.nodes import nodes_of_class
from ..scene.volume_nodes import Node
from .aligned_views import align_views
from .colors import update_legends
from .own_views import labels_on_their_images
from .view_memory import DisplayMemory
from .views import show_layout

__all__ = ["MOST_VIEWS", "ManyViews"]

#: The largest number of images side by side.
MOST_VIEWS = 9
# Slicer's layouts of slice views alone, by their number of views.
_LAYOUTS = {
    2: "SlicerLayoutSideBySideView",
    4: "SlicerLayoutTwoOverTwoView",
    6: "SlicerLayoutThreeOverThreeView",
    8: "SlicerLayoutFourOverFourView",
    9: "SlicerLayoutThreeByThreeSliceView",
}
# Views that a layout makes anew go to the slice at 0 mm once they get their size, in the next turn
# of the event loop, and take those with them that are linked.
_SIZED_MS = 50


class ManyViews:
    """Shows volumes side by side; :meth:`leave` brings back the views of when it was made.

    Args:
        scene: of the volumes.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._memory = DisplayMemory(scene)
        self._names: list[str] = []
        self._link_timer = timer(self._link, _SIZED_MS, once=True)
        for kind in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"):
            for node in nodes_of_class(scene, kind):
                self._memory.keep(node)

    def show(self, volumes: Sequence[Node]) -> None:
        """Show volumes through one slice, the first one in the first view.

        Args:
            volumes: at most :data:`MOST_VIEWS`; the views that remain are empty.
        """
        number = next(count for count in _LAYOUTS if count >= len(volumes))
        layout = getattr(slicer.vtkMRMLLayoutNode, _LAYOUTS[number])
        self._names = names = self._names_of(layout)
        show_layout(self._scene, layout, self._memory)
        for name, volume in zip(names, [*volumes, *[None] * number], strict=False):
            layers = self._scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")
            if layers is None:
                continue
            layers.SetLinkedControl(False)  # else each would be set to what the last one shows
            layers.SetBackgroundVolumeID(None if volume is None else volume.GetID())
            layers.SetForegroundVolumeID(None)
            layers.SetLabelVolumeID(None)
        views = [self._scene.GetSingletonNode(name, "vtkMRMLSliceNode") for name in names]
        filled = [view for view in views[: len(volumes)] if view is not None]
        # All lie on the lattice of the first one, as its labels do, and those of others do not.
        labels_on_their_images(self._scene, volumes[:1], [filled], self._memory)
        align_views(self._scene, names)
        self._link_timer.start()
        update_legends(self._scene)

    def _link(self) -> None:
        align_views(self._scene, self._names)
        for node in nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode"):
            if node.GetLayoutName() in self._names:
                node.SetLinkedControl(True)
                node.SetHotLinkedControl(True)

    def _names_of(self, layout: int) -> list[str]:
        """Return the names of the slice views of a layout, row by row."""
        (node,) = nodes_of_class(self._scene, "vtkMRMLLayoutNode")
        root = ElementTree.fromstring(node.GetLayoutDescription(layout))
        views = [view for view in root.iter("view") if view.get("class") == "vtkMRMLSliceNode"]
        return [view.get("singletontag", "") for view in views]

    def leave(self) -> None:
        """Bring the views back."""
        self._link_timer.stop()
        self._memory.restore()
        update_legends(self._scene)
