"""Reading of images and label maps; one clear line refuses what cannot be registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from .._c_numbers import c_numbers
from ..errors import InputError
from ..geometry import ImageGeometry
from .checks import check_image, check_labels, describe, scalar
from .content import check_whole, format_of
from .dicom import read_dicom_file, read_series, series_uid_of
from .isolated import read_with_itk
from .loaded import LoadedImage, add_notes, notes_of
from .messages import one_line
from .metaimage import read_metaimage
from .nifti import read_nifti
from .nrrd import read_nrrd
from .pictures import read_jpeg, read_png
from .placement import Decoded
from .selection import Selection, is_there, split_path
from .tiff import read_tiff

__all__ = [
    "as_image",
    "as_labels",
    "load_image",
    "load_labels",
    "read_image",
    "read_labels",
]

# Rounding of a header to three or four digits moves the last of 512 voxels by less than a tenth of
# one; labels, which nearest neighbour reads, change from half a voxel on.
_SAME_PLACE = 0.1
_EXACT_PLACE = 1e-3  # voxels; rounding errors of float64 and float32 headers stay below
_SAME_DIRECTION = 0.02  # radians; on 512 voxels rounding stays below


def load_image(path: str | Path, role: str = "image") -> LoadedImage:
    """Read a scalar 2D or 3D image, and tell what its file left open.

    Args:
        path: a file of one of :data:`SUPPORTED_FORMATS`, or a folder with one DICOM series. Of a
            folder with several series one is chosen by ``FOLDER/SERIES_UID``. What a file leaves
            open is chosen behind a ``#``, as the errors tell: ``#frame=3`` of a file with frames,
            ``#EchoTime=4.6`` of a series with several echoes, ``#grey`` of colours, ``#resample``
            for axes that are not at right angles, ``#qform`` or ``#sform`` where these differ.
            Colour files whose channels are equal are read as grey.
        role: what the image is, for the errors.

    Raises:
        InputError: when the file is missing, is not an image, or cannot be registered.
    """
    name = f"{role} {path}"
    image = check_image(_load(path, role), name)
    return LoadedImage(image, notes_of(image), str(path))


def load_labels(path: str | Path, role: str = "labels") -> LoadedImage:
    """Read a label map: integers, 0 is background; paths as of :func:`load_image`.

    Raises:
        InputError: when the file is missing, is not an image, or does not hold integers.
    """
    labels = check_labels(_load(path, role), f"{role} {path}")
    return LoadedImage(labels, notes_of(labels), str(path))


def read_image(path: str | Path, role: str = "image") -> sitk.Image:
    """Return the image of :func:`load_image`; :func:`notes_of` tells its notes."""
    return load_image(path, role).image


def read_labels(path: str | Path, role: str = "labels") -> sitk.Image:
    """Return the label map of :func:`load_labels`; :func:`notes_of` tells its notes."""
    return load_labels(path, role).image


def as_image(source: Any, role: str = "image") -> sitk.Image:
    """Return a checked image from a path, a SimpleITK image or an array ``(y, x)``/``(z, y, x)``.

    An array has no geometry: its spacing is 1 mm and its origin 0.

    Raises:
        InputError: as :func:`load_image`.
    """
    if isinstance(source, str | Path):
        return read_image(source, role)
    return check_image(scalar(_from_memory(source, role), role), role)


def as_labels(source: Any, image: sitk.Image, role: str = "labels") -> sitk.Image:
    """Return a checked label map that lies on the lattice of ``image``; sources as above.

    A lattice that differs by rounding becomes that of the image.

    Raises:
        InputError: as :func:`load_labels`, or when the lattices differ.
    """
    if isinstance(source, str | Path):
        labels = read_labels(source, role)
    elif isinstance(source, sitk.Image):
        labels = check_labels(scalar(source, role), role)
    else:
        labels = check_labels(scalar(_from_memory(source, role), role), role)
        if labels.GetSize() == image.GetSize():
            labels.CopyInformation(image)
    own, expected = ImageGeometry.from_image(labels), ImageGeometry.from_image(image)
    if own.dimension == expected.dimension and own.matches(expected, _EXACT_PLACE):
        return labels
    if own.dimension == expected.dimension and own.matches(expected, _SAME_PLACE):
        labels = sitk.Image(labels)
        labels.CopyInformation(image)
        return add_notes(labels, [
            f"the lattice of the {role} differs by rounding from that of its image, which was taken"
        ])  # fmt: skip
    raise InputError(
        f"{role}: expected the lattice of its image, {describe(expected)}, got "
        f"{describe(own)}{_difference(own, expected)}; resample it onto the image"
    )


def _difference(own: ImageGeometry, expected: ImageGeometry) -> str:
    """Name a difference that size, spacing and origin do not show."""
    if own.dimension != expected.dimension:
        return ""
    angle = np.abs(own.direction_matrix - expected.direction_matrix).max()
    if angle <= _SAME_DIRECTION:
        return ""
    signs = np.sign(np.diag(own.direction_matrix.T @ expected.direction_matrix))
    mirrored = [axis for axis, sign in zip("ijk", signs, strict=False) if sign < 0]
    turned = f" (axes {', '.join(mirrored)} reversed)" if mirrored else ""
    return f", with other directions of its axes{turned}"


@c_numbers()
def _load(path: str | Path, role: str) -> sitk.Image:
    place, wanted = split_path(path)
    with one_line(role, path):
        decoded = _read(place, wanted, role)
        image = add_notes(decoded.to_image(), decoded.notes)
    grey = scalar(image, f"{role} {path}", wanted)
    with one_line(role, path):
        wanted.check_all_taken()
    return add_notes(grey, [*notes_of(image), *notes_of(grey)]) if notes_of(image) else grey


def _read(path: Path, wanted: Selection, role: str) -> Decoded:
    if not is_there(path):
        folder, uid = series_uid_of(path)
        if uid is not None:
            return read_series(folder, uid, wanted)
        if path.is_symlink():
            raise InputError(f"{role}: {path} is a link to a file that is not there")
        raise InputError(f"{role}: there is no file {path}")
    if path.is_dir():
        return read_series(path, None, wanted)
    if not path.is_file():
        raise InputError("is no file that can be read; expected an image file or a folder")
    kind, notes = format_of(path)
    decoded = _READERS[kind](path, wanted)
    decoded.notes[:0] = notes
    return decoded


def _read_itk(path: Path, wanted: Selection) -> Decoded:
    check_whole(path)
    decoded = read_with_itk(path)
    decoded.notes.append("it was read by ITK, whose choices were not checked")
    return decoded


_READERS = {
    "nrrd": read_nrrd,
    "nifti": read_nifti,
    "metaimage": read_metaimage,
    "png": read_png,
    "jpeg": read_jpeg,
    "tiff": read_tiff,
    "dicom": read_dicom_file,
    "itk": _read_itk,
}


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
