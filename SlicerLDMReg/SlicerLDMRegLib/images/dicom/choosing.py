"""One slice at each place: what does not belong is left out and told, or the choices are listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...errors import InputError
from ..selection import Selection
from .frames import KEYWORDS, Frame

__all__ = ["of_one_kind", "one_at_each_place"]

_SAME_DIRECTION = 0.01  # headers give direction cosines with four digits or more
_SAME_SPACING = 1e-3  # of the spacing; headers give it with three digits or more
# Slices are never nearer to each other than that; headers give positions with two digits or more.
SAME_PLACE_MM = 0.01
_LISTED = 8
_ABSENT = "none"  # the value of slices that lack an attribute which others have


def of_one_kind(frames: Sequence[Frame], wanted: Selection, notes: list[str]) -> list[Frame]:
    """Return the frames of one orientation and size; localizers and strays are left out.

    Args:
        frames: of one series.
        wanted: ``stack`` where there are several.
        notes: to which what was left out is added.

    Raises:
        InputError: when there are several stacks.
    """
    kinds: list[list[Frame]] = []
    for frame in frames:
        for kind in kinds:
            if _alike(kind[0], frame):
                kind.append(frame)
                break
        else:
            kinds.append([frame])
    if len(kinds) == 1:
        return kinds[0]
    kinds.sort(key=lambda kind: -len(kind))
    stack = wanted.number("stack", len(kinds))
    if stack is not None:
        notes.append(f"stack {stack + 1} of {len(kinds)} was taken, {_of(kinds[stack])}")
        return kinds[stack]
    real = [kind for kind in kinds if not all(frame.localizer for frame in kind)]
    # One slice among many of another kind is a scout, whether it says so or not.
    most = len(kinds[0])
    strays = [kind for kind in kinds if kind not in real]
    if most > 2:
        strays += [kind for kind in real if len(kind) == 1]
        real = [kind for kind in real if len(kind) > 1]
    if len(real) == 1:
        for kind in strays:
            names = ", ".join(frame.path.name for frame in kind[:_LISTED])
            what = "a localizer" if kind[0].localizer else "of another orientation or size"
            notes.append(f"left out, {what}: {names}")
        return real[0]
    listed = "; ".join(f"#stack={n + 1}: {_of(kind)}" for n, kind in enumerate(kinds[:_LISTED]))
    raise InputError(
        f"its {len(frames)} slices are {len(kinds)} stacks that differ in orientation or size; "
        f"name one: {listed}"
    )


def _of(kind: Sequence[Frame]) -> str:
    first = kind[0]
    what = f"{len(kind)} slices of {first.columns}x{first.rows}"
    if first.normal is not None:
        what += " across (" + ", ".join(f"{v:.2f}" for v in first.normal) + ")"
    return what


def _alike(one: Frame, other: Frame) -> bool:
    if (one.rows, one.columns) != (other.rows, other.columns):
        return False
    if (one.spacing is None) != (other.spacing is None):
        return False
    if one.spacing is not None and not np.allclose(one.spacing, other.spacing, rtol=_SAME_SPACING):  # type: ignore[arg-type]
        return False
    if one.row is None or other.row is None or one.column is None or other.column is None:
        return one.row is None and other.row is None
    return bool(
        np.abs(one.row - other.row).max() < _SAME_DIRECTION
        and np.abs(one.column - other.column).max() < _SAME_DIRECTION
    )


def one_at_each_place(
    frames: Sequence[Frame],
    wanted: Selection,
    notes: list[str],
    same_pixels: Callable[[Sequence[Frame]], bool],
) -> list[Frame]:
    """Return one frame at each place, in the order of the places along the normal.

    Args:
        frames: of one kind, with places.
        wanted: a keyword of DICOM with a value, or ``copy``.
        notes: to which what was left out is added.
        same_pixels: whether all of some frames have the same pixels.

    Raises:
        InputError: when slices share a place and nothing was chosen.
    """
    chosen = list(frames)
    for keyword in KEYWORDS:
        value = wanted.take(keyword)
        if value is None:
            continue
        values = _values(chosen, keyword)
        chosen = [frame for frame in chosen if _same(_value(frame, keyword), value)]
        if not chosen:
            raise InputError(f"#{keyword}={value}: expected one of {_listed(values)}")
        notes.append(
            f"{len(chosen)} of {len(frames)} slices were taken, those of {keyword} {value}"
        )
    places = _places(chosen)
    copy = wanted.take("copy")
    most = max(map(len, places))
    if most == 1:
        return [place[0] for place in places]
    if copy is not None:
        wanted.number("copy", most)
        number = int(copy) - 1
        notes.append(f"of slices at one place, number {copy} was taken")
        return [sorted(p, key=_order)[min(number, len(p) - 1)] for p in places]
    if all(len(place) == 1 or same_pixels(place) for place in places):
        count = len(chosen) - len(places)
        notes.append(f"{count} slices that are there twice were left out")
        return [min(place, key=_order) for place in places]
    several = sum(len(place) > 1 for place in places)
    where = ", ".join(f"{_height(place[0]):.1f}" for place in places if len(place) > 1)
    raise InputError(
        f"{several} of its {len(places)} places have several slices, up to {most} "
        f"(at {where if len(where) < 60 else where[:57] + '...'} mm); {_choices(chosen, most)}"
    )


def _order(frame: Frame) -> tuple[int, str, int]:
    return frame.number, frame.path.name, frame.index


def _height(frame: Frame) -> float:
    assert frame.position is not None and frame.normal is not None
    return float(frame.position @ frame.normal)


def _places(frames: Sequence[Frame]) -> list[list[Frame]]:
    ordered = sorted(frames, key=lambda frame: (_height(frame), *_order(frame)))
    places: list[list[Frame]] = []
    for frame in ordered:
        if places and _height(frame) - _height(places[-1][0]) < SAME_PLACE_MM:
            places[-1].append(frame)
        else:
            places.append([frame])
    return places


def _value(frame: Frame, keyword: str) -> str:
    return frame.attributes.get(keyword, _ABSENT)


def _values(frames: Sequence[Frame], keyword: str) -> list[str]:
    """Return the values of an attribute, numbers first and in their order."""

    def order(text: str) -> tuple[bool, float, str]:
        return not _is_number(text), float(text) if _is_number(text) else 0.0, text

    return sorted({_value(frame, keyword) for frame in frames}, key=order)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _same(value: str, asked: str) -> bool:
    if _is_number(value) and _is_number(asked):
        return abs(float(value) - float(asked)) <= 1e-6 * max(1.0, abs(float(asked)))
    return value == asked


def _choices(frames: Sequence[Frame], most: int) -> str:
    """Tell the attribute that separates slices at one place, or the next best."""
    partly = None
    for keyword in KEYWORDS:
        values = _values(frames, keyword)
        if len(values) < 2:
            continue
        parts = [[f for f in frames if _value(f, keyword) == value] for value in values]
        left = max(len(place) for part in parts for place in _places(part))
        if left == 1 and max(map(len, parts)) > 1:
            return f"choose by their {keyword}: {_listed(values, keyword)}"
        if left < most and partly is None and max(map(len, parts)) > left:
            partly = f"choose first by their {keyword}: {_listed(values, keyword)}"
    return partly or f"choose one of each, by its instance number, with #copy=1 to #copy={most}"


def _listed(values: Sequence[str], keyword: str = "") -> str:
    begin = f"#{keyword}=" if keyword else ""
    text = ", ".join(f"{begin}{value}" for value in values[:_LISTED])
    return text + (f" and {len(values) - _LISTED} more" if len(values) > _LISTED else "")
