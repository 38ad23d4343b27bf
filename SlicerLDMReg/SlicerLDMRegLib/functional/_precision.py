"""Full precision for coordinate arithmetic, also inside ``torch.autocast``."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor

__all__ = ["autocast_disabled", "promote", "promoted_pair"]


def autocast_disabled(tensor: Tensor) -> AbstractContextManager[None]:
    """Return a context without automatic mixed precision on the device of ``tensor``."""
    return torch.autocast(device_type=tensor.device.type, enabled=False)


def promote(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors in float32, or in float64 if all of them are float64.

    bfloat16 has 8 significant bits: on an axis of 320 voxels coordinates are off by up to one
    voxel.
    """
    all_double = all(tensor.dtype == torch.float64 for tensor in tensors)
    dtype = torch.float64 if all_double else torch.float32
    return tuple(tensor.to(dtype) for tensor in tensors)


def promoted_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return two tensors of equal shape in one precision, see :func:`promote`.

    Raises:
        ValueError: for shapes that differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"expected equal shapes, got {tuple(a.shape)} and {tuple(b.shape)}")
    a, b = promote(a, b)
    return a, b
