"""Processes of this computer: whether one runs, and when it began."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

__all__ = ["is_running", "start_time"]


def is_running(pid: int) -> bool:
    """Whether there is a process with this number."""
    if sys.platform == "win32":
        import ctypes

        synchronize, timeout = 0x00100000, 0x102
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(synchronize, False, pid)
        if not handle:
            return False
        try:
            return bool(kernel.WaitForSingleObject(handle, 0) == timeout)
        finally:
            kernel.CloseHandle(handle)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    # A zombie has ended; only nobody has asked how.
    return _kernel_fields(pid)[:1] != [b"Z"]


def start_time(pid: int) -> int | None:
    """Return when a process began, in ticks since the system did; None where that is not told.

    With it, a process is known from a later one that got the same number.
    """
    fields = _kernel_fields(pid)
    return int(fields[19]) if len(fields) > 19 else None


def _kernel_fields(pid: int) -> list[bytes]:
    """Return what Linux tells about a process after its name, its state first; else nothing."""
    with contextlib.suppress(OSError, IndexError):
        # The name may be any bytes, parentheses among them.
        return Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
    return []
