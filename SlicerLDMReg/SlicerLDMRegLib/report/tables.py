"""Tables of the HTML report: rows of text from metrics, timings and provenance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "DEFORMATION",
    "METRICS",
    "Table",
    "format_value",
    "metric_tables",
    "provenance_tables",
    "timing_table",
]

_DASH = "\u2013"

#: Metric: (title, higher is better?); None: neither is better.
METRICS: dict[str, tuple[str, bool | None]] = {
    "ncc": ("Normalised cross-correlation (NCC)", True),
    "overlap": ("Part of the fixed lattice that the moving image covers", None),
    "covered": ("Part of the structures of the fixed image that is compared", None),
    "local_similarity": ("Local similarity (self-similarity contexts), mean", True),
    "unlike": ("Part of these structures that looks unlike its partner", False),
    "unlike_linear": ("Likewise, with the affine part of the map alone", False),
    "lncc": ("Local normalised cross-correlation (LNCC)", True),
    "mse": ("Mean squared error (MSE)", False),
    "dice_mean": ("Mean Dice", True),
    "hd95_mean": ("Mean HD95 (mm)", False),
    "tre": ("Mean landmark error (mm)", False),
    "tre_max_mm": ("Largest landmark error (mm)", False),
    "better_numbers_dice": ("Mean Dice under other numbers of the labels", None),
}
#: Property of the deformation: title.
DEFORMATION = {
    "fold_count": "Folded samples",
    "fold_percent": "Folded samples (%)",
    "jacobian_min": "Jacobian determinant, smallest",
    "jacobian_max": "Jacobian determinant, largest",
    "jacobian_mean": "Jacobian determinant, mean",
    "sdlogj": "SD of log Jacobian (SDlogJ)",
    "sdlogj_learn2reg": "SDlogJ, Learn2Reg definition",
    "displacement_mean_mm": "Displacement, mean (mm)",
    "displacement_max_mm": "Displacement, largest (mm)",
    "bending_mm": "Displacement that is not affine, root mean square (mm)",
    "linear_stretch_min": "Linear part, smallest stretch",
    "linear_stretch_max": "Linear part, largest stretch",
    "diagonal_mm": "Diagonal of the lattice (mm)",
    "inverse_consistency_mm": "Inverse consistency error, mean (mm)",
    "uncertainty_median_mm": "Uncertainty, median where the fixed image is bright (mm)",
    "uncertainty_p95_mm": "Uncertainty, 95th percentile there (mm)",
}


@dataclass
class Table:
    """Table of text; ``tones`` has ``better`` or ``worse`` for the last cell of a row."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    tones: list[str] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: str, tone: str = "") -> None:
        self.rows.append(list(cells))
        self.tones.append(tone)


def format_value(value: Any) -> str:
    """Return a value as text: four digits, a dash for None and NaN, lists with commas."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return ", ".join(format_value(item) for item in value)
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _change(before: Any, after: Any, higher_is_better: bool | None) -> tuple[str, str]:
    if not (_is_number(before) and _is_number(after)):
        return _DASH, ""
    difference = float(after) - float(before)
    if not math.isfinite(difference):
        return _DASH, ""
    text = f"{difference:+.3g}".replace("-", "\u2212")
    if higher_is_better is None or abs(difference) < 1e-9:
        return text, ""
    return text, "better" if (difference > 0) == higher_is_better else "worse"


def metric_tables(metrics: Mapping[str, Any]) -> list[Table]:
    """Return the tables of the metrics before and after, and of the deformation.

    Args:
        metrics: see ``ReportSource.metrics``; single structures have their own table.
    """
    before, after = metrics.get("before", {}), metrics.get("after", {})
    tables = [_before_after(metrics), _landmarks(before, after, metrics.get("landmarks"))]
    tables.append(_deformation(metrics.get("deformation", {})))
    return [table for table in tables if table.rows]


def _before_after(metrics: Mapping[str, Any]) -> Table:
    states = [name for name in ("before", "aligned", "after") if metrics.get(name)]
    sides = [metrics[name] for name in states]
    table = Table("Match before and after", ["Metric", *map(str.capitalize, states), "Change"])
    for key in dict.fromkeys([*METRICS, *(key for side in sides for key in side)]):
        values = [side.get(key) for side in sides]
        if not any(_is_number(value) for value in values):
            continue
        title, higher = METRICS.get(key, (key, None))
        change, tone = _change(values[0], values[-1], higher)
        table.add(title, *map(format_value, values), change, tone=tone)
    masked = " and of the ".join(metrics.get("masks", []))
    if masked:
        table.note = (
            f"The images were compared inside the mask of the {masked} image only; NCC and MSE are "
            "measured there."
        )
    return table


def _landmarks(before: Mapping[str, Any], after: Mapping[str, Any], told: Any) -> Table:
    table = Table("Landmark error (mm)", ["Landmark", "Before", "After", "Change"])
    errors = [side.get("tre_per_landmark", []) for side in (before, after)]
    names = told.get("names", []) if isinstance(told, Mapping) else []
    known = len(names) == len(errors[0])
    for number, values in enumerate(zip(*errors, strict=False), start=1):
        change, tone = _change(values[0], values[1], False)
        table.add(
            str(names[number - 1]) if known else str(number),
            *map(format_value, values),
            change,
            tone=tone,
        )
    return table


def _deformation(deformation: Mapping[str, Any]) -> Table:
    table = Table("Deformation", ["Property", "Value"])
    for key in dict.fromkeys([*DEFORMATION, *deformation]):
        value = deformation.get(key)
        if key in deformation and not isinstance(value, Mapping):
            folded = key.startswith("fold") and isinstance(value, int | float) and value > 0
            tone = "worse" if folded else ""
            table.add(DEFORMATION.get(key, key), format_value(value), tone=tone)
    return table


def timing_table(timings: Mapping[str, Any]) -> Table:
    """Return the table of seconds per stage."""
    table = Table("Time", ["Stage", "Seconds"])
    for stage, seconds in timings.items():
        table.add(stage.replace("_", " "), f"{seconds:.2f}" if _is_number(seconds) else _DASH)
    return table


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(item, f"{prefix}: {key}" if prefix else str(key))
    else:
        yield prefix, format_value(value)


def provenance_tables(provenance: Mapping[str, Any]) -> list[Table]:
    """Return one table per section of the provenance, and one of its single values."""
    general = Table("General", ["", ""])
    tables = []
    for key, value in provenance.items():
        if isinstance(value, Mapping):
            table = Table(str(key).replace("_", " ").capitalize(), ["", ""])
            for name, text in _flatten(value):
                table.add(name.replace("_", " "), text)
            tables.append(table)
        else:
            general.add(str(key).replace("_", " "), format_value(value))
    return [table for table in [general, *tables] if table.rows]
