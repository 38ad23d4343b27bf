"""Slice views that cut alike: one orientation, one place, the zoom that fits the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

__all__ = ["align_views"]


def align_views(scene: Any, names: Sequence[str]) -> None:
    """Let slice views cut as the first of them does, with the zoom that fits their image.

    Args:
        scene: of the views.
        names: of the views, as layouts have them.
    """
    first = scene.GetSingletonNode(names[0], "vtkMRMLSliceNode")
    logics = slicer.app.applicationLogic().GetSliceLogics()
    if first is None or logics is None:
        return
    offset = first.GetSliceOffset()
    for number in range(logics.GetNumberOfItems()):
        logic = logics.GetItemAsObject(number)
        view = logic.GetSliceNode()
        if view is None or view.GetLayoutName() not in names:
            continue
        if view is not first:
            view.GetSliceToRAS().DeepCopy(first.GetSliceToRAS())
            view.UpdateMatrices()
        logic.FitSliceToAll()
        view.SetSliceOffset(offset)
