"""One plane of a result in a box of a canvas: places in mm of the plane or in shares of the box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from contourpy import contour_generator
from PIL import Image

from .canvas import Box, Canvas
from .color_maps import ColorMap, ColorScale
from .figure_data import PlaneView

__all__ = ["Frame"]

_BACKING = "#000000a0"
_SHADOW = "#000000b0"
_GRAY = ColorMap.between(["#000000", "#ffffff"])


class Frame:
    """Plane in a box.

    Args:
        canvas: what to draw on.
        box: left, top, width and height in inches.
        view: the plane; it fills the box.
    """

    def __init__(self, canvas: Canvas, box: Box, view: PlaneView) -> None:
        self.canvas, self.box, self.view = canvas, box, view

    def at(self, across: float, up: float) -> tuple[float, float]:
        """Return the place on the canvas of shares of the box, from its left and its bottom."""
        left, top, width, height = self.box
        return left + across * width, top + (1 - up) * height

    def places(self, points: np.ndarray) -> np.ndarray:
        """Return the places on the canvas of points in mm, right and down, ``(n, 2)``.

        The centre of pixel (0, 0) is the origin.
        """
        rows, columns = self.view.fixed.shape
        spacing = np.asarray(self.view.plane.spacing)
        shares = (points / spacing + 0.5) / (columns, rows)
        return np.asarray(self.box[:2]) + shares * self.box[2:]

    def show(self, array: np.ndarray, scale: ColorScale, nearest: bool = False) -> None:
        """Show numbers of the plane in the colours of a scale."""
        if nearest:
            self.canvas.paste(self.box, scale.rgb8(array), nearest=True)
            return
        # Numbers are interpolated, not colours, so that only colours of the scale occur.
        left, top, wide, high = self.canvas.pixel_box(self.box)
        numbers = Image.fromarray(np.ascontiguousarray(array, dtype=np.float32))
        resized = np.asarray(numbers.resize((wide, high), Image.Resampling.BILINEAR))
        self.canvas.image.paste(Image.fromarray(scale.rgb8(resized)), (left, top))

    def show_gray(self, array: np.ndarray, white: float = 1.0) -> None:
        """Show numbers in grey; ``white`` is the number shown as white."""
        self.show(array, ColorScale(_GRAY, 0.0, white))

    def show_colors(self, colors: np.ndarray, nearest: bool = False) -> None:
        """Show colours in [0, 1], shape ``(v, h, 3)``, or ``(v, h, 4)`` with opacity."""
        self.canvas.paste(self.box, np.round(colors * 255).astype(np.uint8), nearest)

    def contours(
        self,
        array: np.ndarray,
        levels: Sequence[float] | np.ndarray,
        color: str,
        points: float,
        rounded: bool = False,
    ) -> None:
        """Draw the lines where numbers of the plane reach levels, ``points`` wide.

        Where they bend much, as outlines of voxels do, they need ``rounded`` corners, which take
        longer.
        """
        lines = level_lines(array, self.view.plane.spacing, levels)
        self.canvas.lines([self.places(line) for line in lines], color, points, rounded)

    def text(self, across: float, up: float, text: str, **options: object) -> None:
        """Write at a place in shares of the box; options as of :meth:`Canvas.text`."""
        x, y = self.at(across, up)
        self.canvas.text(x, y, text, **options)  # type: ignore[arg-type]

    def note(self, across: float, up: float, text: str, color: str = "#ffffff") -> None:
        """Write on a dark box, its bottom left at a place in shares of the box."""
        self.text(across, up, text, color=color, fontsize=7, va="bottom", backing=_BACKING)

    def edges(self) -> None:
        """Write the directions at the edges of the plane, e.g. R and L."""
        left, right, top, bottom = self.view.plane.edges
        if self.view.plane.normal is None:
            text = f"{right} →\n{bottom} ↓"
            self.text(0.02, 0.98, text, color="#ffffff", fontsize=7.5, va="top", backing=_BACKING)
            return
        for x, y, letter, across, down in (
            (0.015, 0.5, left, "left", "center"),
            (0.985, 0.5, right, "right", "center"),
            (0.5, 0.985, top, "center", "top"),
            (0.5, 0.015, bottom, "center", "bottom"),
        ):
            self.text(x, y, letter, color="#ffffff", fontsize=7.5, ha=across, va=down,
                      shadow=_SHADOW)  # fmt: skip

    def scale_bar(self, share: float, text: str) -> None:
        """Draw a bar of a share of the width at the bottom left, a text above it."""
        self.canvas.lines([[self.at(0.04, 0.045), self.at(0.04 + share, 0.045)]], "#ffffff", 2.0)
        self.text(0.04, 0.065, text, color="#ffffff", fontsize=6.5, va="bottom", shadow=_SHADOW)

    def legend(self, entries: Sequence[tuple[str, str]]) -> None:
        """Write names beside lines of their colours at the bottom right."""
        size, right, down = 7 / 72, *self.at(1.0, 0.0)
        pitch, pad, handle, margin = 1.55 * size, 0.3 * size, 1.2 * size, 0.5 * size
        names = max(self.canvas.text_width(name, 7) for name, _ in entries)
        width = handle + 0.8 * size + names + 2 * pad
        height = pitch * len(entries) + 2 * pad
        left, top = right - margin - width, down - margin - height
        self.canvas.rectangle((left, top, width, height), "#00000090", radius=0.2 * size)
        for number, (name, color) in enumerate(entries):
            x, y = left + pad, top + pad + (number + 0.5) * pitch
            self.canvas.lines([[(x, y), (x + handle, y)]], color, 1.5)
            x += handle + 0.8 * size
            self.canvas.text(x, y, name, fontsize=7, color="#ffffff", va="center")

    def arrows(self, starts: np.ndarray, vectors: np.ndarray, color: str) -> None:
        """Draw arrows from points in mm, ``(n, 2)``, along vectors in mm, right and down."""
        begin, end = self.places(starts), self.places(starts + vectors)
        shapes = _arrow_shapes(begin, end - begin, 0.006 * self.box[2])
        self.canvas.polygons(shapes, color, self.box)


def level_lines(
    array: np.ndarray, spacing: tuple[float, float], levels: Iterable[float]
) -> list[np.ndarray]:
    """Return the lines where numbers reach levels, each ``(n, 2)`` in mm, right and down."""
    rows, columns = array.shape
    x, y = np.arange(columns) * spacing[0], np.arange(rows) * spacing[1]
    generator = contour_generator(x, y, np.asarray(array, np.float64), name="serial")
    return [np.asarray(line) for level in levels for line in generator.lines(float(level))]


def _arrow_shapes(begin: np.ndarray, along: np.ndarray, width: float) -> np.ndarray:
    """Return the outlines ``(n, 7, 2)`` of arrows whose shafts are ``width`` wide."""
    length = np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
    forward = along / length
    aside = np.stack([-forward[:, 1], forward[:, 0]], axis=-1)
    # The head of an arrow that is shorter than its head shrinks with it.
    size = width * np.minimum(1.0, length / (5.0 * width))
    tip, neck, barbs = length, length - 3.6 * size, length - 4.0 * size
    outline = [
        (0.0 * length, 0.5 * size), (neck, 0.5 * size), (barbs, 1.75 * size), (tip, 0.0 * size),
        (barbs, -1.75 * size), (neck, -0.5 * size), (0.0 * length, -0.5 * size),
    ]  # fmt: skip
    return np.stack([begin + forward * ahead + aside * side for ahead, side in outline], axis=1)
