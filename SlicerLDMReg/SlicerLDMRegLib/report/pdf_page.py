"""Page of paper in inches from the top left, drawn by matplotlib, which writes PDF.

Uses matplotlib's object interface, never pyplot, whose global state would affect an embedding
program such as Slicer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .canvas import Canvas, Style

__all__ = ["Page"]


class Page:
    """Figure in inches with the origin at the top left.

    Args:
        width, height: in inches.
        style: colours.
    """

    def __init__(self, width: float, height: float, style: Style) -> None:
        self.width, self.height, self.style = width, height, style
        self.figure = Figure(figsize=(width, height), facecolor=style.background)
        self.agg = FigureCanvasAgg(self.figure)

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

    def show(self, left: float, top: float, picture: Canvas, scale: float = 1.0) -> None:
        """Put a picture at a position, ``scale`` times its size."""
        width, height = picture.width * scale / self.width, picture.height * scale / self.height
        axes = self.figure.add_axes((left / self.width, 1 - top / self.height - height, width,
                                     height))  # fmt: skip
        axes.imshow(np.asarray(picture.image), aspect="auto", interpolation="none")
        axes.set_axis_off()
