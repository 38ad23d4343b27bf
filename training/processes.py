"""Values summed over the processes of a training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["differentiable_sum", "mean_of_all", "sum_of_all"]


class _Sum(torch.autograd.Function):
    """Sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return sum_of_all(value)

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Tensor:
        return sum_of_all(outputs[0].contiguous())


def differentiable_sum(value: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes, for a loss that all of them add to."""
    total: Tensor = _Sum.apply(value)
    return total


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
