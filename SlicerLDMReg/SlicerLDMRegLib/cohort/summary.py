"""The row of a registration in the table of a cohort, and the rows that stand out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

__all__ = [
    "MEASURES",
    "NUMBERS",
    "WORST",
    "Measure",
    "mark_outliers",
    "quality",
    "row_of_metrics",
    "worst",
]

#: Pairs that the report shows with pictures.
WORST = 12


@dataclass(frozen=True)
class Measure:
    """A number of the table.

    Attributes:
        name: of the column.
        title: for people.
        better: 1 where more is better, -1 where less is, 0 where neither is.
        digits: behind the point.
    """

    name: str
    title: str
    better: int = 0
    digits: int = 3


#: The numbers of a row, in the order of the table.
MEASURES = (
    Measure("quality", "Quality", 1),
    Measure("ncc_before", "NCC before"),
    Measure("ncc_after", "NCC", 1),
    Measure("dice_before", "Dice before"),
    Measure("dice_after", "Dice", 1),
    Measure("hd95_before_mm", "HD95 before, mm", 0, 2),
    Measure("hd95_after_mm", "HD95, mm", -1, 2),
    Measure("tre_before_mm", "TRE before, mm", 0, 2),
    Measure("tre_after_mm", "TRE, mm", -1, 2),
    Measure("unlike_before", "Unlike before"),
    Measure("unlike_after", "Unlike", -1),
    Measure("covered", "Covered", 1),
    Measure("folds", "Folds", -1, 0),
    Measure("folds_percent", "Folds, %", -1),
    Measure("jacobian_min", "Least determinant", 0),
    Measure("jacobian_max", "Largest determinant", 0),
    Measure("sdlogj", "SDlogJ", -1),
    Measure("moved_mean_mm", "Moved, mm", 0, 2),
    Measure("moved_max_mm", "Moved at most, mm", 0, 2),
    Measure("bending_mm", "Bending, mm", 0, 2),
    Measure("inverse_error_mm", "There and back, mm", -1, 3),
    Measure("seconds", "Seconds", 0, 2),
    Measure("peak_mib", "Memory, MiB", 0, 0),
)
NUMBERS = {measure.name: measure for measure in MEASURES}

_SOURCES = (
    ("ncc", "ncc_before", "ncc_after"),
    ("dice_mean", "dice_before", "dice_after"),
    ("hd95_mean", "hd95_before_mm", "hd95_after_mm"),
    ("tre", "tre_before_mm", "tre_after_mm"),
    ("unlike", "unlike_before", "unlike_after"),
)
_OF_FIELD = {
    "folds": "fold_count",
    "folds_percent": "fold_percent",
    "jacobian_min": "jacobian_min",
    "jacobian_max": "jacobian_max",
    "sdlogj": "sdlogj",
    "moved_mean_mm": "displacement_mean_mm",
    "moved_max_mm": "displacement_max_mm",
    "bending_mm": "bending_mm",
    "inverse_error_mm": "inverse_consistency_mm",
}
# Iglewicz and Hoaglin, How to detect and handle outliers (1993): a modified z-score beyond 3.5,
# with the median absolute deviation, 0.6745 of the standard deviation of a normal distribution.
_FAR, _NORMAL = 3.5, 0.6745
_FEWEST = 12  # rows from which a distribution tells what is usual
_ORDER = {"failed": 0, "bad": 1, "check": 2, "good": 3}


def row_of_metrics(
    metrics: Mapping[str, Any], timings: Mapping[str, Any], memory: Mapping[str, Any]
) -> dict[str, float]:
    """Return the numbers of a registration that are known, by column.

    Args:
        metrics, timings: of the result.
        memory: peaks in MiB, as the provenance has them.
    """
    row: dict[str, float | None] = {}
    for name, before, after in _SOURCES:
        row[before] = _number(metrics.get("before"), name)
        row[after] = _number(metrics.get("after"), name)
    row["covered"] = _number(metrics.get("after"), "covered")
    for column, name in _OF_FIELD.items():
        row[column] = _number(metrics.get("deformation"), name)
    row["seconds"] = _number(timings, "total")
    row["peak_mib"] = _number(memory, "process_mib")
    row["quality"] = quality(row)
    return {m.name: v for m in MEASURES if (v := row.get(m.name)) is not None}


def quality(row: Mapping[str, float | None]) -> float | None:
    """Return one number to sort by, at most 1.

    It is the mean Dice where there are labels; else the share of what the fixed image shows that
    looks like its partner; else the NCC. Numbers of these three kinds do not compare: a cohort
    whose pairs have labels in part only is sorted by kind and quality.
    """
    if (dice := row.get("dice_after")) is not None:
        return dice
    unlike = row.get("unlike_after")
    return row.get("ncc_after") if unlike is None else 1.0 - unlike


def mark_outliers(rows: Sequence[dict[str, Any]]) -> None:
    """Set the entry ``outlier`` of rows: the measures in which one is far worse than is usual.

    A row that fell off is one beyond 3.5 median absolute deviations (modified z-score), on the bad
    side, of all rows that have the number.
    """
    for row in rows:
        row["outlier"] = ""
    for measure in MEASURES:
        if not measure.better or measure.name == "folds_percent":
            continue
        known = [row[measure.name] for row in rows if _is_number(row.get(measure.name))]
        if len(known) < _FEWEST:
            continue
        middle = statistics.median(known)
        spread = statistics.median(abs(value - middle) for value in known)
        if spread == 0:
            continue
        for row in rows:
            value = row.get(measure.name)
            if not _is_number(value):
                continue
            score = _NORMAL * (value - middle) / spread
            if -measure.better * score > _FAR:
                row["outlier"] = ", ".join(filter(None, (row["outlier"], measure.title)))


def worst(rows: Iterable[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    """Return the done rows that need a look most: by verdict, then by quality."""
    done = [row for row in rows if row.get("status") == "done"]

    def key(row: Mapping[str, Any]) -> tuple[int, float, str]:
        value = row.get("quality")
        return (
            _ORDER.get(str(row.get("verdict")), 0),
            value if _is_number(value) else -math.inf,
            str(row.get("id")),
        )

    return sorted(done, key=key)[:count]


def _number(section: Any, name: str) -> float | None:
    value = section.get(name) if isinstance(section, Mapping) else None
    return float(value) if _is_number(value) else None


def _is_number(value: Any) -> TypeGuard[float]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
