"""Chart of the overlap of each structure before, aligned and after, the best on top."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .._printable import printable
from .canvas import LIGHT, Box, Canvas, Style
from .structures import Structure, lowest, worsened

__all__ = ["chart_png", "chart_size", "draw_chart"]

# Layout in inches: height of a row, margins; font size, width of a letter, letters of a name.
_PITCH, _TOP, _BOTTOM, _RIGHT = 0.17, 0.72, 0.24, 0.14
_FONT, _LETTER, _LONGEST = 7.5, 0.062, 30
_MOST_ROWS = 70  # structures shown, the lowest ones; more would make the chart too tall. Not tuned.
_WIDTH = 4.4
_BREAK = 0.8  # rows between the box plots of all structures and the single structures


def _shown(structures: Sequence[Structure]) -> list[Structure]:
    """Return the structures of the chart, the lowest last; of very many only the lowest."""
    return lowest(structures, _MOST_ROWS)[::-1]


def _boxes(structures: Sequence[Structure]) -> list[tuple[str, list[float]]]:
    """Return the values of all structures for each measured stage."""
    stages = {
        "before": [s.before for s in structures],
        "aligned": [s.aligned for s in structures],
        "after": [s.after for s in structures],
    }
    known = {name: [v for v in values if v is not None] for name, values in stages.items()}
    return [(name, values) for name, values in known.items() if values]


def chart_size(structures: Sequence[Structure]) -> tuple[float, float]:
    """Return the suitable width and height of a chart in inches."""
    return _WIDTH, _TOP + _BOTTOM + _PITCH * _rows(structures)


def _rows(structures: Sequence[Structure]) -> float:
    return len(_shown(structures)) + _BREAK + len(_boxes(structures))


def chart_png(structures: Sequence[Structure], style: Style = LIGHT) -> bytes:
    """Return the chart as a PNG."""
    width, height = chart_size(structures)
    canvas = Canvas(width, height, style)
    draw_chart(canvas, structures, (0.0, 0.0, width, height))
    return canvas.png(dpi=200)


def draw_chart(canvas: Canvas, structures: Sequence[Structure], box: Box) -> None:
    """Draw the chart into a box (left, top, width, height in inches) of a canvas."""
    style, shown = canvas.style, _shown(structures)
    boxes = _boxes(structures)
    heads = [f"all, {name}" for name, _ in boxes]
    names = [_short(s.title) for s in shown]
    left, top, width, height = box
    title = "Dice of each structure"
    if len(shown) < len(structures):
        title += f" (the {len(shown)} lowest of {len(structures)})"
    canvas.text(left + 0.1, top + 0.22, title, fontsize=9.5, fontweight="bold")
    pitch = (height - _TOP - _BOTTOM) / _rows(structures)
    font = min(_FONT, 60 * pitch)
    label = 0.16 + _LETTER * font / _FONT * max(len(name) for name in [*names, *heads])
    inner = (left + label, top + _TOP, width - label - _RIGHT, height - _TOP - _BOTTOM)
    axes = canvas.axes(inner)
    _frame(axes, style, len(shown), len(boxes))
    lost = {s.label for s in worsened(structures)}
    _dots(axes, shown, lost, style)
    places = [number - len(boxes) - _BREAK / 2 for number in range(len(boxes))]
    for place, (name, values) in zip(places, boxes, strict=True):
        _box(axes, place, values, style.accent if name == "after" else style.muted, style)
    axes.set_yticks(
        [*places, *range(len(shown))], labels=[*heads, *names], fontsize=font, parse_math=False
    )
    _legend(canvas, box, bool(lost), any(s.aligned is not None for s in shown))


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _frame(axes: Axes, style: Style, rows: int, boxes: int) -> None:
    axes.set(xlim=(-0.015, 1.015), ylim=(rows - 0.4, -boxes - _BREAK - 0.4), facecolor="none")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
    axes.tick_params(colors=style.muted, labelsize=7, length=0, pad=3)
    axes.tick_params(axis="y", labelcolor=style.foreground)
    axes.grid(axis="x", color=style.line, linewidth=0.8)
    axes.axhline(-_BREAK, color=style.line, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _dots(axes: Axes, shown: Sequence[Structure], lost: Set[int], style: Style) -> None:
    """Draw the marks of all structures, row by row; lost overlap in the alarm colour."""
    colors = [style.alarm if s.label in lost else style.accent for s in shown]
    ends = [s.after if s.before is None else s.before for s in shown]
    after = [s.after for s in shown]
    axes.hlines(range(len(shown)), _values(ends), _values(after), colors=colors, linewidth=1.1,
                alpha=0.45, zorder=2)  # fmt: skip
    marks = [
        ("before", [s.before for s in shown], style.muted),
        ("aligned", [s.aligned for s in shown], style.muted),
        ("after", [None if s.label in lost else s.after for s in shown], style.accent),
        ("after", [s.after if s.label in lost else None for s in shown], style.alarm),
    ]
    for kind, values, color in marks:
        axes.plot(_values(values), range(len(shown)), **_mark(kind, style, color))  # type: ignore[arg-type]


def _values(values: Sequence[float | None]) -> np.ndarray:
    """Return an array with NaN, which is not drawn, for unknown values."""
    return np.array([np.nan if value is None else value for value in values])


def _mark(kind: str, style: Style, color: str) -> dict[str, object]:
    marks: dict[str, dict[str, object]] = {
        "before": {"marker": "o", "markersize": 4.2, "markerfacecolor": style.background},
        "aligned": {"marker": "|", "markersize": 6.0, "markeredgewidth": 1.3},
        "after": {"marker": "o", "markersize": 4.8},
    }
    return {"color": color, "linestyle": "none", "zorder": 3, **marks[kind]}


def _box(axes: Axes, y: float, values: Sequence[float], color: str, style: Style) -> None:
    """Draw range, quartiles and median of all structures."""
    low, first, median, third, high = np.percentile(values, [0, 25, 50, 75, 100])
    axes.plot([low, high], [y, y], color=color, linewidth=1.0)
    axes.barh(y, third - first, left=first, height=0.62, color=style.background, edgecolor=color,
              linewidth=1.1, zorder=2)  # fmt: skip
    axes.plot([median, median], [y - 0.31, y + 0.31], color=color, linewidth=2.2, zorder=3)


def _legend(canvas: Canvas, box: Box, lost: bool, aligned: bool) -> None:
    style = canvas.style
    entries = [("before", "before", style.muted)]
    if aligned:
        entries.append(("aligned", "aligned", style.muted))
    entries.append(("after", "after", style.accent))
    if lost:
        entries.append(("after", "after, lower", style.alarm))
    left, top, width, _ = box
    handles: list[Artist] = [
        Line2D([], [], label=text, **_mark(kind, style, color))  # type: ignore[arg-type]
        for kind, text, color in entries
    ]
    canvas.figure.legend(
        handles=handles,
        loc="center right",
        bbox_to_anchor=((left + width) / canvas.width, 1 - (top + 0.52) / canvas.height),
        ncols=len(entries),
        fontsize=7.5,
        labelcolor=style.foreground,
        frameon=False,
        handletextpad=0.1,
        columnspacing=1.0,
        borderaxespad=0.0,
    )
