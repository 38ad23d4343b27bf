"""The slices of the views through an image, upright and as large as they can be, and in 3D."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import slicer
import vtk

from ...geometry import ImageGeometry
from ..scene.coordinates import FLIP
from ..scene.nodes import nodes_of_class
from ..scene.volume_nodes import Node, volume_geometry
from .view_memory import DisplayMemory

__all__ = [
    "best_view",
    "cuts",
    "ensure_3d_view",
    "fit_slices",
    "has_other_layout",
    "jump_to",
    "lone_layout",
    "look_from_above",
    "show_layout",
    "show_slices_in_3d",
    "shows",
    "views_for",
    "views_with",
]

# Part of the view that stays free around an image.
_MARGIN = 0.02
# From where a volume is seen in 3D: from the right, in front and above, RAS.
_FROM = np.array([0.6, 1.0, 0.85])
# Width of the camera's view, degrees.
_VIEW_ANGLE = 30.0


def _corners(geometry: ImageGeometry) -> np.ndarray:
    """Return the corners of the outermost voxels, RAS ``(8, 3)``."""
    ends = [(-0.5, n - 0.5) for n in geometry.size]
    index = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(geometry.index_to_physical(index)) * FLIP


def _middle(geometry: ImageGeometry) -> np.ndarray:
    """Return the centre of the voxel in the middle, RAS."""
    index = [n // 2 for n in geometry.size]
    return np.asarray(geometry.index_to_physical(index)) * FLIP


def _axes(view: Node) -> np.ndarray:
    """Return the axes of a slice view to the right, up and towards the viewer as columns, RAS."""
    matrix = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, :3]
    return np.asarray(matrix / np.linalg.norm(matrix, axis=0))


def _offset(view: Node) -> float:
    """Return where along its normal a slice view cuts, mm."""
    return float(slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, 3] @ _axes(view)[:, 2])


def best_view(scene: Any, volume: Node) -> Node | None:
    """Return the slice view that shows an image best: of one slice, the view most parallel to it.

    Of volumes with several slices it is the first view, as a rule the red one. None: no views.
    """
    views = nodes_of_class(scene, "vtkMRMLSliceNode")
    geometry = volume_geometry(volume)
    if not views or 1 not in geometry.size:
        return views[0] if views else None
    normal = FLIP * geometry.direction_matrix[:, geometry.size.index(1)]
    return max(views, key=lambda view: round(abs(float(_axes(view)[:, 2] @ normal)), 3))


def shows(view: Node, volume: Node) -> bool:
    """Whether a slice view cuts an image; one of a single slice must lie in the view's plane."""
    geometry = volume_geometry(volume)
    along = _corners(geometry) @ _axes(view)[:, 2] - _offset(view)
    if 1 in geometry.size:
        thickness = geometry.spacing[geometry.size.index(1)]
        return bool(np.abs(along).max() <= 0.501 * thickness + 1e-6)
    return bool(along.min() <= 0 <= along.max())


def cuts(view: Node, points: np.ndarray, volume: Node) -> bool:
    """Whether a slice view shows one of some points, RAS ``(N, 3)``, centres of voxels."""
    return bool(
        (np.abs(points @ _axes(view)[:, 2] - _offset(view)) <= _thickness(view, volume) / 2).any()
    )


def fit_slices(
    scene: Any, frame: Node, place: Node | None, memory: DisplayMemory, reset: bool = True
) -> None:
    """Let all slice views show an image as a whole, along its axes, through its middle.

    The views turn to the nearest axes of the image; for an image of one slice, the most parallel
    view turns into its plane.

    Args:
        scene: of the views.
        frame: volume that fits into the views afterwards.
        place: volume through whose middle the slices go, where that is not ``frame``: the
            result of some slices of it.
        memory: for the views.
        reset: also those that the user has turned elsewhere; False leaves the orientation of views.
    """
    place = place or frame
    best = best_view(scene, place)
    corners, middle = _corners(volume_geometry(frame)), _middle(volume_geometry(place))
    for view in nodes_of_class(scene, "vtkMRMLSliceNode"):
        memory.keep(view)
        if reset:
            view.RotateToVolumePlane(place, view is best)
        axes = _axes(view)
        along = corners @ axes
        low, high = along.min(axis=0), along.max(axis=0)
        center = (low + high) / 2
        center[2] = middle @ axes[:, 2]
        matrix = view.GetSliceToRAS()
        for row in range(3):
            matrix.SetElement(row, 3, float((axes @ center)[row]))
        size = view.GetDimensions()
        step = max((high - low)[:2] / np.maximum(size[:2], 1)) * (1 + _MARGIN)
        view.UpdateMatrices()
        view.SetSliceOrigin(0, 0, 0)
        view.SetFieldOfView(step * size[0], step * size[1], _thickness(view, place) * size[2])
        view.UpdateMatrices()


def _thickness(view: Node, volume: Node) -> float:
    """Return the distance of the slices of a volume along the normal of a view, mm."""
    geometry = volume_geometry(volume)
    normal = FLIP * _axes(view)[:, 2]
    steps = (geometry.direction_matrix.T @ normal) / np.asarray(geometry.spacing)
    return float(1 / np.linalg.norm(steps))


