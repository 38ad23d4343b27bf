"""The Jacobian determinant in colours over an image: 1 in the middle, shrinking and growing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ...intensity import percentile
from ..scene.nodes import PREFIX, display_nodes
from ..scene.volume_nodes import Node
from .colors import JACOBIAN_COLORS, color_table, jacobian_position, show_legend
from .view_memory import DisplayMemory

__all__ = ["color_jacobian", "jacobian_limit"]

# The limits of the colours. At the bar stand five numbers, which are round: one over the limit, one
# over its root, 1, its root, and the limit.
_LIMITS = (1.21, 1.44, 2.25, 4.0, 6.25, 9.0, 12.25, 16.0)
_LABELS = 5
_BAR = PREFIX + "Bar"


def jacobian_limit(volume: Node) -> float:
    """Return the determinant at the end of the colours; they begin at one over it.

    What all voxels reach, rounded up, from 1.21 on: a calm map stays calm. Where some reach more
    than 16, as beside folds, what all but one in a hundred do: a wild voxel does not hide the rest.
    """
    values = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
    values = values[values > 0]
    spread = np.abs(np.log(values)) if values.size else np.zeros(1)
    reached = float(np.exp(spread.max()))
    if reached > max(_LIMITS):
        reached = float(np.exp(percentile(spread, 99.0)))
    return next((limit for limit in _LIMITS if reached <= limit), max(_LIMITS))


def color_jacobian(volume: Node, memory: DisplayMemory, views: Sequence[Node] = ()) -> None:
    """Give a volume of Jacobian determinants its colours, their window, and a bar.

    Blue below 1, where the moving tissue was smaller and has grown, red above 1, where it has
    shrunk.

    Args:
        volume: of the determinants.
        memory: for its display.
        views: that show the bar; by default all.
    """
    limit = jacobian_limit(volume)
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
        memory.added(volume.GetDisplayNode())
    display = volume.GetDisplayNode()
    memory.keep(display)
    colors = color_table(
        volume.GetScene(),
        f"LDMReg Jacobian {limit:g}",
        JACOBIAN_COLORS,
        memory,
        1 / limit,
        limit,
        jacobian_position(limit),
    )
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(1 / limit, limit)
        display.SetApplyThreshold(False)
    bar = _bar_display(volume, limit, memory)
    # Two digits tell the numbers apart; the short ranges need three.
    numbers = "%.3g" if limit < 4 else "%.2g"
    show_legend(volume, bar, "Jacobian", memory, _LABELS, views=views, numbers=numbers)


def _bar_display(volume: Node, limit: float, memory: DisplayMemory) -> Node:
    """Return the display node whose colours the bar shows: logarithmic, with 1 in the middle.

    That of the image cannot be so, for it counts its colours evenly along the window.
    """
    display = next((d for d in display_nodes(volume) if d.GetAttribute(_BAR)), None)
    if display is None:
        display = memory.add("vtkMRMLScalarVolumeDisplayNode", f"{volume.GetName()} bar")
        display.SetAttribute(_BAR, "jacobian")
        display.SetSaveWithScene(False)
        display.SetHideFromEditors(True)
        volume.AddAndObserveDisplayNodeID(display.GetID())
    colors = color_table(volume.GetScene(), "LDMReg Jacobian bar", JACOBIAN_COLORS, memory)
    colors.SetSaveWithScene(False)
    colors.GetLookupTable().SetScaleToLog10()
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(1 / limit, limit)
    return display
