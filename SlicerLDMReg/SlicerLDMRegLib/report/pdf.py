"""``report.pdf``: the facts and pictures of the HTML report on pages of paper."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages

from .._printable import printable
from .canvas import LIGHT, Canvas
from .figure_data import FigureData
from .html import caption_of, names_of, orientation_of, structures_and_table, total_seconds
from .panels import Panel, panels_for
from .pdf_page import Page
from .regions import GUIDED, regions_of
from .result_protocol import ReportSource
from .structure_chart import chart_canvas
from .structure_table import StructureTable
from .structures import names_by_label
from .tables import Table, metric_tables, provenance_tables, timing_table
from .verdict import judge, key_numbers

__all__ = ["render_pages", "write_pdf"]

# Inches: A4, margins, height of the foot, of a line of text.
_WIDTH, _HEIGHT, _MARGIN, _FOOT = 8.27, 11.69, 0.65, 0.45
_LINE, _GAP = 0.165, 0.12
_FONT = 8.5
_DPI = 300  # of pictures, as printers want them
# Width of a letter on average, of the size of the font: DejaVu Sans, measured over the captions.
_LETTER = 0.52 / 72
_BOLD = 1.15  # of it, measured over the headings of the tables
# Of a picture: height of the planes of a panel at most, so that three square ones lie side by side.
_PICTURE = 2.2
_BESIDE = 0.18  # between two panels; of the planes of one it is _GAP
_CHARTED = 3  # as in the HTML file: fewer structures need no chart
_COLORS = {"good": "#2e7d32", "check": "#9a5b00", "bad": "#c62828"}
_TONES = {"worse": LIGHT.alarm, "better": "#1b6e3c"}
_LOST = " \u2193"
_SIGNS = {"good": "\u2713", "check": "!", "bad": "\u2715"}


class _Pages:
    """Pages that are filled from the top; what does not fit begins a new one."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.y = _HEIGHT

    @property
    def page(self) -> Page:
        return self.pages[-1]

    def room(self, height: float) -> float:
        """Return where something of a height begins, and leave that room."""
        if self.y + height > _HEIGHT - _MARGIN - _FOOT:
            self.pages.append(Page(_WIDTH, _HEIGHT, LIGHT))
            self.y = _MARGIN
        top, self.y = self.y, self.y + height
        return top

    def heading(self, text: str, size: float = 12.0, keep: float = 0.6) -> None:
        """Write a heading on the page of what follows, which takes ``keep`` inches at least."""
        if self.y + keep > _HEIGHT - _MARGIN - _FOOT:
            self.y = _HEIGHT
        top = self.room(0.34)
        width = _WIDTH - 2 * _MARGIN
        self.page.text(_MARGIN, top + 0.24, text, width, fontsize=size, fontweight="bold")

    def paragraph(
        self, text: str, size: float = _FONT, color: str = LIGHT.foreground, indent: float = 0.0
    ) -> None:
        """Write a text in lines."""
        letters = int((_WIDTH - 2 * _MARGIN - indent) / (size * _LETTER))
        for line in textwrap.wrap(printable(text), letters):
            top = self.room(_LINE * size / _FONT)
            self.page.text(
                _MARGIN + indent, top + 0.12, line, _WIDTH - 2 * _MARGIN - indent, fontsize=size,
                color=color,
            )  # fmt: skip

    def bullets(self, texts: Sequence[str]) -> None:
        """Write texts with a sign before each."""
        for text in texts:
            self.paragraph(f"\u2022 {text}", indent=0.12)

    def gap(self, height: float = _GAP) -> None:
        self.y += height

    def table(self, table: Table) -> None:
        """Write a table whose first column is as wide as the rest lets it be."""
        self.heading(table.title, 9.5)
        columns = len(table.columns)
        width = _WIDTH - 2 * _MARGIN
        first = width * (0.5 if columns > 2 else 0.42)
        lefts = [_MARGIN, *(_MARGIN + first + n * (width - first) / max(1, columns - 1)
                            for n in range(columns - 1))]  # fmt: skip
        if any(table.columns):
            self._row(table.columns, lefts, "bold", "")
        for row, tone in zip(table.rows, table.tones, strict=True):
            if any(table.columns) and self.y + 2 * _LINE > _HEIGHT - _MARGIN - _FOOT:
                self.y = _HEIGHT  # the headings come again on the next page
                self._row(table.columns, lefts, "bold", "")
            self._row(row, lefts, "normal", tone)
        if table.note:
            self.paragraph(table.note, 7.5, LIGHT.muted)
        self.gap()

    def _row(self, cells: Sequence[str], lefts: Sequence[float], weight: str, tone: str) -> None:
        ends = [*lefts[1:], _WIDTH - _MARGIN]
        letter = 7.8 * _LETTER * (_BOLD if weight == "bold" else 1.0)
        widths = [end - left - 0.06 for left, end in zip(lefts, ends, strict=True)]
        wrapped = [
            textwrap.wrap(printable(cell), max(4, int(width / letter)))
            for cell, width in zip(cells, widths, strict=False)
        ]
        height = _LINE * max(1, *map(len, wrapped))
        top = self.room(height)
        for column, lines in enumerate(wrapped):
            last = column == len(wrapped) - 1
            color = _TONES.get(tone, LIGHT.foreground) if last else LIGHT.foreground
            for number, line in enumerate(lines):
                self.page.text(
                    lefts[column], top + 0.12 + number * _LINE, line, widths[column],
                    fontsize=7.8, fontweight=weight, color=color,
                )  # fmt: skip

    def pictures(self, panels: Sequence[tuple[Panel, str]], data: FigureData) -> None:
        """Draw panels with their captions, beside each other where there is room."""
        sizes = [
            (v.fixed.shape[1] * v.plane.spacing[0], v.fixed.shape[0] * v.plane.spacing[1])
            for v in data.views
        ]
        across, between = _WIDTH - 2 * _MARGIN, _GAP * (len(sizes) - 1)
        scale = min(
            (across - between) / sum(w for w, _ in sizes), _PICTURE / max(h for _, h in sizes)
        )
        sizes = [(width * scale, height * scale) for width, height in sizes]
        columns = int((across + _BESIDE) / (sum(w for w, _ in sizes) + between + _BESIDE)) or 1
        width = (across + _BESIDE) / columns - _BESIDE
        tall = max(height for _, height in sizes)
        letters = int(width / (7.5 * _LETTER))
        for first in range(0, len(panels), columns):
            row = [
                (panel, textwrap.wrap(printable(caption), letters))
                for panel, caption in panels[first : first + columns]
            ]
            below = [
                0.34 * (panel.colors(data) is not None) + 0.15 * len(lines) for panel, lines in row
            ]
            top = self.room(0.26 + tall + max(below) + 0.16)
            for number, (panel, lines) in enumerate(row):
                left = _MARGIN + number * (width + _BESIDE)
                self._panel(panel, data, sizes, lines, (left, top, width))

    def _panel(
        self,
        panel: Panel,
        data: FigureData,
        sizes: Sequence[tuple[float, float]],
        lines: Sequence[str],
        place: tuple[float, float, float],
    ) -> None:
        """Draw the planes of a panel beside each other, its colours and its caption."""
        start, top, wide = place
        tall = max(height for _, height in sizes)
        self.page.text(start, top + 0.18, panel.title, fontsize=9.5, fontweight="bold")
        top += 0.26
        left = start
        for view, (width, height) in zip(data.views, sizes, strict=True):
            picture = Canvas(width, height, LIGHT, _DPI)
            panel.picture(picture, view, data, (0.0, 0.0, picture.width, picture.height))
            self.page.show(left, top + (tall - picture.height) / 2, picture)
            left += width + _GAP
        top += tall
        colors = panel.colors(data)
        if colors is not None:
            # Its outer ticks are wider than it.
            long, side = min(2.2, wide - 0.4), 0.3
            bar = Canvas(long + 2 * side, 0.34, LIGHT, _DPI)
            bar.color_bar(colors, (side, 0.08, long, 0.09))
            self.page.show(start - 0.1, top, bar)
            top += 0.34
        for number, line in enumerate(lines):
            self.page.text(
                start, top + 0.14 + 0.15 * number, line, wide, fontsize=7.5, color=LIGHT.muted
            )

    def feet(self, text: str) -> None:
        """Write a line and the number at the foot of each page."""
        for number, page in enumerate(self.pages, start=1):
            y = _HEIGHT - _MARGIN / 2 - 0.1
            page.text(_MARGIN, y, text, fontsize=7, color=LIGHT.muted)
            count = f"{number} / {len(self.pages)}"
            page.text(_WIDTH - _MARGIN, y, count, fontsize=7, color=LIGHT.muted, ha="right")


