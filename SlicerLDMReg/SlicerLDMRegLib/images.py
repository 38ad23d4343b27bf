"""Read images and label maps, and refuse what cannot be registered with one clear line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .geometry import ImageGeometry

__all__ = [
    "SUPPORTED_FORMATS",
    "as_image",
    "as_labels",
    "check_same_dimension",
    "read_image",
    "read_labels",
]

SUPPORTED_FORMATS = (
    ".nrrd .nhdr .nii .nii.gz .mha .mhd .png .jpg .jpeg .tif .tiff and DICOM series folders"
)
_SMALLEST = 8
_LISTED = 10


def read_image(path: str | Path, role: str = "image") -> sitk.Image:
    """Read a scalar 2D or 3D image.

    Args:
        path: a file of one of :data:`SUPPORTED_FORMATS`, or a folder with one DICOM series. Of a
            folder with several series one is chosen by ``FOLDER/SERIES_UID``. Colour files whose
            channels are equal are read as grey.
        role: what the image is, for the errors.

    Raises:
        InputError: when the file is missing, is not an image, or cannot be registered.
    """
    return _check_image(_scalar(_read(Path(path), role), f"{role} {path}"), f"{role} {path}")


def read_labels(path: str | Path, role: str = "labels") -> sitk.Image:
    """Read a label map: integers, 0 is background.

    Raises:
        InputError: when the file is missing, is not an image, or does not hold integers.
    """
    return _check_labels(_scalar(_read(Path(path), role), f"{role} {path}"), f"{role} {path}")


def as_image(source: Any, role: str = "image") -> sitk.Image:
    """Return a checked image from a path, a SimpleITK image or an array ``(y, x)``/``(z, y, x)``.

    An array has no geometry: its spacing is 1 mm and its origin 0.

    Raises:
        InputError: as :func:`read_image`.
    """
    if isinstance(source, str | Path):
        return read_image(source, role)
    return _check_image(_scalar(_from_memory(source, role), role), role)


def as_labels(source: Any, image: sitk.Image, role: str = "labels") -> sitk.Image:
    """Return a checked label map that lies on the lattice of ``image``; sources as above.

    Raises:
        InputError: as :func:`read_labels`, or when the lattices differ.
    """
    if isinstance(source, str | Path):
        labels = read_labels(source, role)
    elif isinstance(source, sitk.Image):
        labels = _check_labels(_scalar(source, role), role)
    else:
        labels = _check_labels(_scalar(_from_memory(source, role), role), role)
        if labels.GetSize() == image.GetSize():
            labels.CopyInformation(image)
    own, expected = ImageGeometry.from_image(labels), ImageGeometry.from_image(image)
    if own.dimension != expected.dimension or not own.matches(expected):
        raise InputError(
            f"{role}: expected the lattice of its image, {_describe(expected)}, got "
            f"{_describe(own)}; resample it onto the image"
        )
    return labels


def check_same_dimension(fixed: sitk.Image, moving: sitk.Image) -> None:
    """Check that both images are 2D, or both 3D.

    Raises:
        InputError: when they are not.
    """
    if fixed.GetDimension() != moving.GetDimension():
        raise InputError(
            f"the fixed image is {fixed.GetDimension()}D and the moving image "
            f"{moving.GetDimension()}D; give two images of one dimension"
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep ITK's warnings off the terminal: what matters of them becomes our error."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _read(path: Path, role: str) -> sitk.Image:
    try:
        with _quiet():
            if path.is_dir():
                return _read_series(path, None, role)
            if not path.exists() and path.parent.is_dir() and _is_series_uid(path.name):
                return _read_series(path.parent, path.name, role)
            if not path.exists():
                raise InputError(f"{role}: there is no file {path}")
            return sitk.ReadImage(str(path))
    except InputError:
        raise
    except (RuntimeError, OSError, ValueError) as error:
        raise InputError(
            f"{role}: {path} is not an image that can be read; supported: {SUPPORTED_FORMATS}"
        ) from error


def _is_series_uid(name: str) -> bool:
    return name.count(".") >= 3 and name.replace(".", "").isdecimal()


def _read_series(folder: Path, uid: str | None, role: str) -> sitk.Image:
    uids = list(sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)))
    if not uids:
        raise InputError(f"{role}: the folder {folder} holds no DICOM series")
    if uid is None and len(uids) > 1:
        shown = ", ".join(uids[:_LISTED]) + (", ..." if len(uids) > _LISTED else "")
        raise InputError(
            f"{role}: the folder {folder} holds {len(uids)} DICOM series; "
            f"name one as FOLDER/UID: {shown}"
        )
    if uid is not None and uid not in uids:
        raise InputError(f"{role}: the folder {folder} holds no DICOM series {uid}")
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid or uids[0])
    image = sitk.ReadImage(names[0]) if len(names) == 1 else sitk.ReadImage(names)
    return image


def _from_memory(source: Any, role: str) -> sitk.Image:
    if isinstance(source, sitk.Image):
        return source
    array = np.asarray(source)
    if array.dtype == bool:
        array = array.astype(np.uint8)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype.kind not in "iuf":
        raise InputError(
            f"{role}: expected a path, a SimpleITK image or an array of numbers, "
            f"got {type(source).__name__}"
        )
    if array.ndim not in (2, 3) or 0 in array.shape:
        hint = "; an RGB image must be converted to grey" if array.ndim == 3 else ""
        raise InputError(
            f"{role}: expected an array (y, x) or (z, y, x), got shape {array.shape}{hint}"
        )
    return sitk.GetImageFromArray(np.ascontiguousarray(array))


def _scalar(image: sitk.Image, name: str) -> sitk.Image:
    """Return a 2D or 3D image with one number per voxel."""
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[..., 0]
    if image.GetDimension() not in (2, 3):
        raise InputError(
            f"{name}: expected a 2D or 3D image, got {image.GetDimension()}D of size "
            f"{image.GetSize()}; give one frame of it"
        )
    if image.GetNumberOfComponentsPerPixel() > 1:
        image = _grey(image, name)
    if "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"{name}: expected real numbers, got complex ones; give the magnitude")
    return image


def _grey(image: sitk.Image, name: str) -> sitk.Image:
    """Return one channel of a grey image that was stored in colour."""
    count = image.GetNumberOfComponentsPerPixel()
    pixels = sitk.GetArrayViewFromImage(image)
    equal = count in (3, 4) and all(
        np.array_equal(pixels[..., 0], pixels[..., channel]) for channel in (1, 2)
    )
    if not equal or (count == 4 and pixels[..., 3].min() != pixels[..., 3].max()):
        raise InputError(
            f"{name}: expected one number per pixel, got {count} (colour or vectors); "
            "convert it to a grey image"
        )
    return sitk.VectorIndexSelectionCast(image, 0)


def _check_image(image: sitk.Image, name: str) -> sitk.Image:
    _check_geometry(image, name)
    short = [n for n in image.GetSize() if n < _SMALLEST]
    # A volume with one slice is a 2D image that has a place in 3D.
    if short and not (image.GetDimension() == 3 and short == [1]):
        raise InputError(
            f"{name}: expected at least {_SMALLEST} pixels along each axis, "
            f"got size {image.GetSize()}"
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


def _check_labels(labels: sitk.Image, name: str) -> sitk.Image:
    _check_geometry(labels, name)
    voxels = sitk.GetArrayViewFromImage(labels)
    if voxels.dtype.kind == "f":
        if not np.isfinite(voxels).all() or not np.array_equal(voxels, np.rint(voxels)):
            raise InputError(
                f"{name}: expected whole numbers, got fractions; "
                "labels must be resampled with nearest-neighbour interpolation"
            )
        labels = sitk.Cast(labels, sitk.sitkInt32)
        voxels = sitk.GetArrayViewFromImage(labels)
    if voxels.min() < 0:
        raise InputError(f"{name}: expected labels from 0 up, got {int(voxels.min())}")
    return labels


def _check_geometry(image: sitk.Image, name: str) -> None:
    try:
        ImageGeometry.from_image(image)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error


def _describe(geometry: ImageGeometry) -> str:
    size = "x".join(str(n) for n in geometry.size)
    spacing = "x".join(f"{s:.4g}" for s in geometry.spacing)
    origin = ", ".join(f"{o:.4g}" for o in geometry.origin)
    return f"{size} at {spacing} mm from ({origin})"
