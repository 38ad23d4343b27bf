"""Position of the displayed slices: through the labels, or the bright part of the image."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry
from ..intensity import percentile

__all__ = ["find_focus", "image_window"]

# Voxels looked at in a large image; more change the result little and take longer. Not tuned.
_MAX_SAMPLES = 500_000


def image_window(image: sitk.Image) -> tuple[float, float]:
    """Return the 0.5 and 99.5 percentiles of an image, or its range if they coincide."""
    voxels = sitk.GetArrayViewFromImage(image)
    low, high = (float(v) for v in percentile(voxels, [0.5, 99.5]))
    if high <= low:
        low, high = float(voxels.min()), float(voxels.max())
    return low, high if high > low else low + 1.0


def find_focus(fixed: sitk.Image, labels: sitk.Image | None, geometry: ImageGeometry) -> list[int]:
    """Return the index on a lattice through which the planes go.

    With labels, the slice along each axis that shows most of them: many, large, and near the middle
    of all. Without, the centre of the bright part of the image.

    Args:
        fixed: fixed image.
        labels: label map on its lattice, or None.
        geometry: lattice of the result, in the same space.
    """
    index = None
    if labels is not None:
        index = _richest_slices(np.asarray(sitk.GetArrayViewFromImage(labels)))
    if index is None:
        low, high = image_window(fixed)
        index = _centre(sitk.GetArrayViewFromImage(fixed) > low + 0.2 * (high - low))
    point = fixed.TransformContinuousIndexToPhysicalPoint(index)
    inside = geometry.physical_to_index(np.asarray(point))
    return [round(float(min(max(c, 0), n - 1))) for c, n in zip(inside, geometry.size, strict=True)]


def _profile(mask: np.ndarray, axis: int) -> np.ndarray:
    """Return the sums over the slices of one array axis."""
    others = tuple(n for n in range(mask.ndim) if n != axis)
    return np.asarray(mask.sum(axis=others, dtype=np.float64))


def _mean_and_spread(weights: np.ndarray) -> tuple[float, float]:
    places, total = np.arange(len(weights)), weights.sum()
    if not total:
        return (len(weights) - 1) / 2, 1.0
    mean = float(weights @ places / total)
    return mean, max(1.0, float(weights @ (places - mean) ** 2 / total) ** 0.5)


def _centre(mask: np.ndarray) -> list[float]:
    """Return the centre of a mask, index order (i, j, k)."""
    return [_mean_and_spread(_profile(mask, axis))[0] for axis in reversed(range(mask.ndim))]


def _richest_slices(labels: np.ndarray) -> list[float] | None:
    """Return the slice along each index axis that shows most labels; None without labels."""
    step = max(1, round((labels.size / _MAX_SAMPLES) ** (1 / labels.ndim)))
    labels = np.maximum(labels[(slice(None, None, step),) * labels.ndim], 0)
    numbers, rows = np.unique(labels, return_inverse=True)
    mask, rows = labels > 0, rows.reshape(labels.shape)
    if not mask.any():
        return None
    index = []
    for axis in reversed(range(labels.ndim)):
        count = labels.shape[axis]
        place = np.arange(count).reshape([-1 if n == axis else 1 for n in range(labels.ndim)])
        areas = np.bincount((rows + place * len(numbers)).ravel(), minlength=count * len(numbers))
        areas = areas.reshape(count, len(numbers))[:, numbers > 0]
        # With the square root, ten small structures count more than one large one.
        shown = np.sqrt(areas).sum(axis=1)
        mean, spread = _mean_and_spread(_profile(mask, axis))
        shown *= np.exp(-0.5 * ((np.arange(count) - mean) / (1.5 * spread)) ** 2)
        index.append(float(np.argmax(shown) * step))
    return index
