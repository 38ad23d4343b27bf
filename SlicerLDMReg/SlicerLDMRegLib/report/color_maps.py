"""Colours of numbers: colour maps, and the scales that colour bars show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = ["ColorMap", "ColorScale", "rgb8"]

_ENTRIES = 256


def rgb8(color: str) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) of a colour such as ``#37d0ff``."""
    red, green, blue = bytes.fromhex(color[1:7])
    return red, green, blue


class ColorMap:
    """Table of 256 colours over [0, 1].

    Args:
        table: red, green and blue in [0, 1], shape ``(256, 3)``.
    """

    def __init__(self, table: np.ndarray) -> None:
        self.table = table
        self._table8 = np.round(table * 255).astype(np.uint8)

    @classmethod
    def between(cls, colors: Sequence[str]) -> ColorMap:
        """Return the map that goes through colours, such as ``#ffffff``, at equal distances."""
        stops = np.array([rgb8(color) for color in colors]) / 255
        places = np.linspace(0, 1, _ENTRIES)
        knots = np.linspace(0, 1, len(stops))
        return cls(np.stack([np.interp(places, knots, part) for part in stops.T], axis=-1))

    @classmethod
    @cache
    def named(cls, name: str) -> ColorMap:
        """Return a map of matplotlib by its name."""
        from matplotlib import colormaps  # pictures of 2D images need none of them

        return cls(colormaps[name](np.linspace(0, 1, _ENTRIES))[:, :3])

    def __call__(self, share: float | np.ndarray) -> np.ndarray:
        """Return the colours at places of [0, 1], shape ``(..., 3)``, in [0, 1]."""
        return self.table[self._entries(share)]

    def rgb8(self, share: np.ndarray) -> np.ndarray:
        """Return the colours at places of [0, 1] as bytes, shape ``(..., 3)``."""
        return self._table8[self._entries(share)]

    @staticmethod
    def _entries(share: float | np.ndarray) -> np.ndarray:
        scaled = np.nan_to_num(np.asarray(share, np.float32) * _ENTRIES)
        return np.clip(scaled, 0, _ENTRIES - 1).astype(np.intp)


@dataclass(frozen=True)
class ColorScale:
    """Colours of a range of numbers.

    Attributes:
        colors: the colour map.
        low, high: numbers at its ends; those beyond have the colours of the ends.
        ticks: numbers at the colour bar.
        logarithmic: whether equal ratios, not differences, are equally far apart.
    """

    colors: ColorMap
    low: float
    high: float
    ticks: tuple[float, ...] = ()
    logarithmic: bool = False

    def share(self, values: float | np.ndarray) -> np.ndarray:
        """Return the place of numbers on the scale, 0 at its low and 1 at its high end."""
        values = np.asarray(values)
        if self.logarithmic:
            return np.asarray(np.log(values / self.low) / np.log(self.high / self.low))
        return np.asarray((values - self.low) / (self.high - self.low))

    def rgb8(self, values: np.ndarray) -> np.ndarray:
        """Return the colours of numbers as bytes, shape ``(..., 3)``."""
        return self.colors.rgb8(self.share(values))
