"""Registration methods to compare with, all called in the same way."""

from __future__ import annotations

from .classical import demons, identity
from .ldmreg import ldmreg_method
from .method import Method, Registered, pixel_lattice
from .syn import syn, syn_cc

__all__ = [
    "Method",
    "Registered",
    "demons",
    "identity",
    "ldmreg_method",
    "pixel_lattice",
    "syn",
    "syn_cc",
]
