"""Images in NRRD files, with the voxels inside or in files of their own."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from ..errors import InputError
from .detached import check_place
from .memory import check_size
from .nrrd_header import NrrdHeader, read_nrrd_header
from .nrrd_place import domain_axes, steps_and_origin
from .placement import Decoded, place
from .selection import Selection
from .stored import check_rest, inflate, read_exactly

__all__ = ["nrrd_pairs", "read_nrrd"]

_MOST_FILES = 10000  # far more than slices of any scanner
_TEXT_PER_NUMBER = 40  # bytes that a number written as text has at most, with its separators


def nrrd_pairs(path: Path) -> dict[str, str]:
    """Return the key/value pairs of a file; none where it is no NRRD file that can be read."""
    try:
        with path.open("rb") as file:
            if file.read(7) != b"NRRD000":
                return {}
        return read_nrrd_header(path).pairs
    except (OSError, InputError):
        return {}


def read_nrrd(path: Path, wanted: Selection, components: bool = False) -> Decoded:
    """Read a 2D or 3D image, or one frame of several.

    Args:
        path: of the file or of its header.
        wanted: ``frame``, ``outside``, ``resample``.
        components: return the numbers of a voxel as vectors, as segmentations in layers have them.

    Raises:
        InputError: for a file that is damaged, or holds no image.
    """
    header = read_nrrd_header(path)
    axes, others = domain_axes(header)
    notes: list[str] = []
    sizes = header.sizes
    count = math.prod(sizes[axis] for axis in others)
    check_size(sizes[::-1], header.dtype.itemsize)
    frames = math.prod(sizes[axis] for axis in axes[3:])
    # Three or four numbers may be colours, of which grey can be made.
    is_colour = count in (3, 4) and "frame" not in wanted.choices
    if frames > 1 or (count > 1 and not is_colour and not components):
        many = frames * count
        frame = wanted.number("frame", many)
        if frame is None:
            raise InputError(_many(header, axes, others, frames))
        notes.append(f"frame {frame + 1} of {many} was taken")
    else:
        frame = None
    if len(axes) < 2:
        raise InputError(f"expected a 2D or 3D image, got {len(axes)}D of size {sizes}")
    array = _numbers(path, header, wanted, notes)
    # Axes of space last, x fastest; in front of them time, and the numbers of a voxel.
    order = [*others[::-1], *axes[::-1]]
    array = array.transpose([len(sizes) - 1 - axis for axis in order])
    spatial = array.shape[-min(3, len(axes)) :]
    array = array.reshape(-1, *spatial)
    is_vector = frame is None and count > 1
    array = np.moveaxis(array, 0, -1) if is_vector else array[frame or 0]
    used = axes[:3]
    steps, origin = steps_and_origin(header, used, wanted, notes)
    if len(steps) == len(used) + 1:
        array = array[None]
    decoded = place(array, steps, origin, wanted, is_vector)
    decoded.notes[:0] = notes
    return decoded


def _many(header: NrrdHeader, axes: list[int], others: list[int], frames: int) -> str:
    size = tuple(header.sizes[axis] for axis in axes)
    if frames > 1:
        return (
            f"expected a 2D or 3D image, got {len(axes)}D of size {size}; give one frame of it, "
            "for instance the first with #frame=1 behind its name"
        )
    count = math.prod(header.sizes[axis] for axis in others)
    return (
        f"expected one number per pixel, got {count} (frames or vectors); give one of them, for "
        "instance the first with #frame=1 behind its name"
    )


def _numbers(path: Path, header: NrrdHeader, wanted: Selection, notes: list[str]) -> np.ndarray:
    """Return all numbers, axes reversed: the fastest last."""
    files = _data_files(path, header, wanted)
    shape = header.sizes[::-1]
    outside = wanted.asked("outside")
    if files is None:
        data = _piece(path, header, math.prod(shape), header.offset, notes)
        return data.reshape(shape)
    names, axis = files
    for name in names:
        check_place(path, name, outside)
    parts = [
        _piece(path.parent / name, header, math.prod(shape) // len(names), 0, notes)
        for name in names
    ]
    if len(parts) == 1:
        return parts[0].reshape(shape)
    # Each file is a part of the slowest axis, or has one axis less.
    return np.concatenate([part.reshape(-1) for part in parts]).reshape(shape) if axis else parts[0]


def _data_files(path: Path, header: NrrdHeader, wanted: Selection) -> tuple[list[str], int] | None:
    """Return the names of the files with the voxels, and how many axes each has."""
    text = header.fields.get("data file")
    if text is None:
        return None
    last = len(header.sizes)
    words = text.split()
    if words and words[0].upper() == "LIST":
        names = header.data_lines
        axis = _subdimension(words[1:], last)
    elif match := re.fullmatch(r"(.*%\d*d\S*) +(-?\d{1,9}) +(-?\d{1,9}) +(-?\d{1,9})( +\d)?", text):
        first, final, step = (int(match[i]) for i in (2, 3, 4))
        axis = _subdimension((match[5] or "").split(), last)
        if step == 0 or len(range(first, final + (1 if step > 0 else -1), step)) > _MOST_FILES:
            raise InputError(f"its field 'data file' is {text[:60]!r}; expected a first and a last "
                             "number and a step")  # fmt: skip
        pattern = match[1]
        numbers = range(first, final + (1 if step > 0 else -1), step)
        names = [_numbered(pattern, number) for number in numbers]
    else:
        return [text], last
    expected = header.sizes[-1]
    if not names or len(names) > _MOST_FILES or (axis == last - 1 and len(names) != expected):
        raise InputError(
            f"its header names {len(names)} files of voxels; expected {expected}, one for each "
            "step of the last axis"
        )
    if expected % len(names):
        raise InputError(
            f"its header names {len(names)} files of voxels, which cannot hold {expected} slices "
            "in equal parts"
        )
    return names, axis


def _subdimension(words: list[str], last: int) -> int:
    if not words:
        return last - 1
    if len(words) == 1 and words[0].isdecimal() and int(words[0]) in (last - 1, last):
        return int(words[0])
    raise InputError(f"its files of voxels have {words[0][:10]!r} axes; expected {last - 1}")


def _numbered(pattern: str, number: int) -> str:
    def one(match: re.Match[str]) -> str:
        width = match[1]
        fill = "0" if width.startswith("0") else " "
        return str(number).rjust(min(20, int(width or 0)), fill)

    return re.sub(r"%(\d{0,2})d", one, pattern, count=1)


def _piece(path: Path, header: NrrdHeader, count: int, offset: int, notes: list[str]) -> np.ndarray:
    """Return the numbers of one file."""
    name = "the file" if offset else f"its file of voxels {path.name}"
    needed = count * header.dtype.itemsize
    lines, skip = _skips(header)
    with path.open("rb") as file:
        file.seek(offset)
        for _ in range(lines):
            file.readline(1 << 20)
        if header.encoding == "raw":
            if skip < 0:
                rest = path.stat().st_size - file.tell()
                if rest < needed:
                    raise InputError(_short(name, needed, rest))
                file.seek(path.stat().st_size - needed)
            else:
                file.seek(skip, 1)
            data = read_exactly(file, needed, name)
            notes.extend(check_rest(file, name))
            return np.frombuffer(data, header.dtype)
        if header.encoding in ("gzip", "bzip2"):
            # The bytes to skip are those of what was compressed.
            packed = file.read()
            data, more = inflate(packed, needed + max(0, skip), header.encoding, name)
            notes.extend(more)
            return np.frombuffer(data, header.dtype, offset=max(0, skip))
        return _from_text(file.read(count * _TEXT_PER_NUMBER), header, count, name)


def _from_text(text: bytes, header: NrrdHeader, count: int, name: str) -> np.ndarray:
    needed = count * header.dtype.itemsize
    if header.encoding == "hex":
        digits = bytes(text).translate(None, b" \t\r\n")
        if len(digits) < 2 * needed:
            raise InputError(_short(name, needed, len(digits) // 2))
        try:
            return np.frombuffer(bytes.fromhex(digits[: 2 * needed].decode("ascii")), header.dtype)
        except ValueError as error:
            raise InputError(
                f"{name} holds other than hexadecimal digits; it is damaged"
            ) from error
    words = text.replace(b",", b" ").split()
    if len(words) < count:
        raise InputError(
            f"{name} is cut off: its header announces {count:,} numbers, and it has "
            f"{len(words):,}; copy or download it again"
        )
    native = header.dtype.newbyteorder("=")
    try:
        if native.kind == "f":
            return np.array([float(word) for word in words[:count]], native)
        return np.array([int(word) for word in words[:count]], native)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{name} holds other than numbers of its type; it is damaged") from error


def _short(name: str, needed: int, have: int) -> str:
    return (
        f"{name} is cut off: its header announces {needed:,} bytes of voxels, and it has "
        f"{max(0, have):,}; copy or download it again"
    )


def _skips(header: NrrdHeader) -> tuple[int, int]:
    found = []
    for name, least in (("line skip", 0), ("byte skip", -1)):
        text = header.fields.get(name, "0")
        if not re.fullmatch(r"-?\d{1,15}", text) or int(text) < least:
            raise InputError(f"its field {name!r} is {text[:20]!r}; expected {least} or more")
        found.append(int(text))
    if found[1] < 0 and header.encoding != "raw":
        raise InputError("its byte skip is -1, which only encoding raw can have")
    return found[0], found[1]
