"""Two slice views beside each other, the fixed image in one and the moving one in the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ..scene.nodes import nodes_of_class
from ..scene.volume_nodes import Node
from .colors import update_legends
from .own_views import labels_on_their_images, show_only_in
from .view_memory import DisplayMemory

__all__ = ["PairViews"]

_VIEWS = ("Red", "Yellow")


class PairViews:
    """Shows two images side by side, linked, and lets points be placed on them in turns.

    Args:
        scene: of the images.
        fixed, moving: volume nodes.
        lists: the markups of each, which are shown on their own image only, as labels are.
    """

    def __init__(self, scene: Any, fixed: Node, moving: Node, lists: tuple[Node, Node]) -> None:
        self._scene, self._images, self._lists = scene, (fixed, moving), lists
        self._memory = DisplayMemory(scene)

    def show(self) -> None:
        """Change layout, layers and link of the views; :meth:`leave` brings them back."""
        for node in nodes_of_class(self._scene, "vtkMRMLLayoutNode"):
            self._memory.keep_value(
                node.GetID(), node.GetViewArrangement(), node.SetViewArrangement
            )
            node.SetViewArrangement(node.SlicerLayoutSideBySideView)
        views = [self._view(name) for name in _VIEWS]
        first = views[0]
        for name, view, image, points in zip(_VIEWS, views, self._images, self._lists, strict=True):
            layers = self._layers(name)
            if view is None or layers is None:
                continue
            self._memory.keep(view)
            self._memory.keep(layers)
            layers.SetBackgroundVolumeID(image.GetID())
            layers.SetForegroundVolumeID(None)
            layers.SetLabelVolumeID(None)
            layers.SetLinkedControl(True)
            layers.SetHotLinkedControl(True)
            if first is not None and view is not first:
                view.GetSliceToRAS().DeepCopy(first.GetSliceToRAS())
                view.UpdateMatrices()
            show_only_in(points, [view], self._memory)
        own = [[] if view is None else [view] for view in views]
        labels_on_their_images(self._scene, self._images, own, self._memory)
        self._fit()
        update_legends(self._scene)

    def jump(self, point: np.ndarray) -> None:
        """Move the view of the moving image along its normal to a point, RAS mm."""
        view = self._view(_VIEWS[1])
        if view is not None:
            view.JumpSliceByOffsetting(*np.asarray(point, float).tolist())

    def place(self, side: int) -> None:
        """Let the next click set a point of the fixed (0) or the moving image (1)."""
        selection = self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        interaction = self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        if selection is None or interaction is None:
            return
        points = self._lists[side]
        selection.SetReferenceActivePlaceNodeClassName(points.GetClassName())
        selection.SetActivePlaceNodeID(points.GetID())
        interaction.SetPlaceModePersistence(1)
        interaction.SetCurrentInteractionMode(interaction.Place)

    def leave(self) -> None:
        """Bring the views back, and end the placing."""
        interaction = self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        if interaction is not None and interaction.GetCurrentInteractionMode() == interaction.Place:
            interaction.SetPlaceModePersistence(0)
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        self._memory.restore()
        update_legends(self._scene)

    def _fit(self) -> None:
        logics = slicer.app.applicationLogic().GetSliceLogics()
        for number in range(0 if logics is None else logics.GetNumberOfItems()):
            logic = logics.GetItemAsObject(number)
            if logic.GetSliceNode().GetLayoutName() == _VIEWS[0]:
                logic.FitSliceToAll()

    def _view(self, name: str) -> Node | None:
        return self._scene.GetSingletonNode(name, "vtkMRMLSliceNode")

    def _layers(self, name: str) -> Node | None:
        return self._scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")
