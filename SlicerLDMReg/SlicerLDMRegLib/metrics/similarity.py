"""Similarity of two images."""

from __future__ import annotations

import numpy as np
import torch

from .. import losses
from ._arrays import Array, image_pair

__all__ = ["lncc", "mse", "ncc"]


def mse(a: Array, b: Array) -> float:
    """Return the mean squared difference of two images.

    Raises:
        InputError: for shapes that differ.
    """
    a, b = image_pair(a, b)
    return float(np.mean((a - b) ** 2))


def ncc(a: Array, b: Array) -> float:
    """Return the normalised cross-correlation (Pearson), from -1 to 1; NaN for a constant image.

    Raises:
        InputError: for shapes that differ.
    """
    a, b = image_pair(a, b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    return float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)))


def lncc(a: Array, b: Array, window: int = 9) -> float:
    """Return the mean squared local normalised cross-correlation, from 0 to 1 (the same image).

    Minus the loss :func:`SlicerLDMRegLib.losses.lncc` of the images stretched to [0, 1]; windows
    without contrast count as 0.

    Args:
        a: image, 2D or 3D.
        b: image of the same shape.
        window: odd width of the box in voxels.

    Raises:
        InputError: for shapes that differ.
        ValueError: for an even window or other dimensions.
    """
    first, second = (
        torch.from_numpy((image - image.min()) / (np.ptp(image) or 1.0))[None, None]
        for image in image_pair(a, b)
    )
    return -losses.lncc(first, second, window).item()
