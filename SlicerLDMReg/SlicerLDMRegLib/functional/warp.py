"""Sampling at voxel coordinates and warping with displacement fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ._checks import check_field, check_vector_field
from ._grid_sampling import sample_grid
from ._precision import autocast_disabled, promote

__all__ = ["Mode", "Padding", "identity_grid", "sample", "warp"]

Mode = Literal["linear", "nearest"]
Padding = Literal["border", "zeros"]


def identity_grid(
    shape: Sequence[int],
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return the voxel coordinates of every voxel of a lattice.

    Args:
        shape: spatial shape, ``(H, W)`` or ``(D, H, W)``.
        device: of the result.
        dtype: floating type of the result.

    Returns:
        ``(d, *shape)``; channel i counts the voxels along axis i.
    """
    axes = [torch.arange(size, device=device, dtype=dtype) for size in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def sample(
    image: Tensor,
    coordinates: Tensor,
    mode: Mode = "linear",
    padding: Padding = "border",
) -> Tensor:
    """Sample an image at voxel coordinates.

    Args:
        image: ``(B, C, *S)``.
        coordinates: ``(B, d, *out)`` in voxels of ``image``, channel i along axis i; the centre of
            the first voxel is 0. ``out`` has d axes.
        mode: "linear" (differentiable in both arguments), or "nearest" (for labels, exact for
            every dtype; a tie goes to the higher index as in ITK).
        padding: outside of the voxel centres, "border" repeats the border; "zeros" falls to zero,
            linearly within one voxel.

    Returns:
        ``(B, C, *out)``: float32 for "linear" (float64 if both arguments are float64), the dtype
        of the image for "nearest". A batch of 1 is repeated.

    Raises:
        ValueError: for incompatible shapes, or an unknown mode or padding.
    """
    dimension = check_field(image, "image")
    if check_vector_field(coordinates, "coordinates") != dimension:
        raise ValueError(
            f"coordinates: expected {dimension} channels and {dimension} spatial axes for an image "
            f"of shape {tuple(image.shape)}, got shape {tuple(coordinates.shape)}"
        )
    if padding not in ("border", "zeros"):
        raise ValueError(f"padding: expected 'border' or 'zeros', got {padding!r}")
    _check_batches(image, coordinates)
    with autocast_disabled(image):
        if mode == "linear":
            image, coordinates = promote(image, coordinates)
            return _sample_linear(image, list(coordinates.unbind(1)), padding)
        if mode == "nearest":
            return _sample_nearest(image, list(promote(coordinates)[0].unbind(1)), padding)
    raise ValueError(f"mode: expected 'linear' or 'nearest', got {mode!r}")


def warp(
    image: Tensor,
    displacement: Tensor,
    mode: Mode = "linear",
    padding: Padding = "border",
) -> Tensor:
    """Warp a moving image onto the fixed lattice: ``warped(x) = image(x + displacement(x))``.

    Args:
        image: moving image ``(B, C, *S)``; its lattice may be larger or smaller than the field's.
        displacement: ``(B, d, *S)`` in voxels, channel i along spatial axis i.
        mode: see :func:`sample`.
        padding: see :func:`sample`.

    Returns:
        ``(B, C, *S)`` on the lattice of the displacement; dtypes as in :func:`sample`.

    Raises:
        ValueError: for incompatible shapes.
    """
    check_vector_field(displacement, "displacement")
    return sample(image, to_coordinates(displacement), mode, padding)


def to_coordinates(displacement: Tensor) -> Tensor:
    """Return the points ``x + displacement(x)`` as ``(B, d, *S)`` voxel coordinates."""
    with autocast_disabled(displacement):
        (displacement,) = promote(displacement)
        shape = displacement.shape[2:]
        return displacement + identity_grid(shape, displacement.device, displacement.dtype)


def _check_batches(image: Tensor, coordinates: Tensor) -> None:
    sizes = {image.shape[0], coordinates.shape[0]} - {1}
    if len(sizes) > 1:
        raise ValueError(
            f"expected equal batch sizes or a batch of 1, got {image.shape[0]} images and "
            f"{coordinates.shape[0]} fields"
        )


def _sample_linear(image: Tensor, coordinates: list[Tensor], padding: Padding) -> Tensor:
    shape = image.shape[2:]
    if padding == "zeros" and 1 in shape:
        # Along an axis of one voxel grid_sample cannot tell inside from outside: pad with zeros.
        image = F.pad(image, [width for size in reversed(shape) for width in [int(size == 1)] * 2])
        coordinates = [c + int(size == 1) for c, size in zip(coordinates, shape, strict=True)]
        shape = image.shape[2:]
    # grid_sample wants the last axis first and the voxel centres within [-1, 1].
    normalised = [
        c * (2.0 / max(size - 1, 1)) - 1.0 for c, size in zip(coordinates, shape, strict=True)
    ]
    grid = torch.stack(normalised[::-1], dim=-1)
    batch = max(image.shape[0], grid.shape[0])
    return sample_grid(
        image.expand(batch, *image.shape[1:]), grid.expand(batch, *grid.shape[1:]), padding
    )


def _sample_nearest(image: Tensor, coordinates: list[Tensor], padding: Padding) -> Tensor:
    # Not grid_sample: it would convert labels to float32, and it rounds ties to even.
    shape = image.shape[2:]
    flat = torch.zeros_like(coordinates[0], dtype=torch.long)
    inside = torch.ones_like(flat, dtype=torch.bool)
    for coordinate, size in zip(coordinates, shape, strict=True):
        index = torch.floor(torch.nan_to_num(coordinate) + 0.5)
        inside &= (index >= 0) & (index <= size - 1)
        flat = flat * size + index.clamp(0, size - 1).long()
    batch = max(image.shape[0], flat.shape[0])
    channels = image.shape[1]
    values = image.reshape(image.shape[0], channels, -1).expand(batch, -1, -1)
    flat = flat.expand(batch, *flat.shape[1:])
    index = flat.reshape(batch, 1, -1).expand(-1, channels, -1)
    result = values.gather(2, index).reshape(batch, channels, *flat.shape[1:])
    if padding == "zeros":
        result = torch.where(inside.unsqueeze(1), result, torch.zeros_like(result))
    return result
