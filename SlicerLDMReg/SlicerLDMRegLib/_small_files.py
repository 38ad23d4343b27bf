"""Small files of text and JSON that others may have written: bounded, refused in plain words."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ._printable import one_line

__all__ = ["DamagedFile", "parse_json", "read_json", "read_text"]

_DIGITS = 400  # of an integer; the largest float has 309


class DamagedFile(ValueError):
    """A file that cannot be read; the text says why, without the name of the file."""


def read_text(path: Path, most: int) -> str:
    """Read a file of UTF-8 text, with or without a byte order mark.

    Args:
        path: of a regular file; a pipe or a device, which could block for ever, is refused.
        most: bytes that such a file has at most.

    Raises:
        DamagedFile: when it is missing, larger, no file, or not UTF-8.
    """
    try:
        # Non-blocking, so that opening a pipe without a writer returns.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise DamagedFile("it is no file")
            data = file.read(most + 1)
    except OSError as error:
        raise DamagedFile(error.strerror or str(error)) from error
    except ValueError as error:
        raise error if isinstance(error, DamagedFile) else DamagedFile(str(error)) from error
    if len(data) > most:
        raise DamagedFile(
            f"it has {max(state.st_size, len(data)):,} bytes, expected at most {most:,}"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DamagedFile(f"it is not text in UTF-8: {_reason(error)}") from error


def read_json(
    path: Path, most: int, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """Read a file of JSON; see :func:`read_text` and :func:`parse_json`.

    Raises:
        DamagedFile: when it is missing, larger, no file, or not JSON.
    """
    return parse_json(read_text(path, most), pairs)


def parse_json(
    text: str,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
    constants: bool = False,
) -> Any:
    """Return the value of a JSON text; NaN, infinity and integers of hundreds of digits are none.

    Args:
        text: the text.
        pairs: makes an object of its keys and values; None: a dict.
        constants: whether NaN and infinity are numbers.

    Raises:
        DamagedFile: when it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(
            text,
            parse_constant=float if constants else _no_constant,
            parse_int=_integer,
            object_pairs_hook=pairs,
        )
    except RecursionError as error:
        raise DamagedFile("it is nested too deeply") from error
    except ValueError as error:
        raise DamagedFile(_reason(error)) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _reason(error: Exception) -> str:
    return one_line(error, 200)
