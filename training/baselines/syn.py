"""Symmetric normalisation (SyN) of ANTs, by the package antspyx of the extra ``training``."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry

from ..datasets.evaluation import EvaluationPair
from .method import Registered
from .optional_packages import require

__all__ = ["require_ants", "syn", "syn_cc"]


def require_ants() -> Any:
    """Return the module ``ants``.

    Raises:
        MissingPackageError: when it is not installed; the text says how to install it.
    """
    return require("ants")


def syn(pair: EvaluationPair) -> Registered:
    """Register with antspyx's default: affine, then SyN with mutual information."""
    return _register(pair, "SyN")


def syn_cc(pair: EvaluationPair) -> Registered:
    """Register with SyN as the LDM-Morph paper does, without an affine stage.

    The paper's ``-m CC[fixed,moving,1,2] -t SyN[0.25] -r Gauss[3,0.25] -i 160x80x40``: cross-
    correlation in a radius of 2, gradient step 0.25, Gaussian variances of 3 for the update and
    0.25 for the whole field.
    """
    return _register(
        pair,
        "SyNOnly",
        syn_metric="CC",
        syn_sampling=2,
        grad_step=0.25,
        flow_sigma=3,
        total_sigma=0.25,
        reg_iterations=(160, 80, 40),
    )


def _register(pair: EvaluationPair, kind: str, **options: Any) -> Registered:
    ants = require_ants()
    images = [_ants_image(ants, image, pair.lattice) for image in (pair.fixed, pair.moving)]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = ants.registration(*images, kind, outprefix=str(Path(folder) / "syn"), **options)
        seconds = time.perf_counter() - start
        # Affine and warp as one resampling field, fixed to moving points.
        whole = ants.apply_transforms(
            *images, transformlist=found["fwdtransforms"], compose=str(Path(folder) / "whole")
        )
        field = DisplacementField.from_image(sitk.ReadImage(whole))
    if not field.geometry.matches(pair.lattice):
        raise RuntimeError(f"ANTs gave a field on {field.geometry}, expected {pair.lattice}")
    # The file stores the lattice in single precision.
    return Registered(DisplacementField(field.vectors, pair.lattice), seconds)


def _ants_image(ants: Any, array: np.ndarray, lattice: ImageGeometry) -> Any:
    # The axes of an ANTs array are x, y(, z).
    return ants.from_numpy(
        np.ascontiguousarray(array.T),
        origin=lattice.origin,
        spacing=lattice.spacing,
        direction=lattice.direction_matrix,
    )
