"""The work of the plugins of the subject hierarchy: each data node gets an item."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore

from .mrml.observing import Observing

__all__ = ["HierarchyKeeper"]

_KEPT = (
    "vtkMRMLVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLTransformNode",
    "vtkMRMLModelNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLSequenceBrowserNode",
    "vtkMRMLSequenceNode",
)


class HierarchyKeeper(Observing, QtCore.QObject):
    """Adds data nodes to the hierarchy and takes them out with their removal from the scene."""

    def __init__(self, scene: Any) -> None:
        super().__init__()
        self._scene = scene
        self._observe(scene, "NodeAddedEvent", self._on_added)
        self._observe(scene, "NodeAboutToBeRemovedEvent", self._on_about_to_be_removed)
        self._observe(scene, scene.EndImportEvent, self._on_imported)

    def _hierarchy(self) -> Any:
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)

    def _on_added(self, node: Any) -> None:
        if self._scene.IsImporting():  # the file may bring a hierarchy
            return
        if node.IsA("vtkMRMLSubjectHierarchyNode"):
            slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        elif _is_kept(node):
            hierarchy = self._hierarchy()
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def _on_about_to_be_removed(self, node: Any) -> None:
        if self._scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        hierarchy = self._hierarchy()
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.RemoveItem(item, False, False)

    def _on_imported(self, data: Any = None) -> None:
        slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        hierarchy = self._hierarchy()
        nodes = [self._scene.GetNthNode(i) for i in range(self._scene.GetNumberOfNodes())]
        for node in nodes:
            if _is_kept(node) and not hierarchy.GetItemByDataNode(node):
                hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


def _is_kept(node: Any) -> bool:
    return not node.GetHideFromEditors() and any(node.IsA(kind) for kind in _KEPT)
