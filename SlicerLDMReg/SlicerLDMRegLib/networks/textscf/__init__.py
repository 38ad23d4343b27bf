"""textSCF: 3D registration with text-generated filters per region (Zhang et al., 2023)."""

from __future__ import annotations

from .config import TextSCFConfig
from .implicit_function import ImplicitFunction
from .model import TextSCF
from .region_filters import BlendedFilters, ResidualFilters, filter_by_region

__all__ = [
    "BlendedFilters",
    "ImplicitFunction",
    "ResidualFilters",
    "TextSCF",
    "TextSCFConfig",
    "filter_by_region",
]
