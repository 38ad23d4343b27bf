"""Matplotlib figures measured in inches from the top left.

Uses matplotlib's object interface, never pyplot, whose global state would affect an embedding
program such as Slicer.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from .drawing import draw_edges
from .figure_data import FigureData, PlaneView
from .panels import Panel

__all__ = ["CARD", "DARK", "LIGHT", "Canvas", "Style"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Style:
    """Colours of charts and of everything around the pictures."""

    background: str
    foreground: str
    muted: str
    line: str
    accent: str
    alarm: str


LIGHT = Style("#ffffff", "#16191f", "#5b6472", "#e3e7ed", "#1767b5", "#c2272d")
DARK = Style("#0d1015", "#e8eaee", "#a3abb8", "#2a313c", "#6cb2ff", "#ff7d74")
# Cards of the HTML file in dark mode; in light mode they are LIGHT.
CARD = replace(DARK, background="#1c222b", line="#313a47")


class Canvas:
    """Figure in inches with the origin at the top left."""

    def __init__(self, width: float, height: float, style: Style) -> None:
        self.width, self.height, self.style = width, height, style
        self.figure = Figure(figsize=(width, height), facecolor=style.background)
        self.agg = FigureCanvasAgg(self.figure)

    def box(self, left: float, top: float, width: float, height: float) -> Box:
        bottom = self.height - top - height
        return left / self.width, bottom / self.height, width / self.width, height / self.height

    def text(
        self, x: float, y: float, text: str, width: float | None = None, **options: Any
    ) -> None:
        """Write a text at a position; the font shrinks to fit ``width``."""
        options.setdefault("color", self.style.foreground)
        # The text may hold file names, in which a dollar sign must not start a formula.
        written = self.figure.text(
            x / self.width,
            1 - y / self.height,
            text,
            parse_math=False,
            **options,
        )
        if width is not None:
            actual = written.get_window_extent(self.agg.get_renderer()).width / self.figure.dpi
            written.set_fontsize(float(written.get_fontsize()) * min(1.0, width / actual))

    def axes(self, box: Box) -> Axes:
        return self.figure.add_axes(self.box(*box))

    def row_title(self, x: float, y: float, text: str, **options: Any) -> None:
        options = {"fontsize": 7, "color": self.style.muted, **options}
        self.text(x, y, text, rotation=90, ha="center", va="center", **options)

    def picture(self, panel: Panel, view: PlaneView, data: FigureData, box: Box) -> None:
        axes = self.axes(box)
        panel.draw(axes, view, data)
        draw_edges(axes, view)

    def color_bar(self, panel: Panel, data: FigureData, box: Box, upright: bool = False) -> None:
        """Draw the colour bar of a panel, if it has one, into a box."""
        colors = panel.colors(data)
        if colors is None:
            return
        mappable, ticks = colors
        way = "vertical" if upright else "horizontal"
        bar = self.figure.colorbar(mappable, cax=self.axes(box), orientation=way)
        bar.set_ticks(ticks, labels=[f"{tick:.2g}" for tick in ticks])
        bar.ax.minorticks_off()
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=7, colors=self.style.muted, length=2, pad=1.5)

    def png(self, dpi: int) -> bytes:
        """Return the figure as a PNG file."""
        self.figure.set_dpi(dpi)
        self.agg.draw()
        # Without alpha channel and with low compression this takes a third of savefig's time.
        pixels = np.asarray(self.agg.buffer_rgba())[..., :3]
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "png", compress_level=3)
        return buffer.getvalue()
