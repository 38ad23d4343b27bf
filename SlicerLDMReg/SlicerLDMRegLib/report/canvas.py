"""Pictures measured in inches from the top left, drawn by Pillow.

A figure of matplotlib takes some 20 times as long, and a second to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from .color_maps import ColorScale, rgb8
from .fonts import load_font
from .png_file import png_bytes

__all__ = ["CARD", "DARK", "LIGHT", "Box", "Canvas", "Style"]

Box = tuple[float, float, float, float]
Points = Sequence[tuple[float, float]] | np.ndarray

# Shapes are drawn this many times as large, then averaged: their edges get 16 levels.
_FINER = 4
# Shares of a letter's size: from its middle and its top to the baseline, from there to its bottom.
_MIDDLE, _TOP, _BOTTOM = 0.36, 0.76, 0.24
_LEADING = 1.2  # of lines of text, of the size of the letters
_ANCHORS = {"left": 0.0, "center": 0.5, "right": 1.0}


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
    """Picture in inches with the origin at the top left; lines and letters are in points.

    Args:
        width, height: in inches.
        style: colours.
        dpi: pixels per inch.
    """

    def __init__(self, width: float, height: float, style: Style, dpi: float = 150.0) -> None:
        self.width, self.height, self.style, self.dpi = width, height, style, dpi
        size = max(1, round(width * dpi)), max(1, round(height * dpi))
        self.image = Image.new("RGB", size, style.background)

    def text_width(self, text: str, fontsize: float, bold: bool = False) -> float:
        """Return the width of a line of text in inches."""
        return float(load_font(self._pixels(fontsize), bold).getlength(text)) / self.dpi

    def text(
        self,
        x: float,
        y: float,
        text: str,
        width: float | None = None,
        *,
        fontsize: float = 10.0,
        bold: bool = False,
        color: str | None = None,
        ha: str = "left",
        va: str = "baseline",
        upright: bool = False,
        shadow: str | None = None,
        backing: str | None = None,
    ) -> None:
        """Write a text at a position.

        Args:
            x, y: the position.
            text: one line or several.
            width: where it is wider, the font shrinks to fit.
            fontsize: in points.
            bold: whether in bold letters.
            color: None: the foreground.
            ha, va: part of the text that is at the position: ``"left"``, ``"center"``,
                ``"right"``; ``"baseline"``, ``"top"``, ``"center"``, ``"bottom"``.
            upright: whether it runs from the bottom to the top.
            shadow: colour of a rim around the letters, with opacity, e.g. ``#000000b0``.
            backing: colour of a box behind the text, with opacity.
        """
        lines = text.split("\n")
        widest = max(self.text_width(line, fontsize, bold) for line in lines)
        if width is not None and widest > width:
            fontsize, widest = fontsize * width / widest, width
        size = fontsize / 72
        below = size * _LEADING * (len(lines) - 1)
        first = {
            "baseline": 0.0,
            "top": _TOP * size,
            "center": _MIDDLE * size - below / 2,
            "bottom": -_BOTTOM * size - below,
        }[va]
        if upright:
            self._upright(x, y, text, fontsize, bold, color, ha)
            return
        left = x - _ANCHORS[ha] * widest
        if backing is not None:
            pad = 0.25 * size
            box = (left - pad, y + first - _TOP * size - pad, widest + 2 * pad,
                   (_TOP + _BOTTOM) * size + below + 2 * pad)  # fmt: skip
            self.rectangle(box, backing, radius=pad)
        for number, line in enumerate(lines):
            start = left + _ANCHORS[ha] * (widest - self.text_width(line, fontsize, bold))
            place = (start * self.dpi, (y + first + number * _LEADING * size) * self.dpi)
            self._letters(place, line, fontsize, bold, color, shadow)

    def _letters(
        self, place: tuple[float, float], line: str, fontsize: float, bold: bool, color: str | None,
        shadow: str | None,
    ) -> None:  # fmt: skip
        font = load_font(self._pixels(fontsize), bold)
        if shadow is not None:
            rim = max(1, round(self._pixels(1.0)))
            mask = Image.new("L", (int(font.getlength(line)) + 4 * rim, int(2 * font.size)))
            origin = (2 * rim, int(1.4 * font.size))
            ImageDraw.Draw(mask).text(
                origin, line, 255, font, anchor="ls", stroke_width=rim, stroke_fill=255
            )
            self._paint(mask, round(place[0]) - origin[0], round(place[1]) - origin[1], shadow)
        draw = ImageDraw.Draw(self.image)
        draw.text(place, line, color or self.style.foreground, font, anchor="ls")

    def _upright(
        self, x: float, y: float, text: str, fontsize: float, bold: bool, color: str | None,
        ha: str,
    ) -> None:  # fmt: skip
        """Write a line from the bottom to the top; its middle is at ``x``."""
        font = load_font(self._pixels(fontsize), bold)
        wide, high = int(np.ceil(font.getlength(text))) + 2, int(np.ceil(1.4 * font.size))
        mask = Image.new("L", (wide, high))
        baseline = high / 2 + _MIDDLE * font.size
        ImageDraw.Draw(mask).text((1, baseline), text, 255, font, anchor="ls")
        turned = mask.transpose(Image.Transpose.ROTATE_90)
        top = y * self.dpi - (1 - _ANCHORS[ha]) * wide
        left = x * self.dpi - high / 2
        self._paint(turned, round(left), round(top), color or self.style.foreground)

    def row_title(
        self, x: float, y: float, text: str, fontsize: float = 7.0, color: str | None = None
    ) -> None:
        """Write a text from the bottom to the top, its middle at a position."""
        color = color or self.style.muted
        self.text(x, y, text, fontsize=fontsize, color=color, upright=True, ha="center")

    def lines(
        self, lines: Iterable[Points], color: str, points: float, rounded: bool = False
    ) -> None:
        """Draw lines of ``points`` width through positions; ``rounded`` at their bends."""
        drawn = [np.asarray(line, float) for line in lines]
        drawn = [line for line in drawn if len(line) > 1]
        if not drawn:
            return
        width = self._pixels(points)
        mask, draw, origin = self._mask(np.concatenate(drawn), width)
        thick, joint = max(1, round(width * _FINER)), "curve" if rounded else None
        for line in drawn:
            draw.line(self._finer(line, origin), fill=255, width=thick, joint=joint)
        self._paint(mask.reduce(_FINER), *origin, color)

    def polygons(self, polygons: Iterable[Points], color: str, within: Box) -> None:
        """Fill polygons, as far as they are within a box."""
        drawn = [np.asarray(polygon, float) for polygon in polygons]
        if not drawn:
            return
        mask, draw, origin = self._mask(np.concatenate(drawn), 0.0)
        for polygon in drawn:
            draw.polygon(self._finer(polygon, origin), fill=255)
        left, top, width, height = self.pixel_box(within)
        begin = max(origin[0], left), max(origin[1], top)
        seen = (begin[0] - origin[0], begin[1] - origin[1],
                left + width - origin[0], top + height - origin[1])  # fmt: skip
        self._paint(mask.reduce(_FINER).crop(seen), *begin, color)

    def rectangle(self, box: Box, color: str, radius: float = 0.0) -> None:
        """Fill a box, with round corners of a radius in inches."""
        left, top, width, height = box
        corners = np.array([(left, top), (left + width, top + height)])
        mask, draw, origin = self._mask(corners, 0.0)
        draw.rounded_rectangle(
            self._finer(corners, origin), radius=radius * self.dpi * _FINER, fill=255
        )
        self._paint(mask.reduce(_FINER), *origin, color)

    def disc(
        self, x: float, y: float, diameter: float, fill: str | None, edge: str, points: float
    ) -> None:
        """Draw a circle of a diameter in points around a position, filled or not."""
        centre = np.array([(x, y)])
        radius, rim = self._pixels(diameter) / 2 * _FINER, self._pixels(points) / 2 * _FINER
        for color, outer, inner in ((fill, radius, 0.0), (edge, radius + rim, radius - rim)):
            if color is None:
                continue
            mask, draw, origin = self._mask(centre, 2 * (radius + rim) / _FINER)
            ((across, down),) = self._finer(centre, origin)
            for reach, level in ((outer, 255), (inner, 0)):
                if reach > 0:
                    box = (across - reach, down - reach, across + reach, down + reach)
                    draw.ellipse(box, fill=level)
            self._paint(mask.reduce(_FINER), *origin, color)

    def paste(self, box: Box, colors: np.ndarray, nearest: bool = False) -> None:
        """Show an image in a box.

        Args:
            box: left, top, width and height.
            colors: red, green, blue, perhaps opacity, 0 to 255, shape ``(v, h, 3)`` or
                ``(v, h, 4)``.
            nearest: show its pixels as squares, else interpolate.
        """
        left, top, wide, high = self.pixel_box(box)
        way = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
        image = Image.fromarray(np.ascontiguousarray(colors)).resize((wide, high), way)
        self.image.paste(image, (left, top), image if image.mode == "RGBA" else None)

    def pixel_box(self, box: Box) -> tuple[int, int, int, int]:
        """Return left, top, width and height of a box in pixels."""
        left, top = round(box[0] * self.dpi), round(box[1] * self.dpi)
        right, bottom = round((box[0] + box[2]) * self.dpi), round((box[1] + box[3]) * self.dpi)
        return left, top, max(1, right - left), max(1, bottom - top)

    def color_bar(self, scale: ColorScale | None, box: Box, upright: bool = False) -> None:
        """Draw the colours of a scale into a box, with its ticks below or on the right."""
        if scale is None:
            return
        left, top, width, height = box
        share = np.linspace(0, 1, 256)
        colors = scale.colors.rgb8(share)[None]
        self.paste(box, colors[:, ::-1].transpose(1, 0, 2) if upright else colors)
        color, tick = self.style.muted, 2 / 72
        for number in scale.ticks:
            place, text = float(scale.share(number)), f"{number:.2g}"
            if upright:
                x, y = left + width, top + (1 - place) * height
                self.lines([[(x, y), (x + tick, y)]], color, 0.8)
                self.text(x + tick + 0.03, y, text, fontsize=7, color=color, va="center")
            else:
                x, y = left + place * width, top + height
                self.lines([[(x, y), (x, y + tick)]], color, 0.8)
                self.text(x, y + tick + 0.02, text, fontsize=7, color=color, ha="center", va="top")

    def png(self) -> bytes:
        """Return the picture as a PNG file."""
        return png_bytes(np.asarray(self.image))

    def _pixels(self, points: float) -> float:
        return points * self.dpi / 72

    def _mask(
        self, places: np.ndarray, width: float
    ) -> tuple[Image.Image, ImageDraw.ImageDraw, tuple[int, int]]:
        """Return an empty, finer mask around positions, and the pixel at which it begins."""
        # What leaves the canvas is not drawn.
        size = np.array(self.image.size)
        low = np.clip(np.floor(places.min(axis=0) * self.dpi - width - 1), 0, size - 1)
        high = np.clip(np.ceil(places.max(axis=0) * self.dpi + width + 1), low + 1, size)
        across, down = (int(n) * _FINER for n in high - low)
        mask = Image.new("L", (across, down))
        return mask, ImageDraw.Draw(mask), (int(low[0]), int(low[1]))

    def _finer(self, line: np.ndarray, origin: tuple[int, int]) -> list[tuple[float, float]]:
        return [
            (float(x), float(y)) for x, y in (line * self.dpi - np.asarray(origin)) * _FINER - 0.5
        ]

    def _paint(self, mask: Image.Image, left: int, top: int, color: str) -> None:
        """Paint a colour, whose opacity may follow it, through a mask."""
        if len(color) > 7:
            opacity = int(color[7:9], 16) / 255
            mask = mask.point([round(level * opacity) for level in range(256)])
        self.image.paste(rgb8(color), (left, top), mask)
