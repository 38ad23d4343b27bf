"""Files of displacement fields, as ITK and 3D Slicer write them: LPS, mm, fixed to moving."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import uuid
from pathlib import Path

import SimpleITK as sitk

from .errors import InputError
from .geometry import ImageGeometry

__all__ = ["SUFFIXES", "read_field", "write_field"]

_TRANSFORM_SUFFIXES = (".h5", ".tfm")
_IMAGE_SUFFIXES = (".nii.gz", ".nii", ".mha", ".nrrd")
SUFFIXES = _TRANSFORM_SUFFIXES + _IMAGE_SUFFIXES

_DISPLACEMENT_INTENT = 1006  # NIFTI_INTENT_DISPVECT
_INTENT_OFFSET = 68  # of the 16-bit intent_code in a NIfTI-1 header


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
    # In the same folder, so that replace() is a rename; the suffix chooses the writer.
    temporary = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        if suffix in _TRANSFORM_SUFFIXES:
            # The transform takes over the pixels of its image: give it a copy.
            sitk.WriteTransform(sitk.DisplacementFieldTransform(sitk.Image(image)), str(temporary))
        else:
            _write_image(image, temporary, suffix)
        temporary.replace(path)
    except (RuntimeError, OSError) as error:
        raise InputError(f"cannot write {path}: {_reason(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)


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
    try:
        transform = sitk.ReadTransform(str(path)).Downcast()
    except RuntimeError as error:
        raise InputError(f"{path}: not a transform that ITK can read: {_reason(error)}") from error
    if isinstance(transform, sitk.CompositeTransform) and transform.GetNumberOfTransforms() == 1:
        transform = transform.GetNthTransform(0).Downcast()
    if isinstance(transform, sitk.DisplacementFieldTransform):
        return sitk.Image(transform.GetDisplacementField())
    return transform


def _suffix(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise InputError(f"{path}: unknown kind of displacement file; use one of {', '.join(SUFFIXES)}")


def _reason(error: Exception) -> str:
    """Return the last line of an exception; ITK puts source file and line number before it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip()


def _write_image(image: sitk.Image, path: Path, suffix: str) -> None:
    image = sitk.Cast(image, sitk.sitkVectorFloat32)
    # Slicer reads a 3D vector image with this code as a transform. It cannot do so in 2D (it would
    # use the first component for all), so 2D fields stay plain vector images.
    flagged = image.GetDimension() == 3
    if not suffix.startswith(".nii"):
        if flagged:
            image.SetMetaData("intent_code", str(_DISPLACEMENT_INTENT))
        sitk.WriteImage(image, str(path), useCompression=True)
        return
    if not flagged:
        sitk.WriteImage(image, str(path))
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
    plain = path.with_name(f".{uuid.uuid4().hex}.nii")
    try:
        sitk.WriteImage(flipped, str(plain))
        with plain.open("r+b") as file:
            file.seek(_INTENT_OFFSET)
            file.write(struct.pack("=h", _DISPLACEMENT_INTENT))
        if suffix == ".nii":
            plain.replace(path)
        else:
            with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=4) as target:
                shutil.copyfileobj(source, target, 1 << 20)
    finally:
        plain.unlink(missing_ok=True)


def _read_image(path: Path) -> sitk.Image:
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: not an image that ITK can read: {_reason(error)}") from error
    dimension, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if dimension not in (2, 3) or components != dimension:
        raise InputError(
            f"{path}: expected a displacement field with one component for each axis, got a "
            f"{dimension}D image with {components} component{'s' * (components != 1)} a voxel"
        )
    key = "displacement field type"
    if image.HasMetaDataKey(key) and image.GetMetaData(key) == "modeling":
        raise InputError(
            f"{path}: the field maps moving to fixed (a 'modeling' transform); in Slicer, invert "
            "the transform and save it again"
        )
    return sitk.Cast(image, sitk.sitkVectorFloat64)
