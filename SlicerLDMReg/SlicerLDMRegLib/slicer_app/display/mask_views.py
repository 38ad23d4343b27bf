"""The parts that masks leave out, over one image in all views, or over both side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer

from ..scene.coordinates import FLIP
from ..scene.left_out import LeftOut
from ..scene.nodes import nodes_of_class
from ..scene.volume_nodes import Node, set_voxels
from .aligned_views import align_views
from .colors import update_legends
from .own_views import labels_on_their_images
from .view_memory import DisplayMemory
from .views import show_layout

__all__ = ["MaskViews"]

_SIDES = ("Red", "Yellow")
_OPACITY = 0.45
_COLOR = (0.95, 0.2, 0.15)


class MaskViews:
    """Shows volumes with what is left out of them in red; :meth:`leave` brings the views back.

    Args:
        scene: of the volumes.
        shown: one or two volumes with what their masks leave out.
    """

    def __init__(self, scene: Any, shown: Sequence[tuple[Node, LeftOut]]) -> None:
        self._scene, self._shown = scene, list(shown)
        self._memory = DisplayMemory(scene)

    def show(self) -> None:
        """Change the layers of the views; for two volumes also their layout."""
        overlays = [self._overlay(volume, found) for volume, found in self._shown]
        layers = nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode")
        if len(self._shown) > 1:
            layout = slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView
            show_layout(self._scene, layout, self._memory)
        for node in layers:
            side = 0
            if len(self._shown) > 1:
                if node.GetLayoutName() not in _SIDES:
                    continue
                side = _SIDES.index(node.GetLayoutName())
            self._memory.keep(node)
            node.SetBackgroundVolumeID(self._shown[side][0].GetID())
            node.SetForegroundVolumeID(None)
            node.SetLabelVolumeID(overlays[side].GetID())
            node.SetLabelOpacity(_OPACITY)
        self._go_there()
        images = [volume for volume, _ in self._shown]
        views = [[self._scene.GetSingletonNode(side, "vtkMRMLSliceNode")] for side in _SIDES]
        own = views if len(images) > 1 else [[]]
        labels_on_their_images(self._scene, images, own, self._memory)
        update_legends(self._scene)

    def _go_there(self) -> None:
        """Let each view cut what is left out, two views side by side in one orientation."""
        views = nodes_of_class(self._scene, "vtkMRMLSliceNode")
        sides = _SIDES if len(self._shown) > 1 else [view.GetLayoutName() for view in views]
        for view in views:
            self._memory.keep(view)
        if len(self._shown) > 1:
            align_views(self._scene, _SIDES)
        for view in views:
            if view.GetLayoutName() not in sides:
                continue
            side = sides.index(view.GetLayoutName()) if len(self._shown) > 1 else 0
            middle = _middle(self._shown[side][1])
            if middle is not None:
                view.JumpSliceByOffsetting(*middle.tolist())

    def leave(self) -> None:
        """Bring the views back, and take the overlays out of the scene."""
        self._memory.restore()
        update_legends(self._scene)

    def _overlay(self, volume: Node, found: LeftOut) -> Node:
        node = self._memory.add("vtkMRMLLabelMapVolumeNode", f"Left out of {volume.GetName()}")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        colors = self._memory.add("vtkMRMLColorTableNode", "LDMReg left out")
        colors.SetHideFromEditors(True)
        colors.SetSaveWithScene(False)
        colors.SetTypeToUser()
        colors.SetNumberOfColors(2)
        colors.SetColor(0, "compared", 0.0, 0.0, 0.0, 0.0)
        colors.SetColor(1, "left out", *_COLOR, 1.0)
        display = self._memory.add("vtkMRMLLabelMapVolumeDisplayNode", node.GetName())
        display.SetSaveWithScene(False)
        display.SetAndObserveColorNodeID(colors.GetID())
        node.SetAndObserveDisplayNodeID(display.GetID())
        set_voxels(node, found.voxels, found.geometry)
        return node


def _middle(found: LeftOut) -> np.ndarray | None:
    """Return the voxel that is left out next to the middle of all of these, RAS mm; None: none."""
    voxels = np.argwhere(found.voxels > 0)[:, ::-1].astype(float)
    if not len(voxels):
        return None
    nearest = voxels[np.argmin(((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1))]
    return np.asarray(found.geometry.index_to_physical(nearest)) * FLIP
