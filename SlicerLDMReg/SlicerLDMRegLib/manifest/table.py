"""Tables of a manifest as they are written: columns, and cells by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._printable import shown
from .._small_files import DamagedFile, parse_json, read_text
from ..errors import InputError
from .columns import nearest
from .faults import Faults

__all__ = ["Row", "Table", "read_table"]

# A row of a large study has some 300 bytes: this is for a million of them.
_MOST_BYTES, _MOST_ROWS, _MOST_COLUMNS = 500_000_000, 1_000_000, 1000
_SEPARATORS = (",", ";", "\t")  # spreadsheets of many languages write semicolons
_KINDS = {"images": ("image",), "pairs": ("fixed", "moving")}


@dataclass(frozen=True)
class Row:
    """A row: its number, as spreadsheets and people count, and its cells by column."""

    number: int
    cells: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table: ``images`` or ``pairs``, its columns in their order, its rows."""

    kind: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path, faults: Faults) -> Table:
    """Read the cells of a manifest.

    Args:
        path: a file; ``.json`` is JSON, all else CSV.
        faults: takes what is wrong in single rows.

    Raises:
        InputError: when it cannot be read, or is neither a table of images nor of pairs.
    """
    try:
        text = read_text(path, _MOST_BYTES)
        if path.suffix.lower() == ".json":
            kind, columns, rows = _json_table(path, text, faults)
        else:
            columns, rows = _csv_table(path, text, faults)
            kind = None
    except DamagedFile as error:
        raise InputError(f"manifest {path}: it cannot be read: {error}") from error
    if not rows:
        raise InputError(f"manifest {path}: it has no entries; write one row for each")
    if len(rows) > _MOST_ROWS:
        raise InputError(
            f"manifest {path}: expected at most {_MOST_ROWS:,} rows, got {len(rows):,}"
        )
    return Table(kind or _kind(path, columns), tuple(columns), tuple(rows))


def _csv_table(path: Path, text: str, faults: Faults) -> tuple[list[str], list[Row]]:
    first = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] = []
    rows: list[Row] = []
    number = 0
    try:
        for number, cells in enumerate(lines, 1):
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _header(path, cells)
                continue
            if len(cells) != len(columns):
                count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
                faults.add(f"expected {len(columns)} cells as in the header, got {count}", number)
                continue
            filled = {c: t.strip() for c, t in zip(columns, cells, strict=True) if t.strip()}
            rows.append(Row(number, filled))
    except csv.Error as error:
        raise InputError(f"manifest {path}: row {number + 1}: it is not CSV: {error}") from error
    if not columns:
        raise InputError(
            f"manifest {path}: it is empty; begin with a header such as image,labels or "
            "fixed,moving"
        )
    if not rows:
        faults.check()
    return columns, rows


def _header(path: Path, cells: Sequence[str]) -> list[str]:
    columns = [cell.strip() for cell in cells]
    if len(columns) > _MOST_COLUMNS:
        raise InputError(
            f"manifest {path}: expected at most {_MOST_COLUMNS} columns, got {len(columns):,}"
        )
    for n, name in enumerate(columns):
        if not name:
            raise InputError(f"manifest {path}: row 1: column {n + 1} has no name; give it one")
        if name in columns[:n]:
            raise InputError(f"manifest {path}: row 1: two columns are named {name}; rename one")
    return columns


def _json_table(path: Path, text: str, faults: Faults) -> tuple[str | None, list[str], list[Row]]:
    values = parse_json(text, _each_once)
    kind = None
    if isinstance(values, dict):
        for name in values:
            if name not in _KINDS:
                meant = nearest(name, _KINDS)
                hint = f"; is it meant to be {meant}?" if meant else ""
                raise InputError(
                    f"manifest {path}: expected a list, or an object with images or pairs, got the "
                    f"key {shown(name)}{hint}"
                )
        if len(values) != 1:
            raise InputError(
                f"manifest {path}: expected either images or pairs, got {len(values)} lists"
            )
        kind, values = next(iter(values.items()))
    if not isinstance(values, list):
        raise InputError(f"manifest {path}: expected a list of objects, got {shown(values)}")
    columns: dict[str, None] = {}
    rows = []
    for number, cells in enumerate(values, 1):
        if not isinstance(cells, dict):
            faults.add(f"expected an object, got {shown(cells)}", number)
            continue
        columns |= dict.fromkeys(cells)
        if len(columns) > _MOST_COLUMNS:
            raise InputError(f"manifest {path}: expected at most {_MOST_COLUMNS} different keys")
        rows.append(Row(number, {n: v for n, v in cells.items() if v is not None and v != ""}))
    if not rows:
        faults.check()
    return kind, list(columns), rows


def _kind(path: Path, columns: Sequence[str]) -> str:
    found = [kind for kind, needed in _KINDS.items() if any(n in columns for n in needed)]
    if len(found) == 2:
        raise InputError(
            f"manifest {path}: expected a column image, or columns fixed and moving, got all of "
            "them; make two tables"
        )
    if found:
        return found[0]
    needed = [name for names in _KINDS.values() for name in names]
    near = {name: meant for name in columns if (meant := nearest(name, needed)) is not None}
    hint = "".join(f"; is {name} meant to be {meant}?" for name, meant in near.items())
    raise InputError(
        f"manifest {path}: expected a column image, or columns fixed and moving, got "
        f"{', '.join(columns[:20])}{hint}"
    )


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for n, name in enumerate(names) if name in names[:n])
        raise ValueError(f"{shown(twice)} is there twice in one object")
    return found
