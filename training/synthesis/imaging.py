"""Simulated image acquisition in 2D: shading, blur, noise and intensity scale."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from training.synthesis.random_fields import smooth_noise

__all__ = ["paint", "rician", "shading", "to_unit_range"]


def paint(image: np.ndarray, distance: np.ndarray, value: np.ndarray | float) -> np.ndarray:
    """Draw ``value`` into ``image`` in place where the signed ``distance`` (pixels) is negative.

    The rim is one pixel soft. Returns the coverage in [0, 1].
    """
    cover = np.clip(0.5 - distance, 0.0, 1.0)
    image += cover * (value - image)
    return cover


def shading(
    rng: np.random.Generator, size: int, strength: float, spacing: float = 80.0
) -> np.ndarray:
    """Draw a smooth positive factor; ``strength`` is the standard deviation of its logarithm."""
    return np.exp(strength * smooth_noise(rng, (size, size), spacing))


def rician(rng: np.random.Generator, image: np.ndarray, blur: float, noise: float) -> np.ndarray:
    """Blur by a Gaussian (pixels) and take the magnitude of the image with complex noise."""
    image = gaussian_filter(np.maximum(image, 0.0), blur)
    real, imaginary = noise * rng.standard_normal((2, *image.shape))
    return np.sqrt((image + real) ** 2 + imaginary**2)


def to_unit_range(image: np.ndarray, percentile: float = 99.9) -> np.ndarray:
    """Scale to [0, 1] float32, with the ``percentile`` as 1 and brighter values clipped."""
    low, high = image.min(), np.percentile(image, percentile)
    return np.clip((image - low) / max(high - low, 1e-6), 0.0, 1.0).astype(np.float32)
