"""Work folders: their names, their owners, and their journals.

A name such as ``.ldmreg-6f1c09d2-4711-882133-0a1b2c3d`` tells the computer, the number of the
process and when it began, so that what was left by a killed process is known from what another one
is writing.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .._processes import is_running, start_time

__all__ = [
    "LONGEST_NAME",
    "Journal",
    "abandon",
    "dead_folders",
    "end_journal",
    "is_work_folder",
    "make_work_folder",
    "own_folders",
    "read_journal",
    "work_name",
    "write_journal",
]

_NAME = re.compile(r"\.ldmreg-([0-9a-f]{8})-(\d{1,10})-(\d{1,20})-[0-9a-f]{8}")
LONGEST_NAME = len(".ldmreg-") + 8 + 1 + 10 + 1 + 20 + 1 + 8
_JOURNAL = "journal.json"
# The processes of another computer cannot be asked: what they left counts as theirs for so long.
_FOREIGN_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Journal:
    """A replacement that has begun: with it, the next process knows how to end it.

    Attributes:
        target: name of the file or folder that is replaced, beside the work folder; empty: the work
            folder lies inside the folder whose files are replaced.
        files: names that are moved into the folder, of ``new`` in the work folder.
        stale: names in the folder that are removed.
    """

    target: str
    files: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def inside(self) -> bool:
        """Whether files are replaced one by one inside their folder."""
        return not self.target


def work_name() -> str:
    """Return a new name of a work folder of this process."""
    pid = os.getpid()
    return f".ldmreg-{_machine()}-{pid}-{start_time(pid) or 0}-{uuid.uuid4().hex[:8]}"


def make_work_folder(parent: Path) -> Path:
    """Make a folder in another one, which only this user can read.

    Raises:
        OSError: when it cannot be made.
    """
    folder = parent / work_name()
    folder.mkdir(mode=0o700)
    return folder


def abandon(work: Path) -> None:
    """Leave a work folder to whoever looks next, this process included."""
    machine, *_, token = work.name.split("-")[1:]
    with contextlib.suppress(OSError):
        work.rename(work.with_name(f".ldmreg-{machine}-0-0-{token}"))


def is_work_folder(name: str) -> bool:
    """Whether a name is that of a work folder."""
    return _NAME.fullmatch(name) is not None


def dead_folders(parent: Path) -> Iterator[Path]:
    """Yield the work folders in a folder whose processes are no more."""
    for folder, match in _folders(parent):
        machine, pid, began = match[1], int(match[2]), int(match[3])
        if machine == _machine():
            alive = pid > 0 and is_running(pid)
            if not (alive and (not began or start_time(pid) in (None, began))):
                yield folder
        elif time.time() - _modified(folder) > _FOREIGN_SECONDS:
            yield folder


def own_folders(parent: Path) -> Iterator[Path]:
    """Yield the work folders in a folder that this process made."""
    for folder, match in _folders(parent):
        if (match[1], int(match[2])) == (_machine(), os.getpid()):
            yield folder


def write_journal(work: Path, journal: Journal) -> None:
    """Write the journal of a work folder, all of it or nothing."""
    partial = work / f"{_JOURNAL}.part"
    partial.write_text(json.dumps(asdict(journal)), encoding="utf-8", errors="surrogateescape")
    partial.replace(work / _JOURNAL)


def read_journal(work: Path) -> Journal | None:
    """Return the journal of a work folder; None where no replacement has begun."""
    try:
        text = (work / _JOURNAL).read_text(encoding="utf-8", errors="surrogateescape")
        values = json.loads(text)
        journal = Journal(values["target"], tuple(values["files"]), tuple(values["stale"]))
        good = all(map(_is_name, (*journal.files, *journal.stale)))
        return journal if good and (journal.inside or _is_name(journal.target)) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def end_journal(work: Path) -> None:
    """Say that the replacement is done, or given up."""
    (work / _JOURNAL).unlink(missing_ok=True)


def _is_name(name: Any) -> bool:
    """Whether a name stays in its folder."""
    return isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name


def _folders(parent: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in list(entries):
            match = _NAME.fullmatch(entry.name)
            if match is not None and entry.is_dir(follow_symlinks=False) and _is_ours(entry):
                yield parent / entry.name, match


def _is_ours(entry: os.DirEntry[str]) -> bool:
    if not hasattr(os, "getuid"):
        return True
    return entry.stat(follow_symlinks=False).st_uid == os.getuid()


def _modified(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return time.time()


@functools.cache
def _machine() -> str:
    """Return what tells this computer, or this container, from others that share a disk."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text(encoding="ascii"))
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:8]
