"""Keep coordinate arithmetic out of half precision."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor

__all__ = ["autocast_disabled", "promote", "promoted_pair"]


def autocast_disabled(tensor: Tensor) -> AbstractContextManager[None]:
    """Switch automatic mixed precision off for operations on the device of ``tensor``."""
    return torch.autocast(device_type=tensor.device.type, enabled=False)


def promote(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors in one precision that is good enough for coordinates.

    bfloat16 has 8 significant bits: on an axis of 320 voxels its coordinates are wrong by up to
    one voxel. Everything therefore becomes float32; float64 is kept where all tensors have it.
    """
    all_double = all(tensor.dtype == torch.float64 for tensor in tensors)
    dtype = torch.float64 if all_double else torch.float32
    return tuple(tensor.to(dtype) for tensor in tensors)


def promoted_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return two tensors of one shape in one precision, see :func:`promote`.

    Raises:
        ValueError: for shapes that differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"expected equal shapes, got {tuple(a.shape)} and {tuple(b.shape)}")
    a, b = promote(a, b)
    return a, b
