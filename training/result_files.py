"""Result files of a comparison: Markdown table, CSV and JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .scores import Row, compare, summarise, summarise_structures

__all__ = ["markdown_table", "to_markdown", "write_json", "write_results"]

# Column of a row, title in the table, digits.
Column = tuple[str, str, int]
_COLUMNS: dict[int, tuple[Column, ...]] = {
    2: (
        ("dice", "Dice", 3),
        ("folds_percent", "Folded pixels (%)", 3),
        ("hd95", "HD95 (pixels)", 2),
        ("tre_mm", "Landmarks (mm)", 2),
        ("ncc", "NCC", 3),
        ("seconds", "Seconds a pair", 3),
        ("peak_mib", "Peak memory (MiB)", 0),
    ),
    3: (
        ("error_mm", "Error (mm)", 2),
        ("error_mm_95", "95 % of the error (mm)", 2),
        ("tre_mm", "Landmarks (mm)", 2),
        ("dice", "Dice", 3),
        ("hd95", "HD95 (mm)", 2),
        ("sdlogj_learn2reg", "SDlogJ", 3),
        ("folds_percent", "Folded voxels (%)", 4),
        ("seconds_predict", "Network (s)", 2),
        ("seconds", "Seconds a pair", 2),
        ("peak_mib", "Peak memory (MiB)", 0),
        ("gpu_mib", "GPU memory (MiB)", 0),
    ),
}
_NOTES = {
    "dice": "Dice and HD95: means over the structures that both images hold, as Learn2Reg has it.",
    "error_mm": "Error: distance between where the field and the known warp lead, inside the body; "
    "its mean and its 95th percentile.",
    "tre_mm": "Landmarks: mean distance between where the field leads the landmarks of the fixed "
    "image and those of the moving one.",
    "sdlogj_learn2reg": "SDlogJ: as Learn2Reg computes it, with 3 added to the determinant; "
    "`sdlogj` in results.csv is without.",
    "folds_percent": "Folded: the Jacobian determinant (central differences) is not above 0.",
    "seconds_predict": "Network: the call of the network alone. Seconds: the whole registration.",
    "peak_mib": "Peak memory: of a process that does nothing else, Python and libraries included; "
    "the row of the identity tells what these take.",
}


def markdown_table(rows: Sequence[Row], columns: Sequence[Column], first: Column) -> str:
    """Return a Markdown table, without columns that no row has.

    Args:
        rows: values by column, which may be NaN or missing; ``<column>_sd`` is written after ±.
        columns: key, title and digits of each column.
        first: column of the row names.
    """
    columns = [c for c in columns if any(row.get(c[0]) is not None for row in rows)]
    lines = [
        f"| {first[1]} | " + " | ".join(title for _, title, _ in columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for row in rows:
        cells = []
        for name, _, digits in columns:
            value = row.get(name, math.nan)
            missing = value is None or math.isnan(value)
            cell = "-" if missing else f"{value:.{digits}f}"
            spread = row.get(f"{name}_sd")
            if not missing and spread is not None:
                cell += f" ± {spread:.{digits}f}"
            cells.append(cell)
        lines.append(f"| {row[first[0]]} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def to_markdown(summaries: Sequence[Row], dimension: int = 2) -> str:
    """Return the table of the methods for a dimension."""
    columns = _COLUMNS[dimension]
    if dimension == 2:  # one spread is enough there
        keep = {"dice_sd"}
        summaries = [
            {k: v for k, v in s.items() if not k.endswith("_sd") or k in keep} for s in summaries
        ]
    return markdown_table(summaries, columns, ("method", "Method", 0))


def write_results(
    folder: Path,
    rows: Sequence[Row],
    run: dict[str, Any],
    reference: str | None = None,
    names: Mapping[int, str] | None = None,
) -> str:
    """Write ``results.csv``, ``structures.csv``, ``results.json`` and ``table.md``.

    ``results.csv`` has a row per pair and method, ``structures.csv`` a row per structure and method
    (if there are several structures), ``results.json`` everything.

    Args:
        folder: created if missing.
        rows: of :func:`training.scores.score`, with ``method``, ``pair`` and ``seconds``.
        run: description of run and machine, for the JSON file and below the table. ``dimension``
            selects the columns, ``failed`` names methods without results.
        reference: title of the reference method.
        names: names of the structures by label number.

    Returns:
        The text of ``table.md``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dimension = run.get("dimension", 2)
    _write_csv(folder / "results.csv", rows)
    summaries = summarise(rows)
    structures = summarise_structures(rows, names or {})
    if len({row["label"] for row in structures}) > 1:
        _write_csv(folder / "structures.csv", structures)
    comparison = compare(rows, reference) if reference else []
    content = {
        "run": run,
        "summary": summaries,
        "comparison": comparison,
        "structures": structures,
        "pairs": list(rows),
    }
    write_json(folder / "results.json", content)
    machine = run["machine"]
    text = (
        f"# {run['data']}: {summaries[0]['pairs']} pairs\n\n{to_markdown(summaries, dimension)}\n"
    )
    text += (
        "Mean (± standard deviation) over the pairs; median time of a registration, warm."
        f"\n{machine['cpu']}, threads: {machine['threads']}.\n"
    )
    shown = {key for summary in summaries for key in summary}
    columns = [name for name, _, _ in _COLUMNS[dimension] if name in shown]
    text += "".join(_NOTES[name] + "\n" for name in columns if name in _NOTES)
    if comparison:
        text += "\n" + _comparison_table(comparison)
    for title, message in run.get("failed", {}).items():
        text += f"\n**{title} failed:** {message.strip().splitlines()[-1]}\n"
    (folder / "table.md").write_text(text, encoding="utf-8")
    return text


def write_json(path: Path, content: Any) -> None:
    """Write strict JSON, with null for NaN."""
    path.write_text(json.dumps(_finite(content), indent=1) + "\n", encoding="utf-8")


def _comparison_table(comparison: Sequence[Row]) -> str:
    lines = [
        f"| Dice against {comparison[0]['reference']} | Difference | 95 % interval | Better in |",
        "|---|---:|---:|---:|",
    ]
    for row in comparison:
        lines.append(
            f"| {row['method']} | {row['difference']:+.3f} | {row['low']:+.3f} to "
            f"{row['high']:+.3f} | {row['above']} of {row['pairs']} |"
        )
    note = (
        "The interval is for other draws of these pairs (bootstrap); pairs share subjects, so that "
        "it is wider for others.\n"
    )
    return "\n".join(lines) + "\n\n" + note


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
