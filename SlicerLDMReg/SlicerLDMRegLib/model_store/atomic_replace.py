"""Atomic replacement of a folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["put_in_place"]


def put_in_place(new: Path, folder: Path, old: Path) -> None:
    """Move a finished folder to its place by renaming, so that it is never incomplete.

    Args:
        new: the finished folder, in the file system of ``folder``.
        folder: its place.
        old: new path of an existing ``folder``.
    """
    if not folder.exists():
        new.replace(folder)
        return
    folder.replace(old)
    try:
        new.replace(folder)
    except OSError:
        old.replace(folder)
        raise
