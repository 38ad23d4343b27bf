"""Put a finished folder where it belongs, in one step."""

from __future__ import annotations

from pathlib import Path

__all__ = ["put_in_place"]


def put_in_place(new: Path, folder: Path, old: Path) -> None:
    """Rename a folder; nobody ever sees half of it.

    Args:
        new: the finished folder, in the file system of ``folder``.
        folder: its place.
        old: where the folder that is there goes, if there is one.
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
