"""Slices of a volume: which ones, cut out as a batch, and put back in place."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .._printable import shown
from ..errors import ADVICE, InputError
from ..geometry import ImageGeometry

__all__ = ["FEWEST_PIXELS", "SliceRange", "SliceSelection", "embed_displacement", "to_batch"]

#: Pixels along the two longer axes of an image that is registered. Of smooth images under a known
#: warp of up to a pixel, those of 4 pixels and more kept less than 0.8 of the error in each of 4
#: tries, those of 2 and 3 up to 2.5 times of it. The third axis may have any number.
FEWEST_PIXELS = 4

_INDEX_AXES = {"i": 0, "j": 1, "k": 2}
# The anatomical plane's name, and the LPS axis that it is perpendicular to.
_NORMALS = {"sagittal": 0, "coronal": 1, "axial": 2}
_EXPECTED = (
    "expected [AXIS:]WHICH with AXIS i, j, k, axial, coronal or sagittal and WHICH all, N or A-B"
)


@dataclass(frozen=True)
class SliceRange:
    """Consecutive slices of one volume.

    Attributes:
        axis: index axis that is cut, 0 (i) to 2 (k).
        start: first slice.
        stop: one after the last slice.
    """

    axis: int
    start: int
    stop: int

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.stop - self.start

    def crop(self, geometry: ImageGeometry) -> ImageGeometry:
        """Return the lattice of these slices, a part of the lattice of the volume."""
        start, size = [0, 0, 0], list(geometry.size)
        start[self.axis], size[self.axis] = self.start, self.count
        return geometry.crop(start, size)

    def check(self, geometry: ImageGeometry) -> None:
        """Check that the slices of a volume have enough pixels to be registered.

        Raises:
            InputError: when they have fewer than :data:`FEWEST_PIXELS` along an axis.
        """
        plane = [n for axis, n in enumerate(geometry.size) if axis != self.axis]
        if min(plane) < FEWEST_PIXELS:
            thin = "ijk"[int(np.argmin(geometry.size))]
            raise InputError(
                f"the slices across {'ijk'[self.axis]} have {plane[0]} x {plane[1]} pixels, "
                f"expected at least {FEWEST_PIXELS} along both axes; use {ADVICE}, or register the "
                "volume as a whole",
                option="slices",
                value=f"{thin}:all",
            )

    def __str__(self) -> str:
        which = f"{self.start}" if self.count == 1 else f"{self.start}-{self.stop - 1}"
        return f"{'ijk'[self.axis]}:{which}"


@dataclass(frozen=True)
class SliceSelection:
    """The slices that a user asks for, before the volume is known.

    Attributes:
        axis: ``i``, ``j`` or ``k``, the index axis that is cut, or the anatomical plane ``axial``,
            ``coronal`` or ``sagittal``.
        first: first slice, counted from 0; None: all slices.
        last: last slice, included; None: all slices.

    Example:
        >>> SliceSelection.parse("axial:10-12")
        SliceSelection(axis='axial', first=10, last=12)
    """

    axis: str = "k"
    first: int | None = None
    last: int | None = None

    @classmethod
    def parse(cls, text: str) -> SliceSelection:
        """Read ``[AXIS:]WHICH``.

        Raises:
            InputError: when the text has another form.
        """
        pattern = r"(?:([a-z]+):)?(all|([0-9]{1,9})(?:-([0-9]{1,9}))?)"
        match = re.fullmatch(pattern, text.strip().lower())
        if match is None and text.strip().lower() in (*_INDEX_AXES, *_NORMALS):
            return cls(text.strip().lower())
        axis = (match.group(1) or "k") if match else ""
        if match is None or axis not in (*_INDEX_AXES, *_NORMALS):
            raise InputError(f"{_EXPECTED}, got {shown(text)}", option="slices")
        if match.group(3) is None:
            return cls(axis)
        first = int(match.group(3))
        last = int(match.group(4)) if match.group(4) else first
        if last < first:
            raise InputError(
                f"the last slice {last} comes before the first one {first}", option="slices"
            )
        return cls(axis, first, last)

    def __str__(self) -> str:
        """Return the text that :meth:`parse` reads."""
        return f"{self.axis}:" + ("all" if self.first is None else f"{self.first}-{self.last}")

    def resolve(self, geometry: ImageGeometry) -> SliceRange:
        """Find the slices in a volume.

        An anatomical plane takes the index axis that is closest to the normal of the plane.

        Raises:
            InputError: when the image is 2D, or has no such slice.
        """
        if geometry.dimension != 3:
            raise InputError("the fixed image is 2D; leave the option out", option="slices")
        if self.axis in _INDEX_AXES:
            axis = _INDEX_AXES[self.axis]
        else:
            axis = _closest_axes(geometry)[_NORMALS[self.axis]]
        count = geometry.size[axis]
        first = 0 if self.first is None else self.first
        last = count - 1 if self.last is None else self.last
        if last >= count:
            raise InputError(
                f"slice {last} was asked for, but there are {count} slices along "
                f"{'ijk'[axis]}, counted from 0 to {count - 1}",
                option="slices",
            )
        return SliceRange(axis, first, last + 1)


def _closest_axes(geometry: ImageGeometry) -> list[int]:
    """Return for each LPS axis the index axis along it; each index axis is used once."""
    weights = np.abs(np.asarray(geometry.matrix) / np.asarray(geometry.spacing))
    result = [0, 0, 0]
    for _ in range(3):
        physical, index = np.unravel_index(int(np.argmax(weights)), (3, 3))
        result[int(physical)] = int(index)
        weights[physical, :] = -1
        weights[:, index] = -1
    return result


def to_batch(array: np.ndarray, axis: int) -> np.ndarray:
    """Return the slices of a volume ``(z, y, x)`` cut along index axis ``axis`` as ``(N, H, W)``.

    Rows are the higher one of the two remaining index axes, columns the lower one.
    """
    return np.moveaxis(array, 2 - axis, 0)


def embed_displacement(displacement: np.ndarray, axis: int) -> np.ndarray:
    """Return in-plane displacements of slices as a displacement of the volume.

    Args:
        displacement: ``(N, 2, H, W)`` in voxels, rows then columns.
        axis: index axis that was cut.

    Returns:
        ``(3, D, H, W)`` in voxels, channel i along array axis i; zero through the slices.
    """
    parts = [np.moveaxis(displacement[:, channel], 0, 2 - axis) for channel in range(2)]
    parts.insert(2 - axis, np.zeros_like(parts[0]))
    return np.stack(parts)
