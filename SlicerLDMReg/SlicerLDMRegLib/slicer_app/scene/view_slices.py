"""The slice of a volume that a view shows, also an oblique one, as an image with one slice."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import slicer

from ...errors import InputError
from ...geometry import ImageGeometry
from ..texts import tr as _
from .coordinates import FLIP
from .nodes import nodes_of_class
from .volume_nodes import Node

__all__ = [
    "is_voxel_slice",
    "plane_axes",
    "slice_lattice",
    "slice_node",
    "view_axes",
]

# Cosine from which on an axis of the view is an axis of the volume: a tenth of a degree, a fraction
# of a voxel at the edge of a large slice.
_ALIGNED = 1 - 1e-6
# Part of a voxel by which two lattices may miss each other and still have the same voxels.
_SAME_VOXEL = 1e-3


def slice_node(scene: Any, name: str) -> Node:
    """Return the slice node of a view by the name of the view, such as ``Red``.

    Raises:
        InputError: when there is no such view.
    """
    found = {node.GetLayoutName(): node for node in nodes_of_class(scene, "vtkMRMLSliceNode")}
    if name not in found:
        raise InputError(
            _("slice view: expected one of {views}, got {name!r}").format(
                views=", ".join(sorted(found)) or "none", name=name
            )
        )
    return found[name]


def view_axes(node: Node) -> tuple[np.ndarray, np.ndarray]:
    """Return the axes of a slice view and the point in its middle, LPS mm.

    Args:
        node: slice node.

    Returns:
        ``(3, 3)``, unit vectors to the right, down and through the view as columns; ``(3,)``.
    """
    matrix = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
    axes = FLIP[:, None] * matrix[:3, :3] * np.array([1.0, -1.0, 1.0])
    return axes / np.linalg.norm(axes, axis=0), FLIP * matrix[:3, 3]


def plane_axes(geometry: ImageGeometry) -> tuple[np.ndarray, np.ndarray]:
    """Return the axes of a lattice with one slice and the point in its middle, as above, LPS mm."""
    through = geometry.size.index(1)
    columns = [axis for axis in range(3) if axis != through]
    return geometry.direction_matrix[:, [*columns, through]], np.asarray(geometry.center())


def slice_lattice(
    geometry: ImageGeometry, axes: np.ndarray, center: np.ndarray, where: str
) -> ImageGeometry:
    """Return the lattice of the slice in which a plane cuts a volume.

    It covers the volume, not the window of a view. Its first axis runs to the right, its second one
    down, as the rows of a photograph. Where the plane is parallel to slices of the volume, the
    nearest one is taken voxel by voxel; else the spacing is that of the volume in each direction.

    Args:
        geometry: 3D lattice of the volume, LPS mm.
        axes, center: see :func:`view_axes`.
        where: what the plane is, for the error.

    Raises:
        InputError: when the plane does not cross the volume.
    """
    cosines = geometry.direction_matrix.T @ axes
    nearest = np.abs(cosines).argmax(axis=0)
    if np.abs(cosines[nearest, range(3)]).min() > _ALIGNED:
        signs = np.sign(cosines[nearest, range(3)])
        lattice = _voxel_slice(geometry, nearest.tolist(), signs.tolist(), center)
    else:
        lattice = _oblique_slice(geometry, axes, center)
    if lattice is None:
        raise InputError(
            _("{where} lies outside of the volume; choose one that crosses it").format(where=where)
        )
    return lattice


def is_voxel_slice(lattice: ImageGeometry, geometry: ImageGeometry) -> bool:
    """Whether the voxels of a lattice of one slice are voxels of a volume."""
    steps = np.vstack([np.zeros(3), np.eye(3)[:2]])
    index = geometry.physical_to_index(lattice.index_to_physical(steps))
    whole = np.abs(index - np.rint(index)).max() < _SAME_VOXEL
    return bool(whole and np.allclose(np.abs(index[1:] - index[0]).sum(axis=1), 1, atol=1e-3))


def _voxel_slice(
    geometry: ImageGeometry, axes: list[int], signs: list[float], center: np.ndarray
) -> ImageGeometry | None:
    """Return the lattice of the voxels of the slice nearest to a point; None: there is none.

    Args:
        geometry: of the volume.
        axes: its index axes that run to the right, down and through the slice.
        signs: 1 for those that run that way, -1 for those that run against it.
        center: the point, LPS mm.
    """
    through = axes[2]
    number = round(float(geometry.physical_to_index(center)[through]))
    if not 0 <= number < geometry.size[through]:
        return None
    first = [0, 0, 0]
    first[through] = number
    for axis, sign in zip(axes[:2], signs[:2], strict=True):
        first[axis] = 0 if sign > 0 else geometry.size[axis] - 1
    direction = geometry.direction_matrix[:, axes] * np.asarray(signs)
    return ImageGeometry(
        (geometry.size[axes[0]], geometry.size[axes[1]], 1),
        tuple(geometry.spacing[axis] for axis in axes),
        tuple(geometry.index_to_physical(first).tolist()),
        tuple(direction.ravel().tolist()),
    )


def _oblique_slice(
    geometry: ImageGeometry, axes: np.ndarray, center: np.ndarray
) -> ImageGeometry | None:
    """Return a lattice over the part of a plane that lies within a volume; None: there is none."""
    corners = _crossings(geometry, axes[:, 2], center)
    if len(corners) < 3:
        return None
    along = (corners - center) @ axes[:, :2]
    low, high = along.min(axis=0), along.max(axis=0)
    # A step of this length crosses one voxel.
    spacing = 1 / np.linalg.norm(
        geometry.direction_matrix.T @ axes / np.asarray(geometry.spacing)[:, None], axis=0
    )
    size = np.floor((high - low) / spacing[:2]).astype(int) + 1
    start = (low + high - (size - 1) * spacing[:2]) / 2
    return ImageGeometry(
        (int(size[0]), int(size[1]), 1),
        tuple(spacing.tolist()),
        tuple((center + axes[:, :2] @ start).tolist()),
        tuple(axes.ravel().tolist()),
    )


def _crossings(geometry: ImageGeometry, normal: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Return where a plane crosses the edges of the box of voxel centres, LPS points ``(N, 3)``."""
    last = np.asarray(geometry.size) - 1
    points = []
    for axis in range(3):
        for ends in itertools.product((0, 1), repeat=2):
            start = np.insert(np.asarray(ends), axis, 0) * last
            end = start.copy()
            end[axis] = last[axis]
            a, b = geometry.index_to_physical(np.stack([start, end]))
            before, after = float((a - center) @ normal), float((b - center) @ normal)
            if before == after:
                continue
            fraction = before / (before - after)
            if 0 <= fraction <= 1:
                points.append(a + fraction * (b - a))
    return np.asarray(points).reshape(-1, 3)
