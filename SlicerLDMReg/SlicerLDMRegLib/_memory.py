"""Memory that this process can still have: of the machine, and below limits of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available_memory", "installed_memory"]

# Where the limit of a container stands, what it uses, and what of that are files that can go.
_CONTROL_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    (
        "/sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)


def available_memory() -> int | None:
    """Return the bytes of main memory that can be had without swapping; None where unknown.

    Limits that hold for this process alone, of a container or of the shell, count. macOS does not
    tell.
    """
    rooms = [room for room in (_of_machine(), *_limits()) if room is not None]
    return min(rooms, default=None)


def installed_memory() -> int | None:
    """Return the bytes of main memory that the machine has; None where unknown."""
    return _pages("SC_PHYS_PAGES")


def _of_machine() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123 (not a file of ours)
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _on_windows() if sys.platform == "win32" else _pages("SC_AVPHYS_PAGES")


def _pages(name: str) -> int | None:
    try:
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _on_windows() -> int | None:
    import ctypes

    status = (ctypes.c_uint64 * 8)()  # MEMORYSTATUSEX: two 32-bit fields, then seven of 64 bits
    status[0] = 64
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined,unused-ignore]
        return None
    return int(status[2])  # ullAvailPhys


def _limits() -> Iterator[int]:
    """Yield the bytes that are left below each limit on Linux."""
    for folder, limit, used, cache in _CONTROL_GROUPS:
        try:
            group = Path(folder)
            text = (group / limit).read_text(encoding="ascii").strip()
            if text != "max":
                lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
                statistics = dict(line.split() for line in lines)
                taken = int((group / used).read_text(encoding="ascii"))
                yield max(0, int(text) - taken + int(statistics.get(cache, 0)))
        except (OSError, ValueError):
            continue
    if sys.platform == "linux":
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            yield max(0, most - pages * resource.getpagesize())
