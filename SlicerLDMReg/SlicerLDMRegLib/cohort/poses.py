"""Shape of a map without its pose: what is left of it beside the best rigid motion."""

from __future__ import annotations

import numpy as np

from ..displacement import DisplacementField

__all__ = ["rigid_part", "without_pose"]


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
