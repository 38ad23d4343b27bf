"""Memory that this process can still have, and the errors that tell that it has none."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "address_space_left",
    "available_memory",
    "give_back",
    "installed_memory",
    "is_exhaustion",
]

# The control groups that this process is in, below the folders that follow.
_OWN_GROUPS = "/proc/self/cgroup"
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
_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "failed to allocate",
    "unable to allocate",
    "failed to map segment",  # of the loader, for a library
    "can't start new thread",
)


def available_memory() -> int | None:
    """Return the bytes of main memory that can be had without swapping; None where unknown.

    Limits that hold for this process alone, of a container, a session or the shell, count. macOS
    does not tell.
    """
    every = _of_machine(), *_limits(), address_space_left()
    rooms = [room for room in every if room is not None]
    return min(rooms, default=None)


def installed_memory() -> int | None:
    """Return the bytes of main memory that the machine has; None where unknown."""
    return _pages("SC_PHYS_PAGES")


def address_space_left() -> int | None:
    """Return the bytes that ``ulimit -v`` leaves to this process; None without such a limit."""
    if sys.platform != "linux":
        return None
    import resource

    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return None
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return max(0, most - pages * resource.getpagesize())


def give_back() -> None:
    """Give free memory back to the system, where the allocator would keep it (glibc's).

    Between the blocks of many registrations it keeps holes, which grow with their number.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(AttributeError, OSError):  # another C library, such as musl
        ctypes.CDLL(None).malloc_trim(0)


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error tells that memory is used up.

    torch has its own class on GPUs and plain RuntimeErrors on the CPU, ITK wraps ``bad_alloc``, the
    loader of libraries raises an ImportError, and under a limit modules of C forget to say what
    went wrong.
    """
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if isinstance(error, SystemError):
        return address_space_left() is not None and "without" in str(error)
    text = str(error).lower()
    known = isinstance(error, RuntimeError | ImportError | OSError)
    return known and any(sign in text for sign in _SIGNS)


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
    status = (ctypes.c_uint64 * 8)()  # MEMORYSTATUSEX: two 32-bit fields, then seven of 64 bits
    status[0] = 64
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined,unused-ignore]
        return None
    return int(status[2])  # ullAvailPhys


def _limits() -> Iterator[int]:
    """Yield the bytes that are left below the limit of each control group of this process.

    The group itself and those around it count; in a container the root is its own group.
    """
    for root, limit, used, cache in _CONTROL_GROUPS:
        for folder in _groups(Path(root)):
            try:
                text = (folder / limit).read_text(encoding="ascii").strip()
                if text != "max":
                    lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
                    statistics = dict(line.split() for line in lines)
                    taken = int((folder / used).read_text(encoding="ascii"))
                    yield max(0, int(text) - taken + int(statistics.get(cache, 0)))
            except (OSError, ValueError):
                continue


def _groups(root: Path) -> list[Path]:
    """Return the folders of the groups of this process below a root, that itself included."""
    try:
        lines = Path(_OWN_GROUPS).read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    folders = [root]
    for line in lines:
        _, _, path = line.split(":", 2)
        own = Path(os.path.normpath("/" + path.lstrip("/")))
        folders += [root / group.relative_to("/") for group in (own, *own.parents)]
    return list(dict.fromkeys(folders))