def render_pages(result: ReportSource, data: FigureData, version: str) -> list[Page]:
    """Return the pages of the report of a result."""
    pages = _Pages()
    fixed, moving = names_of(result)
    verdict = judge(result.metrics)
    model = result.provenance.get("model") or {"title": "no model"}
    date = str(result.provenance.get("date", ""))[:16].replace("T", " ")
    pages.heading(printable(f"{moving} registered to {fixed}"), 15)
    pages.paragraph(
        " \u00b7 ".join(part for part in (model["title"], date) if part), 9, LIGHT.muted
    )
    pages.gap()
    color = _COLORS[verdict.status]
    pages.paragraph(f"{_SIGNS[verdict.status]} {verdict.headline}", 11, color)
    pages.bullets(verdict.findings)
    if verdict.advice:
        pages.heading("What to do next", 9.5)
        pages.bullets(verdict.advice)
    pages.gap()
    numbers = key_numbers(result.metrics, total_seconds(result))
    table = Table("Key numbers", ["", ""])
    for name, text in numbers:
        table.add(name, text)
    pages.table(table)
    _pictures(pages, result, data)
    _structures(pages, result)
    pages.heading("Numbers")
    for numbers_table in (*metric_tables(result.metrics), timing_table(result.timings)):
        pages.table(numbers_table)
    pages.heading("Provenance")
    for facts in provenance_tables(result.provenance):
        pages.table(facts)
    pages.feet(f"Made by LDMReg {version}. For research; not for clinical use.")
    return pages.pages


