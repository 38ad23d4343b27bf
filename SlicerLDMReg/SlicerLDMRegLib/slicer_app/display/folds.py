"""Folds outlined: bright lines with dark rims, which stand out from any image."""

from __future__ import annotations

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ..scene.coordinates import stored_voxels_to_ras
from ..scene.nodes import PREFIX, display_nodes
from ..scene.volume_nodes import Node, world_matrix
from .colors import FOLD_COLOR, rgb
from .view_memory import DisplayMemory

__all__ = ["are_outlined", "fold_points", "largest_fold", "show_folds"]

_SHOWS = PREFIX + "Shows"
# Outlines from below to above: their mark, their colour, their width in pixels.
_OUTLINES = (("fold rim", "#10131a", 5), ("fold", FOLD_COLOR, 2))


def show_folds(folds: Node, in_3d: bool, memory: DisplayMemory) -> None:
    """Outline the segments of a segmentation in the slice views, and hide its other displays.

    Args:
        folds: segmentation node.
        in_3d: show their surfaces in the 3D views, too; these are made when they are first shown.
        memory: for the display nodes.
    """
    if in_3d and len(fold_points(folds)):
        folds.CreateClosedSurfaceRepresentation()
    marks = [mark for mark, _, _ in _OUTLINES]
    # Such as the filled display that every segmentation has.
    memory.hide(d for d in display_nodes(folds) if d.GetAttribute(_SHOWS) not in marks)
    for name, color, width in _OUTLINES:
        ours = (d for d in display_nodes(folds) if d.GetAttribute(_SHOWS) == name)
        display = next(ours, None) or _new_display(folds, name, memory)
        memory.keep(display)
        with slicer.util.NodeModify(display):
            for segment in folds.GetSegmentation().GetSegmentIDs():
                display.SetSegmentOverrideColor(segment, *rgb(color))
            display.SetPreferredDisplayRepresentationName2D("Binary labelmap")
            display.SetVisibility2DFill(False)
            display.SetVisibility2DOutline(True)
            display.SetOpacity2DOutline(1.0)
            display.SetSliceIntersectionThickness(width)
            display.SetVisibility2D(True)
            display.SetVisibility3D(in_3d and name == "fold")
            display.SetVisibility(True)


def are_outlined(folds: Node) -> bool:
    """Whether the segments of a segmentation are shown as :func:`show_folds` does it."""
    marks = [mark for mark, _, _ in _OUTLINES]
    ours = (d for d in display_nodes(folds) if d.GetAttribute(_SHOWS) in marks)
    return any(display.GetVisibility() for display in ours)


def fold_points(folds: Node) -> np.ndarray:
    """Return the centres of the voxels in the segments, RAS mm ``(N, 3)``."""
    found = _mask(folds)
    return np.zeros((0, 3)) if found is None else _to_world(np.argwhere(found[0]), found[1])


def largest_fold(folds: Node) -> np.ndarray | None:
    """Return a voxel in the middle of the largest connected group of folds, RAS mm; None: none."""
    found = _mask(folds)
    if found is None or not found[0].any():
        return None
    from scipy import ndimage  # it took most of the time in which the panel opened

    mask, matrix = found
    groups, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    largest = np.argwhere(groups == np.bincount(groups[mask]).argmax())
    nearest = np.linalg.norm(largest - largest.mean(axis=0), axis=1).argmin()
    return np.asarray(_to_world(largest[nearest], matrix))


def _to_world(places: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the points of array indices ``(..., 3)`` in the order k, j, i."""
    return np.asarray(places[..., ::-1] @ matrix[:3, :3].T + matrix[:3, 3])


def _mask(folds: Node) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the voxels of all segments ``(k, j, i)`` and the matrix from their indices to RAS."""
    segmentation = folds.GetSegmentation()
    if segmentation is None or segmentation.GetNumberOfSegments() == 0:
        return None
    data = segmentation.GetNthSegment(0).GetRepresentation("Binary labelmap")
    scalars = None if data is None else data.GetPointData().GetScalars()
    if scalars is None or data.GetNumberOfPoints() == 0:
        return None
    matrix = world_matrix(folds) @ stored_voxels_to_ras(data.GetImageToWorldMatrix, data)
    return vtk_to_numpy(scalars).reshape(data.GetDimensions()[::-1]) > 0, matrix


def _new_display(folds: Node, name: str, memory: DisplayMemory) -> Node:
    title = f"{folds.GetName()} {name}"
    display = folds.GetScene().AddNewNodeByClass("vtkMRMLSegmentationDisplayNode", title)
    memory.added(display)
    display.SetAttribute(_SHOWS, name)
    folds.AddAndObserveDisplayNodeID(display.GetID())
    for segment in folds.GetSegmentation().GetSegmentIDs():
        display.SetSegmentVisibility(segment, True)
    return display
