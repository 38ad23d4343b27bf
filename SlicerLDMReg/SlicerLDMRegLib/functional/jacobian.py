"""Jacobians of the map ``x + u(x)``: local volume change and folds.

A determinant above 1 at x means that the moving tissue mapped to x was larger; at 0 or below the
map folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from ._checks import check_vector_field
from ._precision import autocast_disabled, promote
from .gradients import central_differences

__all__ = [
    "fold_fraction",
    "fold_mask",
    "jacobian_determinant",
    "jacobian_matrix",
    "smallest_jacobian_determinant",
]


def jacobian_matrix(displacement: Tensor) -> Tensor:
    """Return the Jacobian matrices of ``x + displacement(x)`` by central differences.

    Args:
        displacement: ``(B, d, *S)`` in voxels.

    Returns:
        ``(B, d, d, *S)``; entry ``[:, i, j]`` is the derivative of output coordinate i along
        axis j.

    Raises:
        ValueError: unless the displacement has one channel per spatial axis.
    """
    dimension = check_vector_field(displacement, "displacement")
    derivatives = torch.stack(central_differences(displacement), dim=2)
    identity = torch.eye(dimension, device=derivatives.device, dtype=derivatives.dtype)
    return derivatives + identity.reshape(1, dimension, dimension, *[1] * dimension)


def jacobian_determinant(displacement: Tensor) -> Tensor:
    """Return the determinant of :func:`jacobian_matrix`, ``(B, *S)``; 1 where nothing deforms.

    Args:
        displacement: ``(B, d, *S)`` in voxels.

    Raises:
        ValueError: unless the displacement has one channel per spatial axis.
    """
    check_vector_field(displacement, "displacement")
    return _determinant(central_differences(displacement))


def smallest_jacobian_determinant(displacement: Tensor) -> Tensor:
    """Return the smallest Jacobian determinant of all one-sided differences, ``(B, *S)``.

    At each voxel the forward and the backward difference of every axis give 2^d determinants, one
    for each corner of the neighbourhood. Central differences average two steps and so hide a field
    that alternates from voxel to voxel; this determinant does not. Where it is positive everywhere,
    the bilinear map of a 2D field has no folds (Karacali and Davatzikos, IEEE TMI 23(7), 2004; Liu
    et al., IJCV 132, 2024).

    Args:
        displacement: ``(B, d, *S)`` in voxels.

    Raises:
        ValueError: unless the displacement has one channel per spatial axis.
    """
    dimension = check_vector_field(displacement, "displacement")
    with autocast_disabled(displacement):
        (displacement,) = promote(displacement)
        unit = torch.eye(dimension, device=displacement.device, dtype=displacement.dtype)
        columns = [
            [
                side + unit[axis].reshape(1, dimension, *[1] * dimension)
                for side in _one_sided_differences(displacement, 2 + axis)
            ]
            for axis in range(dimension)
        ]
        smallest: Tensor | None = None
        for first, second in product(*columns[:2]):
            # In 3D the cross product serves both sides of the third axis.
            normal = _cross(first, second)
            for third in columns[2] if dimension == 3 else [None]:
                determinant = normal[-1] if third is None else _dot(normal, third)
                smallest = determinant if smallest is None else torch.minimum(smallest, determinant)
    assert smallest is not None
    return smallest


def fold_mask(determinant: Tensor) -> Tensor:
    """Return True where the map folds: the determinant is not above 0, or is NaN."""
    return ~(determinant > 0)


def fold_fraction(determinant: Tensor) -> Tensor:
    """Return the fraction of folded voxels in [0, 1], ``(B,)``, of determinants ``(B, *S)``."""
    return fold_mask(determinant).flatten(1).float().mean(1)


def _one_sided_differences(field: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return forward and backward differences; at the border both are the existing one."""
    if field.shape[dim] == 1:
        return torch.zeros_like(field), torch.zeros_like(field)
    step = torch.diff(field, dim=dim)
    first, last = step.narrow(dim, 0, 1), step.narrow(dim, step.shape[dim] - 1, 1)
    return torch.cat([step, last], dim=dim), torch.cat([first, step], dim=dim)


def _determinant(derivatives: Sequence[Tensor]) -> Tensor:
    """Return det(I + du); ``derivatives[j]``: derivative of u along axis j, ``(B, d, *S)``."""
    with autocast_disabled(derivatives[0]):
        j = [
            [derivative[:, i] + float(i == axis) for axis, derivative in enumerate(derivatives)]
            for i in range(len(derivatives))
        ]
        if len(derivatives) == 2:
            return j[0][0] * j[1][1] - j[0][1] * j[1][0]
        return (
            j[0][0] * (j[1][1] * j[2][2] - j[1][2] * j[2][1])
            - j[0][1] * (j[1][0] * j[2][2] - j[1][2] * j[2][0])
            + j[0][2] * (j[1][0] * j[2][1] - j[1][1] * j[2][0])
        )


def _cross(a: Tensor, b: Tensor) -> list[Tensor]:
    """Return the components ``(B, *S)`` of a cross product of ``(B, d, *S)``; one for d = 2."""
    pairs = [(0, 1)] if a.shape[1] == 2 else [(1, 2), (2, 0), (0, 1)]
    return [a[:, i] * b[:, j] - a[:, j] * b[:, i] for i, j in pairs]


def _dot(components: Sequence[Tensor], b: Tensor) -> Tensor:
    """Return the dot product of components ``(B, *S)`` with a vector field ``(B, d, *S)``."""
    result = components[0] * b[:, 0]
    for i, component in enumerate(components[1:], start=1):
        result = result + component * b[:, i]
    return result
