"""Image intensities as the [0, 1] that networks and similarity measures expect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

__all__ = ["IntensityMap", "percentile"]

# As many values numpy partitions in less than 50 ms. Of more, a sample of at least half as many
# tells where to look: a percentile of it lies 600 places or fewer (the deviation of a binomial)
# beside that of the whole, and the margin is six of these.
_PARTITIONED = 2_000_000
_MARGIN = 4_000


@dataclass(frozen=True)
class IntensityMap:
    """A linear map of intensities to [0, 1], clipped.

    Attributes:
        low: intensity that becomes 0.
        high: intensity that becomes 1.
    """

    low: float
    high: float

    @classmethod
    def from_image(
        cls, image: sitk.Image, lower_percentile: float = 0.0, upper_percentile: float = 100.0
    ) -> IntensityMap:
        """Take the range between two percentiles of an image.

        Where these are equal, as for a small object on an empty background, it is the whole range.
        """
        voxels = sitk.GetArrayViewFromImage(image).reshape(-1)
        return cls.from_values(voxels, lower_percentile, upper_percentile)

    @classmethod
    def from_values(
        cls, voxels: np.ndarray, lower_percentile: float = 0.0, upper_percentile: float = 100.0
    ) -> IntensityMap:
        """Take the range between two percentiles of some voxels, ``(N,)``; see above."""
        least, most = float(voxels.min()), float(voxels.max())
        low = float(percentile(voxels, lower_percentile)) if lower_percentile > 0 else least
        high = float(percentile(voxels, upper_percentile)) if upper_percentile < 100 else most
        if high <= low:
            low, high = least, most
        return cls(low, high if high > low else low + 1.0)

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Map an array; the result is float32."""
        scaled = (array.astype(np.float32) - self.low) / (self.high - self.low)
        return np.clip(scaled, 0.0, 1.0, out=scaled)


def percentile(
    values: npt.NDArray[Any], percents: float | Sequence[float]
) -> npt.NDArray[np.float64]:
    """Return percentiles of all values, as ``numpy.percentile`` does, of large arrays sooner.

    They depend on the values alone and not on their order, so that an image that is stored another
    way is seen the same way.

    Args:
        values: real numbers, at least one.
        percents: from 0 to 100, one or several.
    """
    flat = values.reshape(-1)
    if flat.size < _PARTITIONED or np.isnan(flat.min()):
        return np.asarray(np.percentile(flat, percents))
    sample = np.sort(flat[:: flat.size // (_PARTITIONED // 2)])
    found = [_percentile(flat, sample, percent) for percent in np.ravel(percents).tolist()]
    return np.reshape(found, np.shape(percents))


def _percentile(flat: npt.NDArray[Any], sample: npt.NDArray[Any], percent: float) -> float:
    place = (flat.size - 1) * (percent / 100)
    first = math.floor(place)
    last = min(first + 1, flat.size - 1)
    # Between which two values of the sample those at both places should lie.
    middle = place / (flat.size - 1) * (len(sample) - 1)
    before, after = math.floor(middle) - _MARGIN, math.ceil(middle) + _MARGIN
    low = sample[before] if before >= 0 else flat.min()
    high = sample[after] if after < len(sample) else flat.max()
    below = int(np.count_nonzero(flat < low))
    upto = flat.size - int(np.count_nonzero(flat > high))
    if not below <= first <= last < upto:
        below, inside = 0, flat  # the sample is unlike the whole: planes at its step, say
    elif low == high:
        return float(low)
    else:
        inside = flat[(flat >= low) & (flat <= high)]
    ends = [first - below, last - below]
    pair = np.partition(inside, ends)[ends]
    return float(np.quantile(pair, [place - first])[0])
