"""The deformation as a grid or as arrows, in slice and 3D views.

Slicer draws a transform *to parent*: lines and arrows begin where the moving anatomy was and end
where it goes. So the grid is one on the moving image, as it lies after warping, and fits on the
fixed and the warped image.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ...geometry import ImageGeometry
from ...intensity import percentile
from ..scene.nodes import PREFIX, display_nodes
from ..scene.volume_nodes import Node
from ..texts import tr as _
from .colors import displacement_colors, remove_legend, round_up, show_legend
from .view_memory import DisplayMemory

__all__ = [
    "Drawing",
    "grid_spacing",
    "hide_deformation",
    "longest_displacement",
    "show_deformation",
    "shown_drawings",
]

_SHOWS = PREFIX + "Shows"
_TITLE = _("shift (mm)")
_GRID_LINES = 18  # along the longest side; more cover the image. Not tuned.
# Points between two lines of the grid.
_SUBDIVISION = 3


class Drawing(enum.Enum):
    """Ways to draw a deformation."""

    GRID = "grid"
    GLYPHS = "glyphs"


def grid_spacing(geometry: ImageGeometry) -> float:
    """Return a round distance of grid lines in mm, about 18 of them along the longest side."""
    longest = max(n * step for n, step in zip(geometry.size, geometry.spacing, strict=True))
    value = longest / _GRID_LINES
    power = 10.0 ** math.floor(math.log10(value))
    return min((1, 2, 5, 10), key=lambda step: abs(math.log(step * power / value))) * power


def longest_displacement(transform: Node) -> float:
    """Return a round length in mm that all but some vectors of a transform's grid do not exceed.

    Not less than half of the longest: the deformation may be confined to a small part of an image.
    """
    grid = transform.GetTransformFromParent()
    data = grid.GetDisplacementGrid() if grid.IsA("vtkOrientedGridTransform") else None
    if data is None or data.GetNumberOfPoints() == 0:
        return 10.0
    scalars = data.GetPointData().GetScalars()
    vectors = vtk_to_numpy(scalars)
    usual = float(percentile(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)), 99.5))
    return round_up(max(usual, 0.5 * scalars.GetRange(-1)[1], 0.1))


def show_deformation(
    transform: Node,
    drawing: Drawing,
    spacing: float,
    regions: Sequence[Node],
    memory: DisplayMemory,
    views: Sequence[Node] = (),
    scale: float | None = None,
) -> None:
    """Draw a transform in all views.

    The grid and the arrows have display nodes of their own, so both can be seen; in 3D there is one
    for each region.

    Args:
        transform: from parent, of fixed to moving points.
        drawing: grid or arrows.
        spacing: of the lines of the grid, and of the arrows, mm.
        regions: where it is drawn in 3D: slice views, or volumes. None: not in 3D.
        memory: for the display nodes.
        views: in which it is drawn; by default all.
        scale: length of the last colour, mm, where a map whose bar is shown has it: then there is
            no second bar. By default that of the transform, with a bar.
    """
    longest = longest_displacement(transform) if scale is None else scale
    shown = []
    for number, region in enumerate(regions or (None,)):
        display = _display_for(transform, drawing, number, views, memory)
        memory.keep(display)
        with slicer.util.NodeModify(display):
            _style(display, drawing, spacing, longest)
            colors = displacement_colors(transform.GetScene(), longest, memory)
            display.SetAndObserveColorNodeID(colors.GetID())
            display.SetAndObserveRegionNode(region)
            display.SetVisibility3D(region is not None)
            display.SetVisibility2D(number == 0)
            display.SetVisibility(True)
        shown.append(display)
    memory.hide(display for display in _displays(transform, drawing) if display not in shown)
    if scale is None:
        show_legend(transform, shown[0], _TITLE, memory, left=True, views=views)
    else:
        remove_legend(transform, memory)


def hide_deformation(
    transform: Node, drawing: Drawing, memory: DisplayMemory, with_bar: bool = True
) -> None:
    """Draw a transform no longer in one way; the bar of the colours goes with the last one.

    Args:
        transform, drawing, memory: as for :func:`show_deformation`.
        with_bar: whether what is left has a bar of its own.
    """
    memory.hide(_displays(transform, drawing))
    others = [d for other in Drawing for d in _displays(transform, other) if d.GetVisibility()]
    if others and with_bar:
        views = [transform.GetScene().GetNodeByID(name) for name in others[0].GetViewNodeIDs()]
        show_legend(transform, others[0], _TITLE, memory, left=True, views=views)
    else:
        remove_legend(transform, memory)


def shown_drawings(transform: Node) -> dict[Drawing, float]:
    """Return the ways in which a transform is drawn now, with the spacing of each in mm."""
    found = {}
    for drawing in Drawing:
        for display in _displays(transform, drawing):
            if display.GetVisibility():
                grid = drawing is Drawing.GRID
                found[drawing] = float(
                    display.GetGridSpacingMm() if grid else display.GetGlyphSpacingMm()
                )
                break
    return found


def _style(display: Node, drawing: Drawing, spacing: float, longest: float) -> None:
    display.SetAutoScalarRange(False)
    display.SetScalarRange(0.0, longest)
    display.SetScalarVisibility(True)
    display.SetSliceIntersectionThickness(2)
    if drawing is Drawing.GRID:
        display.SetVisualizationMode(display.VIS_MODE_GRID)
        display.SetGridScalePercent(100.0)
        display.SetGridSpacingMm(spacing)
        display.SetGridResolutionMm(spacing / _SUBDIVISION)
        display.SetGridLineDiameterMm(spacing / 8)
        display.SetGridShowNonWarped(False)
    else:
        display.SetVisualizationMode(display.VIS_MODE_GLYPH)
        display.SetGlyphType(display.GLYPH_TYPE_ARROW)
        display.SetGlyphSpacingMm(spacing)
        display.SetGlyphScalePercent(100.0)
        display.SetGlyphDisplayRangeMinMm(0.05 * longest)
        # Where the map folds its inverse is not known, and some arrows would cross the view.
        display.SetGlyphDisplayRangeMaxMm(2.5 * longest)
        display.SetGlyphDiameterMm(spacing / 6)
        display.SetGlyphTipLengthPercent(35)


def _displays(transform: Node, drawing: Drawing) -> list[Node]:
    """Return the display nodes that draw a transform in one way, the one of the slices first."""
    marked = [(d.GetAttribute(_SHOWS) or "", d) for d in display_nodes(transform)]
    ours = [(mark, display) for mark, display in marked if mark.split(" ")[0] == drawing.value]
    return [display for _, display in sorted(ours, key=lambda one: one[0])]


def _display_for(
    transform: Node, drawing: Drawing, number: int, views: Sequence[Node], memory: DisplayMemory
) -> Node:
    scene = transform.GetScene()
    mark = f"{drawing.value} {number}"
    names = [view.GetID() for view in views]
    for display in _displays(transform, drawing):
        if display.GetAttribute(_SHOWS) == mark:
            if sorted(display.GetViewNodeIDs()) == sorted(names):
                return display
            # Views do not look again whether they are among those that show it.
            scene.RemoveNode(display)
    display = scene.CreateNodeByClass("vtkMRMLTransformDisplayNode")
    display.UnRegister(None)
    display.SetName(f"{transform.GetName()} {mark}")
    display.SetAttribute(_SHOWS, mark)
    display.SetVisibility(False)
    display.SetViewNodeIDs(names)
    # Else it makes a table of its own as soon as it is looked at.
    colors = displacement_colors(scene, longest_displacement(transform), memory)
    scene.AddNode(display)
    memory.added(display)
    display.SetAndObserveColorNodeID(colors.GetID())
    transform.AddAndObserveDisplayNodeID(display.GetID())
    return display
