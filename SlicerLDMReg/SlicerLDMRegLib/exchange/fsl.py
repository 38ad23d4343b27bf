"""Warps of FSL: where a voxel of the fixed image goes, in FSL's coordinates of both images.

FSL knows an image by its voxels times their size, in mm, without origin and directions; along the
first axis it counts from the other end where the axes of the file are right-handed in RAS. A
relative warp is the difference of the two places, an absolute one is the place in the moving image.
"""

from __future__ import annotations

import numpy as np

from ..displacement import DisplacementField
from ..geometry import ImageGeometry

__all__ = ["fsl_warp", "is_absolute", "read_fsl_warp"]


def fsl_warp(field: DisplacementField, moving: ImageGeometry) -> np.ndarray:
    """Return a 3D field as a relative warp, ``(k, j, i, 3)`` in mm of FSL.

    Args:
        field: fixed to moving points, LPS mm, on the lattice of the fixed image.
        moving: lattice of the moving image, as in its NIfTI file.
    """
    points = field.geometry.points()
    start = _to_fsl(field.geometry, points)
    return _to_fsl(moving, points + field.vectors) - start


def read_fsl_warp(
    warp: np.ndarray, lattice: ImageGeometry, moving: ImageGeometry
) -> DisplacementField:
    """Return the field, LPS mm, of a warp ``(k, j, i, 3)`` on the lattice of the fixed image."""
    points = lattice.points()
    start = 0.0 if is_absolute(warp, lattice) else _to_fsl(lattice, points)
    return DisplacementField(_from_fsl(moving, start + warp) - points, lattice)


def is_absolute(warp: np.ndarray, lattice: ImageGeometry) -> bool:
    """Tell the kind of a warp as FSL does: absolute ones spread less without the places."""
    places = _to_fsl(lattice, lattice.points())
    return float(np.std(warp)) > float(np.std(warp - places))


def _to_fsl(geometry: ImageGeometry, points: np.ndarray) -> np.ndarray:
    index = geometry.physical_to_index(points)
    if _is_right_handed(geometry):
        index[..., 0] = geometry.size[0] - 1 - index[..., 0]
    return np.asarray(index * geometry.spacing)


def _from_fsl(geometry: ImageGeometry, places: np.ndarray) -> np.ndarray:
    index = places / np.asarray(geometry.spacing)
    if _is_right_handed(geometry):
        index[..., 0] = geometry.size[0] - 1 - index[..., 0]
    return np.asarray(geometry.index_to_physical(index))


def _is_right_handed(geometry: ImageGeometry) -> bool:
    """Whether the axes are right-handed in RAS, which is LPS turned by half a circle about z."""
    return float(np.linalg.det(geometry.direction_matrix)) > 0
