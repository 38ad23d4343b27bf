"""Registration methods of the comparison, with a common interface."""

from __future__ import annotations

from .classical import demons, identity
from .convex_adam import convex_adam
from .elastix import elastix
from .greedy import greedy
from .lddmm import lddmm
from .ldmreg import MASKS, ldmreg_method
from .method import Method, Registered, ready
from .optional_packages import MissingPackageError, installed, require
from .process import MethodError, MethodProcess
from .registry import CLASSICAL, SYN_TITLE, ClassicalMethod
from .syn import syn, syn_cc
from .trained_run import is_run, run_method, takes_regions

__all__ = [
    "CLASSICAL",
    "MASKS",
    "SYN_TITLE",
    "ClassicalMethod",
    "Method",
    "MethodError",
    "MethodProcess",
    "MissingPackageError",
    "Registered",
    "convex_adam",
    "demons",
    "elastix",
    "greedy",
    "identity",
    "installed",
    "is_run",
    "lddmm",
    "ldmreg_method",
    "ready",
    "require",
    "run_method",
    "syn",
    "syn_cc",
    "takes_regions",
]
