"""The one place that knows how to import torchvision beside a torch it was not built for."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from ..errors import ModelError

__all__ = ["import_open_clip"]

# Operators vanish with the library object that defines them.
_library: Any = None


def import_open_clip() -> ModuleType:
    """Import open_clip.

    The torchvision of PyPI links CUDA libraries. Beside a CPU build of torch its operators are
    missing, and importing it, as open_clip does, fails. No text encoder uses these operators:
    declaring them is enough. A torchvision that fits is left alone.

    Raises:
        ModelError: when open_clip is not installed or cannot be imported.
    """
    try:
        _import_torchvision()
        return importlib.import_module("open_clip")
    except (ImportError, RuntimeError) as error:
        raise ModelError(
            f"open_clip cannot be imported ({_one_line(error)}); "
            "install it: pip install 'ldmreg[text]'"
        ) from error


def _import_torchvision() -> None:
    global _library
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _library is not None:
            raise
        import torch

        _library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        importlib.import_module("torchvision")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
