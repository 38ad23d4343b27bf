"""The table of a cohort as CSV, and as Parquet, which keeps the types of its columns."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._outputs import whole_file
from .summary import NUMBERS

__all__ = ["columns_of", "write_csv", "write_parquet"]

_COUNTS = ("attempts",)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns of rows in which anything stands, in their order."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if any(row.get(name) not in (None, "") for row in rows)]


def write_csv(rows: Sequence[Mapping[str, Any]], path: Path, share: bool) -> None:
    """Write rows as CSV.

    Raises:
        OSError: when it cannot be written.
    """
    columns = columns_of(rows)
    with (
        whole_file(path, private=not share) as file,
        file.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.DictWriter(
            stream, columns, restval="", extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(rows: Sequence[Mapping[str, Any]], path: Path, share: bool) -> bool:
    """Write rows as Parquet: numbers as float64, counts as int64, all else as text.

    Returns:
        Whether it was written: it needs the package pyarrow.

    Raises:
        OSError: when it cannot be written.
    """
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        return False
    arrays, fields = [], []
    for name in columns_of(rows):
        values = [row.get(name) for row in rows]
        if name in NUMBERS:
            kind = arrow.float64()
        elif name in _COUNTS:
            kind = arrow.int64()
        else:
            kind = arrow.string()
            # A name of a file may hold halves of surrogate pairs, which UTF-8 has not.
            values = [None if v is None else _encodable(str(v)) for v in values]
        arrays.append(arrow.array(values, type=kind))
        fields.append(arrow.field(name, kind))
    table = arrow.Table.from_arrays(arrays, schema=arrow.schema(fields))
    with whole_file(path, private=not share) as file:
        parquet.write_table(table, file)
    return True


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
