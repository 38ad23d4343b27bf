"""B-spline registration of elastix, by the package itk-elastix."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import numpy as np

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry

from ..datasets.evaluation import EvaluationPair
from .method import Registered
from .optional_packages import require

__all__ = ["elastix"]

_GRID_VOXELS = 10  # between control points at the finest level: elastix's default, in voxels
_LEVELS = 4
_ITERATIONS = 256  # elastix's default
# A coarser level halves the image: more levels than this leave fewer voxels than control points.
_LEAST_VOXELS = 8


def elastix(pair: EvaluationPair, iterations: int = _ITERATIONS) -> Registered:
    """Register with elastix's default B-splines: mutual information and bending energy.

    Klein et al., IEEE TMI 2010.

    Args:
        pair: 2D or 3D.
        iterations: of stochastic gradient descent at each level.
    """
    itk = require("itk")
    lattice = pair.lattice
    fixed, moving = (_itk_image(itk, array, lattice) for array in (pair.fixed, pair.moving))
    levels = min(_LEVELS, max(1, int(np.log2(min(pair.fixed.shape) / _LEAST_VOXELS)) + 1))
    parameters = itk.ParameterObject.New()
    options = parameters.GetDefaultParameterMap("bspline", levels)
    del options["FinalGridSpacingInPhysicalUnits"]
    options["FinalGridSpacingInVoxels"] = [str(_GRID_VOXELS)]
    options["MaximumNumberOfIterations"] = [str(iterations)]
    options["WriteResultImage"] = ["false"]
    options["RandomSeed"] = ["1"]
    parameters.AddParameterMap(options)
    start = time.perf_counter()
    # No number of threads: with one elastix crashes (InsightSoftwareConsortium/ITKElastix, issue
    # 160); ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS holds instead.
    method = itk.ElastixRegistrationMethod.New(fixed, moving)
    method.SetParameterObject(parameters)
    method.SetLogToConsole(False)
    method.UpdateLargestPossibleRegion()
    with tempfile.TemporaryDirectory() as folder:  # it writes a file, too
        field = itk.transformix_deformation_field(
            moving, method.GetTransformParameterObject(), output_directory=folder
        )
    seconds = time.perf_counter() - start
    # The vectors are on the lattice of the fixed image, which the parameters name.
    vectors = np.asarray(itk.array_from_image(field), np.float64)
    if vectors.shape != (*pair.fixed.shape, pair.fixed.ndim):
        raise RuntimeError(
            f"elastix gave a field of {vectors.shape}, expected the lattice {pair.fixed.shape}"
        )
    return Registered(DisplacementField(vectors, lattice), seconds)


def _itk_image(itk: Any, array: np.ndarray, lattice: ImageGeometry) -> Any:
    image = itk.image_from_array(np.ascontiguousarray(array, np.float32))
    image.SetSpacing(lattice.spacing)
    image.SetOrigin(lattice.origin)
    image.SetDirection(itk.matrix_from_array(np.array(lattice.direction_matrix)))
    return image
