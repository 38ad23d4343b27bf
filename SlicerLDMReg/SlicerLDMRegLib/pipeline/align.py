"""Bring two images roughly together before the deformation: SimpleITK, seeded, deterministic."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputError, LDMRegError
from ..geometry import ImageGeometry
from .prepare import coverage
from .progress import Progress
from .request import AlignOptions

__all__ = ["Alignment", "align", "check_overlap", "read_transform"]

_SAMPLES = 60_000
_HISTOGRAM_BINS = 32
_LEAST_OVERLAP = 0.01
_SMALLEST_LEVEL = 16  # voxels along an axis, below which a coarser level sees too little


@dataclass(frozen=True)
class Alignment:
    """A transform before the deformation.

    Attributes:
        transform: fixed points to moving points.
        method: what was done: ``none``, ``center``, ``rigid``, ``affine``, or ``given`` for an
            initial transform; both are joined by ``+``.
        value: final value of the metric of an optimisation, else None.
    """

    transform: sitk.Transform
    method: str
    value: float | None = None

    @property
    def is_identity(self) -> bool:
        """Whether nothing is moved."""
        return self.method == "none"

    def inverse(self) -> sitk.Transform | None:
        """Return moving points to fixed points; None where only a numerical inverse exists."""
        try:
            return self.transform.GetInverse()
        except RuntimeError:
            return None


def read_transform(path: str | Path, dimension: int) -> sitk.Transform:
    """Read an ITK transform, fixed points to moving points, from ``.h5``, ``.tfm`` or ``.txt``.

    Raises:
        InputError: when the file is missing, is not a transform, or has another dimension.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"initial transform: there is no file {path}")
    try:
        transform = sitk.ReadTransform(str(path))
    except RuntimeError as error:
        raise InputError(
            f"initial transform: {path} is not an ITK transform (.h5, .tfm or .txt)"
        ) from error
    if transform.GetDimension() != dimension:
        raise InputError(
            f"initial transform: expected a {dimension}D transform as the images are, "
            f"got {transform.GetDimension()}D"
        )
    return transform


