"""Half the resolution for a network, and displacements doubled on the way back.

A voxel of the half lattice is the block of 2 x 2 x 2 voxels around it. Its centre lies half a voxel
beside that of the block's first voxel, which :func:`half_geometry` tells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from SlicerLDMRegLib.geometry import ImageGeometry

__all__ = ["double_displacement", "half_geometry", "halve_image", "halve_labels"]


def halve_image(image: np.ndarray) -> np.ndarray:
    """Return the mean of each block; the last voxel of an odd size is left out."""
    return _blocks(image).mean(axis=-1, dtype=np.float32)


def halve_labels(labels: np.ndarray) -> np.ndarray:
    """Return the most frequent label of each block, of several the smallest number."""
    blocks = _blocks(labels)
    best = np.zeros(blocks.shape[:-1], np.uint8)
    result = np.zeros(blocks.shape[:-1], labels.dtype)
    for number in np.unique(labels):
        count = (blocks == number).sum(axis=-1, dtype=np.uint8)
        more = count > best
        result[more], best[more] = number, count[more]
    return result


def half_geometry(geometry: ImageGeometry) -> ImageGeometry:
    """Return the lattice of the blocks."""
    size = tuple(n // 2 for n in geometry.size)
    spacing = np.array(geometry.spacing)
    origin = np.array(geometry.origin) + geometry.direction_matrix @ (spacing / 2)
    return ImageGeometry(size, tuple(2 * spacing), tuple(origin), geometry.direction)


def double_displacement(displacement: Tensor, size: Sequence[int]) -> Tensor:
    """Bring a displacement back to the full lattice: interpolated, and twice as many voxels.

    Args:
        displacement: ``(B, d, *S)`` in voxels of the half lattice.
        size: ``2 S``, or one more along an axis whose last voxel was left out.

    Returns:
        ``(B, d, *size)`` in voxels of the full lattice.

    Raises:
        ValueError: for another size.
    """
    half = tuple(displacement.shape[2:])
    if any(n // 2 != m for n, m in zip(size, half, strict=True)):
        raise ValueError(f"expected a size whose half is {half}, got {tuple(size)}")
    mode = "trilinear" if len(half) == 3 else "bilinear"
    doubled = F.interpolate(
        2 * displacement,
        scale_factor=2,
        mode=mode,
        align_corners=False,
        recompute_scale_factor=False,
    )
    odd = [n - 2 * m for n, m in zip(size, half, strict=True)]
    padding = [side for extra in reversed(odd) for side in (0, extra)]
    return F.pad(doubled, padding, mode="replicate") if any(odd) else doubled


def _blocks(array: np.ndarray) -> np.ndarray:
    """Return the voxels of each block along a last axis."""
    even = tuple(slice(0, n // 2 * 2) for n in array.shape)
    shape = [m for n in array.shape for m in (n // 2, 2)]
    split = array[even].reshape(shape)
    d = array.ndim
    order = [*range(0, 2 * d, 2), *range(1, 2 * d, 2)]
    return split.transpose(order).reshape(*(n // 2 for n in array.shape), 2**d)
