"""MIND-SSC: self-similarity context, a similarity across modalities (Heinrich et al., 2013)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, product

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..functional._checks import check_field
from ..functional._precision import promote, promoted_pair
from ._box_mean import box_mean

__all__ = ["mind_ssc", "mind_ssc_descriptor"]


def mind_ssc(
    warped: Tensor,
    fixed: Tensor,
    radius: int = 2,
    dilation: int = 2,
    chunk_voxels: int = 2**21,
    stride: int = 1,
) -> Tensor:
    """Return the mean squared difference of the self-similarity contexts; 0 is best.

    Compares structure instead of intensity, so the images may be of different modalities
    (Heinrich et al., MICCAI 2013). Large images are computed in slabs along the first spatial axis,
    which saves memory and does not change the result.

    Args:
        warped: ``(B, C, *S)``.
        fixed: same shape.
        radius: of the patches, in voxels.
        dilation: distance of the neighbours from the centre, in voxels.
        chunk_voxels: maximum number of voxels in one slab, batch included.
        stride: distance in voxels of the compared contexts; 2 takes, in 3D, a third of the time,
            and the patches still cover every voxel.

    Raises:
        ValueError: for shapes that differ, or radius, dilation or stride below 1.
    """
    check_field(warped, "warped")
    _check_mind(radius, dilation, stride)
    warped, fixed = promoted_pair(warped, fixed)
    size = warped.shape[2]
    scales = [_context_scale(image, dilation) for image in (warped, fixed)]
    halo = radius + dilation
    padded = [_replicate(image, halo) for image in (warped, fixed)]
    voxels = warped.shape[0] * math.prod(warped.shape[2:])
    thickness = max(1, min(size, size * chunk_voxels // voxels))
    if thickness < size:
        thickness = max(stride, thickness // stride * stride)
    compared = warped.shape[0] * math.prod(-(-n // stride) for n in warped.shape[2:])
    total = warped.new_zeros(())
    for start in range(0, size, thickness):
        length = min(thickness, size - start) + 2 * halo
        slabs = [image.narrow(2, start, length) for image in padded]
        if thickness >= size:
            total = total + _context_difference(slabs, scales, radius, dilation, stride)
        else:
            # A descriptor has 12 channels: it is recomputed for the gradient instead of stored.
            total = total + checkpoint(
                _context_difference, slabs, scales, radius, dilation, stride, use_reentrant=False
            )
    return total / (compared * len(_neighbour_pairs(warped.ndim - 2, dilation)))


def mind_ssc_descriptor(image: Tensor, radius: int = 2, dilation: int = 2) -> Tensor:
    """Return the self-similarity context of each voxel.

    Each channel is ``exp(-D / V)`` with D the mean squared difference of two patches around
    neighbours of the voxel, less the smallest such D, and V the mean of all D (Heinrich et al.,
    MICCAI 2013). Any two of the 4 (2D) or 6 (3D) nearest neighbours that are not opposite to each
    other form such a pair.

    Args:
        image: ``(B, C, *S)``; differences are averaged over C.
        radius: of the patches, in voxels.
        dilation: distance of the neighbours from the centre, in voxels.

    Returns:
        ``(B, 4, H, W)`` or ``(B, 12, D, H, W)`` in (0, 1].

    Raises:
        ValueError: unless the image has 2 or 3 spatial axes, or for radius or dilation below 1.
    """
    check_field(image, "image")
    _check_mind(radius, dilation)
    (image,) = promote(image)
    scale = _context_scale(image, dilation)
    return _context(_replicate(image, radius + dilation), scale, radius, dilation)


def _check_mind(radius: int, dilation: int, stride: int = 1) -> None:
    if radius < 1 or dilation < 1:
        raise ValueError(f"radius and dilation: expected at least 1, got {radius} and {dilation}")
    if stride < 1:
        raise ValueError(f"stride: expected at least 1, got {stride}")


def _replicate(image: Tensor, width: int) -> Tensor:
    return F.pad(image, [width] * (2 * (image.ndim - 2)), mode="replicate")


def _neighbour_pairs(
    dimension: int, dilation: int
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the offsets of neighbour pairs on different axes: 4 pairs in 2D, 12 in 3D."""
    neighbours = [
        (axis, tuple(sign * dilation if i == axis else 0 for i in range(dimension)))
        for axis, sign in product(range(dimension), (-1, 1))
    ]
    return [(p, q) for (i, p), (j, q) in combinations(neighbours, 2) if i != j]


def _shifted(image: Tensor, offset: Sequence[int], margin: int) -> Tensor:
    """Return the image shifted by ``offset``, without ``margin`` voxels on each side."""
    for axis, step in enumerate(offset):
        size = image.shape[2 + axis] - 2 * margin
        image = image.narrow(2 + axis, margin + step, size)
    return image


def _context_scale(image: Tensor, dilation: int) -> Tensor:
    """Return the mean V of each image, ``(B, 1, 1, 1)`` or ``(B, 1, 1, 1, 1)``, no gradient."""
    with torch.no_grad():
        padded = _replicate(image, dilation)
        means = [
            (_shifted(padded, p, dilation) - _shifted(padded, q, dilation))
            .square()
            .flatten(1)
            .mean(1)
            for p, q in _neighbour_pairs(image.ndim - 2, dilation)
        ]
        return torch.stack(means).mean(0).reshape(-1, *[1] * (image.ndim - 1))


def _context(padded: Tensor, scale: Tensor, radius: int, dilation: int, stride: int = 1) -> Tensor:
    """Return the descriptor of an image padded by ``radius + dilation`` on each side."""
    distances = torch.cat(
        [
            box_mean(
                (_shifted(padded, p, dilation) - _shifted(padded, q, dilation))
                .square()
                .mean(1, keepdim=True),
                2 * radius + 1,
                valid=True,
                stride=stride,
            )
            for p, q in _neighbour_pairs(padded.ndim - 2, dilation)
        ],
        dim=1,
    )
    # The bounds, as in the authors' released code, keep noise in flat regions from looking like
    # structure; the last one avoids a division by zero in a constant image.
    variance = distances.mean(1, keepdim=True)
    variance = variance.clamp(1e-3 * scale, 1e3 * scale).clamp(min=1e-12)
    return torch.exp(-(distances - distances.amin(1, keepdim=True)) / variance)


def _context_difference(
    padded: list[Tensor], scales: list[Tensor], radius: int, dilation: int, stride: int
) -> Tensor:
    a, b = (_context(p, s, radius, dilation, stride) for p, s in zip(padded, scales, strict=True))
    return (a - b).square().sum()