def jump_to(scene: Any, point: Iterable[float], memory: DisplayMemory) -> None:
    """Move all slice views along their normals to a point, RAS mm."""
    for view in nodes_of_class(scene, "vtkMRMLSliceNode"):
        memory.keep(view)
        view.JumpSliceByOffsetting(*point)


def views_with(scene: Any, volume: Node) -> list[Node]:
    """Return the slice views in which an image is more than a line: all, or that of its slice."""
    if 1 not in volume_geometry(volume).size:
        return nodes_of_class(scene, "vtkMRMLSliceNode")
    best = best_view(scene, volume)
    return [] if best is None else [best]


def views_for(scene: Any, volume: Node) -> list[Node]:
    """Return the slice and 3D views for what lies over an image of one slice; empty: all views."""
    if 1 not in volume_geometry(volume).size:
        return []
    return [*views_with(scene, volume), *nodes_of_class(scene, "vtkMRMLViewNode")]


def show_slices_in_3d(scene: Any, volume: Node, visible: bool, memory: DisplayMemory) -> None:
    """Show the slices in the 3D views; of an image of one slice only the view that lies in it."""
    shown = views_with(scene, volume) if visible else []
    for view in nodes_of_class(scene, "vtkMRMLSliceNode"):
        memory.keep(view)
        before = bool(view.GetSliceVisible())
        memory.keep_value(f"{view.GetID()} in 3D", before, view.SetSliceVisible)
        wanted = view in shown
        if bool(view.GetSliceVisible()) != wanted:  # else all in it is drawn again
            view.SetSliceVisible(wanted)
    for view in nodes_of_class(scene, "vtkMRMLViewNode"):
        memory.keep(view)
        if visible:  # its box is that of the whole scene
            view.SetBoxVisible(False)
            view.SetAxisLabelsVisible(False)


def ensure_3d_view(scene: Any, memory: DisplayMemory) -> None:
    """Change to a layout with a 3D view, if there is none."""
    for layout in nodes_of_class(scene, "vtkMRMLLayoutNode"):
        if "vtkMRMLViewNode" not in (layout.GetCurrentLayoutDescription() or ""):
            memory.keep_value(
                layout.GetID(), layout.GetViewArrangement(), layout.SetViewArrangement
            )
            layout.SetViewArrangement(layout.SlicerLayoutFourUpView)


def lone_layout(view: Node | None) -> int | None:
    """Return Slicer's layout of one slice view alone; None: it has none."""
    layouts = slicer.vtkMRMLLayoutNode
    known = {
        "Red": layouts.SlicerLayoutOneUpRedSliceView,
        "Yellow": layouts.SlicerLayoutOneUpYellowSliceView,
        "Green": layouts.SlicerLayoutOneUpGreenSliceView,
    }
    return None if view is None else known.get(view.GetLayoutName())


def has_other_layout(scene: Any, layout: int) -> bool:
    """Whether the views have another layout than one of Slicer's."""
    nodes = nodes_of_class(scene, "vtkMRMLLayoutNode")
    return any(node.GetViewArrangement() != layout for node in nodes)


def show_layout(scene: Any, layout: int, memory: DisplayMemory) -> int | None:
    """Change to another layout of the views; return the one that was there, None: no change."""
    before = None
    for node in nodes_of_class(scene, "vtkMRMLLayoutNode"):
        if node.GetViewArrangement() != layout:
            before = int(node.GetViewArrangement())
            memory.keep_value(node.GetID(), before, node.SetViewArrangement)
            node.SetViewArrangement(layout)
    return before


def look_from_above(scene: Any, volume: Node, memory: DisplayMemory) -> None:
    """Point the cameras of the 3D views at an image, so that it fills the view.

    A volume is seen from the right, in front and above, an image of one slice at a slight angle,
    from the side from which its slice view shows it.
    """
    geometry = volume_geometry(volume)
    corners = _corners(geometry)
    center = (corners.min(axis=0) + corners.max(axis=0)) / 2
    direction, up = _FROM, np.array([0.0, 0.0, 1.0])
    best = best_view(scene, volume)
    if 1 in geometry.size and best is not None:
        # Slicer's slice views look along their third axis, from behind it where it points away.
        axes = _axes(best)
        front = np.cross(axes[:, 0], axes[:, 1])
        direction, up = front + 0.25 * axes[:, 0] - 0.45 * axes[:, 1], axes[:, 1]
    direction = direction / np.linalg.norm(direction)
    radius = float(np.linalg.norm(corners - center, axis=1).max())
    distance = radius / np.sin(np.radians(_VIEW_ANGLE / 2))
    for camera in nodes_of_class(scene, "vtkMRMLCameraNode"):
        own, before = camera.GetCamera(), vtk.vtkCamera()
        before.DeepCopy(own)  # it is not part of the contents of its node
        memory.keep_value(camera.GetID(), before, own.DeepCopy)
        own.SetViewAngle(_VIEW_ANGLE)
        own.SetParallelScale(radius)
        camera.SetFocalPoint(*center.tolist())
        camera.SetPosition(*(center + distance * direction).tolist())
        camera.SetViewUp(*up.tolist())
        camera.ResetClippingRange()
