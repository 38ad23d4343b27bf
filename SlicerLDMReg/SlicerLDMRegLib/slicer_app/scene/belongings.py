"""The volumes that labels, masks and transforms belong to, and whether they lie in these."""

from __future__ import annotations

import numpy as np
import slicer

from ...errors import InputError
from .coordinates import matrix_of
from .nodes import roles_of
from .volume_nodes import Node, world_matrix

__all__ = ["owner_of", "pair_of", "same_lattice", "share_inside"]

Box = tuple[np.ndarray, np.ndarray]


def owner_of(labels: Node) -> Node | None:
    """Return the volume on which a segmentation was drawn; None: nothing tells."""
    if not labels.IsA("vtkMRMLSegmentationNode"):
        return None
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    return labels.GetNodeReference(role)


def pair_of(node: Node) -> tuple[Node, Node] | None:
    """Return the fixed and the moving volume of a transform or a result; None: nothing tells."""
    fixed, moving = roles_of(node)
    return None if fixed is None or moving is None else (fixed, moving)


def same_lattice(first: Node, second: Node) -> bool:
    """Whether the voxels of two volumes, of labels or images, lie at the same places."""
    if not (first.IsA("vtkMRMLVolumeNode") and second.IsA("vtkMRMLVolumeNode")):
        return False
    images = first.GetImageData(), second.GetImageData()
    if None in images or images[0].GetDimensions() != images[1].GetDimensions():
        return False
    if first.GetTransformNodeID() != second.GetTransformNodeID():
        return False
    own, other = (matrix_of(node.GetIJKToRASMatrix) for node in (first, second))
    return bool(np.allclose(own, other, atol=1e-3))


def share_inside(labels: Node, volume: Node) -> float | None:
    """Return the part of the box around labels that lies in the box around a volume, 0 to 1.

    Args:
        labels: segmentation, or volume of labels: the box around all of its voxels.
        volume: any volume.

    Returns:
        None where it cannot be told: nothing is labelled, there are no voxels, or a parent is not
        linear.
    """
    try:
        own, other = _box(labels), _box(volume)
    except InputError:
        return None
    if own is None or other is None:
        return None
    length = np.maximum(own[1] - own[0], 1e-6)
    common = np.minimum(own[1], other[1]) - np.maximum(own[0], other[0])
    return float(np.prod(np.clip(common / length, 0.0, 1.0)))


def _box(node: Node) -> Box | None:
    """Return the ends of a box around a node along R, A and S, in the world, mm.

    Raises:
        InputError: for a parent that is not linear.
    """
    bounds = _bounds(node)
    if bounds is None or any(bounds[2 * n] > bounds[2 * n + 1] for n in range(3)):
        return None
    ends = np.reshape(bounds, (3, 2))
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    matrix = world_matrix(node)
    corners = corners @ matrix[:3, :3].T + matrix[:3, 3]
    return corners.min(axis=0), corners.max(axis=0)


# The panel asks with every change, and a segmentation looks through all of its voxels.
_known: dict[str, tuple[int, list[float]]] = {}
_MOST_KNOWN = 64


def _bounds(node: Node) -> list[float] | None:
    """Return the bounds of a node below its parents, R, A, S mm."""
    is_segmentation = node.IsA("vtkMRMLSegmentationNode")
    data = node.GetSegmentation() if is_segmentation else node.GetImageData()
    if data is None:
        return None
    found = [0.0, -1.0] * 3
    if not is_segmentation:
        node.GetBounds(found)
        return found
    key, now = node.GetAddressAsString("vtkObject"), int(data.GetMTime())
    if _known.get(key, (-1, found))[0] != now:
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        node.GetBounds(found)
        _known[key] = now, found
    return list(_known[key][1])
