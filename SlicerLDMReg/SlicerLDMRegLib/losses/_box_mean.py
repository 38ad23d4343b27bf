"""Mean over a box around each voxel, by band matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ..functional._precision import autocast_disabled

__all__ = ["box_mean", "box_mean_adjoint"]


def box_mean(field: Tensor, window: int, valid: bool = False, stride: int = 1) -> Tensor:
    """Return the mean over a box around each voxel, ``(B, C, *S)``.

    One product with a band matrix per axis: on a CPU several times as fast as average pooling.

    Args:
        field: ``(B, C, *S)``.
        window: odd width of the box in voxels.
        valid: only where the whole box fits; otherwise the box is cropped at the border.
        stride: distance of the returned voxels along each axis, from the first on.
    """
    with autocast_disabled(field):
        for dim in range(2, field.ndim):
            size = field.shape[dim]
            matrix = _band(size, window, valid, stride, field.device, field.dtype)
            if dim == field.ndim - 1:
                # From the right: one large product instead of a matrix-vector product per row.
                field = field @ matrix.T
                continue
            shape = list(field.shape)
            shape[dim] = matrix.shape[0]
            rows = field.reshape(-1, size, math.prod(field.shape[dim + 1 :]))
            field = (matrix @ rows).reshape(shape)
    return field


def box_mean_adjoint(gradient: Tensor, shape: Sequence[int], window: int, stride: int) -> Tensor:
    """Return the gradient of :func:`box_mean` by its field, ``(B, C, *shape)``.

    Args:
        gradient: of the means, ``(B, C, *S)``.
        shape: of the field.
        window: as for :func:`box_mean`, with cropped boxes.
        stride: likewise.
    """
    # From the last axis on: what is larger comes later.
    for axis in reversed(range(len(shape))):
        size, dim = shape[axis], 2 + axis
        matrix = _band(size, window, False, stride, gradient.device, gradient.dtype)
        if dim == gradient.ndim - 1:
            gradient = gradient @ matrix
            continue
        wide = list(gradient.shape)
        rows = gradient.reshape(-1, wide[dim], math.prod(wide[dim + 1 :]))
        wide[dim] = size
        gradient = (matrix.T @ rows).reshape(wide)
    return gradient


# As many as three axes on a few levels need: a refinement asks for the same ones again and again.
@lru_cache(maxsize=32)
@torch.inference_mode(mode=False)  # what is kept must serve gradients, whoever asks for it first
def _band(
    size: int, window: int, valid: bool, stride: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Return the matrix of the mean over a box along an axis."""
    half = window // 2
    ones = torch.ones(size, size, device=device, dtype=dtype)
    matrix = ones.triu(-half).tril(half)
    matrix = matrix / matrix.sum(1, keepdim=True)
    if valid:
        matrix = matrix[half : size - half]
    return matrix[::stride].contiguous()
