"""Scores of one registered pair, their summary over a set, and the table."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from SlicerLDMRegLib import metrics
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.functional import (
    jacobian_determinant,
    smallest_jacobian_determinant,
    warp,
)

from .datasets.evaluation import EvaluationPair

__all__ = ["score", "summarise", "to_markdown", "write_results"]

Row = dict[str, Any]

# Column of a row, title in the table, digits.
_COLUMNS = (
    ("dice", "Dice", 3),
    ("folds_percent", "Folded pixels (%)", 3),
    ("hd95", "HD95 (pixels)", 2),
    ("ncc", "NCC", 3),
    ("seconds", "Seconds a pair", 3),
)


def score(pair: EvaluationPair, field: DisplacementField) -> Row:
    """Score a field on a pair; the same warp and the same Jacobian for all methods.

    Args:
        pair: images and, where it has them, labels.
        field: fixed to moving points on the fixed lattice.

    Returns:
        ``ncc``, ``mse``, ``folds_percent`` (central differences), ``folds_strict_percent`` (the
        smallest one-sided determinant), ``sdlogj``; with labels ``dice`` and ``hd95`` (pixels),
        means over the labels that both images hold, and ``dice_<label>``.
    """
    displacement = torch.from_numpy(field.to_voxels())[None]
    moving = torch.from_numpy(np.ascontiguousarray(pair.moving))[None, None]
    warped = warp(moving, displacement)[0, 0]
    determinant = jacobian_determinant(displacement)[0]
    strict = smallest_jacobian_determinant(displacement)[0]
    row: Row = {
        "ncc": metrics.ncc(pair.fixed, warped),
        "mse": metrics.mse(pair.fixed, warped),
        "folds_percent": metrics.fold_percentage(determinant),
        "folds_strict_percent": metrics.fold_percentage(strict),
        "sdlogj": metrics.sdlogj(determinant),
    }
    if pair.fixed_labels is not None and pair.moving_labels is not None:
        labels = torch.from_numpy(np.ascontiguousarray(pair.moving_labels))[None, None]
        warped_labels = warp(labels, displacement, mode="nearest", padding="zeros")[0, 0]
        known = (set(np.unique(pair.fixed_labels)) & set(np.unique(pair.moving_labels))) - {0}
        overlap = metrics.dice(pair.fixed_labels, warped_labels, known)
        spacing = [1.0] * pair.fixed.ndim
        distance = metrics.hd95(pair.fixed_labels, warped_labels, spacing, known)
        row["dice"] = _mean(overlap.values())
        row["hd95"] = _mean(distance.values())
        row |= {f"dice_{label}": value for label, value in overlap.items()}
    return row


def summarise(rows: Sequence[Row]) -> list[Row]:
    """Return one row for each method, in the order of appearance.

    Means over the pairs; for Dice also ``dice_sd`` (of the population); of ``seconds`` the median,
    and the smallest as ``seconds_min``.
    """
    result = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        summary: Row = {"method": method, "pairs": len(own)}
        for name in dict.fromkeys(key for row in own for key in row):
            values = [row[name] for row in own if isinstance(row.get(name), int | float)]
            if not values:
                continue
            if name == "seconds":
                summary[name] = float(np.median(values))
                summary["seconds_min"] = float(np.min(values))
                continue
            summary[name] = _mean(values)
            if name == "dice":
                summary["dice_sd"] = float(np.nanstd(values))
        result.append(summary)
    return result


def to_markdown(summaries: Sequence[Row]) -> str:
    """Return the table of the methods; columns that no method has are left out."""
    columns = [c for c in _COLUMNS if any(c[0] in summary for summary in summaries)]
    lines = [
        "| Method | " + " | ".join(title for _, title, _ in columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for summary in summaries:
        cells = []
        for name, _, digits in columns:
            value = summary.get(name, float("nan"))
            cell = "-" if math.isnan(value) else f"{value:.{digits}f}"
            if name == "dice" and not math.isnan(value):
                cell += f" ± {summary['dice_sd']:.{digits}f}"
            cells.append(cell)
        lines.append(f"| {summary['method']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_results(folder: Path, rows: Sequence[Row], run: dict[str, Any]) -> str:
    """Write ``results.csv`` (a row per pair and method), ``results.json`` and ``table.md``.

    Args:
        folder: made when missing.
        rows: of :func:`score`, with ``method``, ``pair`` and ``seconds``.
        run: what was run and on what machine; goes into the JSON file and under the table.

    Returns:
        The text of ``table.md``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    summaries = summarise(rows)
    content = _finite({"run": run, "summary": summaries, "pairs": list(rows)})
    (folder / "results.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    machine = run["machine"]
    text = (
        f"# {run['data']}: {summaries[0]['pairs']} pairs\n\n{to_markdown(summaries)}\n"
        "Mean (± standard deviation for Dice) over the pairs; median time of a registration, warm."
        f"\n{machine['cpu']}, threads: {machine['threads']}.\n"
    )
    (folder / "table.md").write_text(text, encoding="utf-8")
    return text


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _finite(value: Any) -> Any:
    """JSON has no NaN: write null."""
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
