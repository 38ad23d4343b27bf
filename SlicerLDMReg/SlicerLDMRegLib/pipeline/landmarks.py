"""Corresponding points of two images: read, checked, and paired by what they are called."""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..geometry import ImageGeometry
from .landmark_files import Landmarks, from_array, read_landmark_file, with_points

__all__ = [
    "LandmarkPairs",
    "Landmarks",
    "as_landmarks",
    "check_landmark_pair",
    "load_landmarks",
    "pair_landmarks",
    "read_landmarks",
]

_NUMBERED = re.compile(r"(.*?)[-_ ]?(\d{1,9})")
_LISTED = 8


class LandmarkPairs(NamedTuple):
    """The points of two images that correspond.

    Attributes:
        fixed, moving: ``(M, d)``, LPS mm.
        notes: how they were paired, and which were left out.
        names: what each pair is called: its label, or its number from 1 on.
    """

    fixed: np.ndarray
    moving: np.ndarray
    notes: tuple[str, ...]
    names: tuple[str, ...]


def load_landmarks(source: Any, geometry: ImageGeometry, role: str = "landmarks") -> Landmarks:
    """Return points with their names, in the order of the source.

    Args:
        source: a path as of :func:`read_landmarks`, an array ``(N, d)``, x, y(, z) in LPS mm, or
            :class:`Landmarks`.
        geometry: lattice of the image that the points belong to.
        role: what the points are, for the errors and notes.

    Raises:
        InputError: when the file cannot be read, or no point is left.
    """
    name = role
    if isinstance(source, str | Path):
        name = f"{role} {source}"
        found = read_landmark_file(Path(source), geometry, role)
    elif isinstance(source, Landmarks):
        found = source
    else:
        try:
            found = from_array(source)
        except InputError as error:
            raise InputError(f"{role}: expected {geometry.dimension} numbers per point") from error
    points = found.points
    dimension = geometry.dimension
    if points.ndim == 2 and points.shape[1] == 3 and dimension == 2:
        points = points[:, :2]
    if points.ndim != 2 or len(points) == 0 or points.shape[1] != dimension:
        raise InputError(
            f"{name}: expected points with {dimension} coordinates, got shape {points.shape}"
        )
    if not any(found.used):
        raise InputError(f"{name}: none of its {len(points)} points is defined and selected")
    if not np.isfinite(points[list(found.used)]).all():
        raise InputError(f"{name}: some coordinates are not finite")
    notes = _outside(points[list(found.used)], geometry)
    return with_points(found, points, notes)


def as_landmarks(source: Any, geometry: ImageGeometry, role: str = "landmarks") -> np.ndarray:
    """Return points ``(N, d)``, x, y(, z) in LPS mm, from a path or an array of that shape.

    Raises:
        InputError: when the file cannot be read or the array has another shape.
    """
    found = load_landmarks(source, geometry, role)
    return found.points[list(found.used)]


def read_landmarks(
    path: str | Path, geometry: ImageGeometry, role: str = "landmarks"
) -> np.ndarray:
    """Read points.

    Formats: ``.csv`` with columns x, y, z (LPS), l, p, s or r, a, s, with or without a header;
    ``.fcsv`` and ``.mrk.json`` of Slicer, in the coordinate system that they state; elastix
    ``.pts`` or ``.txt``, ``point`` (LPS mm) or ``index`` (voxels of the image). Points that are not
    defined or not selected are left out.

    Args:
        path: the file.
        geometry: lattice of the image that the points belong to; it says whether the points are 2D
            or 3D, and where the voxels of ``index`` files lie.
        role: what the points are, for the errors.

    Returns:
        ``(N, d)``, x, y(, z) in LPS mm.

    Raises:
        InputError: when the file is missing or holds no such points.
    """
    return as_landmarks(Path(path), geometry, role)


def check_landmark_pair(fixed: np.ndarray | None, moving: np.ndarray | None) -> None:
    """Check that both lists of points are there, or none, and that they correspond in number.

    Raises:
        InputError: when they do not.
    """
    if (fixed is None) != (moving is None):
        given, missing = ("moving", "fixed") if fixed is None else ("fixed", "moving")
        raise InputError(f"landmarks: the {given} points are given without the {missing} ones")
    if fixed is not None and moving is not None and len(fixed) != len(moving):
        raise InputError(
            "landmarks: expected as many fixed as moving points, "
            f"got {len(fixed)} and {len(moving)}"
        )


