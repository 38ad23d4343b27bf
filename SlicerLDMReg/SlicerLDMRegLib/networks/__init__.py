"""Networks: :class:`torch.nn.Module` classes only, built by name from plain arguments."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..errors import ModelError
from .prediction import FieldPrediction

__all__ = ["FieldPrediction", "build_network"]


def build_network(method: str, arguments: dict[str, Any]) -> nn.Module:
    """Build a registration network with fresh weights.

    Args:
        method: ``"ldm-morph"``.
        arguments: the options of its configuration, as stored in a model folder.

    Raises:
        ModelError: for an unknown method or option.
    """
    if method == "ldm-morph":
        from .ldm_morph import LDMMorph, LDMMorphConfig

        return LDMMorph(LDMMorphConfig.from_dict(arguments))
    raise ModelError(f"unknown method {method!r}; this version knows 'ldm-morph'")
