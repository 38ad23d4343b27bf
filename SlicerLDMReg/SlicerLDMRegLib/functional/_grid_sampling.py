"""Linear sampling by torch's kernels, on all threads of a CPU also for a single image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["sample_grid", "sample_grid_backward"]

_LINEAR, _CORNERS = 0, True  # of grid_sample, as its kernels number them
_PADDING = {"zeros": 0, "border": 1}
# torch gives each element of a batch to one thread. A single image becomes a batch of this many
# views of it, each with a part of the points. The number does not go by the threads: gradients of
# the image are summed over the parts, and must have the same bits everywhere.
_PARTS = 4
# Points of an element, by dimension, below which threads wait longer than they compute.
_SMALLEST = {2: 2**15, 3: 2**12}


def sample_grid(image: Tensor, grid: Tensor, padding: str = "border") -> Tensor:
    """Return linear samples, as ``F.grid_sample`` with ``align_corners=True`` does.

    Args:
        image: ``(B, C, *S)``.
        grid: ``(B, *out, d)``, the last axis first, voxel centres within [-1, 1].
        padding: "border" or "zeros".

    Returns:
        ``(B, C, *out)``; it can be differentiated by both arguments.
    """
    points, parts = _split(grid)
    sampler = torch.grid_sampler_3d if image.ndim == 5 else torch.grid_sampler_2d
    values = sampler(_views(image, parts), points, _LINEAR, _PADDING[padding], _CORNERS)
    if parts == 1:
        return values
    return _joined(values, parts, grid)


def sample_grid_backward(
    gradient: Tensor, image: Tensor, grid: Tensor, padding: str = "border"
) -> tuple[Tensor, Tensor]:
    """Return the gradients of :func:`sample_grid` by its image and its grid.

    Args:
        gradient: of the samples, ``(B, C, *out)``.
        image, grid, padding: as for :func:`sample_grid`.
    """
    points, parts = _split(grid)
    backward = torch.ops.aten.grid_sampler_2d_backward
    if image.ndim == 5:
        backward = torch.ops.aten.grid_sampler_3d_backward
    if parts > 1:
        flat = _padded(gradient.flatten(2), parts, dim=2)
        flat = flat.unflatten(2, (parts, -1)).transpose(1, 2).flatten(0, 1)
        gradient = flat.reshape(len(points), image.shape[1], *points.shape[1:-1])
    by_image, by_grid = backward(
        gradient.contiguous(),
        _views(image, parts),
        points,
        _LINEAR,
        _PADDING[padding],
        _CORNERS,
        [True, True],
    )
    if parts == 1:
        return by_image, by_grid
    count = math.prod(grid.shape[1:-1])
    by_grid = by_grid.reshape(len(grid), -1, grid.shape[-1])[:, :count]
    return by_image.unflatten(0, (len(image), parts)).sum(1), by_grid.reshape(grid.shape)


def _split(grid: Tensor) -> tuple[Tensor, int]:
    """Return the grid in parts, ``(B * parts, 1, ..., n, d)``, and their number."""
    dimension = grid.shape[-1]
    if grid.device.type != "cpu" or grid[0].numel() < dimension * _SMALLEST[dimension]:
        return grid, 1
    flat = _padded(grid.flatten(1, -2), _PARTS, dim=1)
    return flat.reshape(len(grid) * _PARTS, *[1] * (dimension - 1), -1, dimension), _PARTS


def _padded(flat: Tensor, parts: int, dim: int) -> Tensor:
    """Return points with a few more at their end, so that they can be divided."""
    rest = -flat.shape[dim] % parts
    if rest == 0:
        return flat
    shape = list(flat.shape)
    shape[dim] = rest
    return torch.cat([flat, flat.new_zeros(shape)], dim)


def _views(image: Tensor, parts: int) -> Tensor:
    """Return each image ``parts`` times, without a copy of a single image."""
    if parts == 1:
        return image
    return image.unsqueeze(1).expand(-1, parts, *image.shape[1:]).flatten(0, 1)


def _joined(values: Tensor, parts: int, grid: Tensor) -> Tensor:
    """Return the samples of all parts, ``(B, C, *out)``."""
    out = grid.shape[1:-1]
    flat = values.flatten(2).unflatten(0, (len(grid), parts)).transpose(1, 2).flatten(2)
    return flat[..., : math.prod(out)].unflatten(2, out)
