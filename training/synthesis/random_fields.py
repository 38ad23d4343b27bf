"""Smooth random 2D functions, fast enough for thousands of images."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import map_coordinates

__all__ = ["Field", "pixel_grid", "smooth_noise", "spline_matrix"]


def pixel_grid(size: int) -> np.ndarray:
    """Return ``(2, size, size)`` float64: the row and the column of every pixel."""
    return np.mgrid[:size, :size].astype(float)


@lru_cache(maxsize=256)
def spline_matrix(length: int, spacing: float) -> np.ndarray:
    """Return a cubic B-spline basis ``(length, control points)``, rows of unit sum of squares.

    With this scale, independent standard normal control points give unit variance everywhere.
    """
    knots = int(np.ceil((length - 1) / spacing)) + 3
    distance = np.abs(np.arange(length)[:, None] / spacing - (np.arange(knots)[None] - 1))
    inner = 2 / 3 - distance**2 + distance**3 / 2
    outer = (2 - np.minimum(distance, 2)) ** 3 / 6
    basis = np.where(distance < 1, inner, outer)
    return basis / np.sqrt((basis**2).sum(axis=1, keepdims=True))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], spacing: float) -> np.ndarray:
    """Draw a smooth random image of zero mean and unit variance.

    Args:
        rng: source of randomness.
        shape: ``(H, W)``.
        spacing: distance of the spline's control points, about the width of structures, in pixels.
    """
    rows, columns = (spline_matrix(n, spacing) for n in shape)
    return rows @ rng.standard_normal((rows.shape[1], columns.shape[1])) @ columns.T


class Field:
    """Image on a regular lattice around the picture, with linear interpolation at any points.

    Args:
        values: ``(..., N, N)``.
        margin: pixels by which the lattice exceeds the picture on each side; points outside of the
            lattice get the border value.
        spacing: pixels between lattice points.
    """

    def __init__(self, values: np.ndarray, margin: float, spacing: float = 1.0) -> None:
        self.values = values
        self.margin = margin
        self.spacing = spacing

    def __call__(self, points: np.ndarray, order: int = 1) -> np.ndarray:
        """Return the values ``(..., *points.shape[1:])`` at ``points`` ``(2, ...)`` in pixels."""
        where = (points + self.margin) / self.spacing
        flat = self.values.reshape(-1, *self.values.shape[-2:])
        read = [map_coordinates(v, where, order=order, mode="nearest") for v in flat]
        return np.stack(read).reshape(*self.values.shape[:-2], *points.shape[1:])

    @classmethod
    def noise(cls, rng: np.random.Generator, size: int, spacing: float, margin: int = 16) -> Field:
        """Draw ``smooth_noise`` on the picture and ``margin`` pixels around it."""
        side = size + 2 * margin
        return cls(smooth_noise(rng, (side, side), spacing), margin)
