"""Values summed over the processes of a training."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["mean_of_all", "sum_of_all"]


def sum_of_all(value: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes; with one process, the tensor."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return value
    total = value.detach().clone()
    torch.distributed.all_reduce(total)
    return total


def mean_of_all(value: Tensor) -> Tensor:
    """Return the mean of a tensor over all processes; with one process, the tensor."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return value
    return sum_of_all(value) / torch.distributed.get_world_size()
