"""Registration methods of the comparison, with a common interface."""

from __future__ import annotations

from .classical import demons, identity
from .ldmreg import MASKS, ldmreg_method
from .method import Method, Registered, ready
from .process import MethodError, MethodProcess
from .syn import syn, syn_cc

__all__ = [
    "MASKS",
    "Method",
    "MethodError",
    "MethodProcess",
    "Registered",
    "demons",
    "identity",
    "ldmreg_method",
    "ready",
    "syn",
    "syn_cc",
]