def pair_landmarks(fixed: Landmarks, moving: Landmarks) -> LandmarkPairs:
    """Return the points of both images that correspond, and what has to be told.

    Points that both sides name are paired by their labels, regardless of order and capitals, and
    what only one side has is left out. Where no label is on both sides, those that end in numbers
    are paired by these; else the order tells, as it does where one side has no labels.

    Raises:
        InputError: when labels are ambiguous, or nothing tells which points correspond.
    """
    notes = [f"fixed landmarks: {note}" for note in fixed.notes]
    notes += [f"moving landmarks: {note}" for note in moving.notes]
    pairs = _by_label(fixed, moving, notes)
    if pairs is None:
        check_landmark_pair(fixed.points, moving.points)
        pairs = [(n, n) for n in range(len(fixed.points))]
    kept = [(i, j) for i, j in pairs if fixed.used[i] and moving.used[j]]
    if not kept:
        raise InputError(
            "landmarks: no point is defined and selected on both sides; check their labels"
        )
    rows = np.array(kept)
    names = tuple(fixed.called(i) for i, _j in kept)
    return LandmarkPairs(fixed.points[rows[:, 0]], moving.points[rows[:, 1]], tuple(notes), names)


def _by_label(
    fixed: Landmarks, moving: Landmarks, notes: list[str]
) -> list[tuple[int, int]] | None:
    """Return pairs of indices, in the order of the fixed points; None for those without labels."""
    if fixed.labels is None or moving.labels is None:
        return None
    sides = [[_plain(label) for label in side.labels or ()] for side in (fixed, moving)]
    if sides[0] == sides[1]:
        return None  # in order, and be it that labels occur twice
    common = set(sides[0]) & set(sides[1]) - {""}
    if not common:
        first, second = (_numbers(side) for side in sides)
        if first is not None and second is not None and set(first) & set(second):
            sides, common = [first, second], set(first) & set(second)
            notes.append("no label is on both sides: points were paired by their numbers")
        elif len(sides[0]) == len(sides[1]):
            notes.append(
                "no label of the landmarks is on both sides: points were paired in their order"
            )
            return None
        else:
            raise InputError(
                f"landmarks: none of the {len(sides[0])} fixed and {len(sides[1])} moving points "
                "have one label; give points that correspond one label"
            )
    for side, role in zip(sides, ("fixed", "moving"), strict=True):
        counts = collections.Counter(side)
        twice = sorted(label for label in common if counts[label] > 1)
        if twice:
            raise InputError(
                f"landmarks: the {role} points have the label {twice[0]!r} {counts[twice[0]]} "
                "times; give each point a label of its own"
            )
    places = {label: j for j, label in enumerate(sides[1])}
    pairs = [(i, places[label]) for i, label in enumerate(sides[0]) if label in common]
    if [j for _, j in pairs] != sorted(j for _, j in pairs):
        notes.append("the landmarks have different orders: points were paired by their labels")
    for landmarks, side, role in ((fixed, sides[0], "fixed"), (moving, sides[1], "moving")):
        alone = [n for n, label in enumerate(side) if label not in common]
        if alone:
            shown = ", ".join(landmarks.named(n) for n in alone[:_LISTED])
            more = f" and {len(alone) - _LISTED} more" if len(alone) > _LISTED else ""
            notes.append(f"{role} landmarks without a counterpart were left out: {shown}{more}")
    return pairs


def _plain(label: str) -> str:
    return " ".join(label.split()).casefold()


def _numbers(labels: Sequence[str]) -> list[str] | None:
    """Return the numbers of labels such as ``F-1``, ``F-2`` of one list; None for others."""
    found = [_NUMBERED.fullmatch(label) for label in labels]
    matches = [match for match in found if match is not None]
    if len(matches) < len(found) or len({match[1] for match in matches}) != 1:
        return None
    return [str(int(match[2])) for match in matches]


def _outside(points: np.ndarray, geometry: ImageGeometry) -> list[str]:
    """Tell points that lie outside of their image, as those of other coordinates do."""
    outside = _count_outside(points, geometry)
    if outside == 0:
        return []
    turned = points.copy()
    turned[:, :2] *= -1
    hint = ""
    if outside > len(points) / 2 and _count_outside(turned, geometry) < outside / 2:
        hint = "; with x and y turned around they lie inside: check whether they are RAS"
    return [f"{outside} of {len(points)} points lie outside of the image{hint}"]


def _count_outside(points: np.ndarray, geometry: ImageGeometry) -> int:
    indices = geometry.physical_to_index(points)
    inside = (indices >= -1) & (indices <= np.asarray(geometry.size))
    return int((~inside.all(axis=1)).sum())
