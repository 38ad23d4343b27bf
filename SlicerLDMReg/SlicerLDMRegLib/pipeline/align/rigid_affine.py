"""Rigid and affine alignment by optimisation of an image metric, with SimpleITK."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...errors import ADVICE, InputError, LDMRegError
from ...geometry import ImageGeometry
from ..masks import Masks
from ..options import AlignOptions
from ..progress import Progress

__all__ = ["centre_of_mass", "optimise"]

_SAMPLES = 60_000
_MOST_DRAWN = 10  # times as many, where most of them miss a small mask
_HISTOGRAM_BINS = 32
_SMALLEST_LEVEL = 16  # voxels along an axis, below which a coarser level sees too little


def centre_of_mass(image: sitk.Image, mask: sitk.Image | None = None) -> np.ndarray:
    """Return the physical point of the mean position, weighted by the intensity above the least.

    With a mask it is that of the voxels where the mask is not 0.
    """
    voxels = sitk.GetArrayViewFromImage(image)
    low = float(voxels.min())
    if mask is not None:
        inside = sitk.GetArrayViewFromImage(mask) > 0
        low = float(voxels[inside].min())
        voxels = np.where(inside, voxels, low)
        if voxels.max() == low:
            voxels, low = inside, 0.0
    index = []
    for axis in range(image.GetDimension()):
        others = tuple(n for n in range(voxels.ndim) if n != voxels.ndim - 1 - axis)
        weights = voxels.sum(axis=others, dtype=np.float64)
        weights -= low * (voxels.size / voxels.shape[voxels.ndim - 1 - axis])
        index.append(float(weights @ np.arange(len(weights)) / weights.sum()))
    return np.asarray(image.TransformContinuousIndexToPhysicalPoint(index))


def optimise(
    fixed: sitk.Image,
    moving: sitk.Image,
    method: str,
    options: AlignOptions,
    initial: sitk.Transform | None,
    seed: int,
    progress: Progress,
    masks: Masks,
) -> tuple[sitk.Transform, float]:
    """Optimise a rigid or affine transform over several resolutions.

    Args:
        fixed: fixed image.
        moving: moving image.
        method: ``rigid`` or ``affine`` (which starts from rigid).
        options: metric and iterations.
        initial: transform that acts after the one that is sought, or None.
        seed: of the metric's samples.
        progress: told about every iteration.
        masks: where the images are compared.

    Returns:
        The transform, fixed to moving points (without ``initial``), and the metric's value.

    Raises:
        InputError: when the images overlap from no start.
        LDMRegError: when the optimisation fails.
        CancelledError: when the caller cancels.
    """
    fixed, moving = (sitk.Cast(image, sitk.sitkFloat32) for image in (fixed, moving))
    stages = ["rigid"] if method == "rigid" else ["rigid", "affine"]
    transform: Any = None
    value = 0.0
    for number, stage in enumerate(stages):
        part = progress.part(number / len(stages), (number + 1) / len(stages))
        registration = _registration(fixed, options, seed, initial, masks)
        first = _first(fixed, moving, transform, registration, initial is not None, masks)
        registration.SetInitialTransform(first, inPlace=False)
        transform, value = _run(registration, fixed, moving, stage, part)
    return transform, value


def _registration(
    fixed: sitk.Image,
    options: AlignOptions,
    seed: int,
    initial: sitk.Transform | None,
    masks: Masks,
) -> sitk.ImageRegistrationMethod:
    registration = sitk.ImageRegistrationMethod()
    if options.metric == "correlation":
        registration.SetMetricAsCorrelation()
    else:
        registration.SetMetricAsMattesMutualInformation(_HISTOGRAM_BINS)
    registration.SetInterpolator(sitk.sitkLinear)
    share = _sampled_share(fixed, masks)
    if share < 1:
        registration.SetMetricSamplingStrategy(registration.RANDOM)
        registration.SetMetricSamplingPercentage(share, seed + 1)  # 0 is the clock
    if masks.fixed is not None:
        registration.SetMetricFixedMask(masks.fixed)
    if masks.moving is not None:
        registration.SetMetricMovingMask(masks.moving)
    levels = _shrink_factors(fixed)
    registration.SetShrinkFactorsPerLevel(levels)
    registration.SetSmoothingSigmasPerLevel([factor / 2 if factor > 1 else 0 for factor in levels])
    registration.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0 * max(fixed.GetSpacing()),
        minStep=0.01 * min(fixed.GetSpacing()),
        numberOfIterations=options.iterations,
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-6,
    )
    if initial is not None:
        registration.SetMovingInitialTransform(initial)
    return registration


def _sampled_share(fixed: sitk.Image, masks: Masks) -> float:
    """Return the part of the fixed voxels that is drawn; those outside the mask do not count."""
    voxels = fixed.GetNumberOfPixels()
    inside = voxels
    if masks.fixed is not None:
        inside = int(np.count_nonzero(sitk.GetArrayViewFromImage(masks.fixed)))
    return min(1.0, _SAMPLES / inside, _MOST_DRAWN * _SAMPLES / voxels)


def _shrink_factors(fixed: sitk.Image) -> list[int]:
    smallest = min(fixed.GetSize())
    # Full resolution adds time and, in large volumes, no accuracy that the deformation needs.
    finest = 2 if max(fixed.GetSize()) > 128 else 1
    levels = [finest * f for f in (4, 2, 1) if smallest // (finest * f) >= _SMALLEST_LEVEL]
    return levels or [1]


def _first(
    fixed: sitk.Image,
    moving: sitk.Image,
    previous: Any,
    registration: sitk.ImageRegistrationMethod,
    given: bool,
    masks: Masks,
) -> sitk.Transform:
    """Return the transform of a stage at its best start."""
    dimension = fixed.GetDimension()
    if previous is not None:
        affine = sitk.AffineTransform(dimension)
        affine.SetMatrix(previous.GetMatrix())
        affine.SetTranslation(previous.GetTranslation())
        affine.SetCenter(previous.GetCenter())
        return affine
    kind = sitk.Euler2DTransform if dimension == 2 else sitk.Euler3DTransform
    centre = ImageGeometry.from_image(fixed).center()
    starts = [np.zeros(dimension)]
    if not given:
        # The scanner's coordinates, the middles of the lattices, or the centres of mass: whichever
        # fits best, for each of them is the right one for some pairs.
        starts.append(np.asarray(ImageGeometry.from_image(moving).center()) - np.asarray(centre))
        starts.append(centre_of_mass(moving, masks.moving) - centre_of_mass(fixed, masks.fixed))
    best, best_value = None, np.inf
    for translation in starts:
        transform = kind()
        transform.SetCenter(centre)
        transform.SetTranslation(translation.tolist())
        registration.SetInitialTransform(transform, inPlace=False)
        try:
            value = registration.MetricEvaluate(fixed, moving)
        except RuntimeError:  # no sample of the fixed image meets the moving one
            continue
        if value < best_value:
            best, best_value = transform, value
    if best is None:
        raise InputError(
            f"align: the images do not overlap from any start; give {ADVICE}",
            option="initial_transform",
        )
    return best


def _run(
    registration: sitk.ImageRegistrationMethod,
    fixed: sitk.Image,
    moving: sitk.Image,
    stage: str,
    progress: Progress,
) -> tuple[sitk.Transform, float]:
    count = 0

    def on_iteration() -> None:
        nonlocal count
        count += 1
        # An exception would have to cross ITK: stop it, and raise afterwards.
        if progress.cancelled:
            registration.StopRegistration()
            return
        # Nobody knows how many iterations will be needed: half of the bar by the 60th.
        progress.report("align", count / (count + 60), stage)

    registration.AddCommand(sitk.sitkIterationEvent, on_iteration)
    try:
        with _one_thread():
            found = registration.Execute(fixed, moving)
    except RuntimeError as error:
        progress.check()
        reason = str(error).strip().splitlines()[-1]
        raise LDMRegError(
            f"align {stage}: the optimisation failed ({reason}); "
            f"use {ADVICE}, or give an initial transform",
            option="align",
            value="center",
        ) from error
    progress.check()
    if found.GetTransformEnum() == sitk.sitkComposite:
        found = sitk.CompositeTransform(found).GetNthTransform(0)
    return found.Downcast(), registration.GetMetricValue()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let ITK use one thread.

    Several add up their parts of the metric in any order, and the last digits of the result would
    differ from run to run. The filter's own number of threads does not reach the metric.
    """
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
