"""The coordinates of Slicer (RAS) and those of ITK and the library (LPS), all in mm.

``x`` and ``y`` change their sign, ``z`` stays. A lattice is an ``IJKToRAS`` matrix in Slicer and an
:class:`~SlicerLDMRegLib.geometry.ImageGeometry` in the library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
import vtk

from ...errors import InputError
from ...geometry import ImageGeometry
from ..texts import tr as _

__all__ = [
    "FLIP",
    "geometry_from_ijk_to_ras",
    "ijk_to_ras",
    "matrix_of",
    "stored_voxels_to_ras",
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
        raise InputError(
            _("{name}: expected voxels with a size, got the spacing {spacing}").format(
                name=name, spacing=spacing.tolist()
            )
        )
    direction = steps / spacing
    if np.abs(direction.T @ direction - np.eye(3)).max() > _PERPENDICULAR:
        raise InputError(
            _(
                "{name}: expected voxel axes at right angles, got sheared ones (a"
                " tilted gantry or an affine transform); resample it first, with the"
                " module Crop Volume or Resample Image"
            ).format(name=name)
        )
    return ImageGeometry(
        tuple(size),
        tuple(spacing.tolist()),
        tuple((FLIP * matrix[:3, 3]).tolist()),
        tuple(direction.ravel().tolist()),
    )


def matrix_of(getter: Callable[[Any], object]) -> FloatArray:
    """Return the 4x4 array of the matrix that a getter fills in, as ``node.GetIJKToRASMatrix``."""
    matrix = vtk.vtkMatrix4x4()
    getter(matrix)
    return np.asarray(slicer.util.arrayFromVTKMatrix(matrix))


def stored_voxels_to_ras(getter: Callable[[Any], object], image: Any) -> FloatArray:
    """Return the 4x4 matrix from the indices of an array of voxels to points, RAS mm.

    Args:
        getter: of the matrix from the indices of a ``vtkImageData``.
        image: whose first voxel has nearly always, but not always, the index 0.
    """
    matrix = matrix_of(getter)
    matrix[:3, 3] += matrix[:3, :3] @ image.GetExtent()[::2]
    return matrix
