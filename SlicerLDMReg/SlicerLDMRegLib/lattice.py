"""Network grids: along anatomical axes over the foreground, or fitted to the axes of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .geometry import ImageGeometry
from .resampling import antialiased, coverage, resample

__all__ = [
    "anatomical_lattice",
    "covering_lattice",
    "fitted_lattice",
    "foreground_box",
    "isotropic_lattice",
]

# LPS axis and sign of each anatomical direction.
_LETTERS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
# The foreground is found on a coarse lattice: 4 mm, halved or doubled until an axis has 8 to 96
# voxels. Larger voxels are faster and place the box less precisely. Not tuned.
_COARSE_MM = 4.0
_FEWEST_COARSE, _MOST_COARSE = 8, 96
# Fraction of a voxel, far above rounding error and far below anything visible. Not tuned.
_NUDGE = 1e-3
# Fraction of the foreground left out at each end of an axis, so that bright specks do not count.
# Larger values cut thin ends of the anatomy. Not tuned.
_OUTLIERS = 0.005
_TOLERANCE = 1e-3  # of a voxel: a lattice that is larger by less than this needs no more voxels


def fitted_lattice(
    image: ImageGeometry,
    size: Sequence[int],
    divisor: int = 1,
    slices: tuple[int, int, int] | None = None,
) -> ImageGeometry:
    """Return the isotropic lattice along the axes of an image that fits into a size.

    Args:
        image: lattice of the image; one that has this lattice already is not changed.
        size: voxels along x, y(, z), which the longest side has.
        divisor: each size becomes a multiple of it.
        slices: see :func:`isotropic_lattice`.
    """
    axes = _fitted(image, slices)
    extents = [image.size[a] * image.spacing[a] for a in axes]
    spacing = max(extent / n for extent, n in zip(extents, size, strict=True))
    return isotropic_lattice(image, spacing, divisor, slices)


def isotropic_lattice(
    image: ImageGeometry,
    spacing: float,
    divisor: int = 1,
    slices: tuple[int, int, int] | None = None,
) -> ImageGeometry:
    """Return the lattice over an image, along its axes, with one spacing.

    Args:
        image: lattice of the image.
        spacing: mm between voxels.
        divisor: each size becomes a multiple of it, with padding on both sides.
        slices: axis, start and count of slices: along this axis the lattice keeps these slices as
            they are.
    """
    size, spacings, start = list(image.size), list(image.spacing), [0.0] * image.dimension
    for axis in _fitted(image, slices):
        needed = max(1, math.ceil(image.size[axis] * image.spacing[axis] / spacing - _TOLERANCE))
        size[axis] = math.ceil(needed / divisor) * divisor
        spacings[axis] = spacing
        # Whole voxels of padding before the first face: equal lattices stay equal.
        before = (size[axis] - needed) // 2
        start[axis] = (0.5 - before) * spacing / image.spacing[axis] - 0.5
    if slices is not None:
        axis, first, count = slices
        size[axis], start[axis] = count, float(first)
    origin = tuple(image.index_to_physical(start).tolist())
    return ImageGeometry(tuple(size), tuple(spacings), origin, image.direction)


def _fitted(image: ImageGeometry, slices: tuple[int, int, int] | None) -> list[int]:
    return [a for a in range(image.dimension) if slices is None or a != slices[0]]


def anatomical_lattice(
    image: sitk.Image,
    size: Sequence[int],
    spacing: float,
    orientation: str = "LPS",
    foreground: tuple[np.ndarray, np.ndarray] | None = None,
    anchor: str | None = None,
) -> ImageGeometry:
    """Return a lattice along the patient's axes, centred on the foreground of an image.

    The result depends on the positions of the voxels, not on their order in the file. The centre is
    that of the foreground (see :func:`foreground_box`), shifted just enough not to crop an image
    that fits; a larger image is cropped. With an anchor, a foreground that is too long is cropped
    at the opposite end: in a head with neck, the brain lies at the upper end.

    Args:
        image: 3D image.
        size: voxels along the axes of the lattice.
        spacing: mm between voxels along every axis.
        orientation: directions of the axes, e.g. ``"LPS"``.
        foreground: result of :func:`foreground_box`, if known already.
        anchor: the end of the foreground that is kept, a letter such as ``"S"``; None: both ends
            are cropped alike.

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
    # The order of storage would decide whether a voxel exactly on the image's face is inside.
    centre = centre + direction.T @ np.full(3, _NUDGE * spacing)
    origin = direction @ (centre - (np.asarray(size) - 1) / 2 * spacing)
    return ImageGeometry(
        tuple(size), (spacing,) * 3, tuple(origin.tolist()), tuple(direction.ravel().tolist())
    )


def covering_lattice(
    geometry: ImageGeometry, spacing: Sequence[float], orientation: str = "LPS"
) -> ImageGeometry:
    """Return the smallest lattice along the patient's axes that covers another lattice.

    Args:
        geometry: the 3D lattice to cover.
        spacing: mm between voxels along each axis of the new lattice.
        orientation: directions of its axes, e.g. ``"LPS"``.
    """
    direction = _direction(orientation)
    box = _corners(geometry) @ direction
    low, high = box.min(axis=0), box.max(axis=0)
    size = np.maximum(1, np.ceil((high - low) / spacing - _NUDGE)).astype(int)
    origin = direction @ ((low + high) / 2 - (size - 1) / 2 * spacing)
    axes = tuple(direction.ravel().tolist())
    return ImageGeometry(tuple(size.tolist()), tuple(spacing), tuple(origin.tolist()), axes)


def foreground_box(image: sitk.Image, orientation: str = "LPS") -> tuple[np.ndarray, np.ndarray]:
    """Return the bounding box of the foreground of a 3D image along anatomical axes, in mm.

    Foreground is brighter than Otsu's threshold on a coarse lattice; half a percent of it at each
    end of an axis is left out, so that bright specks do not count.

    Args:
        image: 3D image.
        orientation: directions of the axes, e.g. ``"LPS"``.

    Returns:
        Lower and upper end along each axis.
    """
    direction = _direction(orientation)
    box = _corners(ImageGeometry.from_image(image)) @ direction
    low, high = box.min(axis=0), box.max(axis=0)
    # Voxels of 4 mm (8, 16 for large images; 2, 1 for small ones), at multiples of their size.
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
    # An oblique image leaves the corners of this lattice empty.
    array = np.where(coverage(image, coarse, none) > 0, array, array.min())
    if array.min() == array.max():
        return low, high
    threshold = sitk.OtsuThresholdImageFilter()
    threshold.Execute(sitk.GetImageFromArray(array))
    found = array > threshold.GetThreshold()
    ends = np.array([_ends(found.sum(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))])
    return (first + ends[:, 0]) * spacing, (first + ends[:, 1]) * spacing


def _ends(counts: np.ndarray) -> tuple[float, float]:
    """Return the two quantiles that cut off the outliers of a histogram; cell i is [i, i + 1]."""
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
    """Return the unit vector of an anatomical direction, LPS."""
    if letter not in _LETTERS:
        raise InputError(f"anchor: expected one of {', '.join(_LETTERS)}, got {letter!r}")
    axis, sign = _LETTERS[letter]
    return sign * np.eye(3)[axis]


def _corners(geometry: ImageGeometry) -> np.ndarray:
    """Return the outer corners of the voxels of a lattice, ``(8, 3)``, LPS mm."""
    ends = [(-0.5, n - 0.5) for n in geometry.size]
    return geometry.index_to_physical(np.stack(np.meshgrid(*ends), axis=-1).reshape(-1, 3))
