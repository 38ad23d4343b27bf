"""Gaussian smoothing and resizing of images and fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ._checks import check_field, check_vector_field
from ._precision import autocast_disabled, promote

__all__ = ["gaussian_smooth", "local_deviation", "resize"]

_TRUNCATE = 4.0  # standard deviations, as in scipy; the weight cut off is below 1e-4


def gaussian_smooth(field: Tensor, sigma_voxels: float | Sequence[float]) -> Tensor:
    """Convolve with a Gaussian along every spatial axis, with border padding.

    Constant fields do not change. Each axis is one product with a banded matrix, on a CPU ten times
    as fast as a convolution with few channels.

    Args:
        field: ``(B, C, *S)``.
        sigma_voxels: standard deviation in voxels, one number or one per spatial axis; 0 skips an
            axis.

    Returns:
        ``(B, C, *S)``, float32 (float64 for float64).

    Raises:
        ValueError: for a negative sigma, a wrong number of them, or not 2 or 3 spatial axes.
    """
    dimension = check_field(field, "field")
    sigmas = [sigma_voxels] * dimension if isinstance(sigma_voxels, int | float) else sigma_voxels
    if len(sigmas) != dimension or min(sigmas) < 0:
        raise ValueError(
            f"sigma_voxels: expected one number or {dimension}, none negative, got {sigma_voxels}"
        )
    with autocast_disabled(field):
        (field,) = promote(field)
        for axis, sigma in enumerate(sigmas):
            size = field.shape[2 + axis]
            if sigma > 0 and size > 1:
                matrix = _gaussian_matrix(size, float(sigma), field.device, field.dtype)
                if axis == dimension - 1:
                    field = field @ matrix.T
                else:
                    rows = field.reshape(-1, size, math.prod(field.shape[3 + axis :]))
                    field = (matrix @ rows).reshape(field.shape)
        return field


def local_deviation(image: Tensor, sigma_voxels: float | Sequence[float]) -> Tensor:
    """Return the standard deviation of an image around each voxel, weighted by a Gaussian.

    Args:
        image: ``(B, C, *S)``.
        sigma_voxels: as that of :func:`gaussian_smooth`.

    Returns:
        ``(B, C, *S)``.
    """
    mean, square = (gaussian_smooth(t, sigma_voxels) for t in (image, image.square()))
    return (square - mean.square()).clamp(min=0).sqrt()


def resize(field: Tensor, shape: Sequence[int], displacement: bool = False) -> Tensor:
    """Resample to another number of voxels between the same outer voxel centres.

    Linear interpolation with ``align_corners=True``; before strong downsampling, smooth.

    Args:
        field: ``(B, C, *S)``.
        shape: new spatial shape.
        displacement: the field is a displacement or velocity ``(B, d, *S)`` in voxels: channel i
            is multiplied by ``(new_i - 1) / (old_i - 1)``, so that it stays the same map.

    Returns:
        ``(B, C, *shape)``, float32 (float64 for float64).

    Raises:
        ValueError: unless the shape has one positive number per spatial axis.
    """
    dimension = (check_vector_field if displacement else check_field)(field, "field")
    if len(shape) != dimension or min(shape) < 1:
        raise ValueError(f"shape: expected {dimension} positive numbers, got {tuple(shape)}")
    with autocast_disabled(field):
        (field,) = promote(field)
        old = field.shape[2:]
        if tuple(old) == tuple(shape):
            return field
        scale: Tensor | None = None
        if displacement:
            factors = [(n - 1) / (o - 1) if o > 1 else 1.0 for n, o in zip(shape, old, strict=True)]
            scale = field.new_tensor(factors).reshape(1, dimension, *[1] * dimension)
        grows = math.prod(shape) > math.prod(old)
        if scale is not None and grows:  # while there is less to multiply
            field = field * scale
        mode = "bilinear" if dimension == 2 else "trilinear"
        field = F.interpolate(field, size=tuple(shape), mode=mode, align_corners=True)
        return field if scale is None or grows else field * scale


# As many as three axes on a few levels need: a refinement asks for the same ones again and again.
@lru_cache(maxsize=32)
@torch.inference_mode(mode=False)  # what is kept must serve gradients, whoever asks for it first
def _gaussian_matrix(size: int, sigma: float, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the ``(size, size)`` matrix of the filter with repeated borders."""
    radius = max(1, math.ceil(_TRUNCATE * sigma))
    offset = torch.arange(-radius, radius + 1)
    weight = torch.exp(-0.5 * (offset.double() / sigma) ** 2)
    weight = weight / weight.sum()
    column = (torch.arange(size)[:, None] + offset).clamp(0, size - 1)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    matrix = matrix.scatter_add_(1, column, weight.expand(size, -1).contiguous())
    return matrix.to(device=device, dtype=dtype)
