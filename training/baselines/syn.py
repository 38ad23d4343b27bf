"""Symmetric normalisation (SyN) by ANTs, through the package antspyx of the extra ``training``."""

from __future__ import annotations

import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField

from .method import Registered

__all__ = ["require_ants", "syn", "syn_cc"]


def require_ants() -> Any:
    """Return the module ``ants``.

    Raises:
        ImportError: when it is not installed, with what to do.
    """
    try:
        return import_module("ants")
    except ImportError as error:
        raise ImportError("SyN needs antspyx: pip install 'ldmreg[training]'") from error


def syn(fixed: np.ndarray, moving: np.ndarray) -> Registered:
    """Register with antspyx as it comes: affine, then SyN with mutual information."""
    return _register(fixed, moving, "SyN")


def syn_cc(fixed: np.ndarray, moving: np.ndarray) -> Registered:
    """Register with SyN as the LDM-Morph paper does, without an affine stage.

    The paper's ``-m CC[fixed,moving,1,2] -t SyN[0.25] -r Gauss[3,0.25] -i 160x80x40``: cross-
    correlation in a radius of 2, gradient step 0.25, Gaussian variances of 3 for the update and
    0.25 for the whole field.
    """
    return _register(
        fixed,
        moving,
        "SyNOnly",
        syn_metric="CC",
        syn_sampling=2,
        grad_step=0.25,
        flow_sigma=3,
        total_sigma=0.25,
        reg_iterations=(160, 80, 40),
    )


def _register(fixed: np.ndarray, moving: np.ndarray, kind: str, **options: Any) -> Registered:
    ants = require_ants()
    # The axes of an ANTs array are x, y(, z).
    images = [ants.from_numpy(np.ascontiguousarray(image.T)) for image in (fixed, moving)]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = ants.registration(*images, kind, outprefix=str(Path(folder) / "syn"), **options)
        seconds = time.perf_counter() - start
        # Affine and warp as one field, that of the resampling: fixed to moving points.
        whole = ants.apply_transforms(
            *images, transformlist=found["fwdtransforms"], compose=str(Path(folder) / "whole")
        )
        return Registered(DisplacementField.from_image(sitk.ReadImage(whole)), seconds)