def _pictures(pages: _Pages, result: ReportSource, data: FigureData) -> None:
    pages.heading("Pictures", keep=3.0)
    pages.paragraph(orientation_of(data), 8, LIGHT.muted)
    names = names_by_label(result.metrics)
    panels = [(panel, caption_of(panel.caption, data, names)) for panel in panels_for(data)]
    pages.pictures(panels, data)


def _structures(pages: _Pages, result: ReportSource) -> None:
    structures, content = structures_and_table(result)
    if content.rows:
        pages.heading("Structures")
        pages.table(_structure_table(content))
    if sum(s.after is not None for s in structures) >= _CHARTED:
        chart = chart_canvas(structures, LIGHT, _DPI)
        scale = min(1.0, (_HEIGHT - 2 * _MARGIN - _FOOT) / chart.height)
        top = pages.room(chart.height * scale)
        pages.page.show(_MARGIN, top, chart, scale)
        pages.gap()
    regions = regions_of(result.metrics)
    if regions is None:
        return
    pages.heading("Regions")
    pages.paragraph(f"{regions.source} {GUIDED if regions.guided else ''}".strip())
    for group in regions.groups:
        pages.heading(f"{group.title}: {len(group.regions)}", 9.5)
        pages.paragraph(group.explanation, 7.5, LIGHT.muted)
        shown = [r.name + (f" \u2192 {r.detail}" if r.detail not in ("", r.name) else "")
                 for r in group.regions]  # fmt: skip
        pages.paragraph("; ".join(shown))


def _structure_table(content: StructureTable) -> Table:
    count = len(content.rows)
    table = Table(
        f"{count} structure{'s' if count != 1 else ''}", [c.title for c in content.columns]
    )
    for row in content.rows:
        name = f"{row.title} ({row.tag})" if row.tag else row.title
        cells = [
            row.cells[column.key] + _LOST * (row.lost and column.key == "after")
            for column in content.columns[1:]
        ]
        table.add(name, *cells)
    table.note = (
        "Dice: 1 is perfect overlap. HD95: 95th percentile of the outlines' distance. "
        f"{f'{_LOST.strip()} lost overlap. ' if any(row.lost for row in content.rows) else ''}"
        f"{content.unmatched}"
    ).strip()
    return table


def write_pdf(result: ReportSource, data: FigureData, version: str, path: Path) -> None:
    """Write the report as one PDF file, with its fonts in it."""
    fixed, moving = names_of(result)
    about = {
        "Title": printable(f"Registration report: {moving} to {fixed}"),
        "Creator": f"LDMReg {version}",
        "CreationDate": datetime.datetime.now().astimezone(),
    }
    with rc_context({"pdf.fonttype": 42}), PdfPages(path, metadata=about) as pdf:
        for page in render_pages(result, data, version):
            pdf.savefig(page.figure)
