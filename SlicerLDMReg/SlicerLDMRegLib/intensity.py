"""Image intensities as the [0, 1] that networks and similarity measures expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

__all__ = ["IntensityMap"]

_MOST_SAMPLES = 1_000_000


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
        # Percentiles of a part of a large volume: a full sort would take longer than the network.
        part = voxels[:: max(1, voxels.size // _MOST_SAMPLES)]
        low = float(np.percentile(part, lower_percentile)) if lower_percentile > 0 else least
        high = float(np.percentile(part, upper_percentile)) if upper_percentile < 100 else most
        if high <= low:
            low, high = least, most
        return cls(low, high if high > low else low + 1.0)

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Map an array; the result is float32."""
        scaled = (array.astype(np.float32) - self.low) / (self.high - self.low)
        return np.clip(scaled, 0.0, 1.0, out=scaled)
