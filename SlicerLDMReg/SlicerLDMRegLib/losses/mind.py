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

__all__ = ["mind_ssc", "mind_ssc_descriptor", "mind_ssc_to"]

_CHUNK_VOXELS = 2**21  # in one slab, batch included: a descriptor has 12 channels in 3D


def mind_ssc(
    warped: Tensor,
    fixed: Tensor,
    radius: int = 2,
    dilation: int = 2,
    chunk_voxels: int = _CHUNK_VOXELS,
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
    return _compare(warped, fixed, None, radius, dilation, chunk_voxels, stride)


def mind_ssc_to(
    warped: Tensor,
    descriptor: Tensor,
    radius: int = 2,
    dilation: int = 2,
    chunk_voxels: int = _CHUNK_VOXELS,
    stride: int = 1,
) -> Tensor:
    """Return :func:`mind_ssc` to an image whose descriptor is known: half the work.

    Args:
        warped: ``(B, C, *S)``.
        descriptor: that of :func:`mind_ssc_descriptor`, with the same radius, dilation and stride.
        radius, dilation, chunk_voxels, stride: as those of :func:`mind_ssc`.

    Raises:
        ValueError: for a descriptor of another shape, or radius, dilation or stride below 1.
    """
    check_field(warped, "warped")
    _check_mind(radius, dilation, stride)
    (warped,) = promote(warped)
    channels = len(_neighbour_pairs(warped.ndim - 2, dilation))
    expected = (len(warped), channels, *(-(-n // stride) for n in warped.shape[2:]))
    if tuple(descriptor.shape) != expected:
        raise ValueError(
            f"descriptor: expected shape {expected} for images {tuple(warped.shape)} and stride "
            f"{stride}, got {tuple(descriptor.shape)}"
        )
    return _compare(warped, None, descriptor, radius, dilation, chunk_voxels, stride)


def mind_ssc_descriptor(
    image: Tensor, radius: int = 2, dilation: int = 2, stride: int = 1
) -> Tensor:
    """Return the self-similarity context of each voxel.

    Each channel is ``exp(-D / V)`` with D the mean squared difference of two patches around
    neighbours of the voxel, less the smallest such D, and V the mean of all D (Heinrich et al.,
    MICCAI 2013). Any two of the 4 (2D) or 6 (3D) nearest neighbours that are not opposite to each
    other form such a pair.

    Args:
        image: ``(B, C, *S)``; differences are averaged over C.
        radius: of the patches, in voxels.
        dilation: distance of the neighbours from the centre, in voxels.
        stride: distance of the returned voxels along each axis, from the first on.

    Returns:
        ``(B, 4, H, W)`` or ``(B, 12, D, H, W)`` in (0, 1].

    Raises:
        ValueError: unless the image has 2 or 3 spatial axes, or for radius, dilation or stride
            below 1.
    """
    check_field(image, "image")
    _check_mind(radius, dilation, stride)
    (image,) = promote(image)
    scale = _context_scale(image, dilation)
    padded = _replicate(image, radius + dilation)
    slabs = [
        _context(padded.narrow(2, start, length), scale, radius, dilation, stride)
        for start, length in _slabs(image, radius + dilation, _CHUNK_VOXELS, stride)
    ]
    return slabs[0] if len(slabs) == 1 else torch.cat(slabs, dim=2)


def _compare(
    warped: Tensor,
    fixed: Tensor | None,
    descriptor: Tensor | None,
    radius: int,
    dilation: int,
    chunk_voxels: int,
    stride: int,
) -> Tensor:
    """Return the mean squared difference of the contexts, of an image or of its descriptor."""
    halo = radius + dilation
    images = [warped] if fixed is None else [warped, fixed]
    scales = [_context_scale(image, dilation) for image in images]
    padded = [_replicate(image, halo) for image in images]
    compared = warped.shape[0] * math.prod(-(-n // stride) for n in warped.shape[2:])
    bounds = _slabs(warped, halo, chunk_voxels, stride)
    total = warped.new_zeros(())
    for start, length in bounds:
        slabs = [image.narrow(2, start, length) for image in padded]
        known = None
        if descriptor is not None:
            known = descriptor.narrow(2, start // stride, -(-(length - 2 * halo) // stride))
        if len(bounds) == 1:
            total = total + _context_difference(slabs, known, scales, radius, dilation, stride)
        else:
            # A descriptor has 12 channels: it is recomputed for the gradient instead of stored.
            total = total + checkpoint(
                _context_difference,
                slabs,
                known,
                scales,
                radius,
                dilation,
                stride,
                use_reentrant=False,
            )
    return total / (compared * len(_neighbour_pairs(warped.ndim - 2, dilation)))


def _slabs(image: Tensor, halo: int, chunk_voxels: int, stride: int) -> list[tuple[int, int]]:
    """Return first voxel and length, halo included, of slabs along the first spatial axis."""
    size = image.shape[2]
    voxels = image.shape[0] * math.prod(image.shape[2:])
    thickness = max(1, min(size, size * chunk_voxels // voxels))
    if thickness < size:
        thickness = max(stride, thickness // stride * stride)
    starts = range(0, size, thickness)
    return [(start, min(thickness, size - start) + 2 * halo) for start in starts]


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


@torch.no_grad()
def _context_scale(image: Tensor, dilation: int) -> Tensor:
    """Return the mean V of each image, ``(B, 1, 1, 1)`` or ``(B, 1, 1, 1, 1)``, no gradient."""
    # The squared differences of all pairs of n neighbours together are n * sum(e^2) - sum(e)^2 of
    # their differences e from the centre, and those of opposite neighbours belong to no pair.
    padded = _replicate(image, dilation)
    dimension = image.ndim - 2
    total, squares = torch.zeros_like(image), torch.zeros_like(image)
    for axis in range(dimension):
        steps = [
            tuple(s if n == axis else 0 for n in range(dimension)) for s in (dilation, -dilation)
        ]
        before, after = (_shifted(padded, step, dilation) - image for step in steps)
        total += before + after
        squares += 2 * dimension * (before.square() + after.square()) - (before - after).square()
    pairs = len(_neighbour_pairs(dimension, dilation))
    mean = (squares - total.square()).flatten(1).mean(1) / pairs
    return mean.reshape(-1, *[1] * (image.ndim - 1))


def _context(padded: Tensor, scale: Tensor, radius: int, dilation: int, stride: int = 1) -> Tensor:
    """Return the descriptor of an image padded by ``radius + dilation`` on each side."""
    # A shift must be whole steps of the lattice on which the distances are computed.
    step = stride if dilation % stride == 0 else 1
    pairs = _neighbour_pairs(padded.ndim - 2, dilation)
    distances: dict[tuple[int, ...], Tensor] = {}
    for p, q in pairs:
        if p + q not in distances:
            opposite = tuple(-n for n in p + q)
            distances[p + q], distances[opposite] = _patch_distances(
                padded, p, q, radius, dilation, step
            )
    stacked = torch.cat([distances[p + q] for p, q in pairs], dim=1)
    if step < stride:
        for axis in range(2, stacked.ndim):
            every = torch.arange(0, stacked.shape[axis], stride, device=stacked.device)
            stacked = stacked.index_select(axis, every)
    # The bounds, as in the authors' released code, keep noise in flat regions from looking like
    # structure; the last one avoids a division by zero in a constant image.
    variance = stacked.mean(1, keepdim=True)
    variance = torch.clamp(variance, 1e-3 * scale, 1e3 * scale).clamp(min=1e-12)
    return torch.exp((stacked.amin(1, keepdim=True) - stacked) / variance)


def _patch_distances(
    padded: Tensor,
    p: tuple[int, ...],
    q: tuple[int, ...],
    radius: int,
    dilation: int,
    step: int,
) -> tuple[Tensor, Tensor]:
    """Return the patch distances of the neighbours (p, q) and (-p, -q), ``(B, 1, *S)`` each.

    The second is the first at ``x - p - q``: one map, larger by ``p + q``, has both.
    """
    first = second = padded
    for axis, (a, b) in enumerate(zip(p, q, strict=True)):
        size = padded.shape[2 + axis] - 2 * dilation
        both = a + b  # 0 or, on one side, the dilation
        start, longer = dilation - max(both, 0), abs(both)
        first = first.narrow(2 + axis, start + a, size + longer)
        second = second.narrow(2 + axis, start + b, size + longer)
    squares = (first - second).square()
    if squares.shape[1] > 1:
        squares = squares.mean(1, keepdim=True)
    distance = box_mean(squares, 2 * radius + 1, valid=True, stride=step)
    here = mirrored = distance
    for axis, both in enumerate(a + b for a, b in zip(p, q, strict=True)):
        size = -(-(padded.shape[2 + axis] - 2 * (dilation + radius)) // step)
        here = here.narrow(2 + axis, max(both, 0) // step, size)
        mirrored = mirrored.narrow(2 + axis, max(-both, 0) // step, size)
    return here, mirrored


def _context_difference(
    padded: list[Tensor],
    descriptor: Tensor | None,
    scales: list[Tensor],
    radius: int,
    dilation: int,
    stride: int,
) -> Tensor:
    contexts = [
        _context(p, s, radius, dilation, stride) for p, s in zip(padded, scales, strict=True)
    ]
    other = contexts[1] if descriptor is None else descriptor
    return (contexts[0] - other).square().sum()
