"""The way from two images to a result: read, align, prepare, predict, refine, resample, measure.

Requests and results need no torch and are there at once, for whoever lets another process compute;
what computes imports torch when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .options import AlignOptions, RefineOptions
from .progress import Progress
from .request import RegistrationRequest
from .result import RegistrationResult
from .slices import SliceSelection

if TYPE_CHECKING:
    from .predict.loaded_model import LoadedModel, load_model
    from .refine.instance_optimisation import RefineResult, refine_field
    from .repetition import Repetition, repeat
    from .runner import Runner, register

__all__ = [
    "AlignOptions",
    "LoadedModel",
    "Progress",
    "RefineOptions",
    "RefineResult",
    "RegistrationRequest",
    "RegistrationResult",
    "Repetition",
    "Runner",
    "SliceSelection",
    "load_model",
    "refine_field",
    "register",
    "repeat",
]

__getattr__ = lazy_names(
    __name__,
    {
        "LoadedModel": "predict.loaded_model",
        "RefineResult": "refine.instance_optimisation",
        "Repetition": "repetition",
        "Runner": "runner",
        "load_model": "predict.loaded_model",
        "refine_field": "refine.instance_optimisation",
        "register": "runner",
        "repeat": "repetition",
    },
)
