"""Networks without memory for their weights: names and shapes, of a card of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Outline"]

# What a layer makes its weights of. All else, such as a schedule of noise, is small, and on the
# device "meta" torch would load its compiler for it: 800 modules, a second.
_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)


class Outline(TorchFunctionMode):
    """Context in which layers get weights on the device "meta", which are not initialised.

    Example:
        >>> from torch import nn
        >>> with Outline():
        ...     layer = nn.Linear(10**6, 10**6)
        >>> layer.weight.is_meta, tuple(layer.state_dict()["bias"].shape)
        (True, (1000000,))
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, or leave it out where it would only fill weights."""
        options = dict(kwargs or {})
        if func in _FACTORIES:
            options["device"] = "meta"
        filled = args[0] if args else options.get("tensor")
        name = getattr(func, "__name__", "")
        in_place = name.endswith("_") and not name.startswith("_")
        if in_place and isinstance(filled, Tensor) and filled.is_meta:
            return filled
        return func(*args, **options)
