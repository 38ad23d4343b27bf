"""Lists of points as Slicer, elastix and spreadsheets write them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .._small_files import DamagedFile, parse_json, read_text
from ..errors import InputError
from ..geometry import ImageGeometry

__all__ = ["Landmarks", "read_landmark_file"]

_SUFFIXES = ".csv, .fcsv, .mrk.json, .json, .pts, .txt"
_MOST_BYTES = 20_000_000  # 50,000 points of Slicer, which says much of each
_TO_LPS = {"LPS": (1.0, 1.0), "1": (1.0, 1.0), "RAS": (-1.0, -1.0), "0": (-1.0, -1.0)}
_UNITS = {"mm": 1.0, "um": 1e-3, "µm": 1e-3, "cm": 10.0, "m": 1e3, "": 1.0}
_FCSV_COLUMNS = ["id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label"]
_OLD_FCSV_COLUMNS = ["label", "x", "y", "z", "sel", "vis"]
_LABELS = ("label", "name", "id", "landmark", "point")
_NO = ("0", "false", "no", "undefined", "missing", "preview")


@dataclass(frozen=True)
class Landmarks:
    """Points of an image.

    Attributes:
        points: ``(N, 2 or 3)``, x, y(, z) in LPS mm, NaN where a point is not defined.
        labels: what each is called, or None where the source has no names.
        used: whether each is defined and selected.
        notes: what was guessed or left out.
    """

    points: np.ndarray
    labels: tuple[str, ...] | None
    used: tuple[bool, ...]
    notes: tuple[str, ...] = ()

    def called(self, index: int) -> str:
        """Return the label of a point as it is, or its number from 1 on as text."""
        label = "" if self.labels is None else self.labels[index].strip()
        return label or str(index + 1)

    def named(self, index: int) -> str:
        """Return the label of a point, or its number from 1 on."""
        return repr(self.labels[index]) if self.labels is not None else f"number {index + 1}"


def read_landmark_file(path: Path, geometry: ImageGeometry, role: str) -> Landmarks:
    """Read a file; see ``landmarks.read_landmarks``.

    Raises:
        InputError: when the file is missing or holds no points.
    """
    name = f"{role} {path}"
    if not path.is_file():
        raise InputError(f"{role}: there is no file {path}")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{name}: expected one of {_SUFFIXES}")
    try:
        return reader(read_text(path, _MOST_BYTES), geometry)
    except DamagedFile as error:
        raise InputError(f"{name}: it cannot be read as a list of points: {error}") from error
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(role) else f"{name}: {text}") from error
    except MemoryError as error:
        raise InputError(f"{name}: it does not fit into the memory; give fewer points") from error
    except Exception as error:  # a file that is damaged in a way that no reader names
        raise InputError(f"{name}: this is not a list of points that can be read") from error


def _landmarks(
    rows: Sequence[tuple[str, Sequence[float], bool, bool]],
    system: str,
    named: bool,
    notes: Sequence[str] = (),
) -> Landmarks:
    """Return points from rows of label, coordinates, defined and selected."""
    system = system.strip().upper()
    if system not in _TO_LPS:
        raise InputError(f"expected the coordinate system LPS or RAS, got {system[:20]!r}")
    lengths = {len(point) for _, point, _, _ in rows}
    if len(lengths) > 1:
        raise InputError("its points have different numbers of coordinates")
    points = np.array([point for _, point, _, _ in rows], np.float64).reshape(len(rows), -1)
    defined = np.array([row[2] for row in rows], bool)
    if points.size and not np.isfinite(points[defined]).all():
        raise InputError("some coordinates are not finite")
    points[~defined] = np.nan
    points[:, :2] *= _TO_LPS[system]
    labels = tuple(row[0] for row in rows) if named and any(row[0] for row in rows) else None
    told = list(notes)
    for what, lacking in (
        ("not defined", [n for n, row in enumerate(rows) if not row[2]]),
        ("not selected", [n for n, row in enumerate(rows) if row[2] and not row[3]]),
    ):
        if lacking:
            whole = Landmarks(points, labels, ())
            shown = ", ".join(whole.named(n) for n in lacking[:8])
            more = f" and {len(lacking) - 8} more" if len(lacking) > 8 else ""
            told.append(f"points that are {what} were left out: {shown}{more}")
    used = tuple(bool(row[2] and row[3]) for row in rows)
    return Landmarks(points, labels, used, tuple(told))


def _slicer_json(text: str, geometry: ImageGeometry) -> Landmarks:
    lists = parse_json(text, constants=True)["markups"]
    if len(lists) != 1:
        names = ", ".join(str(one.get("name", one.get("type", "?")))[:30] for one in lists[:5])
        raise InputError(f"expected one list of points, got {len(lists)} ({names}); save one alone")
    markup = lists[0]
    if str(markup.get("type", "Fiducial")) in ("ROI", "Plane"):
        raise InputError(f"expected points, got a markup of type {markup['type']}")
    units = markup.get("coordinateUnits", "mm")
    units = units if isinstance(units, str) else str(units[0])
    if units not in _UNITS:
        raise InputError(f"its coordinateUnits are {units[:20]!r}; expected mm")
    rows = []
    for point in markup["controlPoints"]:
        defined = point.get("positionStatus", "defined") == "defined"
        position = (
            [float(v) * _UNITS[units] for v in point["position"]] if defined else [np.nan] * 3
        )
        rows.append(
            (str(point.get("label", "")), position, defined, bool(point.get("selected", True)))
        )
    return _landmarks(rows, str(markup.get("coordinateSystem", "LPS")), named=True)


def _fcsv(text: str, geometry: ImageGeometry) -> Landmarks:
    system, columns, rows = "RAS", None, []
    old = "fiducial list file" in text[:200].lower()
    for line in text.splitlines():
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            if key.strip().lower() == "coordinatesystem":
                system = value
            elif key.strip().lower() == "columns":
                columns = [word.strip().lower() for word in value.split(",")]
        elif line.strip():
            rows.append(next(csv.reader([line])))
    if columns is None or not {"x", "y", "z"} <= set(columns):
        columns = _OLD_FCSV_COLUMNS if old else _FCSV_COLUMNS
    place = [columns.index(axis) for axis in "xyz"]

    def cell(row: Sequence[str], name: str, default: str) -> str:
        index = columns.index(name) if name in columns else len(row)
        return row[index].strip() if index < len(row) and row[index].strip() else default

    return _landmarks(
        [
            (cell(row, "label", ""), [float(row[i]) for i in place], True,
             float(cell(row, "sel", "1")) != 0)
            for row in rows
        ],
        system,
        named=True,
    )  # fmt: skip


def _csv(text: str, geometry: ImageGeometry) -> Landmarks:
    dimension = geometry.dimension
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = next((s for s in ("\t", ";") if s in first and "," not in first), ",")
    table = csv.reader(text.splitlines(), delimiter=separator)
    rows = [row for row in table if any(cell.strip() for cell in row)]
    header = [cell.strip().lower() for cell in rows[0]]
    if all(_is_number(cell) for cell in header):
        if len(header) > 3:
            raise InputError(
                f"expected 3 columns x, y, z, got {len(header)} without a header; name them in the "
                "first line"
            )
        points = [[float(cell) for cell in row[:dimension]] for row in rows]
        return _landmarks([("", point, True, True) for point in points], "LPS", named=False)
    for names, system in (("xyz", "LPS"), ("lps", "LPS"), ("ras", "RAS")):
        if not all(name in header for name in names[:dimension]):
            continue
        columns = [header.index(name) for name in names[:dimension]]
        label = next((header.index(name) for name in _LABELS if name in header), None)
        flags = [header.index(n) if n in header else None for n in ("defined", "selected")]
        result = []
        for row in rows[1:]:
            told = [i is None or row[i].strip().lower() not in _NO for i in flags]
            point = [float(row[i]) for i in columns] if told[0] else [np.nan] * dimension
            text_of = "" if label is None else row[label].strip()
            result.append((text_of, point, told[0], told[1]))
        return _landmarks(result, system, named=label is not None)
    raise InputError(
        f"expected columns x, y, z (LPS) or r, a, s, got {', '.join(header)[:80]}; name them in "
        "the first line"
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _elastix(text: str, geometry: ImageGeometry) -> Landmarks:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    kind, count = lines[0][0].lower(), int(lines[1][0])
    if kind not in ("index", "point"):
        raise InputError(f"expected 'index' or 'point' in the first line, got {kind[:20]!r}")
    points = np.array([[float(v) for v in line] for line in lines[2:]])
    if len(points) != count:
        raise InputError(f"the file announces {count} points and holds {len(points)}")
    if kind == "index":
        points = np.asarray(geometry.index_to_physical(points[:, : geometry.dimension]))
    return _landmarks([("", point, True, True) for point in points.tolist()], "LPS", named=False)


_READERS: dict[str, Callable[[str, ImageGeometry], Landmarks]] = {
    ".json": _slicer_json,
    ".fcsv": _fcsv,
    ".csv": _csv,
    ".pts": _elastix,
    ".txt": _elastix,
}


def from_array(points: Any) -> Landmarks:
    """Return points of an array of numbers ``(N, d)``.

    Raises:
        InputError: when they are no such array.
    """
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("expected the same count of numbers per point") from error
    return Landmarks(array, None, (True,) * len(array) if array.ndim else ())


def with_points(landmarks: Landmarks, points: np.ndarray, notes: Sequence[str] = ()) -> Landmarks:
    """Return the same landmarks at other points, with more notes."""
    return replace(landmarks, points=points, notes=(*landmarks.notes, *notes))
