"""Images for labels that are registered alone: the volumes below them, or pictures of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ...errors import InputError
from ...geometry import ImageGeometry
from ..texts import tr as _
from .belongings import owner_of
from .coordinates import geometry_from_ijk_to_ras, stored_voxels_to_ras
from .labels import labels_from_node
from .scene_change import SceneChange
from .volume_nodes import Node, set_image, volume_geometry, world_matrix

__all__ = ["image_of_labels"]

_VOLUME = "vtkMRMLScalarVolumeNode"
# Voxels at each side, at least, in which structures can move. Not tuned.
_ROOM = 8


def image_of_labels(labels: Node, change: SceneChange) -> Node:
    """Return a volume on whose voxels labels lie; the scene gets one where it has none.

    Args:
        labels: segmentation or label map volume.
        change: takes a new volume back.

    Returns:
        The volume that a segmentation was drawn on, if it is in the scene; else a new one, whose
        voxels have the numbers of the labels.

    Raises:
        InputError: for labels without voxels, or that cannot be read.
    """
    owner = owner_of(labels)
    if owner is not None and owner.GetClassName() == _VOLUME and owner.GetImageData():
        return owner
    found = labels_from_node(labels, _lattice(labels))
    node = change.add(_VOLUME, _("{labels}, as an image").format(labels=labels.GetName()))
    set_image(node, found.image)
    node.CreateDefaultDisplayNodes()
    return node


def _lattice(labels: Node) -> ImageGeometry:
    """Return the lattice of all voxels of labels, in the world, LPS mm.

    That of a segmentation often ends where its segments do, and has some room added to it.
    """
    if not labels.IsA("vtkMRMLSegmentationNode"):
        return volume_geometry(labels)
    common: Any = slicer.vtkOrientedImageData()
    segmentation = labels.GetSegmentation()
    kind = slicer.vtkSegmentation
    if segmentation is not None and segmentation.ContainsRepresentation("Binary labelmap"):
        segmentation.SetImageGeometryFromCommonLabelmapGeometry(
            common, None, kind.EXTENT_UNION_OF_EFFECTIVE_SEGMENTS_AND_REFERENCE_GEOMETRY
        )
    if min(common.GetDimensions()) < 1:
        raise InputError(
            _(
                "the segmentation {labels!r} has no voxels, only surfaces or nothing at all: select"
                " the fixed and the moving volume, too"
            ).format(labels=labels.GetName())
        )
    matrix = world_matrix(labels) @ stored_voxels_to_ras(common.GetImageToWorldMatrix, common)
    size = np.array(common.GetDimensions())
    room = np.where(size > 1, np.maximum(_ROOM, size // 10), 0)
    matrix[:3, 3] -= matrix[:3, :3] @ room
    return geometry_from_ijk_to_ras(matrix, (size + 2 * room).tolist(), labels.GetName())
