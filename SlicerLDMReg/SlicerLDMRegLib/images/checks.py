"""Checks of images before a registration: one finite number per voxel, not the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..geometry import ImageGeometry
from .loaded import add_notes
from .selection import Selection

__all__ = ["check_image", "check_labels", "describe", "scalar"]

# ITU-R BT.601, as the programs that show colour pictures in grey have it.
_LUMINANCE = (0.299, 0.587, 0.114)
_SMALLEST = 2  # pixels along the two longer axes; below that nothing can be compared


def scalar(image: sitk.Image, name: str, wanted: Selection | None = None) -> sitk.Image:
    """Return a 2D or 3D image with one number per voxel.

    Args:
        image: any image.
        name: of it, for the errors.
        wanted: ``grey`` makes grey of colours, which a note tells.

    Raises:
        InputError: for frames, colours and complex numbers.
    """
    grey = wanted is not None and wanted.asked("grey")
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[..., 0]
    if image.GetDimension() not in (2, 3):
        raise InputError(
            f"{name}: expected a 2D or 3D image, got {image.GetDimension()}D of size "
            f"{image.GetSize()}; give one frame of it"
        )
    if image.GetNumberOfComponentsPerPixel() > 1:
        image = _grey(image, name, grey)
    if "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"{name}: expected real numbers, got complex ones; give the magnitude")
    return image


def _grey(image: sitk.Image, name: str, asked: bool) -> sitk.Image:
    """Return one channel of a grey image that was stored in colour, or the luminance if asked."""
    count = image.GetNumberOfComponentsPerPixel()
    pixels = sitk.GetArrayViewFromImage(image)
    colours = min(count, 3)  # the last of 4 is alpha
    opaque = colours == count or pixels[..., -1].min() == pixels[..., -1].max()
    if count in (3, 4):
        equal = all(np.array_equal(pixels[..., 0], pixels[..., c]) for c in range(1, colours))
        if equal and (opaque or asked):
            grey = sitk.VectorIndexSelectionCast(image, 0)
            return grey if opaque else add_notes(grey, ["its transparency was left out"])
        if asked:
            values = pixels[..., :3].astype(np.float64) @ np.array(_LUMINANCE)
            kind = pixels.dtype
            values = np.rint(values) if kind.kind in "iu" else values
            grey = ImageGeometry.from_image(image).to_image(values.astype(kind))
            notes = ["its colours were made grey: 0.299 red + 0.587 green + 0.114 blue"]
            return add_notes(grey, notes + ([] if opaque else ["its transparency was left out"]))
    hint = "convert it to a grey image"
    if count in (3, 4):
        hint += ", or have it done with #grey behind its name"
    raise InputError(
        f"{name}: expected one number per pixel, got {count} (colour"
        f"{' or transparency' if not opaque else ''} or vectors); {hint}"
    )


def check_image(image: sitk.Image, name: str) -> sitk.Image:
    """Check the size and the values of a scalar image.

    Raises:
        InputError: when there is nothing that could be registered.
    """
    _check_geometry(image, name)
    longer = sorted(image.GetSize())[-2:]
    if min(longer) < _SMALLEST:
        raise InputError(
            f"{name}: expected at least {_SMALLEST} pixels along two axes, "
            f"got size {image.GetSize()}; give a larger part of the image"
        )
    voxels = sitk.GetArrayViewFromImage(image)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        count = int(voxels.size - np.isfinite(voxels).sum())
        raise InputError(
            f"{name}: {count} of {voxels.size} voxels are NaN or infinite; "
            "replace them, for instance by 0"
        )
    if voxels.min() == voxels.max():
        raise InputError(f"{name}: all voxels are {voxels.flat[0]:g}; there is nothing to register")
    return image


def check_labels(labels: sitk.Image, name: str) -> sitk.Image:
    """Return a label map of integers, of the smallest type that holds floats without fractions.

    Raises:
        InputError: for fractions, negative numbers, or floats that no integer holds.
    """
    _check_geometry(labels, name)
    voxels = sitk.GetArrayViewFromImage(labels)
    if voxels.dtype.kind == "f":
        if not np.isfinite(voxels).all() or not np.array_equal(voxels, np.rint(voxels)):
            raise InputError(
                f"{name}: expected whole numbers, got fractions; "
                "labels must be resampled with nearest-neighbour interpolation"
            )
        exact = 2.0 ** (np.finfo(voxels.dtype).nmant + 1)
        if voxels.max() > exact:
            raise InputError(
                f"{name}: labels up to {voxels.max():.0f} are stored as {voxels.dtype}, which "
                f"holds whole numbers up to {exact:.0f}; save them as integers"
            )
        kind = sitk.sitkInt32 if voxels.max() < 2**31 else sitk.sitkInt64
        labels = _kept_notes(sitk.Cast(labels, kind), labels)
        voxels = sitk.GetArrayViewFromImage(labels)
    if voxels.dtype == np.uint64 and voxels.max() >= 2**63:
        raise InputError(f"{name}: expected labels below 2^63, got {int(voxels.max())}")
    if voxels.min() < 0:
        raise InputError(f"{name}: expected labels from 0 up, got {int(voxels.min())}")
    return labels


def _kept_notes(image: sitk.Image, source: sitk.Image) -> sitk.Image:
    from .loaded import notes_of

    return add_notes(image, notes_of(source))


def _check_geometry(image: sitk.Image, name: str) -> None:
    try:
        ImageGeometry.from_image(image)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error


def describe(geometry: ImageGeometry) -> str:
    """Return the size, spacing and origin of a lattice in a few words."""
    size = "x".join(str(n) for n in geometry.size)
    spacing = "x".join(f"{s:.4g}" for s in geometry.spacing)
    return f"{size} at {spacing} mm from ({_listed(geometry.origin)})"


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
