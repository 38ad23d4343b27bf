"""The temporary folders of workers, and what remains of those that were killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from .._outputs import recover, remove_own
from .processes import is_running, start_time

__all__ = ["make_folder", "remove_folder", "remove_stale_folders", "remove_unfinished_output"]

# The client's number, when it began (see start_time), and what makes the name unique.
_NAME = re.compile(r"ldmreg-worker-(\d+)-(?:(\d+)-)?\w+")


def make_folder(parent: Path | None = None) -> Path:
    """Make a folder for one worker, which only this user can read.

    Args:
        parent: where; None: the system's folder for temporary files.
    """
    began = start_time(os.getpid())
    prefix = f"ldmreg-worker-{os.getpid()}-" + ("" if began is None else f"{began}-")
    return Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).resolve()


def remove_folder(folder: Path) -> None:
    """Remove a folder that :func:`make_folder` made, or one inside of it; never any other."""
    if any(_NAME.fullmatch(part.name) for part in (folder, *folder.parents)):
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale_folders(parent: Path | None = None) -> None:
    """Remove the folders of clients that are no more, and could not do it themselves."""
    place = Path(tempfile.gettempdir()) if parent is None else parent
    with contextlib.suppress(OSError):
        for folder in place.iterdir():
            match = _NAME.fullmatch(folder.name)
            if match is not None and not _is_client(int(match[1]), match[2]):
                remove_folder(folder)


def _is_client(pid: int, began: str | None) -> bool:
    """Whether the process with this number is the one that made a folder."""
    return is_running(pid) and (began is None or start_time(pid) in (None, int(began)))


def remove_unfinished_output(output: str | None, directory: str = "", own: bool = False) -> None:
    """Remove what a killed process had begun to write for the output folder of its request.

    A replacement of the folder that had begun is brought to its end.

    Args:
        output: the folder of the request; None: it has none.
        directory: to which a relative folder belongs; empty: the current one.
        own: whether it is this process that is about to end.
    """
    if output is None:
        return
    # RuntimeError: a home that does not exist; ValueError: a name that cannot.
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        target = Path(directory, Path(output).expanduser()).resolve()
        for folder in (target.parent, target):
            (remove_own if own else recover)(folder)
