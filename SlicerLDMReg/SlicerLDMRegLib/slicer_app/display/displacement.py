"""The length of the displacement in colours over an image, in mm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ..scene.volume_nodes import Node
from ..texts import tr as _
from .colors import DISPLACEMENT_COLORS, color_table, round_up, show_legend
from .view_memory import DisplayMemory

__all__ = ["color_displacement", "largest_displacement", "show_from", "shown_from"]


def largest_displacement(volume: Node) -> float:
    """Return a round length in mm that no voxel of a map of displacements exceeds."""
    values = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
    return round_up(max(float(np.nanmax(values)), 0.1))


def color_displacement(
    volume: Node,
    memory: DisplayMemory,
    least: float = 0.0,
    views: Sequence[Node] = (),
    title: str = _("shift (mm)"),
) -> None:
    """Give a volume of displacements its colours, from none to the largest, and a bar.

    Args:
        volume: lengths, mm.
        memory: for its display.
        least: shorter ones are not shown, mm.
        views: that show the bar; by default all.
        title: above the bar.
    """
    limit = largest_displacement(volume)
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
        memory.added(volume.GetDisplayNode())
    display = volume.GetDisplayNode()
    memory.keep(display)
    name = "LDMReg displacement"
    colors = color_table(volume.GetScene(), name, DISPLACEMENT_COLORS, memory)
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, limit)
        display.SetAutoThreshold(False)
        display.SetThreshold(least, 2 * limit)
        display.SetApplyThreshold(least > 0)
    show_legend(volume, display, title, memory, views=views)


def show_from(volume: Node, least: float) -> None:
    """Leave out what moves less than some mm; :func:`color_displacement` was called before."""
    display = volume.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.SetThreshold(least, max(least, 2 * display.GetWindowLevelMax()))
        display.SetApplyThreshold(least > 0)


def shown_from(volume: Node) -> float:
    """Return below which length in mm nothing is shown; 0: all is."""
    display = volume.GetDisplayNode()
    is_limited = display is not None and display.GetApplyThreshold()
    return float(display.GetLowerThreshold()) if is_limited else 0.0
