"""Chart of the overlap of each structure before, aligned and after, the best on top."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._printable import printable
from .canvas import LIGHT, Box, Canvas, Style
from .structures import Structure, lowest, worsened

__all__ = ["chart_canvas", "chart_png", "chart_size", "draw_chart"]

Point = tuple[float, float]

# Layout in inches: height of a row, margins; font size, width of a letter, letters of a name.
_PITCH, _TOP, _BOTTOM, _RIGHT = 0.17, 0.72, 0.24, 0.14
_FONT, _LETTER, _LONGEST = 7.5, 0.062, 30
_MOST_ROWS = 70  # structures shown, the lowest ones; more would make the chart too tall. Not tuned.
_WIDTH = 4.4
_MARGIN = 0.015  # beside the lowest and the highest value
_FAINT = "73"  # opacity of the lines between marks
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
    return chart_canvas(structures, style, dpi=200).png()


def chart_canvas(structures: Sequence[Structure], style: Style, dpi: float) -> Canvas:
    """Return the chart as a picture of its own."""
    width, height = chart_size(structures)
    canvas = Canvas(width, height, style, dpi)
    draw_chart(canvas, structures, (0.0, 0.0, width, height))
    return canvas


def draw_chart(canvas: Canvas, structures: Sequence[Structure], box: Box) -> None:
    """Draw the chart into a box (left, top, width, height in inches) of a canvas."""
    shown, boxes = _shown(structures), _boxes(structures)
    heads = [f"all, {name}" for name, _ in boxes]
    names = [_short(s.title) for s in shown]
    left, top, width, height = box
    title = "Dice of each structure"
    if len(shown) < len(structures):
        title += f" (the {len(shown)} lowest of {len(structures)})"
    canvas.text(left + 0.1, top + 0.22, title, fontsize=9.5, bold=True)
    pitch = (height - _TOP - _BOTTOM) / _rows(structures)
    font = min(_FONT, 60 * pitch)
    label = 0.16 + _LETTER * font / _FONT * max(len(name) for name in [*names, *heads])
    inner = (left + label, top + _TOP, width - label - _RIGHT, height - _TOP - _BOTTOM)
    rows = _Rows(canvas, inner, pitch, len(boxes))
    rows.frame()
    lost = {s.label for s in worsened(structures)}
    for number, structure in enumerate(shown):
        rows.name(number, names[number], font)
        rows.dots(number, structure, structure.label in lost)
    for number, (name, values) in enumerate(boxes):
        place = number - len(boxes) - _BREAK / 2
        rows.name(place, heads[number], font)
        color = canvas.style.accent if name == "after" else canvas.style.muted
        rows.box(place, values, color)
    _legend(canvas, box, bool(lost), any(s.aligned is not None for s in shown))


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


class _Rows:
    """Rows of the chart: row 0 is the first single structure, those of all are above it."""

    def __init__(self, canvas: Canvas, box: Box, pitch: float, boxes: int) -> None:
        self.canvas, self.pitch = canvas, pitch
        self.left, self.top, self.width, self.height = box
        self.above = boxes + _BREAK + 0.4

    def x(self, value: float) -> float:
        return self.left + (value + _MARGIN) / (1 + 2 * _MARGIN) * self.width

    def y(self, row: float) -> float:
        return self.top + (row + self.above) * self.pitch

    def line(self, first: Point, last: Point, color: str, points: float) -> None:
        """Draw a line between two points of value and row."""
        ends = [(self.x(value), self.y(row)) for value, row in (first, last)]
        self.canvas.lines([ends], color, points)

    def frame(self) -> None:
        """Draw the lines of the values, and that between all and single structures."""
        style, bottom = self.canvas.style, self.top + self.height
        for value in (0, 0.25, 0.5, 0.75, 1):
            x = self.x(value)
            self.canvas.lines([[(x, self.top), (x, bottom)]], style.line, 0.8)
            self.canvas.text(x, bottom + 0.05, f"{value:g}", fontsize=7, color=style.muted,
                             ha="center", va="top")  # fmt: skip
        y = self.y(-_BREAK)
        ends = [(self.left, y), (self.left + self.width, y)]
        self.canvas.lines([ends], style.line, 0.8)

    def name(self, row: float, name: str, font: float) -> None:
        self.canvas.text(self.left - 0.05, self.y(row), name, fontsize=font, ha="right",
                         va="center")  # fmt: skip

    def dots(self, row: int, structure: Structure, lost: bool) -> None:
        """Draw the marks of a structure; lost overlap in the alarm colour."""
        style = self.canvas.style
        color = style.alarm if lost else style.accent
        if structure.before is not None and structure.after is not None:
            ends = (structure.before, row), (structure.after, row)
            self.line(*ends, color + _FAINT, 1.1)
        for kind, value in (
            ("before", structure.before), ("aligned", structure.aligned), ("after", structure.after)
        ):  # fmt: skip
            if value is not None:
                shade = color if kind == "after" else style.muted
                _mark(self.canvas, kind, self.x(value), self.y(row), shade)

    def box(self, row: float, values: Sequence[float], color: str) -> None:
        """Draw range, quartiles and median of all structures."""
        low, first, median, third, high = np.percentile(values, [0, 25, 50, 75, 100])
        self.line((low, row), (high, row), color, 1.0)
        left, top = self.x(first), self.y(row - 0.31)
        width, height = self.x(third) - left, 0.62 * self.pitch
        self.canvas.rectangle((left, top, width, height), self.canvas.style.background)
        corners = [(left, top), (left + width, top), (left + width, top + height),
                   (left, top + height), (left, top), (left + width / 2, top)]  # fmt: skip
        self.canvas.lines([corners], color, 1.1)
        self.line((median, row - 0.31), (median, row + 0.31), color, 2.2)


def _mark(canvas: Canvas, kind: str, x: float, y: float, color: str) -> None:
    if kind == "aligned":
        half = 3.0 / 72
        canvas.lines([[(x, y - half), (x, y + half)]], color, 1.3)
    elif kind == "before":
        canvas.disc(x, y, 4.2, canvas.style.background, color, 1.0)
    else:
        canvas.disc(x, y, 4.8, color, color, 1.0)


def _legend(canvas: Canvas, box: Box, lost: bool, aligned: bool) -> None:
    style = canvas.style
    entries = [("before", "before", style.muted)]
    if aligned:
        entries.append(("aligned", "aligned", style.muted))
    entries.append(("after", "after", style.accent))
    if lost:
        entries.append(("after", "after, lower", style.alarm))
    left, top, width, _ = box
    # Room of a mark, and from one entry to the next.
    mark, gap = 0.22, 0.12
    names = [canvas.text_width(text, 7.5) for _, text, _ in entries]
    x, y = left + width - 0.05 - sum(names) - len(names) * mark - (len(names) - 1) * gap, top + 0.52
    for (kind, text, color), wide in zip(entries, names, strict=True):
        _mark(canvas, kind, x + mark / 2, y, color)
        canvas.text(x + mark, y, text, fontsize=7.5, va="center")
        x += mark + wide + gap
