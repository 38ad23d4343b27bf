"""Fonts of the pictures: DejaVu Sans, of which matplotlib brings the files."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

__all__ = ["load_font"]


@cache
def _folder() -> Path:
    # The files are found without importing matplotlib, which takes longer than drawing a report.
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"


@lru_cache(maxsize=64)
def load_font(pixels: float, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the font at a size in pixels."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(_folder() / name, pixels)
