"""Linear sampling of volumes by torch's kernel for slices, which is many times as fast on a CPU.

torch samples a volume one number at a time, and a slice eight at a time. A linear sample of a
volume lies between two samples of neighbouring slices, and all slices of a volume under each other
are one tall slice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["QuickSquarings", "SlicePlaces", "both_slices", "countable", "sample_slices", "suits"]

_LINEAR, _BORDER, _CORNERS = 0, 1, True  # of grid_sample, as its kernels number them
# torch gives each element of a batch to one thread: the points are divided into so many parts, the
# first number that divides them. It does not go by the threads, so that sums have the same bits.
_PARTS = (4, 6, 8, 5, 7, 9, 3, 2, 1)
_SMALLEST = 2**14  # voxels, below which the more numerous calls take longer than they save
# Rows of a tall slice, counted in float32: with as many a point lies up to 0.006 voxels beside its
# place along the second axis, with those of 96 x 96 x 96 voxels up to 0.0007.
_MOST_ROWS = 2**16


class SlicePlaces(NamedTuple):
    """Places of points between the slices of a volume of a certain shape.

    The points are in parts, one after the other in the batch.

    Attributes:
        grid: ``(B * parts, 1, n, 2)`` in the tall slice, as ``grid_sample`` counts.
        beyond: part of the way from one slice to the next, ``(B * parts, 1, n)``.
        coordinates: of the points, ``(B, 3, *out)`` in voxels.
        shape: of the volume.
        parts: number of them.
    """

    grid: Tensor
    beyond: Tensor
    coordinates: Tensor
    shape: tuple[int, ...]
    parts: int

    @classmethod
    def of(cls, coordinates: Tensor, shape: Sequence[int]) -> SlicePlaces:
        """Find coordinates ``(B, 3, *out)`` in voxels, in a volume of a shape."""
        depth, height, width = shape
        count = math.prod(coordinates.shape[2:])
        parts = next(n for n in _PARTS if count % n == 0)
        coordinates = coordinates.detach()
        first, second, third = coordinates.flatten(2).unbind(1)
        beyond = first.clamp(0, depth - 1)
        slice_ = beyond.floor().clamp_(max=depth - 2)
        beyond -= slice_
        row = slice_.mul_(height).add_(second.clamp(0, height - 1))
        grid = coordinates.new_empty(*row.shape, 2)
        torch.mul(third, 2 / (width - 1), out=grid[..., 0])
        torch.mul(row, 2 / ((depth - 1) * height - 1), out=grid[..., 1])
        grid -= 1
        batch = len(coordinates) * parts
        return cls(
            grid.reshape(batch, 1, -1, 2),
            beyond.reshape(batch, 1, -1),
            coordinates,
            tuple(shape),
            parts,
        )


def suits(volume: Tensor) -> bool:
    """Whether images ``(B, C, *S)`` are volumes that can be sampled so, and are so sooner."""
    if volume.ndim != 5 or volume.device.type != "cpu" or volume.dtype != torch.float32:
        return False
    return math.prod(volume.shape[2:]) >= _SMALLEST and countable(volume.shape[2:])


def countable(shape: Sequence[int]) -> bool:
    """Whether the rows of a volume ``(D, H, W)`` can be counted in float32."""
    return min(shape) > 1 and shape[0] * shape[1] <= _MOST_ROWS


def sample_slices(
    volume: Tensor,
    coordinates: Tensor,
    places: SlicePlaces | None = None,
    slices: Tensor | None = None,
) -> Tensor:
    """Return linear samples of a volume, whose border is repeated.

    Args:
        volume: ``(B, C, D, H, W)`` that :func:`suits`.
        coordinates: ``(B, 3, *out)`` in voxels, channel i along axis i.
        places: of these in a volume of this shape, where they are known already.
        slices: :func:`both_slices` of the volume, where they are known already.

    Returns:
        ``(B, C, *out)``; it can be differentiated once, by both arguments.
    """
    if places is None:
        places = SlicePlaces.of(coordinates, volume.shape[2:])
    found: Tensor = _Sampling.apply(volume, coordinates, places, slices)
    return found


class _Sampling(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, volume: Tensor, coordinates: Tensor, places: SlicePlaces, slices: Tensor | None
    ) -> Tensor:
        slices = both_slices(volume) if slices is None else slices
        found, step = _take(slices, places)
        ctx.places = places
        ctx.save_for_backward(volume, slices, step)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        volume, slices, step = ctx.saved_tensors
        by_coordinates = _take_backward(gradient, slices, step, ctx.places)
        by_volume = _spread(gradient, volume, ctx.places) if ctx.needs_input_grad[0] else None
        return by_volume, by_coordinates, None, None


class QuickSquarings(torch.autograd.Function):
    """Squarings of a displacement ``(B, 3, *S)`` in voxels that :func:`suits`."""

    @staticmethod
    def forward(ctx: Any, displacement: Tensor, identity: Tensor, steps: int) -> Tensor:
        saved = [identity]
        for _ in range(steps):
            places = SlicePlaces.of(displacement + identity, displacement.shape[2:])
            found, step = _take(both_slices(displacement), places)
            saved += [displacement, step]
            displacement = displacement + found
        ctx.save_for_backward(*saved)
        return displacement

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        identity, *saved = ctx.saved_tensors
        for field, step in zip(saved[-2::-2], saved[::-2], strict=True):
            places = SlicePlaces.of(field + identity, field.shape[2:])
            outer = _spread(gradient, field, places)
            inner = _take_backward(gradient, both_slices(field), step, places)
            gradient = inner.add_(gradient).add_(outer)
        return gradient, None, None


def _take(slices: Tensor, places: SlicePlaces) -> tuple[Tensor, Tensor]:
    """Return samples of :func:`both_slices`, and how much the next slice has more, in parts.

    The samples are ``(B, C, *out)``.
    """
    channels = slices.shape[1] // 2
    tall = _for_parts(slices, places.parts)
    values = torch.grid_sampler_2d(tall, places.grid, _LINEAR, _BORDER, _CORNERS)
    lower, upper = values.reshape(len(values), 2, channels, -1).unbind(1)
    step = upper - lower
    found = torch.addcmul(lower, step, places.beyond)
    out = places.coordinates.shape[2:]
    found = found.unflatten(0, (-1, places.parts)).transpose(1, 2)
    return found.reshape(len(slices), channels, *out), step


def _take_backward(gradient: Tensor, slices: Tensor, step: Tensor, places: SlicePlaces) -> Tensor:
    """Return the gradient of :func:`_take` by coordinates, ``(B, 3, *out)``.

    Args:
        gradient: of the samples, ``(B, C, *out)``.
        slices: as for :func:`_take`.
        step: of :func:`_take`.
        places: as for :func:`_take`.
    """
    batch, channels = gradient.shape[:2]
    parts, out = places.parts, gradient.shape[2:]
    gradient = gradient.flatten(2).unflatten(2, (parts, -1)).transpose(1, 2).flatten(0, 1)
    both = gradient.new_empty(batch * parts, 2, channels, gradient.shape[-1])
    torch.mul(gradient, places.beyond, out=both[:, 1])
    torch.sub(gradient, both[:, 1], out=both[:, 0])
    _, by_grid = torch.ops.aten.grid_sampler_2d_backward(
        both.reshape(batch * parts, 2 * channels, -1, 1).transpose(2, 3),
        _for_parts(slices, parts),
        places.grid,
        _LINEAR,
        _BORDER,
        _CORNERS,
        [False, True],
    )
    depth, height, width = places.shape
    first, second, _ = places.coordinates.unbind(1)
    found = torch.empty_like(places.coordinates)
    by_grid = by_grid.reshape(batch, *out, 2)
    along = (gradient * step).sum(1) if channels > 1 else gradient * step
    # As in torch, what lies on the border does not move across it.
    torch.mul(along.reshape(batch, *out), _within(first, depth), out=found[:, 0])
    rows = (depth - 1) * height
    torch.mul(by_grid[..., 1], _within(second, height).mul_(2 / (rows - 1)), out=found[:, 1])
    torch.mul(by_grid[..., 0], 2 / (width - 1), out=found[:, 2])
    return found


def _spread(gradient: Tensor, volume: Tensor, places: SlicePlaces) -> Tensor:
    """Return the gradient of the samples by the volume: each goes to its eight voxels.

    Args:
        gradient: of the samples, ``(B, C, *out)``.
        volume: ``(B, C, D, H, W)``.
        places: of the samples.
    """
    _, height, width = places.shape
    lower, weights = [], []
    for coordinate, size in zip(places.coordinates.flatten(2).unbind(1), places.shape, strict=True):
        whole = coordinate.clamp(0, size - 1)
        first = whole.floor().clamp_(max=size - 2)
        part = whole.sub_(first)
        lower.append(first.long())
        weights.append((1 - part, part))
    first = (lower[0] * height + lower[1]) * width + lower[2]
    found = torch.zeros_like(volume)
    for n, own in enumerate(found.flatten(2)):
        values = gradient[n].flatten(1)
        for z, y, x in product((0, 1), repeat=3):
            weight = weights[0][z][n] * weights[1][y][n] * weights[2][x][n]
            own.index_add_(1, first[n] + ((z * height + y) * width + x), values * weight)
    return found


def _within(coordinate: Tensor, size: int) -> Tensor:
    return ((coordinate > 0) & (coordinate < size - 1)).to(coordinate.dtype)


def both_slices(volume: Tensor) -> Tensor:
    """Return the tall slice without its last slice, and that without its first.

    ``(B, 2 C, rows, W)``, all channels of the one before those of the other; of one channel a view.
    """
    batch, channels, depth, height, width = volume.shape
    if channels > 1:
        return torch.cat([volume[:, :, :-1], volume[:, :, 1:]], dim=1).flatten(2, 3)
    volume = volume.contiguous()
    return volume.as_strided(
        (batch, 2, (depth - 1) * height, width),
        (volume.stride(0), height * width, width, 1),
        volume.storage_offset(),
    )


def _for_parts(slices: Tensor, parts: int) -> Tensor:
    """Return the slices once for each part of the points; of a single volume a view."""
    repeated = slices.unsqueeze(1).expand(-1, parts, *slices.shape[1:])
    return repeated[0] if len(slices) == 1 else repeated.flatten(0, 1)
