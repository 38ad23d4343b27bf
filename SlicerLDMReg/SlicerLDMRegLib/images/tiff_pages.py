"""The pages of a TIFF file: their tags, checked against the length of the file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError

__all__ = ["TiffPage", "read_pages"]

# Bounds of a damaged file, far above those of whole ones: pages, tags of a page, numbers of a tag.
_MOST_PAGES = 100_000
_MOST_TAGS = 1000
_MOST_VALUES = 1 << 24
_FORMATS = {1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 6: "b", 7: "s", 8: "h", 9: "i", 10: "ii",
            11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}  # fmt: skip
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_DESCRIPTION, _OFFSETS, _ORIENTATION, _SAMPLES, _ROWS, _COUNTS = 270, 273, 274, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _PLANAR, _UNIT, _PREDICTOR = 282, 283, 284, 296, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS, _SAMPLE_FORMAT = 322, 323, 324, 325, 339


@dataclass(frozen=True)
class TiffPage:
    """One page.

    Attributes:
        tags: numbers, or bytes of text, by the number of the tag; those not needed are left out.
        order: ``<`` or ``>``.
        offset: of its directory in the file.
        link: offset of what points to the next page.
    """

    tags: dict[int, tuple[float, ...] | bytes]
    order: str
    offset: int = 0
    link: int = 0

    def number(self, tag: int, default: int) -> int:
        """Return the first number of a tag."""
        value = self.tags.get(tag)
        return int(value[0]) if value else default

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the whole numbers of a tag; none where it is absent."""
        value = self.tags.get(tag, ())
        return tuple(int(v) for v in value) if isinstance(value, tuple) else ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.number(_WIDTH, 0), self.number(_HEIGHT, 0)

    @property
    def samples(self) -> int:
        """Numbers of a pixel."""
        return self.number(_SAMPLES, 1)

    @property
    def bits(self) -> int:
        """Bits of each number; 0 where they differ."""
        bits = set(self.numbers(_BITS) or (1,))
        return bits.pop() if len(bits) == 1 else 0

    @property
    def kind(self) -> str:
        """``u``, ``i`` or ``f``; empty for others."""
        return {1: "u", 2: "i", 3: "f"}.get(self.number(_SAMPLE_FORMAT, 1), "")

    @property
    def dtype(self) -> np.dtype | None:
        """The type of the numbers; None for one that NumPy has not, such as single bits."""
        known = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f16", "f32", "f64")
        if f"{self.kind}{self.bits}" not in known:
            return None
        return np.dtype(f"{self.order}{self.kind}{self.bits // 8}")

    @property
    def compression(self) -> int:
        """1: none; 5: LZW; 7: JPEG; 8 and 32946: deflate; 32773: PackBits."""
        return self.number(_COMPRESSION, 1)

    @property
    def photometric(self) -> int:
        """0: the smallest is white; 1: it is black; 2: RGB; 3: palette."""
        return self.number(_PHOTOMETRIC, 1)

    @property
    def planar(self) -> bool:
        """Whether each colour has its own plane."""
        return self.number(_PLANAR, 1) == 2 and self.samples > 1

    @property
    def predictor(self) -> int:
        """1: none; 2: horizontal differences; 3: of floats."""
        return self.number(_PREDICTOR, 1)

    @property
    def orientation(self) -> int:
        """1: the first row is the top and the first column the left."""
        return self.number(_ORIENTATION, 1)

    @property
    def is_page(self) -> bool:
        """Whether it is no thumbnail and no mask of another page."""
        return not self.number(_SUBFILE, 0) & 5

    @property
    def description(self) -> str:
        """Text that programs put into it."""
        value = self.tags.get(_DESCRIPTION, b"")
        return value.split(b"\0")[0].decode("utf-8", "replace") if isinstance(value, bytes) else ""

    @property
    def resolution(self) -> tuple[float, float] | None:
        """Pixels per unit along x and y."""
        values = [self.tags.get(tag) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
        if any(not isinstance(v, tuple) or len(v) < 1 or not v[0] > 0 for v in values):
            return None
        return tuple(float(v[0]) for v in values if v)  # type: ignore[return-value]

    @property
    def unit(self) -> int:
        """1: none; 2: inch; 3: cm."""
        return self.number(_UNIT, 2)

    @property
    def blocks(self) -> tuple[tuple[int, int], tuple[int, ...], tuple[int, ...]]:
        """Width and height of strips or tiles, their offsets and their lengths in bytes."""
        if _TILE_WIDTH in self.tags:
            size = self.number(_TILE_WIDTH, 0), self.number(_TILE_HEIGHT, 0)
            offsets = self.numbers(_TILE_OFFSETS) or self.numbers(_OFFSETS)
            return size, offsets, self.numbers(_TILE_COUNTS) or self.numbers(_COUNTS)
        rows = min(self.number(_ROWS, 2**32 - 1), self.size[1])
        return (self.size[0], rows), self.numbers(_OFFSETS), self.numbers(_COUNTS)


def read_pages(path: Path) -> tuple[list[TiffPage], bool]:
    """Return the pages of a file, and whether it is a BigTIFF.

    Raises:
        InputError: when its directory is damaged or lies behind the end of the file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = file.read(16)
        order = "<" if begin[:2] == b"II" else ">"
        big = len(begin) == 16 and begin[2:4] in (b"+\0", b"\0+")
        if len(begin) < 8:
            raise InputError("is cut off; copy or download it again")
        (at,) = struct.unpack_from(order + ("Q" if big else "I"), begin, 8 if big else 4)
        pages: list[TiffPage] = []
        seen: set[int] = set()
        while at:
            if at in seen or len(pages) >= _MOST_PAGES:
                raise InputError("is damaged: its directory of pages has no end")
            if at >= size:
                raise InputError(
                    "is cut off: its directory of pages lies behind its end; copy it again"
                )
            seen.add(at)
            page, at = _read_page(file, at, order, big, size)
            pages.append(page)
    if not pages:
        raise InputError("is a TIFF file without pages; it is damaged")
    return pages, big


def _read_page(file, at: int, order: str, big: bool, size: int) -> tuple[TiffPage, int]:  # type: ignore[no-untyped-def]
    wide = order + ("Q" if big else "I")
    count_format, entry = (order + "Q", 20) if big else (order + "H", 12)
    file.seek(at)
    head = file.read(struct.calcsize(count_format))
    if len(head) < struct.calcsize(count_format):
        raise InputError("is cut off in its directory of pages; copy it again")
    (count,) = struct.unpack(count_format, head)
    if count > _MOST_TAGS:
        raise InputError("is damaged: its directory of pages cannot be")
    data = file.read(count * entry + struct.calcsize(wide))
    if len(data) < count * entry + struct.calcsize(wide):
        raise InputError("is cut off in its directory of pages; copy it again")
    tags: dict[int, tuple[float, ...] | bytes] = {}
    for i in range(count):
        tag, kind = struct.unpack_from(order + "HH", data, i * entry)
        (values,) = struct.unpack_from(wide, data, i * entry + 4)
        if tag not in _WANTED or kind not in _FORMATS or values > _MOST_VALUES:
            continue
        code = _FORMATS[kind]
        width = 1 if code == "s" else struct.calcsize("=" + code)
        inline = entry - (12 if big else 8)
        place = i * entry + (12 if big else 8)
        if width * values <= inline:
            raw = data[place : place + width * values]
        else:
            (offset,) = struct.unpack_from(wide, data, place)
            if offset + width * values > size:
                raise InputError("is cut off: a part of its directory lies behind its end")
            file.seek(offset)
            raw = file.read(width * values)
        tags[tag] = _values(raw, order, code, values)
    (following,) = struct.unpack_from(wide, data, count * entry)
    return TiffPage(tags, order, at, at + len(head) + count * entry), following


def _values(raw: bytes, order: str, code: str, count: int) -> tuple[float, ...] | bytes:
    if code == "s":
        return raw
    numbers = struct.unpack(f"{order}{count * len(code)}{code[0]}", raw)
    if len(code) == 1:
        return numbers
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple(top / bottom if bottom else 0.0 for top, bottom in pairs)


_WANTED = {
    _SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _DESCRIPTION, _OFFSETS,
    _ORIENTATION, _SAMPLES, _ROWS, _COUNTS, _X_RESOLUTION, _Y_RESOLUTION, _PLANAR, _UNIT,
    _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS, _SAMPLE_FORMAT, 320,
}  # fmt: skip