def align(
    fixed: sitk.Image,
    moving: sitk.Image,
    options: AlignOptions | None = None,
    initial: sitk.Transform | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Alignment:
    """Align two images.

    Args:
        fixed: fixed image.
        moving: moving image, of the same dimension.
        options: method and metric. ``auto`` does nothing when the images are on one lattice or an
            initial transform is given, else ``rigid``; images that lie apart need an explicit
            method, for their geometry is more likely wrong than meant.
        initial: fixed to moving points; an optimisation starts from it and is added to it.
        seed: of the metric's samples.
        progress: told about every iteration.

    Returns:
        The alignment; the same inputs give the same numbers.

    Raises:
        InputError: when the images do not overlap, or an image is too thin for the method.
        LDMRegError: when the optimisation fails.
        CancelledError: when the caller cancels.
    """
    options = options or AlignOptions()
    progress = progress or Progress()
    dimension = fixed.GetDimension()
    start = initial if initial is not None else sitk.Transform(dimension, sitk.sitkIdentity)
    method = _resolve(fixed, moving, options.method, initial)
    if method == "none":
        check_overlap(fixed, moving, start)
        return Alignment(start, "none" if initial is None else "given")
    if method == "center":
        own: sitk.Transform = _centre(fixed, moving, start)
        value = None
    else:
        own, value = _optimise(fixed, moving, method, options, initial, seed, progress)
    if initial is None:
        whole, name = own, method
    else:
        # The transform that was added last acts first.
        whole, name = sitk.CompositeTransform([start, own]), f"given+{method}"
    check_overlap(fixed, moving, whole)
    return Alignment(whole, name, value)


def check_overlap(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> None:
    """Check that the moving image covers a part of the fixed one.

    Raises:
        InputError: when it covers less than 1 % of it.
    """
    lattice = _coarse(ImageGeometry.from_image(fixed))
    if coverage(moving, lattice, transform).mean() >= _LEAST_OVERLAP:
        return
    boxes = [_box(ImageGeometry.from_image(image)) for image in (fixed, moving)]
    raise InputError(
        f"the images do not overlap in space: the fixed one lies in {boxes[0]} mm, the moving one "
        f"in {boxes[1]} mm; use --align center or rigid, or correct their origins"
    )


def _coarse(geometry: ImageGeometry) -> ImageGeometry:
    return geometry.resampled(size=[min(n, 64) for n in geometry.size])


def _box(geometry: ImageGeometry) -> str:
    ends = np.asarray(geometry.size) - 1
    corners = np.stack(np.meshgrid(*[[0, end] for end in ends], indexing="ij"), axis=-1)
    points = geometry.index_to_physical(corners.reshape(-1, geometry.dimension))
    low, high = points.min(axis=0), points.max(axis=0)
    return " x ".join(f"{a:.0f}..{b:.0f}" for a, b in zip(low, high, strict=True))


def _resolve(
    fixed: sitk.Image, moving: sitk.Image, method: str, initial: sitk.Transform | None
) -> str:
    thin = min(*fixed.GetSize(), *moving.GetSize()) < 4
    if method in ("rigid", "affine") and thin:
        raise InputError(
            f"align {method}: expected at least 4 slices, got sizes {fixed.GetSize()} and "
            f"{moving.GetSize()}; use --align center or none"
        )
    if method != "auto":
        return method
    if initial is not None or ImageGeometry.from_image(fixed).matches(
        ImageGeometry.from_image(moving)
    ):
        return "none"
    check_overlap(fixed, moving, sitk.Transform(fixed.GetDimension(), sitk.sitkIdentity))
    return "center" if thin else "rigid"


def _centre(fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform) -> sitk.Transform:
    """Return the translation that puts the moving image's centre of mass on the fixed one's."""
    centres = [_centre_of_mass(image) for image in (fixed, moving)]
    # start(x + t) shall be the moving centre at the fixed centre.
    try:
        target = np.asarray(start.GetInverse().TransformPoint(centres[1].tolist()))
    except RuntimeError as error:
        raise InputError(
            "align center: the initial transform has no inverse; use --align none with it"
        ) from error
    return sitk.TranslationTransform(fixed.GetDimension(), (target - centres[0]).tolist())


def _centre_of_mass(image: sitk.Image) -> np.ndarray:
    voxels = sitk.GetArrayViewFromImage(image)
    low = float(voxels.min())
    index = []
    for axis in range(image.GetDimension()):
        others = tuple(n for n in range(voxels.ndim) if n != voxels.ndim - 1 - axis)
        weights = voxels.sum(axis=others, dtype=np.float64)
        weights -= low * (voxels.size / voxels.shape[voxels.ndim - 1 - axis])
        index.append(float(weights @ np.arange(len(weights)) / weights.sum()))
    return np.asarray(image.TransformContinuousIndexToPhysicalPoint(index))


def _optimise(
    fixed: sitk.Image,
    moving: sitk.Image,
    method: str,
    options: AlignOptions,
    initial: sitk.Transform | None,
    seed: int,
    progress: Progress,
) -> tuple[sitk.Transform, float]:
    fixed, moving = (sitk.Cast(image, sitk.sitkFloat32) for image in (fixed, moving))
    stages = ["rigid"] if method == "rigid" else ["rigid", "affine"]
    transform: Any = None
    value = 0.0
    for number, stage in enumerate(stages):
        part = progress.part(number / len(stages), (number + 1) / len(stages))
        registration = _registration(fixed, options, seed, initial)
        first = _first(fixed, moving, stage, transform, registration, initial is not None)
        registration.SetInitialTransform(first, inPlace=False)
        transform, value = _run(registration, fixed, moving, stage, part)
    return transform, value


def _registration(
    fixed: sitk.Image, options: AlignOptions, seed: int, initial: sitk.Transform | None
) -> sitk.ImageRegistrationMethod:
    registration = sitk.ImageRegistrationMethod()
    if options.metric == "correlation":
        registration.SetMetricAsCorrelation()
    else:
        registration.SetMetricAsMattesMutualInformation(_HISTOGRAM_BINS)
    registration.SetInterpolator(sitk.sitkLinear)
    voxels = fixed.GetNumberOfPixels()
    if voxels > _SAMPLES:
        registration.SetMetricSamplingStrategy(registration.RANDOM)
        registration.SetMetricSamplingPercentage(_SAMPLES / voxels, seed + 1)  # 0 is the clock
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


def _shrink_factors(fixed: sitk.Image) -> list[int]:
    smallest = min(fixed.GetSize())
    # Full resolution adds time and, in large volumes, no accuracy that the deformation needs.
    finest = 2 if max(fixed.GetSize()) > 128 else 1
    levels = [finest * f for f in (4, 2, 1) if smallest // (finest * f) >= _SMALLEST_LEVEL]
    return levels or [1]


def _first(
    fixed: sitk.Image,
    moving: sitk.Image,
    stage: str,
    previous: Any,
    registration: sitk.ImageRegistrationMethod,
    given: bool,
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
        starts.append(_centre_of_mass(moving) - _centre_of_mass(fixed))
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
            "align: the images do not overlap from any start; give --initial-transform"
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
            "use --align center or give --initial-transform"
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
