"""Read corresponding points from the formats of Slicer, elastix and spreadsheets."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..geometry import ImageGeometry

__all__ = ["as_landmarks", "check_landmark_pair", "read_landmarks"]

_SUFFIXES = ".csv, .fcsv, .mrk.json, .json, .pts, .txt"


def as_landmarks(source: Any, geometry: ImageGeometry, role: str = "landmarks") -> np.ndarray:
    """Return points ``(N, d)``, x, y(, z) in LPS mm, from a path or an array of that shape.

    Raises:
        InputError: when the file cannot be read or the array has another shape.
    """
    if isinstance(source, str | Path):
        return read_landmarks(source, geometry, role)
    return _checked(source, geometry.dimension, role)


def read_landmarks(
    path: str | Path, geometry: ImageGeometry, role: str = "landmarks"
) -> np.ndarray:
    """Read points.

    Formats: ``.csv`` with columns x, y, z (LPS) or r, a, s, with or without a header; ``.fcsv`` and
    ``.mrk.json`` of Slicer, in the coordinate system that they state; elastix ``.pts`` or ``.txt``,
    ``point`` (LPS mm) or ``index`` (voxels of the image).

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
    path = Path(path)
    name = f"{role} {path}"
    if not path.is_file():
        raise InputError(f"{role}: there is no file {path}")
    suffix = path.suffix.lower()
    try:
        text = path.read_text(encoding="utf-8-sig")
        if suffix == ".json":
            points = _slicer_json(text)
        elif suffix == ".fcsv":
            points = _fcsv(text)
        elif suffix == ".csv":
            points = _csv(text, geometry.dimension)
        elif suffix in (".pts", ".txt"):
            points = _elastix(text, geometry)
        else:
            raise InputError(f"{name}: expected one of {_SUFFIXES}")
    except InputError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(f"{name}: this is not a list of points that can be read") from error
    return _checked(points, geometry.dimension, name)


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


def _checked(points: Any, dimension: int, name: str) -> np.ndarray:
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected {dimension} numbers per point") from error
    if array.ndim == 2 and array.shape[1] == 3 and dimension == 2:
        array = array[:, :2]
    if array.ndim != 2 or len(array) == 0 or array.shape[1] != dimension:
        raise InputError(
            f"{name}: expected points with {dimension} coordinates, got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{name}: some coordinates are not finite")
    return array


def _to_lps(points: list[list[float]], system: str) -> np.ndarray:
    """Turn points of the named coordinate system into LPS; Slicer once wrote numbers for names."""
    array = np.asarray(points, dtype=np.float64)
    system = system.strip().upper()
    if system in ("RAS", "0"):
        return array * np.array([-1.0, -1.0, 1.0])
    if system in ("LPS", "1"):
        return array
    raise InputError(f"landmarks: expected the coordinate system LPS or RAS, got {system!r}")


def _slicer_json(text: str) -> np.ndarray:
    markup = json.loads(text)["markups"][0]
    points = [
        [float(v) for v in point["position"]]
        for point in markup["controlPoints"]
        if point.get("positionStatus", "defined") == "defined"
    ]
    return _to_lps(points, str(markup.get("coordinateSystem", "LPS")))


def _fcsv(text: str) -> np.ndarray:
    system, points = "RAS", []
    for line in text.splitlines():
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            if key.strip().lower() == "coordinatesystem":
                system = value
        elif line.strip():
            points.append([float(v) for v in line.split(",")[1:4]])
    return _to_lps(points, system)


def _csv(text: str, dimension: int) -> np.ndarray:
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    header = [cell.strip().lower() for cell in rows[0]]
    if all(_is_number(cell) for cell in header):
        return np.array([[float(cell) for cell in row[:dimension]] for row in rows])
    for names, system in (("xyz", "LPS"), ("lps", "LPS"), ("ras", "RAS")):
        if all(name in header for name in names[:dimension]):
            columns = [header.index(name) for name in names[:dimension]]
            points = [[float(row[column]) for column in columns] for row in rows[1:]]
            padded = [[*point, 0.0] if dimension == 2 else point for point in points]
            return _to_lps(padded, system)
    raise InputError(f"landmarks: expected columns x, y, z or r, a, s, got {', '.join(header)}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _elastix(text: str, geometry: ImageGeometry) -> np.ndarray:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    kind, count = lines[0][0].lower(), int(lines[1][0])
    if kind not in ("index", "point"):
        raise InputError(f"landmarks: expected 'index' or 'point' in the first line, got {kind!r}")
    points = np.array([[float(v) for v in line] for line in lines[2:]])
    if len(points) != count:
        raise InputError(f"landmarks: the file announces {count} points and holds {len(points)}")
    if kind == "point":
        return points
    return np.asarray(geometry.index_to_physical(points[:, : geometry.dimension]))
