"""The results section in words: rich text of the verdict, rows of the tables."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from ...report.structures import Structure
from ...report.verdict import Verdict
from ..results.displacements import StructureDisplacement, direction_text
from .safe_texts import escaped
from .shown_result import ShownResult

__all__ = [
    "COLORS",
    "Cell",
    "advice_text",
    "displacement_rows",
    "findings_text",
    "metric_rows",
    "status_word",
    "structure_rows",
    "verdict_text",
]

_DASH = "\u2013"
_MINUS = "\u2212"
_STATES = ("before", "aligned", "after")

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


def status_word(status: str) -> str:
    """Return the status of a verdict in one word."""
    return {"good": _("Good"), "check": _("Check"), "bad": _("Bad")}[status]


def verdict_text(shown: ShownResult) -> str:
    """Return the verdict as rich text: a badge with sign and word, the headline, what it is of."""
    verdict = shown.verdict
    badge = (
        f'<span style="background-color:{COLORS[verdict.status]}; color:#ffffff;">'
        f"&nbsp;<b>{_SIGNS[verdict.status]}&nbsp;{status_word(verdict.status)}</b>&nbsp;</span>"
    )
    origin = "<br>".join(map(escaped, _origin(shown)))
    return (
        f'<p style="margin:0">{badge}&nbsp; <b>{escaped(verdict.headline)}</b></p>'
        f'<p style="margin-top:3px; margin-bottom:0">{origin}</p>'
    )


def _origin(shown: ShownResult) -> list[str]:
    """Return what the result is of, and how and when it was made, in lines."""
    lines = [f"{shown.moving.GetName()} \u2192 {shown.fixed.GetName()}"]
    if shown.frame is not None:
        lines.append(_frames(shown.frames, shown.frame))
    elif shown.attributes.get("Part"):
        lines[0] += f", {shown.attributes['Part']}"
    model = shown.attributes.get("Model", "none")
    made = [_("no model") if model == "none" else model, _local(shown.attributes.get("Date", ""))]
    return [*lines, " \u00b7 ".join(part for part in made if part)]


def _local(date: str) -> str:
    """Return a date in the user's time, to the minute."""
    try:
        return datetime.datetime.fromisoformat(date).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return date


def _frames(verdicts: Mapping[int, Verdict], worst: int) -> str:
    good = sum(verdict.status == "good" for verdict in verdicts.values())
    return _("{good} of {count} frames good, shown the worst: frame {frame}").format(
        good=good, count=len(verdicts), frame=worst
    )


def findings_text(verdict: Verdict) -> str:
    """Return what was found as rich text."""
    return _list(verdict.findings, "\u2022")


def advice_text(verdict: Verdict) -> str:
    """Return what to do next as rich text; empty where there is nothing."""
    if not verdict.advice:
        return ""
    return f'<p style="margin:0"><b>{escaped(_("What to do next"))}</b></p>' + _list(
        verdict.advice, "\u2192"
    )


def _list(sentences: Iterable[str], sign: str) -> str:
    return "".join(
        '<p style="margin-top:2px; margin-bottom:2px; margin-left:16px; text-indent:-14px">'
        f"{sign}&nbsp; {escaped(sentence)}</p>"
        for sentence in sentences
    )


def metric_rows(metrics: Mapping[str, Any]) -> tuple[list[str], list[list[Cell]]]:
    """Return headings and rows of what was measured; a row of one cell heads those below it.

    Properties of the deformation stand in the last column. The table node has all of them.
    """
    states = [state for state in _STATES if state != "aligned" or metrics.get(state)]
    titles = {"before": _("Before"), "aligned": _("Aligned"), "after": _("After")}
    match = []
    for key, (title, digits, higher_is_better) in _measures().items():
        values = [_finite((metrics.get(state) or {}).get(key)) for state in states]
        if any(value is not None for value in values):
            cells = [Cell(_text(value, digits)) for value in values[:-1]]
            last = _last_cell(values[0], values[-1], digits, higher_is_better)
            match.append([Cell(title), *cells, last])
    deformation = _deformation_rows(metrics.get("deformation") or {})
    empty = [Cell("")] * (len(states) - 1)
    rows = [[title, *empty, value] for title, value in deformation]
    if rows:
        rows.insert(0, [Cell(_("Deformation"))])
    return [_("Measure"), *(titles[state] for state in states)], match + rows


def _measures() -> dict[str, tuple[str, int, bool | None]]:
    """Return by metric: its title, the digits that are shown, and whether more is better."""
    return {
        "ncc": (_("Similarity (NCC)"), 3, True),
        "overlap": (_("Part that both images cover"), 3, None),
        "unlike": (_("Part that looks unlike"), 3, False),
        "lncc": (_("Local similarity (LNCC)"), 3, True),
        "mse": (_("Mean squared error"), 4, False),
        "dice_mean": (_("Mean Dice"), 3, True),
        "hd95_mean": (_("Mean HD95 (mm)"), 2, False),
        "tre": (_("Mean landmark error (mm)"), 2, False),
        "tre_max_mm": (_("Largest landmark error (mm)"), 2, False),
    }


