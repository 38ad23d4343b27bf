"""Layers by the number of spatial axes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError

__all__ = ["average_pool", "check_dimension", "convolution", "instance_norm", "interpolation",
           "transposed_convolution"]  # fmt: skip


def check_dimension(dimension: int) -> int:
    """Return a number of spatial axes.

    Raises:
        ModelError: unless it is 2 or 3.
    """
    if dimension not in (2, 3):
        raise ModelError(f"spatial_dims must be 2 or 3, got {dimension!r}")
    return dimension


def convolution(dimension: int) -> type[nn.Conv2d] | type[nn.Conv3d]:
    """Return the class of convolutions."""
    return nn.Conv2d if check_dimension(dimension) == 2 else nn.Conv3d


def transposed_convolution(
    dimension: int,
) -> type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]:
    """Return the class of transposed convolutions."""
    return nn.ConvTranspose2d if check_dimension(dimension) == 2 else nn.ConvTranspose3d


def instance_norm(dimension: int) -> type[nn.InstanceNorm2d] | type[nn.InstanceNorm3d]:
    """Return the class of instance normalisations."""
    return nn.InstanceNorm2d if check_dimension(dimension) == 2 else nn.InstanceNorm3d


def average_pool(x: Tensor, window: int, stride: int | None = None, padding: int = 0) -> Tensor:
    """Average ``(B, C, *S)`` over boxes, in 2D or 3D."""
    pool = F.avg_pool2d if x.ndim == 4 else F.avg_pool3d
    return pool(x, window, stride, padding)


def interpolation(x: Tensor) -> str:
    """Return the linear mode of :func:`torch.nn.functional.interpolate` for ``(B, C, *S)``."""
    return "bilinear" if x.ndim == 4 else "trilinear"
