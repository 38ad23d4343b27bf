"""TIFF: one page is a 2D image, pages of one size are the slices of a stack.

NumPy decodes plain, PackBits and deflate pixels; ITK the others, in a process of its own.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .._outputs import scratch_folder
from ..errors import InputError
from ..geometry import ImageGeometry
from .isolated import read_all_with_itk
from .memory import check_size
from .pictures import NO_SIZE
from .placement import Decoded
from .selection import Selection
from .tiff_pages import TiffPage, read_pages

__all__ = ["read_tiff"]

_NONE, _PACKBITS, _DEFLATE = (1,), 32773, (8, 32946)
_MM = {2: 25.4, 3: 10.0}
_UNITS = {
    "mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1e3, "um": 1e-3, "µm": 1e-3, "μm": 1e-3,
    "\\u00b5m": 1e-3, "\\u00B5m": 1e-3, "micron": 1e-3, "microns": 1e-3, "micrometer": 1e-3,
    "nm": 1e-6, "inch": 25.4,
}  # fmt: skip
_PALETTE = 320  # the tag ColorMap
# Of LZW, SimpleITK 2.4.0 to 2.5.5 returned what lay in the memory in the tests of all compressions;
# 2.5.6 decodes it.
_RIGHT_INTEGERS = (2, 5, 6)
_COPIED = 1 << 29  # bytes of copies of a file with many pages


@dataclass(frozen=True)
class _Stack:
    """The description of the pages by the program that wrote the file."""

    depth: int = 0
    others: int = 1
    spacing: tuple[float | None, float | None, float | None] = (None, None, None)


def read_tiff(path: Path, wanted: Selection) -> Decoded:
    """Read a 2D image, or the pages of a file as the slices of a 3D one.

    Args:
        path: of the file.
        wanted: ``page``, from 1 on.

    Raises:
        InputError: for a file that is damaged, pages that differ, or times and channels.
    """
    pages = [page for page in read_pages(path)[0] if page.is_page]
    if not pages:
        raise InputError("is a TIFF file of thumbnails and masks only; expected a page")
    first = pages[0]
    notes: list[str] = []
    stack = _described(first, notes)
    count = len(pages)
    hidden = count == 1 and max(stack.depth, 1) * stack.others > 1
    if hidden:  # ImageJ writes one page and all numbers behind it
        count = max(stack.depth, 1) * stack.others
    chosen = wanted.number("page", count)
    if chosen is None and count > 1:
        if stack.others > 1:
            raise InputError(
                f"its {count} pages are {stack.others} times or channels of {max(stack.depth, 1)} "
                "slices; expected slices: give one, for instance the first with #page=1 behind "
                "its name"
            )
        if len({(p.size, p.dtype, p.samples) for p in pages}) > 1:
            sizes = sorted({f"{p.size[0]}x{p.size[1]}" for p in pages})
            raise InputError(
                f"its {count} pages differ in size or type ({', '.join(sizes[:5])}); expected "
                "slices of one size: give one with #page=1 behind its name"
            )
    for page in pages if chosen is None or hidden else [pages[chosen]]:
        _check(page, path, 1 if chosen is not None else count)
    if hidden:
        array = _hidden(path, first, count)
        array = array if chosen is None else array[chosen]
    else:
        used = pages if chosen is None else [pages[chosen]]
        simple = all(map(_is_simple, used))
        whole: Sequence[np.ndarray | None] = [None] * len(used) if simple else _by_itk(path, used)
        parts = [_page(path, *pair, notes) for pair in zip(used, whole, strict=True)]
        if len({part.shape for part in parts}) > 1:
            raise InputError("some of its pages are colours and others grey; save one kind alone")
        array = np.stack(parts) if len(parts) > 1 else parts[0]
    if chosen is not None and count > 1:
        notes.append(f"page {chosen + 1} of {count} was taken")
    samples = array.ndim - (3 if chosen is None and count > 1 else 2)
    return _placed(array, samples > 0, first, stack, notes)


def _placed(
    array: np.ndarray, is_vector: bool, page: TiffPage, stack: _Stack, notes: list[str]
) -> Decoded:
    d = array.ndim - is_vector
    x, y, z = stack.spacing
    resolution = page.resolution
    if x is None or y is None:
        if resolution is None or page.unit not in _MM:
            x = y = 1.0
            notes.append(NO_SIZE)
        else:
            x, y = (_MM[page.unit] / float(np.float32(r)) for r in resolution)
    if d == 3 and z is None:
        z = 1.0
        notes.append("the file does not say the distance between its slices: 1 mm was taken")
    spacing = (x, y, z or 1.0)[:d]
    size = array.shape[:d][::-1]
    geometry = ImageGeometry(size, spacing, (0.0,) * d, tuple(np.eye(d).ravel().tolist()))
    return Decoded(array, geometry, list(dict.fromkeys(notes)), is_vector)


def _described(page: TiffPage, notes: list[str]) -> _Stack:
    """Return what ImageJ or OME wrote into the description of the first page."""
    text = page.description
    if text.startswith("ImageJ="):
        entries = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        count = _whole(entries.get("images"))
        others = _whole(entries.get("channels")) * _whole(entries.get("frames"))
        depth = _whole(entries.get("slices"))
        if count > 1 and depth * others != count:
            depth = count // others
        scale = _UNITS.get(entries.get("unit", "").strip())
        if scale is None:
            return _Stack(depth, others)
        resolution = page.resolution
        sides = (None, None) if resolution is None else tuple(scale / r for r in resolution)
        z = _positive(entries.get("spacing"))
        return _Stack(depth, others, (*sides, None if z is None else abs(z) * scale))
    if "<OME" in text and "<Pixels" in text:
        entries = dict(re.findall(r'(\w+)="([^"]*)"', text[text.index("<Pixels") :].split(">")[0]))
        others = _whole(entries.get("SizeC")) * _whole(entries.get("SizeT"))
        if page.samples > 1:
            others = max(1, others // page.samples)
        sizes = []
        for axis in "XYZ":
            value = _positive(entries.get(f"PhysicalSize{axis}"))
            scale = _UNITS.get(entries.get(f"PhysicalSize{axis}Unit", "µm"))
            sizes.append(None if value is None or scale is None else value * scale)
        return _Stack(_whole(entries.get("SizeZ")), others, (sizes[0], sizes[1], sizes[2]))
    return _Stack()


def _whole(text: str | None) -> int:
    text = (text or "1").strip()
    return (
        int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 8 and int(text) else 1
    )


def _positive(text: str | None) -> float | None:
    try:
        value = abs(float(text or ""))
    except ValueError:
        return None
    return value if 0 < value < 1e6 else None


def _check(page: TiffPage, path: Path, count: int) -> None:
    """Check that a page is whole, before anything is allocated for it."""
    width, height = page.size
    samples = page.samples
    if not (0 < width < 2**31 and 0 < height < 2**31 and 0 < samples < 1000):
        raise InputError("is damaged: its directory describes no picture")
    if samples > 4:
        raise InputError(
            f"expected one number per pixel, got {samples} (channels); save one of them"
        )
    check_size((count, height, width, samples), max(1, page.bits // 8) or 1)
    (block_width, block_height), offsets, lengths = page.blocks
    if not (0 < block_width < 2**31 and 0 < block_height < 2**31):
        raise InputError("is damaged: its strips or tiles have no size")
    across, down = -(-width // block_width), -(-height // block_height)
    needed = across * down * (samples if page.planar else 1)
    if len(offsets) != needed or len(lengths) != needed:
        raise InputError(
            f"is damaged: its directory announces {needed} strips or tiles, and it has "
            f"{len(offsets)}"
        )
    size = path.stat().st_size
    if any(offset + length > size for offset, length in zip(offsets, lengths, strict=True)):
        raise InputError("is cut off: its pixels lie behind its end; copy or download it again")


def _hidden(path: Path, page: TiffPage, count: int) -> np.ndarray:
    """Return the images that ImageJ writes behind each other without pages of their own."""
    dtype = page.dtype
    width, height = page.size
    if dtype is None or page.compression != 1 or page.samples != 1:
        raise InputError(f"announces {count} images and has one page; save it again from ImageJ")
    check_size((count, height, width), dtype.itemsize)
    needed = count * height * width * dtype.itemsize
    with path.open("rb") as file:
        file.seek(page.blocks[1][0])
        data = file.read(needed)
    if len(data) < needed:
        raise InputError(
            f"is cut off: it announces {needed:,} bytes of pixels, and it has {len(data):,}"
        )
    return np.frombuffer(data, dtype).reshape(count, height, width)


def _is_simple(page: TiffPage) -> bool:
    """Whether NumPy decodes a page."""
    dtype = page.dtype
    if dtype is None or page.compression not in (*_NONE, _PACKBITS, *_DEFLATE):
        return False
    differences = page.predictor == 2 and dtype.kind in "iu"
    return page.photometric in range(4) and (page.predictor == 1 or differences)


def _by_itk(path: Path, pages: Sequence[TiffPage]) -> list[np.ndarray]:
    """Return pages as ITK decodes them, each from a copy of the file that has no other.

    Raises:
        InputError: for what the ITK that is installed decodes to other values.
    """
    if _sitk_version() < _RIGHT_INTEGERS and any(_is_wide_integer(page) for page in pages):
        raise InputError(
            "has 32-bit integers in a compression that this SimpleITK, older than 2.5.6, decodes "
            "to other values; save it without compression, or update SimpleITK"
        )
    data = path.read_bytes()
    big = data[2:4] in (b"+\0", b"\0+")
    arrays: list[np.ndarray] = []
    with scratch_folder() as folder:
        step = max(1, _COPIED // len(data))  # files that lie on the disk at one time
        for first in range(0, len(pages), step):
            copies = []
            for number, page in enumerate(pages[first : first + step]):
                one = bytearray(data)
                wide = page.order + ("Q" if big else "I")
                struct.pack_into(wide, one, 8 if big else 4, page.offset)
                struct.pack_into(wide, one, page.link, 0)
                copies.append(Path(folder) / f"{number}.tif")
                copies[-1].write_bytes(one)
            arrays += [decoded.array for decoded in read_all_with_itk(copies)]
    return arrays


def _is_wide_integer(page: TiffPage) -> bool:
    return page.dtype is not None and page.dtype.kind in "iu" and page.dtype.itemsize == 4


def _sitk_version() -> tuple[int, ...]:
    """Return the version of SimpleITK, its numbers alone."""
    return tuple(int(n) for n in re.findall(r"\d+", sitk.Version.VersionString())[:3])


def _page(path: Path, page: TiffPage, decoded: np.ndarray | None, notes: list[str]) -> np.ndarray:
    """Return the pixels of a page ``(y, x)`` or ``(y, x, samples)``, the top left first."""
    simple = decoded is None
    if decoded is None:
        assert page.dtype is not None
        array = _decoded(path, page, page.dtype)
    else:
        array = decoded
        if array.shape[:2] != page.size[::-1]:
            raise InputError("is damaged: its pixels are not of the size that its directory says")
    if page.photometric == 3 and array.ndim == 2:
        array = _colours(array, page)
    elif page.photometric == 0 and array.dtype.kind == "u" and simple:
        array = np.iinfo(array.dtype).max - array
        notes.append("its smallest value means white: its values were inverted")
    turns = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1)}
    if page.orientation not in turns:
        raise InputError(
            f"its pixels are stored turned (orientation {page.orientation}); expected the top left "
            "first: save it again"
        )
    rows, columns = turns[page.orientation]
    if (rows, columns) != (1, 1) and simple:
        notes.append(f"its rows were turned as its orientation {page.orientation} says")
        array = array[::rows, ::columns]
    return array


def _decoded(path: Path, page: TiffPage, dtype: np.dtype) -> np.ndarray:
    width, height = page.size
    samples = page.samples
    inside = 1 if page.planar else samples
    (block_width, block_height), offsets, lengths = page.blocks
    across, down = -(-width // block_width), -(-height // block_height)
    planes = samples if page.planar else 1
    array = np.zeros((planes, height, width, inside), dtype)
    tiled = 322 in page.tags
    with path.open("rb") as file:
        for n, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
            plane, rest = divmod(n, across * down)
            row, column = divmod(rest, across)
            top, left = row * block_height, column * block_width
            rows = block_height if tiled else min(block_height, height - top)
            needed = rows * block_width * inside * dtype.itemsize
            file.seek(offset)
            data = _unpacked(file.read(length), page.compression, needed)
            block = np.frombuffer(data, dtype).reshape(rows, block_width, inside)
            if page.predictor == 2:
                block = np.cumsum(block, axis=1, dtype=dtype.newbyteorder("="))
            part = array[plane, top : top + rows, left : left + block_width]
            part[...] = block[: part.shape[0], : part.shape[1]]
    array = np.concatenate(list(array), axis=-1)
    return array[..., 0] if samples == 1 else array


def _unpacked(data: bytes, compression: int, needed: int) -> bytes:
    if compression in _DEFLATE:
        try:
            data = zlib.decompressobj().decompress(data, needed + 1)
        except zlib.error as error:
            raise InputError(f"is damaged ({error}); copy or download it again") from error
    elif compression == _PACKBITS:
        data = _unpack_bits(data, needed)
    if len(data) < needed:
        raise InputError(
            f"is damaged: a strip has {len(data):,} of {needed:,} bytes; copy or download it again"
        )
    return data[:needed]


def _unpack_bits(data: bytes, needed: int) -> bytes:
    made, at = bytearray(), 0
    while at < len(data) and len(made) < needed:
        head = data[at]
        if head < 128:
            made += data[at + 1 : at + 2 + head]
            at += 2 + head
        elif head > 128:
            made += data[at + 1 : at + 2] * (257 - head)
            at += 2
        else:
            at += 1
    return bytes(made)


def _colours(array: np.ndarray, page: TiffPage) -> np.ndarray:
    table = page.numbers(_PALETTE)
    count = len(table) // 3
    if count < 1 or len(table) % 3 or int(array.max()) >= count:
        raise InputError("is damaged: its pixels have colours that its palette lacks")
    colours = np.array(table, np.uint16).reshape(3, count).T
    if not (colours % 257).any():  # 8 bits, each written twice
        colours = (colours // 257).astype(np.uint8)
    elif not (colours & 255).any():
        colours = (colours >> 8).astype(np.uint8)
    return colours[array]
