"""The paper's figures beside ours: Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..result_files import latex_table, markdown_table, write_csv, write_json
from ..scores import Row as Scores
from .exhibit import Exhibit, Printed, Quantity, Setting

__all__ = ["Measured", "cells", "write_exhibit"]


@dataclass(frozen=True)
class Measured:
    """Results of one data set.

    Attributes:
        setting: the data set.
        pairs: their number.
        summaries: of :func:`training.scores.summarise`, by title of the row.
        left_out: rows that were not measured, with the reason.
        folds: number of the folds that were tested, and of all; None: the split was.
    """

    setting: Setting
    pairs: int
    summaries: Mapping[str, Scores]
    left_out: Mapping[str, str]
    folds: tuple[int, int] | None = None

    @property
    def tested(self) -> str:
        """Origin of the pairs, in words."""
        if self.folds is None:
            return f"of the {self.setting.split} split"
        done, folds = self.folds
        return f"tested in {done} of {folds} folds by subject"


def cells(exhibit: Exhibit, measured: Sequence[Measured]) -> list[Scores]:
    """Return a row for each method, data set and quantity: the paper's value and ours."""
    result: list[Scores] = []
    for part in measured:
        for row in exhibit.rows:
            for quantity in exhibit.quantities:
                paper = exhibit.paper(row.title, part.setting.key, quantity)
                ours, spread = _ours(part.summaries.get(row.title), quantity)
                if paper is None and ours is None:
                    continue
                result.append(
                    {
                        "exhibit": exhibit.name,
                        "data": part.setting.key,
                        "method": row.title,
                        "quantity": quantity.title,
                        "paper": paper[0] if isinstance(paper, tuple) else paper,
                        "paper_sd": paper[1] if isinstance(paper, tuple) else None,
                        "ours": ours,
                        "ours_sd": spread,
                        "pairs": part.pairs,
                        "ours_alone": row.own,
                    }
                )
    return result


def write_exhibit(
    folder: Path,
    exhibit: Exhibit,
    measured: Sequence[Measured],
    run: Mapping[str, Any],
    rehearsal: bool,
    pictures: Sequence[Path] = (),
) -> str:
    """Write ``exhibit.md``, ``.tex``, ``.csv`` and ``.json``; return the text of the first.

    Args:
        folder: created if missing.
        exhibit: of :func:`training.exhibits.run.adapted`.
        measured: of each data set.
        run: description of the machine and the command.
        rehearsal: whether the numbers are of a rehearsal, and mean nothing.
        pictures: files of a figure in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = f"# {exhibit.name}: {exhibit.title}\n\n"
    latex = ""
    if rehearsal:
        text += "**Rehearsal: small networks, single steps. Our numbers mean nothing.**\n\n"
    if run.get("compact"):
        text += "**Small networks and a small budget (`--compact`), far below the paper's.**\n\n"
    for part in measured:
        rows, columns = _table(exhibit, part)
        pairs = "1 pair" if part.pairs == 1 else f"{part.pairs} pairs"
        head = f"{part.setting.title}, {pairs} {part.tested}"
        if part.setting.train != part.setting.data:
            head += f", trained on {part.setting.train}"
        text += f"## {head}\n\n" + markdown_table(rows, columns, ("method", "Method", 0)) + "\n"
        latex += f"% {head}\n" + latex_table(rows, columns, ("method", "Method", 0)) + "\n"
        text += "".join(f"- {title}: {reason}\n" for title, reason in part.left_out.items())
        text += "\n" if part.left_out else ""
    text += "".join(f"![{exhibit.title}]({file.name})\n\n" for file in pictures)
    if any(row.own for row in exhibit.rows):
        text += "Methods with an asterisk are not in the paper's exhibit.\n\n"
    if exhibit.statements:
        text += "The paper says:\n\n" + "".join(f"- {s}\n" for s in exhibit.statements) + "\n"
    if exhibit.differences:
        text += "What differs:\n\n" + "".join(f"- {d}\n" for d in exhibit.differences) + "\n"
    machine = run["machine"]
    text += f"{machine['cpu']}, threads: {machine['threads']}, {run['date']}.\n"
    (folder / "exhibit.md").write_text(text, encoding="utf-8")
    (folder / "exhibit.tex").write_text(latex, encoding="utf-8")
    values = cells(exhibit, measured)
    write_csv(folder / "exhibit.csv", values)
    write_json(folder / "exhibit.json", {"exhibit": exhibit.name, "run": run, "cells": values})
    return text


def _table(exhibit: Exhibit, part: Measured) -> tuple[list[Scores], list[tuple[str, str, int]]]:
    rows = []
    columns: list[tuple[str, str, int]] = []
    for quantity in exhibit.quantities:
        if any(exhibit.paper(r.title, part.setting.key, quantity) for r in exhibit.rows):
            columns.append((f"paper_{quantity.key}", f"{quantity.title}, paper", quantity.digits))
        columns.append((f"ours_{quantity.key}", f"{quantity.title}, ours", quantity.digits))
    for row in exhibit.rows:
        entry: Scores = {"method": row.title + (" *" if row.own else "")}
        for quantity in exhibit.quantities:
            paper = exhibit.paper(row.title, part.setting.key, quantity)
            entry |= _entry(f"paper_{quantity.key}", paper)
            ours, spread = _ours(part.summaries.get(row.title), quantity)
            entry |= _entry(
                f"ours_{quantity.key}",
                ours if spread is None or ours is None else (ours, spread),
            )
        if len(entry) > 1:
            rows.append(entry)
    return rows, columns


def _entry(key: str, value: Printed | None) -> Scores:
    if value is None:
        return {}
    if isinstance(value, tuple):
        return {key: value[0], f"{key}_sd": value[1]}
    return {key: value}


def _ours(summary: Scores | None, quantity: Quantity) -> tuple[float | None, float | None]:
    """Return our value and its standard deviation in the unit of the paper; None if unknown."""
    if summary is None:
        return None, None
    value, spread = summary.get(quantity.key), summary.get(f"{quantity.key}_sd")
    if value is None or math.isnan(value):
        return None, None
    return value * quantity.scale, None if spread is None else spread * quantity.scale