def _last_cell(
    first: float | None, last: float | None, digits: int, higher_is_better: bool | None
) -> Cell:
    text = _text(last, digits)
    # Equal as far as one can read.
    if first is None or last is None or text == _text(first, digits):
        return Cell(text)
    change = _signed(last - first, digits)
    if higher_is_better is None:
        return Cell(text, tip=change)
    if (last > first) == higher_is_better:
        return Cell(text, tip=_("{change}, better than before").format(change=change))
    return Cell(text, True, _("{change}, worse than before").format(change=change))


def _deformation_rows(deformation: Mapping[str, Any]) -> list[tuple[Cell, Cell]]:
    values = {name: _finite(value) for name, value in deformation.items()}
    rows = []
    folds, percent = values.get("fold_count"), values.get("fold_percent")
    if folds is not None:
        text = f"{folds:.0f}" if not folds or percent is None else f"{folds:.0f} ({percent:.2g} %)"
        tip = _("Where the map turns tissue inside out.")
        rows.append((Cell(_("Folded samples"), tip=tip), Cell(text, folds > 0)))
    low, high = values.get("jacobian_min"), values.get("jacobian_max")
    if low is not None and high is not None:
        tip = _("Above 1 the moving tissue was larger, below 1 smaller, 0 and below it folds.")
        span = _("{low} to {high}").format(low=f"{low:.2f}", high=f"{high:.2f}")
        cell = Cell(span.replace("-", _MINUS))
        rows.append((Cell(_("Jacobian determinant"), tip=tip), cell))
    for name, title, tip in (
        ("sdlogj", _("Unevenness (SDlogJ)"), _("Standard deviation of the log Jacobian.")),
        ("displacement_mean_mm", _("Displacement, mean (mm)"), ""),
        ("displacement_max_mm", _("Displacement, largest (mm)"), ""),
        (
            "inverse_consistency_mm",
            _("Inverse consistency (mm)"),
            _("How far there and back misses, on average."),
        ),
        (
            "uncertainty_median_mm",
            _("Uncertainty, median (mm)"),
            _("Error to expect where the fixed image is bright."),
        ),
        ("uncertainty_p95_mm", _("Uncertainty, 95th percentile (mm)"), ""),
    ):
        value = values.get(name)
        if value is not None:
            rows.append((Cell(title, tip=tip), Cell(f"{value:.2f}")))
    return rows


def structure_rows(structures: Sequence[Structure]) -> tuple[list[str], list[list[Cell]]]:
    """Return headings and rows of the structures in their order; HD95 only where it is known."""
    known = any(s.hd95_before is not None or s.hd95_after is not None for s in structures)
    headings = [_("Structure"), _("Dice\nbefore"), _("Dice\nafter")]
    if known:
        headings[0] = _("Structure\n(HD95 in mm)")  # the columns must fit into a narrow panel
        headings += [_("HD95\nbefore"), _("HD95\nafter")]
    rows = []
    for structure in structures:
        lost = structure.loss > 0.01
        cells = [
            Cell(structure.title),
            Cell(_text(structure.before, 3)),
            Cell(_text(structure.after, 3), lost, _change(structure)),
        ]
        if known:
            further = (structure.hd95_after or 0.0) > (structure.hd95_before or math.inf) + 0.05
            cells += [
                Cell(_text(structure.hd95_before, 1)),
                Cell(_text(structure.hd95_after, 1), further),
            ]
        rows.append(cells)
    return headings, rows


def displacement_rows(
    moved: Sequence[StructureDisplacement],
) -> tuple[list[str], list[list[Cell]]]:
    """Return headings and rows of how far structures have moved, and which way."""
    headings = [_("Structure moved by"), _("Mean\nmm"), _("Most\nmm"), _("To")]
    rows = []
    for found in moved:
        parts = zip(found.vector_mm, "RAS", strict=True)
        vector = ", ".join(f"{_signed(value, 1)} {letter}" for value, letter in parts)
        rows.append(
            [
                Cell(found.name),
                Cell(f"{found.mean_mm:.1f}"),
                Cell(f"{found.max_mm:.1f}"),
                Cell(direction_text(found.vector_mm), tip=_("Mean: {v} mm").format(v=vector)),
            ]
        )
    return headings, rows


def _change(structure: Structure) -> str:
    """Return how the overlap has changed, with the alignment alone where that was better."""
    if structure.change is None:
        return ""
    change = _("Dice {change}").format(change=_signed(structure.change, 3))
    if structure.reference is None or structure.reference[1] == "before":
        return change
    aligned = _("{value} after the alignment alone").format(value=f"{structure.aligned:.3f}")
    return f"{change}; {aligned}"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", _MINUS)


def _text(value: float | None, digits: int) -> str:
    return _DASH if value is None else f"{value:.{digits}f}"


def _finite(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None
