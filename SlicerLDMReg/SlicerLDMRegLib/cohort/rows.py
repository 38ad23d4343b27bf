"""Rows of the table of a cohort: one for each pair, with what became of it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from ..manifest import PairEntry, PairsManifest, read_pairs
from .folder import CohortFolder
from .records import read_record
from .run import PAIRS
from .summary import MEASURES, mark_outliers

__all__ = ["COLUMNS", "read_entries", "rows_of"]

#: Columns of every table, before those of the manifest.
COLUMNS = (
    "id", "status", "verdict", "outlier", *(measure.name for measure in MEASURES), "model",
    "attempts", "finished", "reason", "fixed", "moving", "split", "group", "folder",
    "report",
)  # fmt: skip
_FINDINGS = 500  # characters


def read_entries(folder: CohortFolder) -> PairsManifest:
    """Read which pairs a cohort has.

    Raises:
        InputError: when the folder is not that of a cohort.
    """
    folder.description()
    return read_pairs(folder.root / PAIRS, check_files=False, check_columns=False)


def rows_of(folder: CohortFolder, entries: PairsManifest) -> list[dict[str, Any]]:
    """Return the rows of a cohort, in the order of its pairs.

    ``status`` is ``done``, ``failed`` or ``missing``; ``outlier`` names the measures in which a
    pair is far worse than the others.
    """
    rows = [_row(folder, entry, read_record(folder, str(entry.id))) for entry in entries]
    mark_outliers(rows)
    return rows


def _row(
    folder: CohortFolder, entry: PairEntry, record: Mapping[str, Any] | None
) -> dict[str, Any]:
    name = str(entry.id)
    further = {key: text for key, text in entry.further.items() if key not in COLUMNS}
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | further
    row |= {
        "id": name,
        "status": "missing",
        "fixed": str(entry.fixed),
        "moving": str(entry.moving),
        "split": entry.split,
        "group": entry.group,
    }
    if record is None:
        return row
    row["status"] = "done" if record.get("status") == "done" else "failed"
    row["attempts"] = _whole(record.get("attempts"))
    finished = record.get("finished")
    if isinstance(finished, int | float):
        row["finished"] = _date(finished)
    if row["status"] == "failed":
        row["reason"] = _text(record.get("reason"))
        return row
    numbers = record.get("numbers")
    if isinstance(numbers, Mapping):
        row |= {m.name: numbers[m.name] for m in MEASURES if m.name in numbers}
    row["verdict"] = _text(record.get("verdict"))
    row["model"] = _text(record.get("model")) or "none"
    findings = record.get("findings")
    if isinstance(findings, list) and findings:
        row["reason"] = " ".join(map(str, findings))[:_FINDINGS]
    drawn = "report.html" in (record.get("files") or ())
    row["report"] = "report.html" if drawn else "report.json"
    row["folder"] = folder.results(name).relative_to(folder.root).as_posix()
    return row


def _date(seconds: float) -> str:
    try:
        return datetime.datetime.fromtimestamp(seconds).isoformat(sep=" ", timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return ""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
