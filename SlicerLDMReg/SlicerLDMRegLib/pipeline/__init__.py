"""From two images to a result: read, prepare, align, predict, refine, resample, measure."""

from __future__ import annotations

from .method import LoadedModel, load_model
from .progress import Progress
from .refine import RefineResult, refine
from .register import register, register_request
from .request import AlignOptions, RefineOptions, RegistrationRequest
from .result import RegistrationResult
from .slices import SliceSelection

__all__ = [
    "AlignOptions",
    "LoadedModel",
    "Progress",
    "RefineOptions",
    "RefineResult",
    "RegistrationRequest",
    "RegistrationResult",
    "SliceSelection",
    "load_model",
    "refine",
    "register",
    "register_request",
]
