"""Outlines of structures as masks."""

from __future__ import annotations

import numpy as np

__all__ = ["polygon_area", "polygon_mask"]


def polygon_mask(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centres lie inside a closed polygon.

    Args:
        points: ``(N, 2)``, x (column) and y (row) in pixels, 0 the centre of the first.
        shape: rows and columns.

    Returns:
        ``(H, W)`` bool.
    """
    from matplotlib.path import Path as Outline

    rows, columns = np.indices(shape)
    inside = Outline(points).contains_points(np.stack([columns.ravel(), rows.ravel()], axis=1))
    return inside.reshape(shape)


def polygon_area(points: np.ndarray) -> float:
    """Return the area of a polygon ``(N, 2)``, by the shoelace formula."""
    x, y = np.asarray(points, float).T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)
