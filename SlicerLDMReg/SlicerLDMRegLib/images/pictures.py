"""Pictures: PNG, whose checksums vouch for it, and JPEG, whose structure is walked through."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .._outputs import scratch_folder
from ..errors import InputError
from ..geometry import ImageGeometry
from .isolated import read_with_itk
from .memory import check_size
from .placement import Decoded
from .selection import Selection

__all__ = ["NO_SIZE", "picture", "read_jpeg", "read_png"]

NO_SIZE = "a picture does not say its size: 1 mm a pixel was taken"

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
_LARGEST_SIDE = 2**31 - 1
# What the decoder prints where it fills pixels up; other warnings are told.
_BROKEN = ("Corrupt", "Premature", "premature")


def read_png(path: Path, wanted: Selection) -> Decoded:
    """Read a picture; grey of less than 8 bits becomes 8 bits, a palette its colours.

    Raises:
        InputError: when a checksum is wrong, something is missing, or the header cannot be.
    """
    data = path.read_bytes()
    header, packed, ended = None, [], False
    for kind, body in _chunks(data):
        if header is None:
            if kind != b"IHDR" or len(body) != 13:
                raise InputError("is a damaged PNG file: its first part is not its header")
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed.append(body)
        elif kind == b"acTL":
            raise InputError("is an animated PNG; expected one picture: save one frame of it")
        elif kind == b"IEND":
            ended = True
            break
    if header is None or not ended:
        raise InputError("is cut off: its last part is missing; copy or download it again")
    width, height, depth, colour, *methods = header
    if (
        not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE)
        or depth not in _DEPTHS.get(colour, ())
        or methods[:2] != [0, 0]
        or methods[2] > 1
    ):
        raise InputError("is a damaged PNG file: its header describes no picture")
    check_size((height, width, 4), 2 if depth == 16 else 1)
    needed = _png_bytes(width, height, depth * _CHANNELS[colour], methods[2] == 1)
    _check_inflated(b"".join(packed), needed)
    if colour != 4:
        return picture(_with_itk(path))
    array, alpha = _grey_and_alpha(data, depth)
    if not wanted.asked("grey") and alpha.min() != alpha.max():
        raise InputError(
            "is grey with transparency; expected one number per pixel: leave it out with #grey "
            "behind its name"
        )
    decoded = picture(array)
    if alpha.min() != alpha.max():
        decoded.notes.append("its transparency was left out")
    return decoded


def _grey_and_alpha(data: bytes, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both parts of a kind of PNG that SimpleITK does not read.

    Grey and alpha of 8 bits are stored as a grey of 16 bits is, and those of 16 bits as RGBA of 8.
    """
    header = b"IHDR" + data[16:24] + (b"\x10\x00" if depth == 8 else b"\x08\x06") + data[26:29]
    other = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    with scratch_folder() as folder:
        path = Path(folder) / "a.png"
        path.write_bytes(other)
        array = _with_itk(path)
    if depth == 8:
        return (array >> 8).astype(np.uint8), (array & 255).astype(np.uint8)
    pairs = array.astype(np.uint16)
    return pairs[..., 0] << 8 | pairs[..., 1], pairs[..., 2] << 8 | pairs[..., 3]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise InputError("is cut off; copy or download it again")
        body = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise InputError("is damaged: a checksum of the PNG file is wrong; copy it again")
        yield kind, body
        at += 12 + length


def _png_bytes(width: int, height: int, bits: int, interlaced: bool) -> int:
    """Return the bytes of the rows with one byte of filter each."""
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for x, y, dx, dy in _ADAM7:
        columns, rows = -(-(width - x) // dx), -(-(height - y) // dy)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _check_inflated(packed: bytes, needed: int) -> None:
    machine = zlib.decompressobj()
    count, data = 0, packed
    try:
        while data and not machine.eof and count <= needed:
            count += len(machine.decompress(data, 1 << 24))
            data = machine.unconsumed_tail
    except zlib.error as error:
        raise InputError(f"is damaged ({error}); copy or download it again") from error
    if count != needed or not machine.eof:
        raise InputError(
            f"is damaged: its header announces {needed:,} bytes of pixels, and it has "
            f"{'more' if count > needed else f'{count:,}'}; copy or download it again"
        )


def read_jpeg(path: Path, wanted: Selection) -> Decoded:
    """Read a picture.

    Raises:
        InputError: when it is cut off or its header cannot be.
    """
    data = path.read_bytes()
    height, width, components, notes, behind = _jpeg_frame(data)
    if components not in (1, 3):
        raise InputError(
            f"expected one number per pixel, got {components} (inks or transparency); convert it "
            "to a grey image"
        )
    check_size((height, width, components), 1)
    if data.find(b"\xff\xda", behind) < 0 or data.rfind(b"\xff\xd9") < data.find(
        b"\xff\xda", behind
    ):
        raise InputError("is cut off: its end is missing; copy or download it again")
    with scratch_folder() as folder:
        copy = Path(folder) / "a.jpg"  # ITK believes the name
        copy.write_bytes(data)
        found = read_with_itk(copy)
    if any(word in note for note in found.notes for word in _BROKEN):
        raise InputError(f"is damaged ({found.notes[0]}); copy or download it again")
    decoded = picture(found.array)
    if decoded.geometry.size != (width, height):
        raise InputError(f"is damaged: expected {width}x{height} pixels")
    decoded.notes += [*notes, *found.notes]
    return decoded


def _jpeg_frame(data: bytes) -> tuple[int, int, int, list[str], int]:
    """Return height, width and components from the header, notes, and where its frame ends."""
    at, notes = 2, []
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if marker == 0xE1 and body.startswith(b"Exif\0\0") and _exif_turn(body[6:]) > 1:
            notes.append(
                f"its camera says that it is to be turned (Exif orientation {_exif_turn(body[6:])})"
                ": it was read as stored"
            )
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if len(body) < 6 or marker not in (0xC0, 0xC1, 0xC2):
                raise InputError(
                    "is a JPEG file of a kind that is not read (lossless or arithmetic); save it "
                    "as PNG"
                )
            if body[0] != 8:
                raise InputError(f"has {body[0]} bits a pixel; expected 8: save it as PNG")
            height, width = struct.unpack(">HH", body[1:5])
            if min(height, width) < 1:
                raise InputError("is a damaged JPEG file: its header says a size of 0")
            return height, width, body[5], notes, at + 2 + length
        at += 2 + length
    raise InputError("is a damaged JPEG file: it has no header; copy or download it again")


def _exif_turn(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return 1
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for i in range(min(count, 200)):
        at = start + 2 + 12 * i
        if at + 12 > len(tiff):
            break
        tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, at)
        if tag == 0x112:
            return int(value) if 1 <= value <= 8 else 1
    return 1


def picture(array: np.ndarray) -> Decoded:
    """Return a 2D array, with colours as its last axis where it has three, at 1 mm a pixel."""
    size = array.shape[1::-1]
    geometry = ImageGeometry(size, (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    return Decoded(array, geometry, [NO_SIZE], array.ndim == 3)


def _with_itk(path: Path) -> np.ndarray:
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    except RuntimeError as error:
        raise InputError("is damaged: its pixels cannot be decoded; copy it again") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
