"""Greedy of ITK-SNAP's authors, by the package picsl-greedy."""

from __future__ import annotations

import io
import time

import SimpleITK as sitk
import torch

from SlicerLDMRegLib.displacement import DisplacementField

from ..datasets.evaluation import EvaluationPair
from .method import Registered
from .optional_packages import require

__all__ = ["greedy"]

# Radius of the local correlation in voxels, and iterations of the levels from coarse to fine: the
# values of Greedy's own quick start. The smoothing of its update and of the whole field are its
# defaults (1.73 and 0.7 voxels).
_RADIUS = 4
_ITERATIONS = "100x50x20"


def greedy(pair: EvaluationPair) -> Registered:
    """Register with Greedy: diffeomorphic demons-like steps on local correlation.

    Yushkevich et al., IEEE TMI 2016; three levels of resolution, no affine stage.
    """
    package = require("picsl_greedy")
    fixed, moving = pair.images
    dimension = fixed.GetDimension()
    program = (package.Greedy2D if dimension == 2 else package.Greedy3D)()
    radius = "x".join([str(_RADIUS)] * dimension)
    start = time.perf_counter()
    program.execute(
        f"-i fixed moving -m NCC {radius} -n {_ITERATIONS} -o warp "
        f"-threads {torch.get_num_threads()} -V 0",
        out=io.StringIO(),
        fixed=fixed,
        moving=moving,
        warp=None,
    )
    warp: sitk.Image = program["warp"]
    seconds = time.perf_counter() - start
    field = DisplacementField.from_image(sitk.Cast(warp, sitk.sitkVectorFloat64))
    if not field.geometry.matches(pair.lattice):
        raise RuntimeError(f"Greedy gave a field on {field.geometry}, expected {pair.lattice}")
    return Registered(DisplacementField(field.vectors, pair.lattice), seconds)
