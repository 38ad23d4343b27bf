"""Numbers with a decimal point in files, also in a program with a locale of decimal commas.

ITK reads and writes the numbers of headers with the functions of C, which obey ``setlocale``. A
program with a window often calls it, and then, in a language with decimal commas, ITK writes
spacings that no program reads, its own included.
"""

from __future__ import annotations

import locale
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["c_numbers"]

_lock = threading.Lock()
_inside = 0  # blocks of all threads: the locale belongs to the process
_outside = "C"


@contextmanager
def c_numbers() -> Iterator[None]:
    """Let C read and write numbers with a point inside the block; also a decorator."""
    global _inside, _outside
    with _lock:
        if _inside == 0:
            _outside = locale.setlocale(locale.LC_NUMERIC)
            if _outside not in ("C", "POSIX"):
                locale.setlocale(locale.LC_NUMERIC, "C")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _outside not in ("C", "POSIX"):
                locale.setlocale(locale.LC_NUMERIC, _outside)
