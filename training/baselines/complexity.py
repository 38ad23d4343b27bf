"""Size of a network, and the multiply-adds of a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["Complexity", "counted", "parameters"]


class Complexity:
    """Result of :func:`counted`.

    Attributes:
        multiply_adds: of all convolutions and matrix products; None before the end of the block.
    """

    multiply_adds: float | None = None


def parameters(network: nn.Module) -> int:
    """Return the number of weights that a registration needs.

    textSCF's implicit function is not counted but the table of filters that it leaves is, as in the
    textSCF paper (Section 4.3.4).
    """
    left_out = {id(p) for p in _function(network).parameters()}
    count = sum(p.numel() for p in network.parameters() if id(p) not in left_out)
    table = getattr(network, "filters", None)
    return count + (table.numel() if isinstance(table, torch.Tensor) else 0)


@contextmanager
def counted() -> Iterator[Complexity]:
    """Count the multiply-adds of what is computed inside, half of PyTorch's operations."""
    # Attention on a CPU is missing in PyTorch's own table.
    attention = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)
    mapping = {} if attention is None else {attention: _attention_operations}
    found = Complexity()
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        yield found
    found.multiply_adds = counter.get_total_flops() / 2


def _attention_operations(
    query: Any, key: Any, value: Any, *args: Any, out_shape: Any = None, **kwargs: Any
) -> int:
    batch, heads, tokens, width = query
    return 2 * batch * heads * tokens * key[2] * (width + value[3])


def _function(network: nn.Module) -> nn.Module:
    function = getattr(network, "function", None)
    return function if isinstance(function, nn.Module) else nn.Module()
