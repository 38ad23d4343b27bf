"""Between the coordinates of Slicer (RAS) and those of ITK and the library (LPS), all in mm.

``x`` and ``y`` change their sign, ``z`` stays. A lattice is an ``IJKToRAS`` matrix in Slicer and an
:class:`~SlicerLDMRegLib.geometry.ImageGeometry` in the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import vtk

from ...errors import InputError
from ...geometry import ImageGeometry

__all__ = [
    "FLIP",
    "array_from_vtk_matrix",
    "geometry_from_ijk_to_ras",
    "ijk_to_ras",
    "vtk_matrix",
]

FloatArray = npt.NDArray[np.float64]

#: Factors of the components x, y, z that turn LPS into RAS and RAS into LPS.
FLIP = np.array([-1.0, -1.0, 1.0])

# Cosine of the angle between two axes up to which they count as perpendicular: a twentieth of a
# degree, far more than files round and far less than a gantry tilt.
_PERPENDICULAR = 1e-3


def ijk_to_ras(geometry: ImageGeometry) -> FloatArray:
    """Return the 4x4 matrix from voxel indices (i, j, k) of a 3D lattice to RAS points in mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = FLIP[:, None] * geometry.matrix
    matrix[:3, 3] = FLIP * geometry.origin
    return matrix


def geometry_from_ijk_to_ras(
    matrix: npt.ArrayLike, size: Sequence[int], name: str = "image"
) -> ImageGeometry:
    """Return the LPS lattice of a 4x4 matrix from voxel indices to RAS points in mm.

    Args:
        matrix: ``IJKToRAS``; left-handed ones are fine.
        size: voxels along i, j, k.
        name: what the lattice belongs to, for the error.

    Raises:
        InputError: when the axes are not perpendicular, or one has no length.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    steps = FLIP[:, None] * matrix[:3, :3]
    spacing = np.linalg.norm(steps, axis=0)
    if not np.isfinite(matrix).all() or spacing.min() <= 0:
        raise InputError(f"{name}: expected voxels with a size, got the spacing {spacing.tolist()}")
    direction = steps / spacing
    if np.abs(direction.T @ direction - np.eye(3)).max() > _PERPENDICULAR:
        raise InputError(
            f"{name}: expected voxel axes at right angles, got sheared ones (a tilted gantry or an "
            "affine transform); resample it first, with the module Crop Volume or Resample Image"
        )
    return ImageGeometry(
        tuple(size),
        tuple(spacing.tolist()),
        tuple((FLIP * matrix[:3, 3]).tolist()),
        tuple(direction.ravel().tolist()),
    )


def vtk_matrix(matrix: npt.ArrayLike) -> Any:
    """Return a 4x4 array as a ``vtkMatrix4x4``."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel().tolist())
    return result


def array_from_vtk_matrix(matrix: Any) -> FloatArray:
    """Return a ``vtkMatrix4x4`` as a 4x4 array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
