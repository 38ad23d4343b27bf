"""The lattice of a network that works in anatomical axes, placed over an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .geometry import ImageGeometry
from .resampling import antialiased, coverage, resample

__all__ = ["anatomical_lattice", "covering_lattice", "foreground_box"]

# The LPS axis and sign of the direction that a letter names.
_LETTERS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
_COARSE_MM = 4.0
_FEWEST_COARSE, _MOST_COARSE = 8, 96  # voxels along an axis where the foreground is looked for
_NUDGE = 1e-3  # of a voxel
_OUTLIERS = 0.005  # of the foreground, at each end of an axis, that is not looked at


def anatomical_lattice(
    image: sitk.Image,
    size: Sequence[int],
    spacing: float,
    orientation: str = "LPS",
    foreground: tuple[np.ndarray, np.ndarray] | None = None,
    anchor: str | None = None,
) -> ImageGeometry:
    """Return a lattice along the axes of the patient, centred on what an image shows.

    It depends on where the voxels of the image lie and not on the order in which a file stores
    them. Its centre is that of the foreground (see :func:`foreground_box`), moved only as far as it
    takes not to cut an image that fits; of one that does not fit the rest is cut. With an anchor,
    a foreground that is too long is cut at the other end: the brain lies at the upper end of a head
    with neck, and not in its middle.

    Args:
        image: 3D image.
        size: voxels along the axes of the lattice.
        spacing: mm between voxels along every axis.
        orientation: where the axes point, e.g. ``"LPS"``.
        foreground: that of the image, where it is known already.
        anchor: the end of the foreground that is not cut, a letter such as ``"S"``; None: both
            ends are cut alike.

    Raises:
        InputError: when the image is not 3D, the orientation does not name three axes, or the
            anchor no direction.
    """
    if image.GetDimension() != 3:
        raise InputError(f"expected a 3D image, got {image.GetDimension()}D")
    direction = _direction(orientation)
    box = _corners(ImageGeometry.from_image(image)) @ direction
    low, high = box.min(axis=0), box.max(axis=0)
    extent = np.asarray(size) * spacing
    first, last = foreground or foreground_box(image, orientation)
    centre = (first + last) / 2
    if anchor is not None:
        too_long = last - first > extent
        toward = _unit(anchor) @ direction  # 1 or -1 along one axis, 0 along the others
        centre = np.where(too_long & (toward > 0), last - extent / 2, centre)
        centre = np.where(too_long & (toward < 0), first + extent / 2, centre)
    fits = high - low <= extent
    centre = np.where(fits, np.clip(centre, high - extent / 2, low + extent / 2), centre)
    # A voxel on the very face of the image would be inside or not by the order of storage.
    centre = centre + direction.T @ np.full(3, _NUDGE * spacing)
    origin = direction @ (centre - (np.asarray(size) - 1) / 2 * spacing)
    return ImageGeometry(
        tuple(size), (spacing,) * 3, tuple(origin.tolist()), tuple(direction.ravel().tolist())
    )


def covering_lattice(
    geometry: ImageGeometry, spacing: Sequence[float], orientation: str = "LPS"
) -> ImageGeometry:
    """Return the smallest lattice along the axes of the patient that covers all of another one.

    Args:
        geometry: the 3D lattice to cover.
        spacing: mm between voxels along each axis of the new lattice.
        orientation: where its axes point, e.g. ``"LPS"``.
    """
    direction = _direction(orientation)
    box = _corners(geometry) @ direction
    low, high = box.min(axis=0), box.max(axis=0)
    size = np.maximum(1, np.ceil((high - low) / spacing - _NUDGE)).astype(int)
    origin = direction @ ((low + high) / 2 - (size - 1) / 2 * spacing)
    axes = tuple(direction.ravel().tolist())
    return ImageGeometry(tuple(size.tolist()), tuple(spacing), tuple(origin.tolist()), axes)


def foreground_box(image: sitk.Image, orientation: str = "LPS") -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the foreground of a 3D image along anatomical axes, in mm.

    Foreground is what is brighter than Otsu's threshold on a coarse lattice; half a percent of it
    at each end of an axis is left out, so that bright specks do not count.

    Args:
        image: 3D image.
        orientation: the axes, e.g. ``"LPS"``.

    Returns:
        Lower and upper end along each of the axes.
    """
    direction = _direction(orientation)
    box = _corners(ImageGeometry.from_image(image)) @ direction
    low, high = box.min(axis=0), box.max(axis=0)
    # Voxels of some mm at places that do not depend on the image: 4, or 8, 16; 2, 1 for small ones.
    extent = high - low
    power = np.ceil(np.log2(np.maximum(extent / (_MOST_COARSE * _COARSE_MM), 1)))
    power += np.floor(np.log2(np.minimum(extent / (_FEWEST_COARSE * _COARSE_MM), 1)))
    spacing = _COARSE_MM * 2.0**power
    first = np.floor(low / spacing)
    size = (np.ceil(high / spacing) - first).astype(int)
    origin = direction @ ((first + 0.5) * spacing)
    coarse = ImageGeometry(
        tuple(size.tolist()),
        tuple(spacing.tolist()),
        tuple(origin.tolist()),
        tuple(direction.ravel().tolist()),
    )
    none = sitk.Transform(3, sitk.sitkIdentity)
    array = sitk.GetArrayFromImage(resample(antialiased(image, coarse), coarse, none))
    # In the corners between an oblique image and this lattice there is nothing.
    array = np.where(coverage(image, coarse, none) > 0, array, array.min())
    if array.min() == array.max():
        return low, high
    threshold = sitk.OtsuThresholdImageFilter()
    threshold.Execute(sitk.GetImageFromArray(array))
    found = array > threshold.GetThreshold()
    ends = np.array([_ends(found.sum(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))])
    return (first + ends[:, 0]) * spacing, (first + ends[:, 1]) * spacing


def _ends(counts: np.ndarray) -> tuple[float, float]:
    """Return between which positions a histogram has all but its outliers; cell i is [i, i + 1]."""
    share = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    below = float(np.interp(_OUTLIERS, share, np.arange(len(share))))
    above = float(np.interp(1 - _OUTLIERS, share, np.arange(len(share))))
    return below, above


def _direction(orientation: str) -> np.ndarray:
    matrix = np.zeros((3, 3))
    for column, letter in enumerate(orientation):
        if letter not in _LETTERS or len(orientation) != 3:
            break
        axis, sign = _LETTERS[letter]
        matrix[axis, column] = sign
    if abs(np.linalg.det(matrix)) != 1:
        raise InputError(f"orientation: expected three letters such as 'LPS', got {orientation!r}")
    return matrix


def _unit(letter: str) -> np.ndarray:
    """Return the direction that a letter names, LPS."""
    if letter not in _LETTERS:
        raise InputError(f"anchor: expected one of {', '.join(_LETTERS)}, got {letter!r}")
    axis, sign = _LETTERS[letter]
    return sign * np.eye(3)[axis]


def _corners(geometry: ImageGeometry) -> np.ndarray:
    """Return the outer corners of the voxels of a lattice, ``(8, 3)``, LPS mm."""
    ends = [(-0.5, n - 0.5) for n in geometry.size]
    return geometry.index_to_physical(np.stack(np.meshgrid(*ends), axis=-1).reshape(-1, 3))
