"""Images and label maps of data sets: read, checked against each other and the label scheme."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.images import read_image, read_labels

__all__ = ["check_labels", "plane", "read_pair_of_files", "read_text_lines", "read_volume"]

_SAME_SPACING = 0.01  # of the spacing: rounding of a header to three digits stays below
_MOST_NAMED = 5  # unknown labels in a message
_MOST_BYTES = 10_000_000  # of a text file beside an image; those of the data sets have some kB


def read_volume(path: Path, role: str = "image") -> tuple[np.ndarray, ImageGeometry]:
    """Read an image as float32 ``(y, x)`` or ``(z, y, x)`` in the order of its file.

    Raises:
        InputError: when it is missing, damaged or no image.
    """
    image = read_image(path, role)
    return sitk.GetArrayFromImage(image).astype(np.float32), ImageGeometry.from_image(image)


def read_pair_of_files(
    image: Path, labels: Path, names: Mapping[int, str]
) -> tuple[np.ndarray, np.ndarray, ImageGeometry]:
    """Read an image and its label map, on one lattice.

    Returns:
        Image float32, labels uint8 or uint16, both ``(y, x)`` or ``(z, y, x)``, and the lattice.

    Raises:
        InputError: when one is missing or damaged, their sizes or spacings differ, or a label is
            not in the scheme.
    """
    array, geometry = read_volume(image)
    found = read_labels(labels)
    own = ImageGeometry.from_image(found)
    if own.size != geometry.size or not np.allclose(own.spacing, geometry.spacing, _SAME_SPACING):
        raise InputError(
            f"{labels}: expected the lattice of {image.name}, {_lattice(geometry)}, got "
            f"{_lattice(own)}; get both files again"
        )
    numbers = sitk.GetArrayFromImage(found)
    return array, check_labels(numbers, names, labels), geometry


def check_labels(labels: np.ndarray, names: Mapping[int, str], source: Path | str) -> np.ndarray:
    """Return a label map as uint8 or uint16, all of whose numbers are in the scheme.

    Args:
        labels: integers, also as floats.
        names: the scheme, without background.
        source: file or pair, for the error.

    Raises:
        InputError: for a number that is not in the scheme, or no integer.
    """
    numbers, counts = np.unique(labels, return_counts=True)
    known = {0, *names}
    odd = [(n, c) for n, c in zip(numbers.tolist(), counts.tolist(), strict=True) if n not in known]
    if odd:
        got = ", ".join(f"{n:g} ({c} voxels)" for n, c in odd[:_MOST_NAMED])
        raise InputError(
            f"{source}: expected labels 0 and {_ranges(sorted(names))} of the scheme, got "
            f"{got}{' and more' * (len(odd) > _MOST_NAMED)}; correct the labels, or name these in "
            "the scheme"
        )
    return labels.astype(np.uint8 if max(known) < 256 else np.uint16)


def plane(array: np.ndarray, source: Path) -> np.ndarray:
    """Return a 2D image, also of a volume of one slice.

    Raises:
        InputError: for a volume of several slices.
    """
    thin = array[0] if array.ndim == 3 and len(array) == 1 else array
    if thin.ndim != 2:
        raise InputError(f"{source}: expected one slice, got {array.shape[::-1]} voxels")
    return thin


def read_text_lines(path: Path) -> list[str]:
    """Read the lines of a small text file.

    Raises:
        InputError: when it is missing, large, or not UTF-8.
    """
    from SlicerLDMRegLib._small_files import DamagedFile, read_text

    try:
        return read_text(path, _MOST_BYTES).splitlines()
    except DamagedFile as error:
        raise InputError(f"{path}: {error}; get the file again") from error


def _lattice(geometry: ImageGeometry) -> str:
    size = " x ".join(map(str, geometry.size))
    return f"{size} voxels of {' x '.join(f'{s:.3g}' for s in geometry.spacing)} mm"


def _ranges(numbers: list[int]) -> str:
    """Return ascending numbers in short: 1-3, 7."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{p[0]}-{p[-1]}" if len(p) > 2 else ", ".join(map(str, p)) for p in parts)
