"""Extrapolation of a predicted field beyond a lattice that does not cover the image."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...functional import identity_grid, warp
from ...geometry import ImageGeometry
from ...networks import FieldPrediction

__all__ = ["extend_prediction"]

# A cosine over four times the largest displacement changes by at most pi / 8 of a voxel per voxel,
# so that a field without folds stays without; 16 voxels let small displacements end smoothly, too.
_LEAST_FADE = 16  # voxels
_FADE_PER_DISPLACEMENT = 4.0
# The error of the fixed-point iteration shrinks at least by that slope, 0.4, with each step.
_INVERSE_STEPS = 8


def extend_prediction(
    prediction: FieldPrediction, lattice: ImageGeometry, image: ImageGeometry
) -> tuple[FieldPrediction, ImageGeometry]:
    """Let a field fade out where an image goes on beyond the lattice of the network.

    Beyond the lattice the displacement at its border falls to zero like a cosine, over a distance
    of at least 16 voxels and four times the largest displacement at the border: so slowly that a
    field without folds stays without.

    Args:
        prediction: of one pair, ``(1, d, *S)`` in voxels of the lattice.
        lattice: of the network.
        image: lattice to cover.

    Returns:
        The prediction on a lattice that covers the image, or as much of it as is not at rest, and
        that lattice; both unchanged where the network's covers the image.
    """
    width = _fade(prediction.displacement)
    pads = _pads(lattice, image, width)
    if not any(any(pair) for pair in pads):
        return prediction, lattice
    start = [-pair[0] for pair in pads]
    size = [n + sum(pair) for n, pair in zip(lattice.size, pads, strict=True)]
    displacement, velocity, inverse = (
        None if field is None else _faded(field, pads, width)
        for field in (prediction.displacement, prediction.velocity, prediction.inverse)
    )
    assert displacement is not None
    if inverse is not None:
        inverse = _mended(inverse, displacement, pads)
    extended = FieldPrediction(displacement, velocity, prediction.distance, inverse)
    return extended, lattice.crop(start, size)


def _fade(displacement: Tensor) -> int:
    """Return over how many voxels a field fades."""
    largest = 0.0
    for axis in range(2, displacement.ndim):
        for index in (0, -1):
            face = displacement.select(axis, index)
            largest = max(largest, float(torch.linalg.vector_norm(face, dim=1).max()))
    return max(_LEAST_FADE, math.ceil(_FADE_PER_DISPLACEMENT * largest))


def _pads(lattice: ImageGeometry, image: ImageGeometry, fade: int) -> list[tuple[int, int]]:
    """Return how many voxels are missing before and after the lattice, along its axes i, j, k."""
    ends = [(0.0, n - 1.0) for n in image.size]
    corners = np.stack(np.meshgrid(*ends), axis=-1).reshape(-1, image.dimension)
    index = lattice.physical_to_index(image.index_to_physical(corners))
    low, high = index.min(axis=0), index.max(axis=0)
    return [
        # Half a voxel belongs to the last voxel; nothing moves beyond the fade.
        (
            min(fade, max(0, math.ceil(-0.5 - before))),
            min(fade, max(0, math.ceil(after - (n - 0.5)))),
        )
        for before, after, n in zip(low, high, lattice.size, strict=True)
    ]


def _faded(field: Tensor, pads: list[tuple[int, int]], width: int) -> Tensor:
    # F.pad counts from the last tensor axis, as ITK counts its axes.
    padded = F.pad(field, [n for pair in pads for n in pair], mode="replicate")
    square: Tensor | float = 0.0
    for axis, (pair, n) in enumerate(zip(pads[::-1], field.shape[2:], strict=True)):
        index = torch.arange(-pair[0], n + pair[1], device=field.device)
        beyond = torch.maximum(-index, index - (n - 1)).clamp_min(0).float()
        square = square + beyond.square().reshape(-1, *[1] * (field.ndim - 3 - axis))
    assert isinstance(square, Tensor)
    distance = (square.sqrt() / width).clamp_max(1.0)
    return padded * (0.5 + 0.5 * torch.cos(math.pi * distance))


def _mended(inverse: Tensor, displacement: Tensor, pads: list[tuple[int, int]]) -> Tensor:
    """Make the inverse right wherever it leads beyond the lattice of the network."""
    grid = identity_grid(inverse.shape[2:], inverse.device)
    beyond = torch.zeros_like(inverse[:, :1], dtype=torch.bool)
    for points in (grid[None], grid + inverse):
        for axis, (pair, n) in enumerate(zip(pads[::-1], inverse.shape[2:], strict=True)):
            along = points[:, axis : axis + 1]
            beyond |= (along < pair[0]) | (along > n - 1 - pair[1])
    for _ in range(_INVERSE_STEPS):
        # The displacement changes slowly there, so that this converges.
        inverse = torch.where(beyond, -warp(displacement, inverse), inverse)
    return inverse
