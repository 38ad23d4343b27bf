"""Local similarity: how well two images correlate around each voxel, whatever their contrasts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..losses._box_mean import box_mean
from ._arrays import Array, image_pair, to_numpy

__all__ = ["LocalSimilarity", "local_similarity"]

FloatArray = npt.NDArray[np.float32]

# Windows, as the refinement's: a neighbourhood in 3D holds more voxels than in 2D.
_WINDOW = {1: 9, 2: 9, 3: 5}
# Noise: a standard deviation of 0.01, where the intensities are 0 to 1. In a window with less
# structure the correlation counts as low.
_NOISE_VARIANCE = 1e-4
_LEAST_SHARE = 0.3  # of a window, that both images have to show
_PERCENTILES = 0.5, 99.5  # intensities that become 0 and 1
_POOR = 0.2  # of the squared correlation; that of two images that have nothing in common


@dataclass(frozen=True)
class LocalSimilarity:
    """How well two images correlate in the window around each voxel.

    Attributes:
        map: squared correlation from 0 to 1, NaN where not both images show enough; float32.
        weights: structure of the fixed image, the standard deviation in the window, float32.
    """

    map: FloatArray
    weights: FloatArray

    @property
    def covered(self) -> float:
        """Share of the structure of the fixed image that has a partner; NaN where there is none."""
        return _ratio(self.weights[self._known].sum(), self.weights.sum())

    @property
    def mean(self) -> float:
        """Mean over the structure that has a partner; NaN where there is none."""
        known = self._known
        return _ratio((self.weights * self.map)[known].sum(), self.weights[known].sum())

    @property
    def poor(self) -> float:
        """Share of the covered structure that is no more alike than images are by chance."""
        known = self._known
        low = known & (np.nan_to_num(self.map) < _POOR)
        return _ratio(self.weights[low].sum(), self.weights[known].sum())

    @property
    def _known(self) -> npt.NDArray[np.bool_]:
        return np.isfinite(self.map)


def local_similarity(fixed: Array, other: Array, mask: Array | None = None) -> LocalSimilarity:
    """Return the local similarity of two images.

    Because of the square it ignores the sign of a contrast, and because of the windows a bias
    field. Voxels count by the structure of the fixed image around them: flat regions, in which
    there is nothing but noise to be alike, hardly do.

    Args:
        fixed: image, 2D or 3D.
        other: image of the same shape.
        mask: where both images are defined; None: everywhere.

    Raises:
        InputError: for shapes that differ.
    """
    images = image_pair(fixed, other)
    inside = np.ones(images[0].shape, bool) if mask is None else to_numpy(mask).astype(bool)
    flat = [n for n in inside.shape if n > 1] or [1]
    a = torch.from_numpy(_unit(images[0], np.ones_like(inside)).reshape(flat))[None, None]
    b = torch.from_numpy(_unit(images[1], inside).reshape(flat))[None, None]
    m = torch.from_numpy(inside.reshape(flat).astype(np.float32))[None, None]
    window = _WINDOW[len(flat)]
    share = box_mean(m, window)
    products = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    means = box_mean(products * m, window) / share.clamp(min=1e-6)
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = means.split(1, dim=1)
    variances = [(s - t * t).clamp(min=0) for s, t in ((mean_aa, mean_a), (mean_bb, mean_b))]
    scale = math.prod(v + _NOISE_VARIANCE for v in variances)
    squares = (mean_ab - mean_a * mean_b).square() / scale
    found = torch.where(share >= _LEAST_SHARE, squares, torch.nan)
    # Also where there is no partner the fixed image has its structure.
    whole = box_mean(torch.cat([a, a * a], dim=1), window)
    spread = (whole[:, 1:] - whole[:, :1].square()).clamp(min=0).sqrt()
    return LocalSimilarity(*(t.numpy().reshape(inside.shape) for t in (found, spread)))


def _unit(image: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_]) -> FloatArray:
    values = image[inside] if inside.any() else image
    low, high = np.percentile(values, _PERCENTILES)
    if high <= low:
        low, high = float(values.min()), float(values.max())
    scaled = (image - low) / (high - low if high > low else 1.0)
    return np.clip(scaled, 0.0, 1.0).astype(np.float32)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
