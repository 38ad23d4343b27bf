"""The temporary folders of workers, and what remains of those that were killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from .processes import is_running

__all__ = ["make_folder", "remove_folder", "remove_stale_folders", "remove_unfinished_output"]

_NAME = re.compile(r"ldmreg-worker-(\d+)-\w+")


def make_folder(parent: Path | None = None) -> Path:
    """Make a folder for one worker, which only this user can read.

    Args:
        parent: where; None: the system's folder for temporary files.
    """
    return Path(tempfile.mkdtemp(prefix=f"ldmreg-worker-{os.getpid()}-", dir=parent)).resolve()


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
            if match is not None and not is_running(int(match[1])):
                remove_folder(folder)


def remove_unfinished_output(output: str | None, since: float) -> None:
    """Remove what a killed process had begun to write beside the output folder of its request.

    Args:
        output: the folder of the request; None: it has none.
        since: time at which the process began with the request.
    """
    if output is None:
        return
    target = Path(output).expanduser().absolute()
    begun = re.compile(rf"\.{re.escape(target.name)}-[0-9a-f]{{8}}")
    with contextlib.suppress(OSError):
        for folder in target.parent.iterdir():
            if begun.fullmatch(folder.name) and folder.stat().st_mtime >= since - 1:
                shutil.rmtree(folder, ignore_errors=True)
