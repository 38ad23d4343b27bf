"""Preparation of images as in the papers: unit range, window, 112 x 112 in a frame of 128 x 128."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from SlicerLDMRegLib.errors import InputError

__all__ = ["FRAME", "INNER", "cropped", "framed", "unit_range", "window"]

#: Side of the image and of the frame around it in pixels (LDM-Morph, Section 4.1).
INNER, FRAME = 112, 128


def unit_range(image: np.ndarray, source: object = "image") -> np.ndarray:
    """Stretch an image to [0, 1], float32.

    Raises:
        InputError: for an image of one value, which nothing can be registered to.
    """
    low, high = float(image.min()), float(image.max())
    if not np.isfinite([low, high]).all() or high <= low:
        raise InputError(
            f"{source}: expected an image with contrast, got values {low:g} to {high:g}"
        )
    return ((image - low) / (high - low)).astype(np.float32)


def window(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Clip intensities to a window and map it to [0, 1], float32."""
    return ((np.clip(image, low, high) - low) / (high - low)).astype(np.float32)


def framed(
    image: np.ndarray, labels: np.ndarray, source: object = "image"
) -> tuple[np.ndarray, np.ndarray]:
    """Resize an image to 112 x 112 and put it into the middle of 128 x 128, as LDM-Morph does.

    The aspect ratio is not kept. The image is resized by cubic splines, the labels by nearest
    neighbour; the range of the frame, zeros around the image included, becomes [0, 1].

    Args:
        image: ``(H, W)``.
        labels: integers ``(H, W)``.
        source: for errors.

    Returns:
        ``(128, 128)`` float32 and the labels' type.
    """
    factors = [INNER / n for n in image.shape]
    small = ndimage.zoom(image.astype(np.float32), factors, order=3)
    own = ndimage.zoom(labels, factors, order=0)
    return unit_range(_in_frame(small), source), _in_frame(own)


def cropped(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the middle of an array, with zeros where it is smaller than ``shape``."""
    out = np.zeros(shape, array.dtype)
    inside, of_array = [], []
    for n, m in zip(shape, array.shape, strict=True):
        length = min(n, m)
        start, first = (n - length) // 2, (m - length) // 2
        inside.append(slice(start, start + length))
        of_array.append(slice(first, first + length))
    out[tuple(inside)] = array[tuple(of_array)]
    return out


def _in_frame(array: np.ndarray) -> np.ndarray:
    margin = (FRAME - INNER) // 2
    return np.pad(array, margin)
