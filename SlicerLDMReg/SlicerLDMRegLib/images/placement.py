"""Lattices with right angles, of the steps between voxels that a header gives."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..geometry import ImageGeometry
from .selection import Selection

__all__ = ["Decoded", "place"]

# Unit vectors of which SimpleITK takes the direction as it is; headers in float32 stay below.
_EXACT = 2e-6
# Rounding of headers to three digits moves the corners of an image less than a tenth of a voxel,
# and less than that no registration can tell.
_ROUNDING = 0.1


@dataclass
class Decoded:
    """The decoded contents of a file.

    Attributes:
        array: ``(z, y, x)`` or ``(y, x)``; with ``is_vector`` the components are the last axis.
        geometry: its lattice, LPS mm.
        notes: what was guessed, left out or changed.
        is_vector: whether there are several numbers a voxel.
    """

    array: np.ndarray
    geometry: ImageGeometry
    notes: list[str] = field(default_factory=list)
    is_vector: bool = False

    def to_image(self) -> sitk.Image:
        """Return the image."""
        array = self.array
        if not array.dtype.isnative:
            array = array.byteswap().view(array.dtype.newbyteorder("="))
        return self.geometry.to_image(np.ascontiguousarray(array), self.is_vector)


def place(
    array: np.ndarray,
    steps: np.ndarray,
    origin: np.ndarray,
    wanted: Selection,
    is_vector: bool = False,
    told: bool = False,
    cause: str = "",
) -> Decoded:
    """Return an array on its lattice; where the axes are not at right angles, if asked, resampled.

    Args:
        array: see :class:`Decoded`.
        steps: ``(d, d)``, from one voxel to the next along i, j(, k), LPS mm, as columns.
        origin: ``(d,)``, LPS mm, of the centre of the first voxel.
        wanted: where ``resample`` is asked for, slanting axes are resampled to right angles.
        is_vector: whether the components are the last axis of the array.
        told: resample without being asked, which a note tells.
        cause: why the axes slant, for the messages.

    Raises:
        InputError: for steps of no length, in one plane, or slanting.
    """
    d = len(steps)
    spacing = np.linalg.norm(steps, axis=0)
    if not (np.isfinite(steps).all() and np.isfinite(origin).all()) or (spacing <= 0).any():
        raise InputError(
            f"the header gives a distance of {_numbers(spacing)} mm between voxels; "
            "expected positive numbers: correct it with the program that wrote it"
        )
    unit = steps / spacing
    if abs(np.linalg.det(unit)) < 1e-3:
        raise InputError(
            "the header gives axes that lie in one plane; expected three directions at right "
            "angles: correct it with the program that wrote it"
        )
    size = array.shape[:d][::-1]
    skew = np.abs(unit.T @ unit - np.eye(d)).max()
    asked = wanted.asked("resample")
    if skew <= _EXACT:
        return Decoded(array, _geometry(size, spacing, origin, unit), [], is_vector)
    left, _, right = np.linalg.svd(unit)
    straight = left @ right
    moved = np.abs(np.linalg.inv(steps) @ ((straight * spacing) - steps)) @ (np.array(size) - 1)
    if moved.max() <= _ROUNDING:
        notes = []
        if moved.max() > 1e-2:
            notes = [f"the axes were made square, which moves voxels by up to {moved.max():.2g}"]
        return Decoded(array, _geometry(size, spacing, origin, straight), notes, is_vector)
    angle = np.degrees(np.arcsin(min(1.0, skew)))
    if not (asked or told):
        raise InputError(
            f"the axes of its voxels are not at right angles ({angle:.1f} degrees off{cause}), "
            "as a transform with shear leaves them; expected a rotation: resample it to right "
            "angles, which #resample behind its name does"
        )
    if is_vector:
        raise InputError("its axes are not at right angles, and vectors are not resampled")
    return _straightened(array, steps, origin, angle, cause)


def _straightened(
    array: np.ndarray, steps: np.ndarray, origin: np.ndarray, angle: float, cause: str
) -> Decoded:
    """Return an image with slanting axes on the smallest square lattice that holds it, linear."""
    d = len(steps)
    size = np.array(array.shape[::-1])
    directions, triangle = np.linalg.qr(steps)  # the first axis stays, the second in its plane
    signs = np.sign(np.diag(triangle))
    directions, triangle = directions * signs, triangle * signs[:, None]
    # Without the rounding of the decomposition, which a lattice of one kind would not have.
    spacing = np.array([float(f"{value:.12g}") for value in np.diag(triangle)])
    ends = np.stack(np.meshgrid(*[[0, n - 1] for n in size], indexing="ij"), -1).reshape(-1, d)
    corners = ends @ triangle.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    # On the lattice of the first slice: its voxels keep their values.
    first = np.floor(low / spacing + 1e-6)
    new_size = np.ceil(high / spacing - 1e-6).astype(int) - first.astype(int) + 1
    back = np.linalg.inv(triangle) * spacing  # new index to old index, order i, j(, k)
    offset = back @ first
    reverse = np.arange(d)[::-1]
    values = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    from scipy import ndimage  # few images are sheared, and it is slow to import

    moved = ndimage.affine_transform(
        values,
        back[np.ix_(reverse, reverse)],
        offset[reverse],
        tuple(new_size[::-1].tolist()),
        order=1,
        mode="grid-constant",  # an edge that rounding puts outside keeps its value
        cval=float(array.min()),
    )
    if array.dtype.kind in "iu":
        moved = np.rint(moved)
    geometry = _geometry(
        tuple(new_size), spacing, origin + directions @ (first * spacing), directions
    )
    note = (
        f"the axes of its voxels slant by {angle:.1f} degrees{cause}: it was resampled to right "
        f"angles, linear, {'x'.join(map(str, geometry.size))} voxels"
    )
    return Decoded(moved.astype(array.dtype), geometry, [note])


def _geometry(
    size: tuple[int, ...], spacing: np.ndarray, origin: np.ndarray, direction: np.ndarray
) -> ImageGeometry:
    return ImageGeometry(
        size, tuple(spacing.tolist()), tuple(origin.tolist()), tuple(direction.ravel().tolist())
    )


def _numbers(values: np.ndarray) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
