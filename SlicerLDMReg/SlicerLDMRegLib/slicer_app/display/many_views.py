"""Several images in the same place, each in its own slice view, all linked."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from typing import Any

import slicer

from ..scene.nodes import nodes_of_class
from ..scene.volume_nodes import Node
from .aligned_views import align_views
from .colors import update_legends
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


class ManyViews:
    """Shows volumes side by side; :meth:`leave` brings back the views of when it was made.

    Args:
        scene: of the volumes.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._memory = DisplayMemory(scene)
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
        names = self._names(layout)
        show_layout(self._scene, layout, self._memory)
        for name, volume in zip(names, [*volumes, *[None] * number], strict=False):
            layers = self._scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")
            if layers is None:
                continue
            layers.SetLinkedControl(False)  # else each would be set to what the last one shows
            layers.SetBackgroundVolumeID(None if volume is None else volume.GetID())
            layers.SetForegroundVolumeID(None)
            layers.SetLabelVolumeID(None)
        align_views(self._scene, names)
        for node in nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode"):
            if node.GetLayoutName() in names:
                node.SetLinkedControl(True)
                node.SetHotLinkedControl(True)
        update_legends(self._scene)

    def _names(self, layout: int) -> list[str]:
        """Return the names of the slice views of a layout, row by row."""
        (node,) = nodes_of_class(self._scene, "vtkMRMLLayoutNode")
        root = ElementTree.fromstring(node.GetLayoutDescription(layout))
        views = [view for view in root.iter("view") if view.get("class") == "vtkMRMLSliceNode"]
        return [view.get("singletontag", "") for view in views]

    def leave(self) -> None:
        """Bring the views back."""
        self._memory.restore()
        update_legends(self._scene)
