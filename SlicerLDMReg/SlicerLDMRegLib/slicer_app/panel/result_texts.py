"""The results section in words: rich text of the verdict, rows of the tables."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from ...report.structures import Structure
from ...report.tables import metric_tables
from ...report.verdict import Verdict
from ..shown_result import ShownResult

__all__ = [
    "COLORS",
    "Cell",
    "advice_text",
    "findings_text",
    "metric_rows",
    "structure_rows",
    "verdict_text",
]

_DASH = "\u2013"

#: Of the bar beside the verdict and the badge in it: white text on them has a contrast of 5 to 1.
COLORS = {"good": "#2e7d32", "check": "#9a5b00", "bad": "#c62828"}
# Signs that every font has: the colour-blind read them, and the word.
_SIGNS = {"good": "\u2713", "check": "!", "bad": "\u2715"}


@dataclass(frozen=True)
class Cell:
    """A cell of a table; ``worse`` marks a value that became worse, ``tip`` tells more."""

    text: str
    worse: bool = False
    tip: str = ""


def _word(status: str) -> str:
    return {"good": _("Good"), "check": _("Check"), "bad": _("Bad")}[status]


def verdict_text(shown: ShownResult) -> str:
    """Return the verdict as rich text: a badge with sign and word, the headline, what it is of."""
    verdict = shown.verdict
    badge = (
        f'<span style="background-color:{COLORS[verdict.status]}; color:#ffffff;">'
        f"&nbsp;<b>{_SIGNS[verdict.status]}&nbsp;{_word(verdict.status)}</b>&nbsp;</span>"
    )
    return (
        f'<p style="margin:0">{badge}&nbsp; <b>{html.escape(verdict.headline)}</b></p>'
        f'<p style="margin-top:3px; margin-bottom:0">{html.escape(_origin(shown))}</p>'
    )


def _origin(shown: ShownResult) -> str:
    model = shown.attributes.get("Model", "none")
    parts = [
        f"{shown.moving.GetName()} \u2192 {shown.fixed.GetName()}",
        _("no model") if model == "none" else model,
        shown.attributes.get("Date", "")[:16].replace("T", " "),
    ]
    if shown.frame is not None:
        parts.insert(1, _frames(shown.frames, shown.frame))
    return " \u00b7 ".join(part for part in parts if part)


def _frames(verdicts: Mapping[int, Verdict], worst: int) -> str:
    good = sum(verdict.status == "good" for verdict in verdicts.values())
    return _("{good} of {count} frames good, shown the worst: frame {frame}").format(
        good=good, count=len(verdicts), frame=worst + 1
    )


def findings_text(verdict: Verdict) -> str:
    """Return what was found as rich text."""
    return _list(verdict.findings, "\u2022")


def advice_text(verdict: Verdict) -> str:
    """Return what to do next as rich text; empty where there is nothing."""
    if not verdict.advice:
        return ""
    return f'<p style="margin:0"><b>{html.escape(_("What to do next"))}</b></p>' + _list(
        verdict.advice, "\u2192"
    )


def _list(sentences: Iterable[str], sign: str) -> str:
    return "".join(
        '<p style="margin-top:2px; margin-bottom:2px; margin-left:16px; text-indent:-14px">'
        f"{sign}&nbsp; {html.escape(sentence)}</p>"
        for sentence in sentences
    )


def metric_rows(metrics: Mapping[str, Any]) -> tuple[list[str], list[list[Cell]]]:
    """Return headings and rows of what was measured; a row of one cell heads those below it.

    Properties of the deformation stand in the last column.
    """
    match: list[list[Cell]] = []
    deformation: list[list[Cell]] = []
    headings = [_("Measure"), _("Before"), _("After")]
    for table in metric_tables(metrics):
        if table.columns[0] == "Metric":
            if len(table.columns) == 5:
                headings.insert(2, _("Aligned"))
            for row, tone in zip(table.rows, table.tones, strict=True):
                tip = _("{change}, {tone}").format(change=row[-1], tone=_tone(tone))
                cells = [Cell(text) for text in row[:-2]]
                match.append([*cells, Cell(row[-2], tone == "worse", tip if tone else "")])
        elif table.columns[0] == "Property":
            for row, tone in zip(table.rows, table.tones, strict=True):
                deformation.append([Cell(row[0]), Cell(row[1], tone == "worse")])
    if deformation:
        empty = [Cell("")] * (len(headings) - 2)
        deformation = [[row[0], *empty, row[1]] for row in deformation]
        deformation.insert(0, [Cell(_("Deformation"))])
    return headings, match + deformation


def _tone(tone: str) -> str:
    return _("worse than before") if tone == "worse" else _("better than before")


def structure_rows(structures: Sequence[Structure]) -> tuple[list[str], list[list[Cell]]]:
    """Return headings and rows of the structures in their order; HD95 only where it is known."""
    known = any(s.hd95_before is not None or s.hd95_after is not None for s in structures)
    headings = [_("Structure"), _("Dice\nbefore"), _("Dice\nafter")]
    if known:
        headings += [_("HD95 mm\nbefore"), _("HD95 mm\nafter")]
    rows = []
    for structure in structures:
        lost = structure.loss > 0.01
        tip = ""
        if structure.change is not None:
            change = f"{structure.change:+.3f}".replace("-", "\u2212")
            tip = _("Dice {change}").format(change=change)
        cells = [
            Cell(structure.title),
            Cell(_number(structure.before, 3)),
            Cell(_number(structure.after, 3), lost, tip),
        ]
        if known:
            further = (structure.hd95_after or 0.0) > (structure.hd95_before or math.inf) + 0.05
            cells += [
                Cell(_number(structure.hd95_before, 1)),
                Cell(_number(structure.hd95_after, 1), further),
            ]
        rows.append(cells)
    return headings, rows


def _number(value: float | None, digits: int) -> str:
    return _DASH if value is None else f"{value:.{digits}f}"
