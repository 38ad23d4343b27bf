"""Exchange of two folders in one step, where the system can."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["exchange"]

# Arguments of the systems' calls.
_HERE = -100  # AT_FDCWD: paths begin in the current folder
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def exchange(first: Path, second: Path) -> bool:
    """Exchange two folders or files of one file system, so that each place always has one.

    Returns:
        Whether it was done; False where the system, or the file system, cannot.
    """
    function = _function()
    return function is not None and function(os.fsencode(first), os.fsencode(second))


@functools.cache
def _function() -> Callable[[bytes, bytes], bool] | None:
    try:
        library = ctypes.CDLL(None, use_errno=True)
    except (OSError, TypeError):  # there is none on Windows
        return None
    linux = getattr(library, "renameat2", None)  # since glibc 2.28 and musl 1.2.5
    if linux is not None:
        return lambda first, second: linux(_HERE, first, _HERE, second, _EXCHANGE) == 0
    mac = getattr(library, "renamex_np", None)
    if mac is not None:
        return lambda first, second: mac(first, second, _EXCHANGE) == 0
    return None
