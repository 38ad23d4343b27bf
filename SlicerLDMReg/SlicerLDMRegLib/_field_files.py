"""Files of displacement fields, as ITK and 3D Slicer write them: LPS, mm, fixed to moving.

Those of other programs are read where ``images.fields`` knows what their vectors mean.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import SimpleITK as sitk

from ._c_numbers import c_numbers
from ._outputs import whole_file
from .errors import InputError
from .geometry import ImageGeometry
from .images.fields import read_field_image
from .images.isolated import transform_crashes
from .images.loaded import add_notes
from .images.nifti_intent import write_with_intent
from .images.written import reserve, write_image

__all__ = ["SUFFIXES", "read_field", "write_field"]

_TRANSFORM_SUFFIXES = (".h5", ".tfm")
_IMAGE_SUFFIXES = (".nii.gz", ".nii", ".mha", ".nrrd")
SUFFIXES = _TRANSFORM_SUFFIXES + _IMAGE_SUFFIXES

_DISPLACEMENT_INTENT = 1006  # NIFTI_INTENT_DISPVECT
_H5_OVERHEAD = 1_000_000  # bytes of a file beside its numbers; 0.1 MB were seen
_PLACE_IN_ITK = re.compile(r"ITK ERROR: \w+\(0x[0-9a-f]+\): ")
_LAST_LINE = 100_000  # bytes in which the last line of a transform as text begins


@c_numbers()
def write_field(image: sitk.Image, path: str | os.PathLike[str]) -> None:
    """Write a displacement field so that the file is there completely or not at all.

    Args:
        image: vector image of LPS displacements in mm, float64.
        path: ends in one of ``SUFFIXES``.

    Raises:
        InputError: for an unknown suffix, or when the file cannot be written.
    """
    path = Path(path)
    suffix = _suffix(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder does not exist; create it first")
    try:
        with whole_file(path) as new:
            if suffix == ".h5":
                _write_h5(image, new)
            elif suffix in _TRANSFORM_SUFFIXES:
                # The transform takes over the pixels of its image: give it a copy.
                sitk.WriteTransform(sitk.DisplacementFieldTransform(sitk.Image(image)), str(new))
                _check_text(new)
            else:
                _write_image(image, new, suffix)
    except (RuntimeError, OSError) as error:
        raise InputError(f"cannot write {path}: {_reason(error)}") from error


@c_numbers()
def read_field(path: str | os.PathLike[str]) -> sitk.Image | sitk.Transform:
    """Read a file of ``SUFFIXES``: a displacement image, or the transform if it is not a field.

    Returns:
        The vector image (LPS, mm, from parent) where the file holds one displacement field, and
        otherwise the transform.

    Raises:
        InputError: when the file is missing, unreadable, of another kind, or holds the opposite
            direction (to parent).
    """
    path = Path(path)
    suffix = _suffix(path)
    if not path.is_file():
        raise InputError(f"{path}: the file does not exist")
    if suffix in _IMAGE_SUFFIXES:
        return _read_image(path)
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty (0 bytes); copy or write it again")
    # The reader of damaged files crashes, or never ends.
    if transform_crashes(path):
        raise InputError(f"{path}: it is damaged: its reader crashes; copy or write it again")
    try:
        transform = sitk.ReadTransform(str(path)).Downcast()
    except RuntimeError as error:
        raise InputError(f"{path}: not a transform that ITK can read: {_reason(error)}") from error
    if isinstance(transform, sitk.CompositeTransform) and transform.GetNumberOfTransforms() == 1:
        transform = transform.GetNthTransform(0).Downcast()
    if isinstance(transform, sitk.DisplacementFieldTransform):
        field = sitk.Image(transform.GetDisplacementField())
        if 0 in field.GetSize():
            raise InputError(f"{path}: it is damaged or cut off; copy or write it again")
        return field
    return transform


def _suffix(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise InputError(f"{path}: unknown kind of displacement file; use one of {', '.join(SUFFIXES)}")


def _reason(error: Exception) -> str:
    """Return the last line of an exception; ITK puts source file and line number before it."""
    if "unsupported type" in str(error):
        return "its content is not what its name says; copy or write it again"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _PLACE_IN_ITK.sub("", lines[-1].strip())


def _write_h5(image: sitk.Image, path: Path) -> None:
    # The writer crashes where the disk is full: find out before.
    size = 8 * image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel()
    reserve(path.parent, size + _H5_OVERHEAD)
    sitk.WriteTransform(sitk.DisplacementFieldTransform(sitk.Image(image)), str(path))


def _check_text(path: Path) -> None:
    """Check that a transform is there to its last line, for its writer is silent on full disks."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LAST_LINE))
        end = file.read()
    if b"\nFixedParameters: " not in end or not end.endswith(b"\n"):
        raise OSError(errno.ENOSPC, "only a part of it could be written; is the disk full?")


def _write_image(image: sitk.Image, path: Path, suffix: str) -> None:
    image = sitk.Cast(image, sitk.sitkVectorFloat32)
    # Slicer reads a 3D vector image with this code as a transform. It cannot do so in 2D (it would
    # use the first component for all), so 2D fields stay plain vector images.
    flagged = image.GetDimension() == 3
    if not suffix.startswith(".nii"):
        if flagged:
            image.SetMetaData("intent_code", str(_DISPLACEMENT_INTENT))
        write_image(image, path)
        return
    if not flagged:
        write_image(image, path, compressed=False)
        return
    geometry = ImageGeometry.from_image(image)
    array = sitk.GetArrayFromImage(image)
    if geometry.size[2] == 1:
        # ITK and Slicer read one slice in NIfTI as a 2D image without its place in space. Two
        # slices of half the thickness are the same map.
        geometry = geometry.resampled(size=(*geometry.size[:2], 2))
        array = array.repeat(2, axis=0)
    # ITK does not write this intent from SimpleITK's vector images. Write it here as ITK would:
    # displacements of this intent are RAS in the file; ITK turns them into LPS on reading.
    array[..., :2] *= -1
    flipped = geometry.to_image(array, is_vector=True)
    # The work folder of the file holds nothing else.
    write_with_intent(flipped, path, _DISPLACEMENT_INTENT)


def _read_image(path: Path) -> sitk.Image:
    try:
        decoded = read_field_image(path)
    except (InputError, OSError) as error:
        raise InputError(f"{path}: not a displacement field that ITK can read: {error}") from error
    return add_notes(sitk.Cast(decoded.to_image(), sitk.sitkVectorFloat64), decoded.notes)
