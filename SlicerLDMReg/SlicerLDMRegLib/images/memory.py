"""The size that a header announces, against the memory that is there."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence

from ..errors import InputError

__all__ = ["check_size"]

# The bytes of a file, the array made of them and SimpleITK's copy of that are there at one time.
_COPIES = 3
_MOST_VOXELS = 2**40  # where the memory is unknown; more than any machine that registers


def check_size(shape: Sequence[int], bytes_per_voxel: int) -> int:
    """Return the bytes of an array, before anything is allocated for it.

    Raises:
        InputError: for a size below 1, or one that does not fit into the free memory.
    """
    if not shape or min(shape) < 1:
        raise InputError(f"the header says a size of {tuple(shape)}; expected 1 or more each")
    count = math.prod(shape)
    free = _free_memory()
    needed = count * bytes_per_voxel
    if count > _MOST_VOXELS or (free is not None and needed * _COPIES > free):
        have = "" if free is None else f", and {_human(free)} of memory are free"
        raise InputError(
            f"the header says a size of {'x'.join(map(str, shape))}, which needs "
            f"{_human(needed * _COPIES)} to read{have}; crop or downsample the image, or correct "
            "the header if it is wrong"
        )
    return needed


def _human(count: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count //= 1000
    return f"{count} TB"


def _free_memory() -> int | None:
    """Return the bytes of memory that can be had without swapping; None where unknown."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123 (not a file of ours)
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return _free_on_windows()
    try:
        # macOS tells no free pages: half of all is what a machine in use has.
        free = "SC_AVPHYS_PAGES" in os.sysconf_names
        pages = os.sysconf("SC_AVPHYS_PAGES" if free else "SC_PHYS_PAGES")
        return pages * os.sysconf("SC_PAGE_SIZE") // (1 if free else 2)
    except (AttributeError, OSError, ValueError):
        return None


def _free_on_windows() -> int | None:
    import ctypes

    status = (ctypes.c_uint64 * 8)()  # MEMORYSTATUSEX: two 32-bit fields, then seven of 64 bits
    status[0] = 64
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined,unused-ignore]
        return None
    return int(status[2])  # ullAvailPhys
