"""The voxels that a mask leaves out of the comparison of two images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...geometry import ImageGeometry
from .labels import mask_from_node
from .volume_nodes import Node, volume_geometry

__all__ = ["LeftOut", "left_out"]


@dataclass(frozen=True, eq=False)
class LeftOut:
    """The voxels of a volume that a mask leaves out.

    Attributes:
        voxels: 1 where the images are not compared, ``(k, j, i)`` uint8.
        geometry: of the volume.
    """

    voxels: np.ndarray
    geometry: ImageGeometry

    @property
    def count(self) -> int:
        """The number of voxels that are left out."""
        return int(np.count_nonzero(self.voxels))

    @property
    def total(self) -> int:
        """The number of all voxels."""
        return int(self.voxels.size)


# The panel asks with every change, and a segmentation is drawn on the lattice for it.
_known: dict[tuple[Any, ...], LeftOut] = {}
_MOST_KNOWN = 4


def left_out(mask: Node, volume: Node) -> LeftOut:
    """Return what a mask leaves out of a volume, as a registration will.

    Args:
        mask: segments, or a volume that is not 0 where the images are compared.
        volume: the fixed or the moving one.

    Raises:
        InputError: for nodes that cannot be used.
    """
    geometry = volume_geometry(volume)
    data = mask.GetSegmentation() if mask.IsA("vtkMRMLSegmentationNode") else mask.GetImageData()
    state = None if data is None else (data.GetAddressAsString("vtkObject"), data.GetMTime())
    key = mask.GetID(), mask.GetMTime(), state, geometry
    if key not in _known:
        while len(_known) >= _MOST_KNOWN:
            _known.pop(next(iter(_known)))
        inside = sitk.GetArrayFromImage(mask_from_node(mask, geometry))
        _known[key] = LeftOut((inside == 0).astype(np.uint8), geometry)
    return _known[key]
