"""Metrics of a registration; arrays or tensors in, floats out.

Images and label maps are arrays of one shape, ``(H, W)`` or ``(D, H, W)``, without batch and
channel. An undefined number, such as the overlap of a label absent from both images, is NaN;
average with ``numpy.nanmean``. Surface distances of large label maps import scipy when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .deformation import (
    displacement_statistics,
    fold_percentage,
    sdlogj,
    sdlogj_learn2reg,
)
from .landmarks import target_registration_error
from .overlap import dice
from .renumbering import better_numbers
from .similarity import lncc, mse, ncc

if TYPE_CHECKING:
    from .surface import SurfaceDistances, hd95, surface_distances

__all__ = [
    "SurfaceDistances",
    "better_numbers",
    "dice",
    "displacement_statistics",
    "fold_percentage",
    "hd95",
    "lncc",
    "mse",
    "ncc",
    "sdlogj",
    "sdlogj_learn2reg",
    "surface_distances",
    "target_registration_error",
]

__getattr__ = lazy_names(
    __name__,
    dict.fromkeys(("SurfaceDistances", "hd95", "surface_distances"), "surface"),
)
