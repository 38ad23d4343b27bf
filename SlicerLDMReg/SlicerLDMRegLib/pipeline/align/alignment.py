"""Rough alignment of two images before the deformation: seeded, deterministic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ...errors import ADVICE, InputError
from ...geometry import ImageGeometry
from ...resampling import antialiased
from ..context import RunContext
from ..inputs import Inputs
from ..masks import Masks
from ..options import AlignOptions
from ..prepare import coverage, resample
from ..progress import Progress
from ..request import RegistrationRequest
from .phase_shift import find_shift
from .rigid_affine import centre_of_mass, is_better, optimise

__all__ = ["Alignment", "align", "align_images", "check_overlap", "usual_method"]

_LEAST_OVERLAP = 0.01
_OTHER_UNIT = 8.0  # times larger than the other one: cm for mm are 10 times
_MOST_CARRIED = 100  # voxels along an axis of the fixed image, about those of the finest level


@dataclass(frozen=True)
class Alignment:
    """A transform before the deformation.

    Attributes:
        transform: fixed points to moving points.
        method: what was done: ``none``, ``shift``, ``center``, ``rigid``, ``similarity``,
            ``affine``, or ``given`` for an initial transform; both are joined by ``+``.
        value: what the images then tell about each other, in nats for each voxel of the fixed image
            (see :mod:`~SlicerLDMRegLib.pipeline.align.agreement`); None where nobody asked.
        note: why this is another one than what was asked for, such as ``"affine was not better than
            rigid: rigid kept"``; else None.
    """

    transform: sitk.Transform
    method: str
    value: float | None = None
    note: str | None = None

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


def align(inputs: Inputs, request: RegistrationRequest, context: RunContext) -> Alignment:
    """Align the images of a registration; the stage that calls :func:`align_images`.

    Slices on two lattices that overlap stay where they are, unless a method is asked for.

    Raises:
        InputError: when the images do not overlap, or an image is too thin for the method.
        CancelledError: when the caller cancels.
    """
    usual = _recommended(context)
    if inputs.slices is not None:
        # A motion through slices mixes neighbours that are far apart: with stacks of 5 slices,
        # some on another grid, 1.9 mm were left after a rigid alignment, 0.3 mm without one.
        usual = "none"
    return align_images(
        inputs.fixed,
        inputs.moving,
        request.align,
        inputs.initial_transform,
        context.seed,
        context.progress,
        inputs.masks,
        usual,
    )


def usual_method(inputs: Inputs, request: RegistrationRequest, context: RunContext) -> str | None:
    """Return what aligns images when nobody asks, such as ``shift`` for those on one lattice.

    None: a method is asked for, or slices go one by one, or the images are too thin for a turn.

    Raises:
        InputError: when the images do not overlap.
    """
    images = inputs.fixed, inputs.moving
    if request.align.method != "auto" or inputs.slices is not None or _is_thin(*images):
        return None
    return _resolve(*images, "auto", inputs.initial_transform, _recommended(context))


def align_images(
    fixed: sitk.Image,
    moving: sitk.Image,
    options: AlignOptions | None = None,
    initial: sitk.Transform | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    masks: Masks | None = None,
    usual: str = "rigid",
) -> Alignment:
    """Align two images.

    Args:
        fixed: fixed image.
        moving: moving image, of the same dimension.
        options: method and metric. ``auto`` does nothing when an initial transform is given; on one
            lattice it moves the image only when a shift brings much (see :func:`find_shift`); else
            it is the ``usual`` one. Images that lie apart need an explicit method, for their
            geometry is more likely wrong than meant.
        initial: fixed to moving points; an optimisation starts from it and is added to it.
        seed: of the metric's samples.
        progress: told about every iteration.
        masks: where the images are compared.
        usual: the method that a model recommends for images on two lattices.

    Returns:
        The alignment; the same inputs give the same numbers.

    Raises:
        InputError: when the images do not overlap, or an image is too thin for the method.
        CancelledError: when the caller cancels.
    """
    options = options or AlignOptions()
    progress, masks = progress or Progress(), masks or Masks()
    dimension = fixed.GetDimension()
    start = initial if initial is not None else sitk.Transform(dimension, sitk.sitkIdentity)
    method = _resolve(fixed, moving, options.method, initial, usual)
    if method == "none":
        check_overlap(fixed, moving, start)
        return Alignment(start, "none" if initial is None else "given")
    images = fixed, moving
    fixed, moving = masks.fill(fixed, moving)
    if method == "shift":
        shift = find_shift(fixed, moving, masks)
        return Alignment(start, "none") if shift is None else Alignment(shift, "shift")
    own: sitk.Transform
    value, note = None, None
    if method == "center":
        own = _centre(fixed, moving, start, masks)
        way = np.asarray(own.TransformPoint([0.0] * dimension))
        # Who asks for it may know that the coordinates are wrong.
        if options.method == "auto" and not is_better(fixed, moving, way, seed, masks):
            own, method, note = start, "none", _note("center", "none")
    else:
        near = initial is not None
        if near:
            check_overlap(*images, start)
            moving, masks = _carried(fixed, moving, start, masks)
        found = optimise(fixed, moving, method, options, seed, progress, masks, near)
        kept = "rigid" if found.kept == "start" else found.kept
        own, value, note, method = found.transform, found.value, _note(method, kept), kept
    if initial is None:
        whole, name = own, method
    elif method == "none":
        whole, name = start, "given"
    else:
        # The transform that was added last acts first.
        whole, name = sitk.CompositeTransform([start, own]), f"given+{method}"
    check_overlap(*images, whole)
    return Alignment(whole, name, value, note)


def _recommended(context: RunContext) -> str:
    return AlignOptions(context.defaults.get("align", "rigid")).method


def check_overlap(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> None:
    """Check that the moving image covers a part of the fixed one.

    Raises:
        InputError: when it covers less than 1 % of it.
    """
    lattice = _coarse(ImageGeometry.from_image(fixed))
    if coverage(moving, lattice, transform).mean() >= _LEAST_OVERLAP:
        return
    geometries = [ImageGeometry.from_image(image) for image in (fixed, moving)]
    boxes = [_box(geometry) for geometry in geometries]
    sizes = [float(np.linalg.norm(geometry.extent_mm)) for geometry in geometries]
    advice = f"use {ADVICE}, or correct their origins"
    if max(sizes) > _OTHER_UNIT * min(sizes):
        which, times = ("fixed", "moving")[int(np.argmin(sizes))], max(sizes) / min(sizes)
        advice = (
            f"the {which} one is {times:.0f} times smaller: if its header does not mean mm, "
            f"correct its voxel spacing and origin; else use {ADVICE}"
        )
    raise InputError(
        f"the images do not overlap in space: the fixed one lies in {boxes[0]} mm, the moving one "
        f"in {boxes[1]} mm; {advice}",
        option="align",
        value=("center", "rigid"),
    )


def _note(asked: str, kept: str) -> str | None:
    if kept == asked:
        return None
    name = "the coordinates of the images" if kept == "none" else kept
    return f"{asked} was not better than {name}: {name} kept"


def _carried(
    fixed: sitk.Image, moving: sitk.Image, initial: sitk.Transform, masks: Masks
) -> tuple[sitk.Image, Masks]:
    """Return the moving image as an initial transform brings it to the fixed one, and the masks.

    It reaches half the size of the fixed image farther than that, and its mask is 0 where the
    moving image has nothing to show.
    """
    geometry = ImageGeometry.from_image(fixed)
    geometry = geometry.resampled(size=[min(n, _MOST_CARRIED) for n in geometry.size])
    more = np.asarray(geometry.size) // 2
    lattice = geometry.crop((-more).tolist(), (2 * more + geometry.size).tolist())
    image = resample(antialiased(moving, lattice), lattice, initial)
    inside = Masks(moving=masks.moving).inside(lattice, initial)
    inside &= coverage(moving, lattice, initial).astype(bool)
    return image, Masks(masks.fixed, lattice.to_image(inside))


def _coarse(geometry: ImageGeometry) -> ImageGeometry:
    return geometry.resampled(size=[min(n, 64) for n in geometry.size])


def _box(geometry: ImageGeometry) -> str:
    ends = np.asarray(geometry.size) - 1
    corners = np.stack(np.meshgrid(*[[0, end] for end in ends], indexing="ij"), axis=-1)
    points = geometry.index_to_physical(corners.reshape(-1, geometry.dimension))
    low, high = points.min(axis=0), points.max(axis=0)
    digits = 0 if (high - low).max() > 10 else 3
    return " x ".join(f"{a:.{digits}f}..{b:.{digits}f}" for a, b in zip(low, high, strict=True))


def _resolve(
    fixed: sitk.Image,
    moving: sitk.Image,
    method: str,
    initial: sitk.Transform | None,
    usual: str,
) -> str:
    thin = _is_thin(fixed, moving)
    if method in ("rigid", "affine") and thin:
        raise InputError(
            f"align {method}: expected at least 4 slices, got sizes {fixed.GetSize()} and "
            f"{moving.GetSize()}; use {ADVICE}",
            option="align",
            value=("center", "none"),
        )
    if method != "auto":
        return method
    if initial is not None:
        return "none"
    if ImageGeometry.from_image(fixed).matches(ImageGeometry.from_image(moving)):
        return "shift"
    check_overlap(fixed, moving, sitk.Transform(fixed.GetDimension(), sitk.sitkIdentity))
    return "center" if thin else usual


def _is_thin(fixed: sitk.Image, moving: sitk.Image) -> bool:
    return min(*fixed.GetSize(), *moving.GetSize()) < 4


def _centre(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform, masks: Masks
) -> sitk.Transform:
    """Return the translation that puts the moving image's centre of mass on the fixed one's."""
    centres = [centre_of_mass(fixed, masks.fixed), centre_of_mass(moving, masks.moving)]
    # start(x + t) shall be the moving centre at the fixed centre.
    try:
        target = np.asarray(start.GetInverse().TransformPoint(centres[1].tolist()))
    except RuntimeError as error:
        raise InputError(
            f"align center: the initial transform has no inverse; use {ADVICE} with it",
            option="align",
            value="none",
        ) from error
    return sitk.TranslationTransform(fixed.GetDimension(), (target - centres[0]).tolist())
