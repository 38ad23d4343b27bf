"""The dimension of an image by the header of its file, read without a decoder that could crash."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from .content import format_of
from .nifti_header import parse_header
from .nrrd_header import read_nrrd_header
from .selection import split_path
from .tiff_pages import read_pages

__all__ = ["dimension_of_file"]

_ENOUGH = 4096  # bytes of a header


def dimension_of_file(path: str | Path) -> int | None:
    """Return 2 or 3; None where the header does not tell, as that of a folder or of damaged files.

    A volume of one slice is 2D. It is a first guess: reading the image tells.
    """
    try:
        place = split_path(path)[0]
        find = _FINDERS.get(format_of(place)[0]) if place.is_file() else None
        return None if find is None else find(place)
    except Exception:  # reading the image tells what is wrong
        return None


def _dimension(sizes: Sequence[int]) -> int:
    return 2 if len(sizes) == 2 or (len(sizes) == 3 and 1 in sizes) else 3


def _of_nrrd(path: Path) -> int:
    header = read_nrrd_header(path)
    directions = header.fields.get("space directions", "")
    if directions.lower().count("none"):
        return 2 if len(header.sizes) - directions.lower().count("none") == 2 else 3
    return _dimension(header.sizes)


def _of_nifti(path: Path) -> int:
    with path.open("rb") as file:
        data = file.read(_ENOUGH)
    if data.startswith(b"\x1f\x8b"):
        data = zlib.decompressobj(wbits=31).decompress(data, _ENOUGH)
    sizes = parse_header(data).dim
    return _dimension(sizes)


def _of_metaimage(path: Path) -> int | None:
    with path.open("rb") as file:
        match = re.search(rb"^DimSize\s*=\s*([\d ]+?)\s*$", file.read(_ENOUGH), re.MULTILINE)
    return None if match is None else _dimension([int(n) for n in match[1].split()])


def _of_tiff(path: Path) -> int:
    return 2 if len(read_pages(path)[0]) == 1 else 3


_FINDERS: dict[str, Callable[[Path], int | None]] = {
    "nrrd": _of_nrrd,
    "nifti": _of_nifti,
    "metaimage": _of_metaimage,
    "tiff": _of_tiff,
    "png": lambda path: 2,
    "jpeg": lambda path: 2,
}
