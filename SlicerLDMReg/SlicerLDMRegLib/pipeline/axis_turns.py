"""Turns of the index axes of a lattice, and what they are called."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry

__all__ = [
    "ChangeKind", "after_shift", "axis_names", "change_in_words", "free_axes",
    "signed_permutations", "turn_in_words", "turned",
]  # fmt: skip


#: What a change of the index axes is: a mirror image or turn by quarters, one by another angle
#: about an axis, another length of an axis, or another size.
ChangeKind = Literal["turned", "oblique", "stretched", "scaled"]


def free_axes(lattice: ImageGeometry, slice_axis: int | None) -> list[int]:
    """Return the index axes along which images can be turned: neither flat nor across slices."""
    return [a for a in range(lattice.dimension) if a != slice_axis and lattice.size[a] > 1]


def signed_permutations(lattice: ImageGeometry, slice_axis: int | None) -> Iterator[np.ndarray]:
    """Yield signed permutations of the index axes; flat axes and slices stay."""
    d, free = lattice.dimension, free_axes(lattice, slice_axis)
    for order in itertools.permutations(free):
        for signs in itertools.product((1, -1), repeat=len(free)):
            turn = np.eye(d)
            turn[:, free] = 0
            for source, target, sign in zip(free, order, signs, strict=True):
                turn[target, source] = sign
            yield turn


def turned(lattice: ImageGeometry, change: np.ndarray) -> sitk.AffineTransform:
    """Return the map that changes the index axes about the middle of a lattice."""
    axes = lattice.direction_matrix
    transform = sitk.AffineTransform(lattice.dimension)
    transform.SetCenter(np.asarray(lattice.center()).tolist())
    transform.SetMatrix((axes @ change @ axes.T).ravel().tolist())
    return transform


def after_shift(
    lattice: ImageGeometry, transform: sitk.Transform, voxels: np.ndarray
) -> sitk.CompositeTransform:
    """Return a map with a translation before it, in voxels of a lattice."""
    first = sitk.TranslationTransform(lattice.dimension, (lattice.matrix @ voxels).tolist())
    return sitk.CompositeTransform([transform, first])  # the last one comes first


def turn_in_words(turn: np.ndarray, lattice: ImageGeometry) -> str:
    """Return a predicate of the moving image for a signed permutation of index axes."""
    moved = [a for a in range(len(turn)) if turn[a, a] != 1]
    names = axis_names(lattice)
    is_mirrored = np.linalg.det(turn) < 0
    if all(turn[a, a] == -1 for a in moved):
        if len(moved) == 1:
            return f"mirrored {names[moved[0]]}"
        if len(moved) == 3:
            return "mirrored in all directions"
        if len(turn) == 2:
            return "turned by 180°"
        (left,) = set(range(3)) - set(moved)
        return f"turned by 180° about the axis {names[left]}"
    if is_mirrored:
        return "with exchanged axes"
    if len(moved) == 2:
        if len(turn) == 2:
            return "turned by 90°"
        (left,) = set(range(3)) - set(moved)
        return f"turned by 90° about the axis {names[left]}"
    return "turned, with its axes in another order"


def change_in_words(change: np.ndarray, lattice: ImageGeometry) -> tuple[ChangeKind, str] | None:
    """Return what a change of the index axes is, and a predicate of the moving image for it.

    Args:
        change: of fixed to moving points, ``(d, d)``: where it enlarges, the moving image is too
            large, and matches at less than its size.
        lattice: whose axes are changed.

    Returns:
        None where nothing is changed.
    """
    lengths = np.linalg.norm(change, axis=0)
    longer = np.flatnonzero(~np.isclose(lengths, 1))
    if len(longer) > 1:
        return "scaled", f"at about {1 / lengths[longer[0]]:.0%} of its size"
    if len(longer) == 1:
        axis = int(longer[0])
        times = "half" if lengths[axis] > 1 else "twice"
        return "stretched", f"at {times} its length {axis_names(lattice)[axis]}"
    if not np.isin(change, (-1, 0, 1)).all():
        return "oblique", _oblique_turn_in_words(change, lattice)
    if np.array_equal(change, np.eye(len(change))):
        return None
    return "turned", turn_in_words(change, lattice)


def _oblique_turn_in_words(turn: np.ndarray, lattice: ImageGeometry) -> str:
    """Return a predicate of the moving image for a turn in the plane of two index axes."""
    (one, other) = [a for a in range(len(turn)) if not np.isclose(turn[a, a], 1)]
    degrees = np.rad2deg(np.arctan2(abs(turn[other, one]), turn[one, one]))
    words = f"turned by about {degrees:.0f}°"
    if len(turn) == 2:
        return words
    (left,) = set(range(3)) - {one, other}
    return f"{words} about the axis {axis_names(lattice)[left]}"


def axis_names(lattice: ImageGeometry) -> Sequence[str]:
    """Return the directions of the index axes in words."""
    if lattice.dimension == 2:
        return ("left to right", "top to bottom")
    words = ("left to right", "front to back", "head to foot")
    return [words[int(np.abs(column).argmax())] for column in lattice.direction_matrix.T]
