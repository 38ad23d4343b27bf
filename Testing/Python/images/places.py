"""Images whose values tell where each voxel lies, so that no reader can put one elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry

SLOPES = np.array([3.0, -5.0, 7.0])
"""Value per mm along L, P and S."""


def value_at(points: np.ndarray) -> np.ndarray:
    """Return the value at LPS points ``(..., 2 or 3)`` in mm."""
    points = np.asarray(points, float)
    return points @ SLOPES[: points.shape[-1]] + 200.0


def values(
    size: tuple[int, ...], place: Callable[[np.ndarray], np.ndarray], dtype: str = "<f4"
) -> np.ndarray:
    """Return the array ``(k, j, i)`` of an image whose index i, j(, k) lies at ``place(index)``."""
    axes = [np.arange(n) for n in reversed(size)]
    indices = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], axis=-1)
    return value_at(place(indices)).astype(dtype)


def ramp(
    size: tuple[int, ...], steps: np.ndarray, origin: np.ndarray, dtype: str = "<f4"
) -> np.ndarray:
    """Return the values of a lattice: steps between voxels as columns, LPS mm."""
    return values(size, lambda index: index @ np.asarray(steps).T + origin, dtype)


def largest_error(image: sitk.Image) -> float:
    """Return the largest distance of a voxel's value from that of its place, as read."""
    found = sitk.GetArrayFromImage(image).astype(float)
    return float(np.abs(found - value_at(ImageGeometry.from_image(image).points())).max())


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Return a rotation by degrees around x, then y, then z."""
    result = np.eye(3)
    for axis, angle in enumerate(np.radians((x, y, z))):
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[j, i], turn[i, j] = np.sin(angle), -np.sin(angle)
        result = turn @ result
    return result
