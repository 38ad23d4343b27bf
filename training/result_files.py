"""Result files of a comparison: Markdown and LaTeX table, CSV and JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .scores import Row, compare, summarise, summarise_structures

__all__ = [
    "latex_table",
    "markdown_table",
    "to_markdown",
    "write_csv",
    "write_json",
    "write_results",
]

# Column of a row, title in the table, digits.
Column = tuple[str, str, int]
_COLUMNS: dict[int, tuple[Column, ...]] = {
    2: (
        ("dice", "Dice", 3),
        ("dice_worst30", "Dice, worst 30 %", 3),
        ("folds_percent", "Folded pixels (%)", 3),
        ("hd95", "HD95 (pixels)", 2),
        ("lost", "Structures lost", 2),
        ("sdlogj", "SDlogJ", 3),
        ("tre_mm", "Landmarks (mm)", 2),
        ("ncc", "NCC", 3),
        ("seconds", "Seconds a pair", 3),
        ("seconds_p95", "95 % of the seconds", 3),
        ("peak_mib", "Peak memory (MiB)", 0),
        ("parameters", "Weights (million)", 2),
        ("multiply_adds", "Multiply-adds (G)", 2),
    ),
    3: (
        ("error_mm", "Error (mm)", 2),
        ("error_mm_95", "95 % of the error (mm)", 2),
        ("tre_mm", "Landmarks (mm)", 2),
        ("dice", "Dice", 3),
        ("dice_worst30", "Dice, worst 30 %", 3),
        ("hd95", "HD95 (mm)", 2),
        ("hd95_learn2reg", "HD95 of Learn2Reg (voxels)", 2),
        ("sdlogj_learn2reg", "SDlogJ", 3),
        ("folds_percent", "Folded voxels (%)", 4),
        ("seconds_predict", "Network (s)", 2),
        ("seconds", "Seconds a pair", 2),
        ("seconds_p95", "95 % of the seconds", 2),
        ("peak_mib", "Peak memory (MiB)", 0),
        ("gpu_mib", "GPU memory (MiB)", 0),
        ("parameters", "Weights (million)", 2),
        ("multiply_adds", "Multiply-adds (G)", 1),
    ),
}
_FEW_PAIRS = 10  # below it, neither the worst 30 % nor a 95th percentile are shown
#: Columns that methods are compared by, the first one that there is in the table.
_COMPARED = ("dice", "tre_mm", "error_mm", "ncc", "hd95", "sdlogj", "folds_percent")
_NOTES = {
    "dice": "Dice and HD95: means over the structures that both images hold, as Learn2Reg has it.",
    "lost": "Structures lost: labels that the warp left nothing of, a pair. HD95 leaves them out; "
    "`hd95_learn2reg` in results.csv is infinite with one, as in Learn2Reg, and in voxels.",
    "hd95_learn2reg": "HD95 of Learn2Reg: in voxels, infinite with a structure that the warp left "
    "nothing of, which HD95 leaves out.",
    "error_mm": "Error: distance between where the field and the known warp lead, inside the body; "
    "its mean and its 95th percentile.",
    "tre_mm": "Landmarks: mean distance between where the field leads the landmarks of the fixed "
    "image and those of the moving one.",
    "sdlogj": "SDlogJ: of the determinant itself; `sdlogj_learn2reg` in results.csv has 3 added to "
    "it, as in Learn2Reg.",
    "sdlogj_learn2reg": "SDlogJ: as Learn2Reg computes it, with 3 added to the determinant; "
    "`sdlogj` in results.csv is without.",
    "folds_percent": "Folded: the Jacobian determinant (central differences) is not above 0.",
    "seconds_predict": "Network: the call of the network alone. Seconds: the whole registration.",
    "multiply_adds": "Weights: those that a registration needs. Multiply-adds: of the convolutions "
    "and matrix products of the network, for one pair.",
    "peak_mib": "Peak memory: of a process that does nothing else, Python and libraries included; "
    "the row of the identity tells what these take.",
}


# Divisors of columns that tables show in larger units.
_UNITS = {"parameters": 1e6, "multiply_adds": 1e9}
_SPECIAL = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "±": r"$\pm$", "≤": r"$\leq$"}


def markdown_table(rows: Sequence[Row], columns: Sequence[Column], first: Column) -> str:
    """Return a Markdown table, without columns that no row has.

    Args:
        rows: values by column, which may be NaN or missing; ``<column>_sd`` is written after ±.
        columns: key, title and digits of each column.
        first: column of the row names.
    """
    columns = _used(rows, columns)
    lines = [
        f"| {first[1]} | " + " | ".join(title for _, title, _ in columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    lines += [f"| {row[first[0]]} | " + " | ".join(_cells(row, columns)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def latex_table(rows: Sequence[Row], columns: Sequence[Column], first: Column) -> str:
    """Return a LaTeX table (package booktabs) of the same cells as :func:`markdown_table`."""
    columns = _used(rows, columns)
    lines = [r"\begin{tabular}{l" + "r" * len(columns) + "}", r"\toprule"]
    lines.append(" & ".join(map(_latex, [first[1], *(title for _, title, _ in columns)])) + r" \\")
    lines.append(r"\midrule")
    for row in rows:
        cells = [str(row[first[0]]), *_cells(row, columns)]
        lines.append(" & ".join(map(_latex, cells)) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _used(rows: Sequence[Row], columns: Sequence[Column]) -> list[Column]:
    return [c for c in columns if any(row.get(c[0]) is not None for row in rows)]


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    cells = []
    for name, _, digits in columns:
        value = row.get(name)
        if isinstance(value, str):
            cells.append(value)
            continue
        missing = value is None or math.isnan(value)
        cell = "-" if missing else f"{value / _UNITS.get(name, 1):.{digits}f}"
        spread = row.get(f"{name}_sd")
        if not missing and spread is not None:
            cell += f" ± {spread:.{digits}f}"
        cells.append(cell)
    return cells


def _latex(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)


def to_markdown(summaries: Sequence[Row], dimension: int = 2) -> str:
    """Return the table of the methods for a dimension."""
    return markdown_table(_shown(summaries, dimension), _columns(summaries, dimension), _METHOD)


_METHOD: Column = ("method", "Method", 0)


def _columns(summaries: Sequence[Row], dimension: int) -> list[Column]:
    """Return the columns of a dimension, without lost structures where none was lost."""
    kept = [
        c for c in _COLUMNS[dimension] if c[0] != "lost" or any(s.get("lost") for s in summaries)
    ]
    # With few pairs the worst 30 % are one or two.
    few = all(summary["pairs"] < _FEW_PAIRS for summary in summaries)
    return [c for c in kept if not (few and c[0].endswith(("_worst30", "_p95")))]


def _shown(summaries: Sequence[Row], dimension: int) -> Sequence[Row]:
    if dimension == 2:  # fewer spreads are enough there
        keep = {"dice_sd", "folds_percent_sd"}
        return [
            {k: v for k, v in s.items() if not k.endswith("_sd") or k in keep} for s in summaries
        ]
    return [{k: v for k, v in s.items() if k != "folds_percent_sd"} for s in summaries]


def write_results(
    folder: Path,
    rows: Sequence[Row],
    run: dict[str, Any],
    reference: str | None = None,
    names: Mapping[int, str] | None = None,
) -> str:
    """Write ``results.csv``, ``structures.csv``, ``results.json``, ``table.md`` and others.

    ``results.csv`` has a row per pair and method, ``structures.csv`` a row per structure and method
    (if there are several structures), ``comparison.csv`` a row per metric and method that is not
    the reference, ``table.tex`` the table for LaTeX, ``results.json`` everything.

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
    write_csv(folder / "results.csv", rows)
    summaries = summarise(rows)
    structures = summarise_structures(rows, names or {})
    if len({row["label"] for row in structures}) > 1:
        write_csv(folder / "structures.csv", structures)
    comparison = [
        entry for metric in _COMPARED if reference for entry in compare(rows, reference, metric)
    ]
    content = {
        "run": run,
        "summary": summaries,
        "comparison": comparison,
        "structures": structures,
        "pairs": list(rows),
    }
    write_json(folder / "results.json", content)
    if comparison:
        write_csv(folder / "comparison.csv", comparison)
    (folder / "table.tex").write_text(
        latex_table(_shown(summaries, dimension), _columns(summaries, dimension), _METHOD),
        encoding="utf-8",
    )
    machine = run["machine"]
    text = (
        f"# {run['data']}: {summaries[0]['pairs']} pairs\n\n{to_markdown(summaries, dimension)}\n"
    )
    text += (
        "Mean (± standard deviation) over the pairs; median time of a registration, warm."
        f"\n{machine['cpu']}, threads: {machine['threads']}.\n"
    )
    shown = {key for summary in summaries for key in summary}
    columns = [name for name, _, _ in _columns(summaries, dimension) if name in shown]
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


