"""LDMReg itself: a model, the refinement, or both."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from SlicerLDMRegLib.pipeline import load_model, register

from .method import Method, Registered

__all__ = ["ldmreg_method"]


def ldmreg_method(
    model: str | Path | None, refine: bool, device: str = "auto", seed: int = 0
) -> Method:
    """Return LDMReg as a method of the comparison.

    Args:
        model: id or folder of a model, or None for the refinement alone. It is loaded here.
        refine: whether to refine, with the model's own options.
        device: see :func:`SlicerLDMRegLib.register`.
        seed: see :func:`SlicerLDMRegLib.register`.

    Raises:
        ModelError: when there is no such model.
    """
    loaded: Any = "none" if model is None else load_model(model, device)

    def method(fixed: np.ndarray, moving: np.ndarray) -> Registered:
        start = time.perf_counter()
        result = register(
            fixed,
            moving,
            model=loaded,
            device=device,
            align="none",
            refine=None if refine else False,
            seed=seed,
        )
        return Registered(result.field, time.perf_counter() - start)

    return method
