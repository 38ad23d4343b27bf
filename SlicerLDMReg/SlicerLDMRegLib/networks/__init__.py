"""Networks, :class:`torch.nn.Module` classes built by name from plain arguments."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..errors import ModelError
from .prediction import FieldPrediction
from .regions import Regions

__all__ = ["METHODS", "FieldPrediction", "Regions", "build_network"]

# Network names by model kind.
METHODS = {"registration": ("ldm-morph", "textscf"), "segmentation": ("unet",)}


def build_network(method: str, arguments: dict[str, Any]) -> nn.Module:
    """Build a network with fresh weights.

    Args:
        method: one of :data:`METHODS`.
        arguments: options of its configuration, as stored in a model folder.

    Raises:
        ModelError: for an unknown method or option.
    """
    if method == "ldm-morph":
        from .ldm_morph import LDMMorph, LDMMorphConfig

        return LDMMorph(LDMMorphConfig.from_dict(arguments))
    if method == "textscf":
        from .textscf import TextSCF, TextSCFConfig

        return TextSCF(TextSCFConfig.from_dict(arguments))
    if method == "unet":
        from .segmenter import UNetSegmenter

        return UNetSegmenter.from_dict(arguments)
    known = ", ".join(repr(name) for names in METHODS.values() for name in names)
    raise ModelError(f"unknown method {method!r}; this version knows {known}")
