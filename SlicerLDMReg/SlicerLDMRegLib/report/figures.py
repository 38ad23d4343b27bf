"""Figures of several panels: the overview, and one picture per panel for the HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from .canvas import DARK, LIGHT, Canvas, Style
from .figure_data import FigureData, PlaneView
from .panels import Panel, panels_for
from .structure_chart import chart_size, draw_chart
from .structures import Structure

__all__ = ["DARK", "LIGHT", "overview_png", "panel_png"]

# One plane: two rows of panels.
_ROWS = (
    ("fixed", "moving", "warped", "displacement", "labels-before"),
    ("difference-before", "difference-after", "grid", "jacobian", "labels-after"),
)
# Several planes: two blocks side by side, with panels as rows and planes as columns.
_BLOCKS = (
    ("fixed", "moving", "warped", "labels-before", "labels-after"),
    ("difference-before", "difference-after", "displacement", "grid", "jacobian"),
)
_BLOCKS_WITHOUT_LABELS = (
    ("fixed", "moving", "warped", "displacement"),
    ("difference-before", "difference-after", "grid", "jacobian"),
)
# Layout in inches.
_GAP, _TITLE, _BAR, _HEADER, _MARGIN = 0.12, 0.27, 0.36, 0.72, 0.18
_CELL, _MAX_RATIO = 2.5, 1.5
_BLOCK, _ROW, _SIDE, _UPRIGHT_BAR, _CHART = 5.6, 2.6, 0.26, 0.55, 3.7
# For fewer structures the numbers in the heading suffice.
_CHARTED = 5


def _size_mm(view: PlaneView) -> tuple[float, float]:
    rows, columns = view.fixed.shape
    return columns * view.plane.spacing[0], rows * view.plane.spacing[1]


def _inches_per_mm(views: Sequence[PlaneView], cell: float) -> float:
    """Return the common scale of all planes."""
    sizes = [_size_mm(view) for view in views]
    widest, highest = max(s[0] for s in sizes), max(s[1] for s in sizes)
    return min(cell / widest, cell * _MAX_RATIO / highest)


def overview_png(
    data: FigureData,
    heading: str,
    subtitle: str,
    structures: Sequence[Structure] = (),
    style: Style = LIGHT,
) -> bytes:
    """Return a PNG with all panels of all planes.

    Args:
        data: what to draw.
        heading: first line, e.g. the names of the images.
        subtitle: second line, e.g. the key numbers.
        structures: of a volume: if there are several, a chart of their overlap is added.
        style: colours around the pictures.
    """
    by_key = {panel.key: panel for panel in panels_for(data)}
    if len(data.views) > 1:
        blocks = _BLOCKS if data.has_labels else _BLOCKS_WITHOUT_LABELS
        panels = [[by_key[key] for key in block] for block in blocks]
        canvas = _blocks(data, panels, structures, style)
    else:
        canvas = _rows(data, [[by_key[k] for k in row if k in by_key] for row in _ROWS], style)
    width = canvas.width - 2 * _MARGIN
    canvas.text(_MARGIN, 0.3, heading, width, fontsize=13, bold=True)
    canvas.text(_MARGIN, 0.54, subtitle, width, fontsize=10, color=style.muted)
    return canvas.png()


def _panel_title(panel: Panel, data: FigureData) -> str:
    if panel.key == "jacobian" and data.fold_count:
        return f"{panel.title}: {data.fold_count} folds"
    return panel.title


def _rows(data: FigureData, rows: Sequence[Sequence[Panel]], style: Style) -> Canvas:
    view = data.views[0]
    scale = _inches_per_mm(data.views, _CELL)
    across, height = (length * scale for length in _size_mm(view))
    block = _TITLE + height + _GAP
    columns = max(len(row) for row in rows)
    width = 2 * _MARGIN + columns * _CELL + (columns - 1) * _GAP
    canvas = Canvas(width, _HEADER + len(rows) * block + _BAR, style)
    for number, row in enumerate(rows):
        for column, panel in enumerate(row):
            left, top = _MARGIN + column * (_CELL + _GAP), _HEADER + number * block
            canvas.text(
                left + _CELL / 2, top + 0.19, _panel_title(panel, data), fontsize=9.5, ha="center"
            )
            top += _TITLE
            panel.picture(canvas, view, data, (left + (_CELL - across) / 2, top, across, height))
            if column == 0 and view.plane.title:
                canvas.row_title(left - 0.08, top + height / 2, view.plane.title)
            top += height + _GAP
            canvas.color_bar(
                panel.colors(data), (left + 0.1 * _CELL, top - 0.04, 0.8 * _CELL, 0.09)
            )
    return canvas


def _blocks(
    data: FigureData,
    blocks: Sequence[Sequence[Panel]],
    structures: Sequence[Structure],
    style: Style,
) -> Canvas:
    sizes = [_size_mm(view) for view in data.views]
    gaps = _GAP * (len(sizes) - 1)
    scale = min((_BLOCK - gaps) / sum(w for w, _ in sizes), _ROW / max(h for _, h in sizes))
    widths, heights = [w * scale for w, _ in sizes], [h * scale for _, h in sizes]
    planes = sum(widths) + gaps
    row = max(heights) + _GAP
    bars = [_UPRIGHT_BAR if any(p.colors(data) for p in b) else _MARGIN for b in blocks]
    lefts = [_MARGIN + sum(bars[:n]) + n * (_SIDE + planes) for n in range(len(blocks) + 1)]
    charted = sum(s.after is not None for s in structures) >= _CHARTED
    content = max(len(block) for block in blocks) * row
    width = lefts[-1] + _MARGIN + (_CHART if charted else 0.0)
    canvas = Canvas(width, _HEADER + _TITLE + content + _MARGIN, style)
    for number, block in enumerate(blocks):
        start = lefts[number] + _SIDE
        for order, panel in enumerate(block):
            left, top = start, _HEADER + _TITLE + order * row
            for view, across, height in zip(data.views, widths, heights, strict=True):
                if order == 0:
                    canvas.text(left + across / 2, top - 0.08, view.plane.title, fontsize=8.5,
                                ha="center", color=style.muted)  # fmt: skip
                above = (max(heights) - height) / 2
                panel.picture(canvas, view, data, (left, top + above, across, height))
                left += across + _GAP
            middle = top + max(heights) / 2
            title = _panel_title(panel, data)
            canvas.row_title(start - 0.12, middle, title, fontsize=9, color=style.foreground)
            bar = (left, middle - 0.4 * max(heights), 0.1, 0.8 * max(heights))
            canvas.color_bar(panel.colors(data), bar, upright=True)
    if charted:
        left, top = lefts[-1], _HEADER
        height = min(1.3 * chart_size(structures)[1], canvas.height - top - _MARGIN)
        draw_chart(canvas, structures, (left, top, _CHART, height))
    return canvas


def panel_png(panel: Panel, data: FigureData, style: Style = DARK) -> bytes:
    """Return a PNG with one panel: its planes side by side, its colour bar below."""
    cell = 2.6 if len(data.views) == 1 else 2.1
    scale = _inches_per_mm(data.views, cell)
    sizes = [(w * scale, h * scale) for w, h in map(_size_mm, data.views)]
    titled = 0.24 if len(data.views) > 1 or data.views[0].plane.title else 0.0
    tallest = max(h for _, h in sizes)
    width = sum(w for w, _ in sizes) + _GAP * (len(sizes) - 1)
    bar = _BAR if panel.colors(data) else 0.0
    # Several planes need fewer pixels per inch: their picture is wide.
    dpi = 220 if len(data.views) == 1 else 180
    canvas = Canvas(width, titled + tallest + bar, style, dpi)
    left = 0.0
    for view, (across, height) in zip(data.views, sizes, strict=True):
        if titled:
            canvas.text(left + across / 2, 0.17, view.plane.title, fontsize=8, ha="center",
                        color=style.muted)  # fmt: skip
        top = titled + (tallest - height) / 2
        panel.picture(canvas, view, data, (left, top, across, height))
        left += across + _GAP
    bar_width = min(0.8 * width, 3.2)
    box = ((width - bar_width) / 2, titled + tallest + 0.06, bar_width, 0.09)
    canvas.color_bar(panel.colors(data), box)
    return canvas.png()
