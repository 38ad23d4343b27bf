"""From two images to a result: read, prepare, align, predict, refine, resample, measure.

Requests and results need no torch and are there at once, for whoever lets another process compute;
what computes imports torch when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .options import AlignOptions, RefineOptions
from .progress import Progress
from .request import RegistrationRequest
from .result import RegistrationResult
from .slices import SliceSelection

if TYPE_CHECKING:
    from .method import LoadedModel, load_model
    from .refine import RefineResult, refine
    from .register import register, register_request

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

_HOMES = {
    "LoadedModel": "method",
    "RefineResult": "refine",
    "load_model": "method",
    "refine": "refine",
    "register": "register",
    "register_request": "register",
}


class _Package(ModuleType):
    """This package. Importing one of its modules does not hide the function of the same name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
