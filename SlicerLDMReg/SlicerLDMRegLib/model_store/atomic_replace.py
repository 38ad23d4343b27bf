"""Atomic replacement of a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["put_in_place", "whole_folder"]


@contextmanager
def whole_folder(folder: Path, parent: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, and move it to its place at the end of the block.

    Args:
        folder: its place; a folder there is replaced, and stays as it is when the block fails.
        parent: existing folder in the file system of ``folder``, for the temporary folder.
    """
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=parent) as temporary:
        # `mkdtemp` makes folders that only the owner can read; the inner one has usual permissions.
        new = Path(temporary, "new")
        new.mkdir()
        yield new
        put_in_place(new, folder, Path(temporary, "old"))


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
