"""Lists of control points as landmarks of an image, and what is known of each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import InputError
from ...pipeline.landmarks import Landmarks, pair_landmarks
from ...pipeline.planes import Plane
from ..texts import tr as _
from .coordinates import FLIP
from .volume_nodes import Node

__all__ = ["PointPair", "landmarks_in_plane", "landmarks_of", "live_pairs", "point_count"]

_BESIDE = 0.75  # of the thickness of a slice, to each side: a point of a view lies within half


def point_count(node: Node | None) -> int:
    """Return the number of points of a list, placed or not."""
    return 0 if node is None else int(node.GetNumberOfControlPoints())


def landmarks_of(node: Node) -> Landmarks:
    """Return the points of a list, LPS mm in the world; those that are not placed are NaN."""
    points, labels, used = [], [], []
    for number in range(point_count(node)):
        place = [np.nan] * 3
        defined = node.GetNthControlPointPositionStatus(number) == node.PositionDefined
        if defined:
            node.GetNthControlPointPositionWorld(number, place)
        points.append(FLIP * place)
        labels.append(str(node.GetNthControlPointLabel(number)))
        used.append(bool(defined and node.GetNthControlPointSelected(number)))
    if not points:
        raise InputError(
            _("{node!r} has no points; place some, or select None").format(node=node.GetName())
        )
    told = [
        f"points that are {what} were left out: {', '.join(found)}"
        for what, found in _left_out(labels, np.array(points), used)
        if found
    ]
    return Landmarks(np.array(points), tuple(labels), tuple(used), tuple(told))


def landmarks_in_plane(landmarks: Landmarks, plane: Plane) -> Landmarks:
    """Return points in the coordinates of a slice, ``(N, 2)``; those beside it are not used."""
    through = plane.axis
    thickness = plane.geometry.spacing[through]
    apart = (landmarks.points - plane.base) @ plane.normal
    level = float((np.asarray(plane.geometry.center()) - plane.base) @ plane.normal)
    beside = np.abs(apart - level) > _BESIDE * thickness
    names = [landmarks.named(n) for n, used in enumerate(landmarks.used) if used and beside[n]]
    notes = landmarks.notes
    if names:
        notes = (*notes, f"points beside the slice were left out: {', '.join(names)}")
    used = tuple(bool(used and not off) for used, off in zip(landmarks.used, beside, strict=True))
    flat = replace(landmarks, points=plane.to_2d(landmarks.points), used=used, notes=notes)
    if not any(used):
        raise InputError(_("landmarks: none of the points lies in the slice that is registered"))
    return flat


@dataclass(frozen=True)
class PointPair:
    """A landmark as a table shows it.

    Attributes:
        name: its label.
        rows: of its points in the two lists; None where it has no partner.
        before: distance of the two, mm; None: it cannot be measured.
        after: distance that a transform leaves, mm; None: there is none.
        note: why it cannot be measured: ``only fixed``, ``only moving``, ``not placed``,
            ``fixed not placed``, ``moving not placed`` or ``not selected``; empty: it can.
    """

    name: str
    rows: tuple[int | None, int | None]
    before: float | None = None
    after: float | None = None
    note: str = ""


def live_pairs(fixed: Node, moving: Node, transform: Any = None) -> tuple[list[PointPair], str]:
    """Return all landmarks of two lists, also those that cannot be used, and how they were paired.

    Args:
        fixed, moving: the lists.
        transform: maps fixed to moving points, RAS mm, with ``TransformPoint``; None: none yet.
    """
    lists = []
    for node in (fixed, moving):
        if not point_count(node):
            return [], ""
        lists.append(landmarks_of(node))
    own = [replace(one, notes=(), used=(True,) * len(one.used)) for one in lists]
    # Positions say which rows belong together: each point stands for its row.
    numbered = [
        replace(one, points=np.column_stack([np.arange(len(one.points))] * 3).astype(float))
        for one in own
    ]
    try:
        paired = pair_landmarks(*numbered)
    except InputError as error:
        return _alone(lists, set(), set()), str(error)
    rows = list(zip(paired.fixed[:, 0].astype(int), paired.moving[:, 0].astype(int), strict=True))
    found = []
    for name, (i, j) in zip(paired.names, rows, strict=True):
        usable = lists[0].used[i] and lists[1].used[j]
        if usable:
            start, end = FLIP * lists[0].points[i], FLIP * lists[1].points[j]
            before = float(np.linalg.norm(end - start))
            after = None
            if transform is not None:
                after = float(np.linalg.norm(end - transform.TransformPoint(*start.tolist())))
            found.append(PointPair(name, (int(i), int(j)), before, after))
        else:
            found.append(PointPair(name, (int(i), int(j)), note=_why(lists, int(i), int(j))))
    found += _alone(lists, {int(i) for i, _j in rows}, {int(j) for _i, j in rows})
    # Each landmark without a partner has its own row.
    notes = [note for note in paired.notes if "without a counterpart" not in note]
    return found, "; ".join(notes)


def _alone(lists: Sequence[Landmarks], fixed: set[int], moving: set[int]) -> list[PointPair]:
    texts = "only fixed", "only moving"
    found = []
    for side, known in enumerate((fixed, moving)):
        for number in range(len(lists[side].points)):
            if number not in known:
                rows = (number, None) if side == 0 else (None, number)
                found.append(PointPair(lists[side].called(number), rows, note=texts[side]))
    return found


def _why(lists: Sequence[Landmarks], i: int, j: int) -> str:
    """Return why a pair cannot be measured."""
    missing = [not np.isfinite(one.points[n]).all() for one, n in zip(lists, (i, j), strict=True)]
    if all(missing):
        return "not placed"
    if any(missing):
        return "fixed not placed" if missing[0] else "moving not placed"
    return "not selected"


def _left_out(
    labels: Sequence[str], points: np.ndarray, used: Sequence[bool]
) -> list[tuple[str, list[str]]]:
    defined = np.isfinite(points).all(axis=1)
    names = [label or str(n + 1) for n, label in enumerate(labels)]
    return [
        ("not placed", [names[n] for n in range(len(names)) if not defined[n]]),
        ("not selected", [names[n] for n in range(len(names)) if defined[n] and not used[n]]),
    ]
