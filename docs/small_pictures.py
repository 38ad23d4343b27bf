"""Trimming of pictures for documents, and small PNG files."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageChops

__all__ = ["save_small", "trim"]

# Colours are rounded to multiples of this, which is invisible and halves the files. Palettes of 256
# colours would be as small, but lose small coloured texts and the ends of colour bars.
_STEP = 6


def trim(picture: Path) -> None:
    """Crop the empty rows below a panel to as many as above it."""
    with Image.open(picture) as image:
        pixels = image.convert("RGB")
    ground = Image.new("RGB", pixels.size, pixels.getpixel((0, pixels.height - 1)))
    box = ImageChops.difference(pixels, ground).getbbox()
    if box is not None:
        bottom = min(pixels.height, box[3] + box[1])
        pixels.crop((0, 0, pixels.width, bottom)).save(picture)


def save_small(picture: Path, target: Path) -> None:
    """Write a picture as a small PNG."""
    rounded = [min(255, (value + _STEP // 2) // _STEP * _STEP) for value in range(255)] + [255]
    with Image.open(picture) as image:
        image.convert("RGB").point(rounded * 3).save(target, optimize=True)
