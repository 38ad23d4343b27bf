"""Image geometry: size, spacing, origin and direction of a voxel lattice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from .errors import InputError

__all__ = ["ImageGeometry"]

# Absolute determinant below which a direction counts as singular. Orthonormal directions have 1;
# the value only needs to be above rounding error. Not tuned.
_SINGULAR = 1e-6


@dataclass(frozen=True)
class ImageGeometry:
    """The lattice of a 2D or 3D image in physical space: LPS, mm, ITK's order x, y, z.

    ``point = origin + direction @ (spacing * index)``. Indices are in ITK's order (i, j, k), the
    reverse of the axes of an array; a left-handed direction is allowed.

    Args:
        size: voxels along i, j(, k).
        spacing: mm between voxel centres along i, j(, k).
        origin: physical point of the centre of the first voxel.
        direction: d x d matrix, row by row; column i is the unit vector of axis i.

    Raises:
        InputError: for inconsistent lengths, a size below 1, a spacing that is not positive,
            a singular direction, or a number that is not finite.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(int(n) for n in self.size))
        for name in ("spacing", "origin", "direction"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        d = len(self.size)
        if d not in (2, 3):
            raise InputError(f"size: expected 2 or 3 numbers, got {self.size}")
        for name, length in (("spacing", d), ("origin", d), ("direction", d * d)):
            values = getattr(self, name)
            if len(values) != length or not np.isfinite(values).all():
                raise InputError(
                    f"{name}: expected {length} finite numbers for a {d}D image, got {values}"
                )
        if min(self.size) < 1:
            raise InputError(f"size: expected at least 1 voxel along each axis, got {self.size}")
        if min(self.spacing) <= 0:
            raise InputError(f"spacing: expected positive numbers (mm), got {self.spacing}")
        if abs(np.linalg.det(np.reshape(self.direction, (d, d)))) < _SINGULAR:
            raise InputError(f"direction: expected an invertible matrix, got {self.direction}")

    @classmethod
    def from_image(cls, image: sitk.Image) -> ImageGeometry:
        """Read the geometry of a 2D or 3D image."""
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.size)

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of the array of an image with this geometry: the size reversed, (k, j, i)."""
        return self.size[::-1]

    @property
    def direction_matrix(self) -> npt.NDArray[np.float64]:
        """The direction as a d x d array."""
        return np.reshape(self.direction, (self.dimension, self.dimension))

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """``direction @ diag(spacing)``: a step of one voxel along each axis, in mm, as columns."""
        return self.direction_matrix * np.asarray(self.spacing)

    def center(self) -> tuple[float, ...]:
        """Return the physical point in the middle of the lattice, LPS mm."""
        return tuple(self.index_to_physical((np.asarray(self.size) - 1) / 2).tolist())

    @property
    def extent_mm(self) -> tuple[float, ...]:
        """Edge lengths of the box of all voxels in mm, ``size * spacing``."""
        return tuple(n * s for n, s in zip(self.size, self.spacing, strict=True))

    def index_to_physical(self, indices: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map continuous indices ``(..., d)`` in order i, j, k to LPS points ``(..., d)`` in mm."""
        return np.asarray(indices, dtype=np.float64) @ self.matrix.T + np.asarray(self.origin)

    def physical_to_index(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map LPS points ``(..., d)`` in mm to continuous indices ``(..., d)`` in order i, j, k."""
        offset = np.asarray(points, dtype=np.float64) - np.asarray(self.origin)
        return offset @ np.linalg.inv(self.matrix).T

    def points(self) -> npt.NDArray[np.float64]:
        """Return the physical point of every voxel, ``(*array_shape, d)``, components x, y(, z)."""
        axes = [np.arange(n, dtype=np.float64) for n in self.array_shape]
        indices = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], axis=-1)
        return self.index_to_physical(indices)

    def matches(self, other: ImageGeometry, tolerance: float = 1e-3) -> bool:
        """Return True when size and voxel positions agree.

        Args:
            other: the geometry to compare with.
            tolerance: largest accepted distance of corresponding voxels, as a fraction of a voxel.
        """
        if self.size != other.size:
            return False
        ends = np.asarray(self.size) - 1
        corners = np.stack(np.meshgrid(*[[0, end] for end in ends], indexing="ij"), axis=-1)
        moved = self.physical_to_index(other.index_to_physical(corners))
        return bool(np.abs(moved - corners).max() <= tolerance)

    def to_image(self, array: npt.NDArray[np.generic], is_vector: bool = False) -> sitk.Image:
        """Return an image with the values of an array.

        Args:
            array: ``array_shape``, or ``(*array_shape, components)`` with ``is_vector``.
            is_vector: whether the last axis holds the components of a voxel.

        Raises:
            InputError: when the shapes of array and geometry differ.
        """
        shape = array.shape[:-1] if is_vector else array.shape
        if shape != self.array_shape:
            raise InputError(
                f"array: expected shape {self.array_shape}{' + components' * is_vector}, "
                f"got {array.shape}"
            )
        if array.dtype == np.bool_:
            array = array.astype(np.uint8)
        image = sitk.GetImageFromArray(array, isVector=is_vector)
        self._place(image)
        return image

    def empty_image(self, pixel_type: int = sitk.sitkUInt8) -> sitk.Image:
        """Return an image of zeros, e.g. as the reference of a resampling."""
        image = sitk.Image(list(self.size), pixel_type)
        self._place(image)
        return image

    def resampled(
        self, size: Sequence[int] | None = None, spacing: Sequence[float] | None = None
    ) -> ImageGeometry:
        """Return a lattice with another voxel size over the same box, outer face to outer face.

        Args:
            size: new number of voxels along i, j(, k); the spacing follows exactly.
            spacing: new spacing in mm; the size is rounded, and the new lattice centred on the old.

        Raises:
            InputError: unless exactly one of size and spacing is given, and valid.
        """
        if (size is None) == (spacing is None):
            raise InputError("resampled: expected either size or spacing, got both or none")
        if size is not None:
            if len(size) != self.dimension or min(size) < 1:
                raise InputError(f"size: expected {self.dimension} positive numbers, got {size}")
            spacing = [extent / n for extent, n in zip(self.extent_mm, size, strict=True)]
        else:
            assert spacing is not None
            if len(spacing) != self.dimension or min(spacing) <= 0:
                raise InputError(
                    f"spacing: expected {self.dimension} positive numbers, got {spacing}"
                )
            size = [
                max(1, round(extent / s)) for extent, s in zip(self.extent_mm, spacing, strict=True)
            ]
        half = (np.asarray(size) - 1) / 2 * np.asarray(spacing)
        origin = np.asarray(self.center()) - self.direction_matrix @ half
        return ImageGeometry(tuple(size), tuple(spacing), tuple(origin.tolist()), self.direction)

    def crop(self, start: Sequence[int], size: Sequence[int]) -> ImageGeometry:
        """Return the lattice of ``size`` voxels that begins at index ``start`` (i, j, k).

        A negative start, or an end beyond the last voxel, pads.

        Raises:
            InputError: for a wrong number of values or a size below 1.
        """
        if len(start) != self.dimension or len(size) != self.dimension:
            raise InputError(
                f"crop: expected {self.dimension} numbers each, got start {start} and size {size}"
            )
        origin = tuple(self.index_to_physical(start).tolist())
        return replace(self, size=tuple(size), origin=origin)

    def _place(self, image: sitk.Image) -> None:
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction)
