"""Mean and variance of the determinant over a cohort, at each voxel of its one fixed image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry

__all__ = ["Moments", "moments_of_images"]


@dataclass(frozen=True)
class Moments:
    """Mean and variance of images on one lattice.

    Attributes:
        mean, variance: float64 arrays ``(y, x)`` or ``(z, y, x)``; the variance is that of a
            sample, with one less than their number in the denominator.
        geometry: of the lattice.
        count: number of images.
        left_out: images on another lattice, or that could not be read.
    """

    mean: np.ndarray
    variance: np.ndarray
    geometry: ImageGeometry
    count: int
    left_out: tuple[Path, ...] = ()

    def images(self) -> tuple[sitk.Image, sitk.Image]:
        """Return mean and variance as images of float32."""
        mean, variance = (
            self.geometry.to_image(values.astype(np.float32))
            for values in (self.mean, self.variance)
        )
        return mean, variance


def moments_of_images(
    paths: Iterable[Path], tick: Callable[[], None] = lambda: None
) -> Moments | None:
    """Return mean and variance of images, each of which is read once.

    The images are added one by one, by the method of Welford (1962), which loses no digits.

    Args:
        paths: of the images, in a fixed order, for sums depend on it.
        tick: called before each.

    Returns:
        None with less than two images.
    """
    mean = squares = np.zeros(0)
    geometry: ImageGeometry | None = None
    count = 0
    left_out = []
    for path in paths:
        tick()
        try:
            image = sitk.ReadImage(str(path), sitk.sitkFloat64)
        except RuntimeError:
            left_out.append(path)
            continue
        lattice = ImageGeometry.from_image(image)
        values = sitk.GetArrayFromImage(image)
        if geometry is None:
            geometry = lattice
            mean, squares = np.zeros(values.shape), np.zeros(values.shape)
        elif not geometry.matches(lattice):
            left_out.append(path)
            continue
        count += 1
        difference = values - mean
        mean += difference / count
        squares += difference * (values - mean)
    if geometry is None or count < 2:
        return None
    return Moments(mean, squares / (count - 1), geometry, count, tuple(left_out))
