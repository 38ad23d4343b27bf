"""Finite differences of fields along their spatial axes, in units per voxel."""

from __future__ import annotations

import torch
from torch import Tensor

from ._checks import check_field
from ._precision import autocast_disabled, promote

__all__ = ["central_differences", "forward_differences"]


def forward_differences(field: Tensor) -> list[Tensor]:
    """Return ``field[i + 1] - field[i]`` along each spatial axis.

    Unlike central differences, these respond to the highest frequency of the lattice.

    Args:
        field: ``(B, C, *S)``.

    Returns:
        One tensor per spatial axis, one shorter than the field along this axis (empty for an axis
        of one voxel).

    Raises:
        ValueError: unless the field has 2 or 3 spatial axes.
    """
    dimension = check_field(field, "field")
    with autocast_disabled(field):
        (field,) = promote(field)
        return [torch.diff(field, dim=2 + axis) for axis in range(dimension)]


def central_differences(field: Tensor) -> list[Tensor]:
    """Return the derivative along each spatial axis: central inside, one-sided at the borders.

    This is the rule of ``numpy.gradient``; it is exact for linear fields everywhere and for
    quadratic ones inside.

    Args:
        field: ``(B, C, *S)``.

    Returns:
        One tensor ``(B, C, *S)`` per spatial axis; zero along an axis of one voxel.

    Raises:
        ValueError: unless the field has 2 or 3 spatial axes.
    """
    dimension = check_field(field, "field")
    with autocast_disabled(field):
        (field,) = promote(field)
        return [_central_difference(field, 2 + axis) for axis in range(dimension)]


def _central_difference(field: Tensor, dim: int) -> Tensor:
    size = field.shape[dim]
    if size == 1:
        return torch.zeros_like(field)
    step = torch.diff(field, dim=dim)
    first, last = step.narrow(dim, 0, 1), step.narrow(dim, size - 2, 1)
    inner = 0.5 * (step.narrow(dim, 0, size - 2) + step.narrow(dim, 1, size - 2))
    return torch.cat([first, inner, last], dim=dim)
