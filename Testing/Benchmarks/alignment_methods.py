"""Linear registration by LDMReg and by others, as functions of one pair."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.pipeline.align.alignment import align_images
from SlicerLDMRegLib.pipeline.options import AlignOptions

__all__ = ["METHODS", "Align", "require_greedy", "unregistered"]

#: ``(fixed, moving, "rigid" or "affine", "mattes" or "correlation")`` to fixed to moving points.
Align = Callable[[sitk.Image, sitk.Image, str, str], sitk.Transform]


def ldmreg(fixed: sitk.Image, moving: sitk.Image, method: str, metric: str) -> sitk.Transform:
    """Align as ``ldmreg register --align`` does."""
    return align_images(fixed, moving, AlignOptions(method, metric=metric)).transform


def itk(fixed: sitk.Image, moving: sitk.Image, method: str, metric: str) -> sitk.Transform:
    """Align with ITK as its examples do.

    Centres of the images on each other, gradient descent with a learning rate of 1 and scales from
    the physical shift, three levels; for affine, rigid before.
    """
    fixed, moving = (sitk.Cast(image, sitk.sitkFloat32) for image in (fixed, moving))
    rigid = sitk.Euler2DTransform() if fixed.GetDimension() == 2 else sitk.Euler3DTransform()
    geometry = sitk.CenteredTransformInitializerFilter.GEOMETRY
    start = sitk.CenteredTransformInitializer(fixed, moving, rigid, geometry)
    found = _itk_stage(fixed, moving, start, metric)
    if method == "rigid":
        return found
    affine = sitk.AffineTransform(fixed.GetDimension())
    for name in ("Matrix", "Translation", "Center"):
        getattr(affine, f"Set{name}")(getattr(found, f"Get{name}")())
    return _itk_stage(fixed, moving, affine, metric)


def _itk_stage(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform, metric: str
) -> sitk.Transform:
    registration = sitk.ImageRegistrationMethod()
    if metric == "correlation":
        registration.SetMetricAsCorrelation()
    else:
        registration.SetMetricAsMattesMutualInformation(50)
    registration.SetMetricSamplingStrategy(registration.RANDOM)
    registration.SetMetricSamplingPercentage(min(1.0, 20_000 / fixed.GetNumberOfPixels()), 1)
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetOptimizerAsGradientDescent(1.0, 100, 1e-6, 10)
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetShrinkFactorsPerLevel([4, 2, 1])
    registration.SetSmoothingSigmasPerLevel([2, 1, 0])
    registration.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    registration.SetInitialTransform(start, inPlace=False)
    found = registration.Execute(fixed, moving)
    if found.GetTransformEnum() == sitk.sitkComposite:
        found = sitk.CompositeTransform(found).GetNthTransform(0)
    return found.Downcast()


def require_greedy() -> Any:
    """Return the module ``picsl_greedy`` (Apache-2.0).

    Raises:
        ImportError: when it is not installed, with what to do.
    """
    try:
        return import_module("picsl_greedy")
    except ImportError as error:
        raise ImportError("Greedy needs picsl-greedy: pip install picsl-greedy") from error


def greedy(fixed: sitk.Image, moving: sitk.Image, method: str, metric: str) -> sitk.Transform:
    """Align with Greedy as its documentation recommends, from the centres of the images."""
    module = require_greedy()
    dimension = fixed.GetDimension()
    # Beyond an image it reads 0.
    images = [
        sitk.Cast(image, sitk.sitkFloat32) - float(sitk.GetArrayViewFromImage(image).min())
        for image in (fixed, moving)
    ]
    name = "NMI" if metric == "mattes" else "NCC " + "x".join(["2"] * dimension)
    freedom = {"rigid": 6, "affine": 12}[method]
    run = (module.Greedy2D if dimension == 2 else module.Greedy3D)()
    run.execute(
        f"-a -dof {freedom} -m {name} -n 100x50x10 -i fixed moving -o found "
        "-ia-image-centers -threads 1 -V 0",
        fixed=images[0],
        moving=images[1],
        found=None,
    )
    # Its matrices are of RAS.
    flip = np.diag([-1.0, -1.0, *[1.0] * (dimension - 1)])
    matrix = flip @ np.asarray(run["found"]) @ flip
    linear, shift = matrix[:dimension, :dimension], matrix[:dimension, dimension]
    return sitk.AffineTransform(linear.ravel().tolist(), shift.tolist())


def unregistered(fixed: sitk.Image, moving: sitk.Image, method: str, metric: str) -> sitk.Transform:
    """Leave the images where they are."""
    return sitk.Transform(fixed.GetDimension(), sitk.sitkIdentity)


METHODS: dict[str, Align] = {"ldmreg": ldmreg, "itk": itk, "greedy": greedy}
