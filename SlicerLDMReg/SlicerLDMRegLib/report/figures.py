"""Figures put together from panels: the overview and one picture per panel for the HTML file.

Only matplotlib's object interface is used, never pyplot, so that nothing global is touched in a
program that embeds this, such as Slicer.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from .drawing import draw_edges
from .panels import Panel, panels_for
from .scene import PlaneView, Scene

__all__ = ["DARK", "LIGHT", "Style", "overview_png", "panel_png"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Style:
    """Colours of everything around the pictures."""

    background: str
    foreground: str
    muted: str


LIGHT = Style(background="#ffffff", foreground="#16191f", muted="#5b6472")
DARK = Style(background="#0d1015", foreground="#e8eaee", muted="#a3abb8")

_ROWS = (
    ("fixed", "moving", "warped", "displacement", "labels-before"),
    ("difference-before", "difference-after", "grid", "jacobian", "labels-after"),
)
_GAP, _TITLE, _BAR, _HEADER, _MARGIN = 0.12, 0.27, 0.36, 0.72, 0.18
_CELL, _MAX_RATIO = 2.5, 1.5


class _Canvas:
    """A figure in inches with the origin at the top left."""

    def __init__(self, width: float, height: float, style: Style) -> None:
        self.width, self.height, self.style = width, height, style
        self.figure = Figure(figsize=(width, height), facecolor=style.background)
        self.agg = FigureCanvasAgg(self.figure)

    def box(self, left: float, top: float, width: float, height: float) -> Box:
        bottom = self.height - top - height
        return left / self.width, bottom / self.height, width / self.width, height / self.height

    def text(self, x: float, y: float, text: str, **options: object) -> None:
        options.setdefault("color", self.style.foreground)
        # The text may hold file names; a dollar sign must not start a formula.
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            text,
            parse_math=False,
            **options,  # type: ignore[arg-type]
        )

    def row_title(self, x: float, y: float, text: str) -> None:
        self.text(
            x, y, text, fontsize=7, color=self.style.muted, rotation=90, ha="center", va="center"
        )

    def picture(self, panel: Panel, view: PlaneView, scene: Scene, box: Box) -> None:
        axes = self.figure.add_axes(self.box(*box))
        panel.draw(axes, view, scene)
        draw_edges(axes, view)

    def color_bar(self, panel: Panel, scene: Scene, left: float, top: float, width: float) -> None:
        if panel.scale is None:
            return
        mappable, ticks = panel.scale(scene)
        axes = self.figure.add_axes(self.box(left, top, width, 0.09))
        bar = self.figure.colorbar(mappable, cax=axes, orientation="horizontal")
        bar.set_ticks(ticks, labels=[f"{tick:.2g}" for tick in ticks])
        bar.ax.minorticks_off()
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=7, colors=self.style.muted, length=2, pad=1.5)

    def png(self, dpi: int) -> bytes:
        self.figure.set_dpi(dpi)
        self.agg.draw()
        # Without the alpha channel and at a low level of compression this takes a third of the
        # time of savefig.
        pixels = np.asarray(self.agg.buffer_rgba())[..., :3]
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "png", compress_level=3)
        return buffer.getvalue()


def _size_mm(view: PlaneView) -> tuple[float, float]:
    rows, columns = view.fixed.shape
    return columns * view.plane.spacing[0], rows * view.plane.spacing[1]


def _inches_per_mm(views: Sequence[PlaneView], cell: float) -> float:
    """Return one scale for all planes, so that a millimetre is equally long in each."""
    sizes = [_size_mm(view) for view in views]
    widest, highest = max(s[0] for s in sizes), max(s[1] for s in sizes)
    return min(cell / widest, cell * _MAX_RATIO / highest)


def overview_png(scene: Scene, heading: str, subtitle: str, style: Style = LIGHT) -> bytes:
    """Return a PNG with all panels of all planes.

    Args:
        scene: what to draw.
        heading: first line, e.g. the names of the images.
        subtitle: second line, e.g. the numbers that matter.
    """
    by_key = {panel.key: panel for panel in panels_for(scene)}
    rows = [[by_key[key] for key in row if key in by_key] for row in _ROWS]
    scale = _inches_per_mm(scene.views, _CELL)
    heights = [_size_mm(view)[1] * scale for view in scene.views]
    block = _TITLE + sum(heights) + _GAP * len(heights)
    columns = max(len(row) for row in rows)
    width = 2 * _MARGIN + columns * _CELL + (columns - 1) * _GAP
    canvas = _Canvas(width, _HEADER + len(rows) * block + _BAR, style)
    canvas.text(_MARGIN, 0.3, heading, fontsize=13, fontweight="bold")
    canvas.text(_MARGIN, 0.54, subtitle, fontsize=10, color=style.muted)
    for number, row in enumerate(rows):
        for column, panel in enumerate(row):
            left, top = _MARGIN + column * (_CELL + _GAP), _HEADER + number * block
            title = panel.title
            if panel.key == "jacobian" and scene.fold_count:
                title += f": {scene.fold_count} folds"
            canvas.text(left + _CELL / 2, top + 0.19, title, fontsize=9.5, ha="center")
            top += _TITLE
            for view, height in zip(scene.views, heights, strict=True):
                across = _size_mm(view)[0] * scale
                box = (left + (_CELL - across) / 2, top, across, height)
                canvas.picture(panel, view, scene, box)
                if column == 0 and view.plane.title:
                    canvas.row_title(left - 0.08, top + height / 2, view.plane.title)
                top += height + _GAP
            canvas.color_bar(panel, scene, left + 0.1 * _CELL, top - 0.04, 0.8 * _CELL)
    return canvas.png(dpi=150)


def panel_png(panel: Panel, scene: Scene, style: Style = DARK) -> bytes:
    """Return a PNG with one panel: its planes side by side, its colour bar below."""
    cell = 2.6 if len(scene.views) == 1 else 2.1
    scale = _inches_per_mm(scene.views, cell)
    sizes = [(w * scale, h * scale) for w, h in map(_size_mm, scene.views)]
    titled = 0.24 if len(scene.views) > 1 or scene.views[0].plane.title else 0.0
    tallest = max(h for _, h in sizes)
    width = sum(w for w, _ in sizes) + _GAP * (len(sizes) - 1)
    bar = _BAR if panel.scale else 0.0
    canvas = _Canvas(width, titled + tallest + bar, style)
    left = 0.0
    for view, (across, height) in zip(scene.views, sizes, strict=True):
        if titled:
            canvas.text(left + across / 2, 0.17, view.plane.title, fontsize=8, ha="center",
                        color=style.muted)  # fmt: skip
        top = titled + (tallest - height) / 2
        canvas.picture(panel, view, scene, (left, top, across, height))
        left += across + _GAP
    bar_width = min(0.8 * width, 3.2)
    canvas.color_bar(panel, scene, (width - bar_width) / 2, titled + tallest + 0.06, bar_width)
    return canvas.png(dpi=220)