_COMPARED_TITLES = {
    "dice": "Dice",
    "tre_mm": "Landmarks (mm)",
    "error_mm": "Error (mm)",
    "ncc": "NCC",
    "hd95": "HD95",
    "sdlogj": "SDlogJ",
    "folds_percent": "Folds (%)",
}


def _comparison_table(comparison: Sequence[Row]) -> str:
    first = comparison[0]
    comparison = [row for row in comparison if row["metric"] == first["metric"]]
    lines = [
        f"| {_COMPARED_TITLES[first['metric']]} against {first['reference']} | Difference | "
        "95 % interval | Higher in | p (corrected) |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in comparison:
        p = row["p_corrected"]
        shown = "-" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
        lines.append(
            f"| {row['method']} | {row['difference']:+.3f} | {row['low']:+.3f} to "
            f"{row['high']:+.3f} | {row['above']} of {row['pairs']} | {shown} |"
        )
    note = (
        f"The interval is for other draws of the {first['subjects']} subjects (bootstrap); p: "
        "Wilcoxon's signed-rank test of the subjects, or of the pairs where these are of two "
        "subjects, corrected for the number of methods (Holm). comparison.csv has other metrics.\n"
    )
    return "\n".join(lines) + "\n\n" + note


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as CSV; the columns are those of all rows."""
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
