"""Voxels as files store them: raw or compressed, and complete or not."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from pathlib import Path

from ..errors import InputError

__all__ = ["check_rest", "inflate", "open_stored", "read_exactly"]

# Deflate makes 1032 bytes of one at most: what is announced beyond is not in the file.
_MOST_INFLATION = 1032
_BLOCK = 1 << 24
# Writers that round files up to blocks of a tape or a disk stay below this.
_PADDING = 4096


def open_stored(path: Path) -> io.BufferedReader | gzip.GzipFile:
    """Open a file for reading, through gzip where its first bytes say so."""
    with path.open("rb") as file:
        magic = file.read(2)
    return gzip.GzipFile(path, "rb") if magic == b"\x1f\x8b" else path.open("rb")


def read_exactly(file: io.BufferedReader | gzip.GzipFile, count: int, name: str) -> bytearray:
    """Read ``count`` bytes; the memory grows with what is really there.

    Raises:
        InputError: when the file ends before, or its compression is damaged.
    """
    data = bytearray()
    try:
        while len(data) < count:
            block = file.read1(min(_BLOCK, count - len(data)))
            if not block:
                break
            data += block
    except EOFError:
        pass  # the compressed stream ends early
    except (zlib.error, gzip.BadGzipFile, OSError) as error:
        raise InputError(
            f"{name} is damaged ({error}) after {len(data):,} of {count:,} bytes of voxels; "
            "copy or download it again"
        ) from error
    if len(data) < count:
        raise InputError(
            f"{name} is cut off: its header announces {count:,} bytes of voxels, and it has "
            f"{len(data):,}; copy or download it again"
        )
    return data


def check_rest(file: io.BufferedReader | gzip.GzipFile, name: str) -> list[str]:
    """Read to the end of a file, which also checks the checksum of gzip; returns notes.

    Raises:
        InputError: when the checksum is wrong, or much more follows than the header announces.
    """
    try:
        rest = len(file.read(_PADDING + 1))
    except EOFError as error:
        raise InputError(
            f"{name} is cut off: its compressed stream has no end; copy or download it again"
        ) from error
    except (zlib.error, gzip.BadGzipFile, OSError) as error:
        raise InputError(f"{name} is damaged ({error}); copy or download it again") from error
    if rest > _PADDING:
        raise InputError(
            f"{name} holds more voxels than its header announces; the header is wrong, or several "
            "files were joined: write the image again"
        )
    return [f"{rest} bytes behind the voxels were left out"] if rest else []


def inflate(data: bytes, count: int, encoding: str, name: str) -> tuple[bytearray, list[str]]:
    """Return ``count`` bytes of a compressed piece of a file, and notes.

    Args:
        data: the compressed bytes.
        count: how many the header announces.
        encoding: ``gzip``, ``zlib`` or ``bzip2``.
        name: of the file, for the errors.

    Raises:
        InputError: when there are fewer or many more, or the compression is damaged.
    """
    if encoding != "bzip2" and count > _MOST_INFLATION * (len(data) + 1):
        raise InputError(
            f"{name} is cut off: its header announces {count:,} bytes of voxels, and it has "
            f"{len(data):,} compressed ones; copy or download it again"
        )
    made = bytearray()
    ended = False
    while data and not ended:
        machine = (
            bz2.BZ2Decompressor() if encoding == "bzip2" else zlib.decompressobj(wbits=15 + 32)
        )
        try:
            while len(made) <= count + _PADDING:
                made += machine.decompress(data, _BLOCK)
                if machine.eof:
                    break
                data = b"" if encoding == "bzip2" else machine.unconsumed_tail  # type: ignore[union-attr]
                if not data and (encoding != "bzip2" or machine.needs_input):  # type: ignore[union-attr]
                    break
        except (zlib.error, OSError, ValueError) as error:
            raise InputError(
                f"{name} is damaged ({error}) after {len(made):,} of {count:,} bytes of voxels; "
                "copy or download it again"
            ) from error
        ended = not machine.eof
        # A file of gzip may have several members, and zeros behind the last.
        data = machine.unused_data.lstrip(b"\0") if machine.eof else b""
        if data and not data.startswith((b"\x1f\x8b", b"BZh")):
            break
    if len(made) > count + _PADDING:
        raise InputError(
            f"{name} holds more voxels than its header announces; write the image again"
        )
    if len(made) < count or ended:
        raise InputError(
            f"{name} is cut off: its header announces {count:,} bytes of voxels, and it has "
            f"{len(made):,}{' without an end' if len(made) >= count else ''}; copy or download it "
            "again"
        )
    rest = len(made) - count
    del made[count:]
    return made, [f"{rest} bytes behind the voxels were left out"] if rest else []
