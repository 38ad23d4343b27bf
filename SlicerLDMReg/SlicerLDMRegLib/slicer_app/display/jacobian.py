"""The Jacobian determinant in colours over an image: 1 in the middle, shrinking and growing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ...intensity import percentile
from ..scene.volume_nodes import Node
from .colors import JACOBIAN_COLORS, color_table, jacobian_position, show_legend
from .view_memory import DisplayMemory

__all__ = ["color_jacobian", "jacobian_limit"]

# The limits of the colours, and how many numbers stand evenly at their bar, 1 among them.
_LIMITS = {1.25: 10, 1.5: 6, 2.0: 4, 3.0: 5, 4.0: 6, 6.0: 8, 8.0: 10, 12.0: 14}


def jacobian_limit(volume: Node) -> float:
    """Return the determinant at the end of the colours; they begin at one over it.

    What all voxels reach, rounded up, from 1.25 on: a calm map stays calm. Where some reach more
    than 12, as beside folds, what all but one in a hundred do: a wild voxel does not hide the rest.
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
    show_legend(volume, display, "Jacobian", memory, _LIMITS[limit], views=views)
