"""The ends of what killed processes began, and the removal of what they left."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from .work_folder import (
    Journal,
    dead_folders,
    end_journal,
    own_folders,
    read_journal,
    work_name,
)

__all__ = ["fill", "recover", "remove_own"]


def recover(folder: Path) -> None:
    """End the replacements that killed processes began in a folder; remove what else they left.

    Only work folders of processes that are no more are touched. Where an old folder was moved away
    and the new one was not in place yet, the new one, which is complete, is put there. Nothing is
    raised: what cannot be done now may be done later.
    """
    for work in dead_folders(folder):
        with contextlib.suppress(OSError):
            # Whoever renames it first does it.
            _end(folder, work.rename(folder / work_name()))


def remove_own(folder: Path) -> None:
    """Remove what this process is writing in a folder: its end is near.

    A replacement that has begun is left to :func:`recover`.
    """
    for work in own_folders(folder):
        if read_journal(work) is None:
            shutil.rmtree(work, ignore_errors=True)


def fill(folder: Path, work: Path, journal: Journal) -> None:
    """Replace files in a folder as a journal says; it may be done again where it was broken off."""
    new = work / "new"
    for name in journal.stale:
        if name not in journal.files or (name == journal.files[-1] and (new / name).exists()):
            (folder / name).unlink(missing_ok=True)
    for name in journal.files:
        if (new / name).exists():
            (new / name).replace(folder / name)


def _end(folder: Path, work: Path) -> None:
    journal = read_journal(work)
    if journal is not None:
        new, old = work / "new", work / "old"
        target = folder / journal.target
        if journal.inside:
            fill(folder, work, journal)
        elif not os.path.lexists(target) and new.exists():
            new.rename(target)
        elif new.exists() and old.exists():
            return  # somebody put another one there: nothing of both is thrown away
        end_journal(work)
    shutil.rmtree(work, ignore_errors=True)
