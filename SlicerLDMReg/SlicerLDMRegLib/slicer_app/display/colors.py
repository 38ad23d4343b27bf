"""Colours of maps and of the deformation, and their bars.

The diverging colours are those of the report, which draws with matplotlib; Slicer has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import slicer
import vtk

from ..scene.nodes import PREFIX, display_nodes, nodes_of_class
from ..scene.volume_nodes import Node
from .view_memory import DisplayMemory

__all__ = [
    "DIFFERENCE_COLORS",
    "DISPLACEMENT_COLORS",
    "FOLD_COLOR",
    "JACOBIAN_COLORS",
    "color_table",
    "displacement_colors",
    "jacobian_position",
    "legend_of",
    "remove_legend",
    "rgb",
    "round_up",
    "show_legend",
    "update_legends",
]

#: Contraction, no change, expansion of the Jacobian determinant; the report's ``JACOBIAN_MAP``.
JACOBIAN_COLORS = ("#0b3c8c", "#3f8fd2", "#f4f4f2", "#dc6b4b", "#8a1022")
#: Warped darker than fixed, equal, brighter; the report's ``DIFFERENCE_MAP``.
DIFFERENCE_COLORS = ("#9be7ff", "#2f7fd6", "#10131a", "#e0662a", "#ffdf9b")
#: Folds; the report's ``FOLD_COLOR``.
FOLD_COLOR = "#39ff14"
#: From no motion to the largest; all of them stand out from grey.
DISPLACEMENT_COLORS = ("#3fc8ff", "#ffd23f", "#ff4b2e")

_ENTRIES = 256
_MARK = PREFIX + "Shows"
_LIMIT = PREFIX + "Limit"


def rgb(color: str) -> tuple[float, float, float]:
    """Return ``#rrggbb`` as numbers from 0 to 1."""
    red, green, blue = (int(color[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return red, green, blue


def round_up(value: float) -> float:
    """Round a positive number up so that its half has at most two digits."""
    power = 10.0 ** math.floor(math.log10(value / 10))
    return math.ceil(round(value / power, 9) / 2) * 2 * power


def _blend(colors: Sequence[str], position: np.ndarray) -> np.ndarray:
    """Return the colours at positions from 0 to 1, ``(N, 3)``; the given ones lie evenly."""
    stops = np.array([rgb(color) for color in colors])
    places = np.linspace(0.0, 1.0, len(stops))
    return np.stack([np.interp(position, places, stops[:, n]) for n in range(3)], axis=-1)


def jacobian_position(limit: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return where determinants from ``1 / limit`` to ``limit`` lie among the colours, 0 to 1.

    Logarithmic: half the size is as far from 1 as twice the size.
    """
    return lambda value: (np.log(value) / np.log(limit) + 1) / 2


def color_table(
    scene: Any,
    name: str,
    colors: Sequence[str],
    memory: DisplayMemory,
    low: float = 0.0,
    high: float = 1.0,
    position: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Node:
    """Return a colour table of a name, made where the scene has none.

    Args:
        scene: of the table.
        name: of the node.
        colors: from the first to the last, evenly.
        memory: for a new node.
        low, high: the window in which the table will be used.
        position: of a value among the colours, from 0 to 1; by default evenly from low to high.
    """
    node = _color_node(scene, "vtkMRMLColorTableNode", name, memory)
    values = np.linspace(low, high, _ENTRIES)
    places = (values - low) / (high - low) if position is None else position(values)
    with slicer.util.NodeModify(node):
        node.SetTypeToUser()
        node.SetNumberOfColors(_ENTRIES)
        for entry, color in enumerate(_blend(colors, np.clip(places, 0.0, 1.0))):
            node.SetColor(entry, f"{values[entry]:.3g}", *color.tolist(), 1.0)
        node.GetLookupTable().SetRange(0, _ENTRIES - 1)
    return node


def displacement_colors(scene: Any, limit: float, memory: DisplayMemory) -> Node:
    """Return the colours of lengths from 0 to a limit in mm, for the display of transforms."""
    node = _color_node(scene, "vtkMRMLProceduralColorNode", "Displacement (mm)", memory)
    if node.GetAttribute(_LIMIT) != repr(limit):  # else what it colours is computed again
        transfer = vtk.vtkDiscretizableColorTransferFunction()
        places = np.linspace(0.0, limit, len(DISPLACEMENT_COLORS))
        for place, color in zip(places, DISPLACEMENT_COLORS, strict=True):
            transfer.AddRGBPoint(float(place), *rgb(color))
        node.SetAndObserveColorTransferFunction(transfer)
        node.SetAttribute(_LIMIT, repr(limit))
    return node


def _color_node(scene: Any, class_name: str, name: str, memory: DisplayMemory) -> Node:
    """Return the node with the colours of a name, made where the scene has none."""
    for node in nodes_of_class(scene, class_name):
        if node.GetAttribute(_MARK) == name:
            return node
    node = memory.add(class_name, name)
    node.SetAttribute(_MARK, name)
    node.SetAttribute("Category", "LDMReg")
    return node


def show_legend(
    node: Node,
    display: Node,
    title: str,
    memory: DisplayMemory,
    labels: int = 5,
    left: bool = False,
    views: Sequence[Node] = (),
    numbers: str = "",
) -> None:
    """Show the bar of the colours of a node at one side of the views that show it.

    Args:
        node: volume, transform or the like.
        display: the display node whose colours these are.
        title: above the bar.
        memory: for the bar, which is a node of its own.
        labels: how many numbers stand at the bar.
        left: at the left, not at the right.
        views: that show it; by default all.
        numbers: their format, as of printf; empty: with three digits at the largest.
    """
    legend = legend_of(node)
    if legend is None:
        legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node)
        legend.SetAttribute(_MARK, "legend")
        memory.added(legend)
    memory.keep(legend)
    with slicer.util.NodeModify(legend):
        legend.SetAndObservePrimaryDisplayNode(display)
        legend.SetTitleText(title)
        # The length of the numbers decides on the size of all letters.
        legend.SetLabelFormat(numbers or f"%.{_decimals(display)}f")
        legend.SetNumberOfLabels(labels)
        legend.SetMaxNumberOfColors(_ENTRIES)
        legend.SetOrientation(legend.Vertical)
        legend.SetPosition(0.03 if left else 0.97, 0.5)
        legend.SetSize(0.1, 0.45)  # the letters grow with it, and with the view
        for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
            text.SetFontFamilyToArial()
            text.SetColor(1.0, 1.0, 1.0)
            text.BoldOff()
            text.ItalicOff()
            text.ShadowOn()
        legend.SetViewNodeIDs([view.GetID() for view in views])
        legend.SetVisibility(True)
        legend.SetVisibility2D(True)
        legend.SetVisibility3D(True)


def legend_of(node: Node) -> Node | None:
    """Return the bar of a node, whichever of its displays it shows; None: there is none."""
    displays = display_nodes(node)
    return next((d for d in displays if d.IsA("vtkMRMLColorLegendDisplayNode")), None)


def remove_legend(node: Node, memory: DisplayMemory) -> None:
    """Remove the bar of a node that :func:`show_legend` has made; hide one that was there before.

    A bar that is only hidden reappears when the layers of a view change.
    """
    legend = legend_of(node)
    if legend is None:
        return
    if legend.GetAttribute(_MARK):
        node.GetScene().RemoveNode(legend)
    else:
        memory.keep(legend)
        legend.SetVisibility(False)


def _decimals(display: Node) -> int:
    """Return how many decimals give the numbers of a bar three digits."""
    if display.IsA("vtkMRMLScalarVolumeDisplayNode"):
        largest = max(abs(display.GetWindowLevelMin()), abs(display.GetWindowLevelMax()))
    else:
        largest = display.GetScalarRange()[1]
    return max(0, 2 - math.floor(math.log10(largest))) if largest > 0 else 2


def update_legends(scene: Any) -> None:
    """Let the bars appear and disappear with the layers of the slice views.

    They follow the layers that the user selects, not those that a program sets.
    """
    for legend in nodes_of_class(scene, "vtkMRMLColorLegendDisplayNode"):
        legend.Modified()
