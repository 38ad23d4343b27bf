"""Shape of a map without its pose, what is left beside the best rigid motion; its affine part."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .._slabs import affine
from ..displacement import DisplacementField

__all__ = ["affine_part", "after_inverse", "rigid_part", "without_pose"]


def affine_part(field: DisplacementField) -> sitk.AffineTransform:
    """Return the affine map that is nearest to a map, over the voxels of its lattice.

    Least squares; across an axis along which the lattice has one voxel nothing is stretched.

    Args:
        field: the map ``x + u(x)``.

    Returns:
        Fixed to moving points, LPS mm.
    """
    points = field.geometry.points().reshape(-1, field.dimension)
    vectors = field.vectors.reshape(points.shape)
    middle, way = points.mean(axis=0), vectors.mean(axis=0)
    # The least of all solutions is the one without a stretch that no voxel tells of.
    slope = np.linalg.lstsq(points - middle, vectors - way, rcond=1e-9)[0].T
    return _affine(np.eye(field.dimension) + slope, way - slope @ middle)


def after_inverse(first: sitk.Transform, linear: sitk.Transform) -> sitk.AffineTransform:
    """Return ``x -> linear(first^-1(x))`` of two affine maps."""
    (before, start), (matrix, offset) = affine(first), affine(linear)
    whole = matrix @ np.linalg.inv(before)
    return _affine(whole, offset - whole @ start)


def _affine(matrix: np.ndarray, offset: np.ndarray) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(len(offset))
    transform.SetMatrix(matrix.ravel().tolist())
    transform.SetTranslation(offset.tolist())
    return transform


def rigid_part(field: DisplacementField) -> tuple[np.ndarray, np.ndarray]:
    """Return the rigid motion that is nearest to a map, over the voxels of its lattice.

    Args:
        field: the map ``x + u(x)``.

    Returns:
        Rotation ``(d, d)`` and offset ``(d,)``, LPS mm: ``x -> rotation @ x + offset``; least
        squares (Kabsch 1976), without reflections.
    """
    points = field.geometry.points().reshape(-1, field.dimension)
    moved = points + field.vectors.reshape(points.shape)
    start, end = points.mean(axis=0), moved.mean(axis=0)
    left, _, right = np.linalg.svd((points - start).T @ (moved - end))
    signs = np.ones(field.dimension)
    signs[-1] = np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0
    rotation = (right.T * signs) @ left.T
    return rotation, end - rotation @ start


def without_pose(field: DisplacementField) -> DisplacementField:
    """Return a map followed by the inverse of its rigid part: the change of shape alone.

    Example:
        >>> import numpy as np
        >>> from SlicerLDMRegLib.geometry import ImageGeometry
        >>> lattice = ImageGeometry((4, 3), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
        >>> shift = DisplacementField(np.full((3, 4, 2), 30.0), lattice)
        >>> float(abs(without_pose(shift).vectors).max()) < 1e-9
        True
    """
    rotation, offset = rigid_part(field)
    points = field.geometry.points()
    shape = (points + field.vectors - offset) @ rotation  # its inverse is its transpose
    return DisplacementField(shape - points, field.geometry)
