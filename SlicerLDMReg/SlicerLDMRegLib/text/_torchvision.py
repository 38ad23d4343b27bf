"""Import of open_clip with a torchvision that was built for another torch."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from ..errors import ModelError

__all__ = ["import_open_clip"]

# Kept alive: operators vanish with the library object that defines them.
_library: Any = None


def import_open_clip() -> ModuleType:
    """Import open_clip.

    PyPI's torchvision links CUDA libraries. With a CPU build of torch its operators are missing,
    and importing it, as open_clip does, fails. No text encoder uses these operators, so declaring
    them is enough. A matching torchvision is not changed.

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
