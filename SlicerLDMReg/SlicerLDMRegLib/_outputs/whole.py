"""Writing of files and folders, completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .exchange import exchange
from .interruption import uninterrupted
from .recovery import fill, recover
from .work_folder import (
    Journal,
    abandon,
    end_journal,
    make_work_folder,
    read_journal,
    write_journal,
)

__all__ = ["whole_file", "whole_folder"]

_TRIES = 3  # to replace a folder that another process replaces at the same time


@contextmanager
def whole_folder(
    folder: Path, *, private: bool = False, files: Sequence[str] = ()
) -> Iterator[Path]:
    """Yield an empty folder to fill, and put it in its place at the end of the block.

    A folder in that place stays as it is until then, and when the block fails. Where its place is a
    link, the folder that it leads to is replaced.

    Args:
        folder: its place, in an existing folder.
        private: whether only the owner can read it; else the umask tells.
        files: the names of all files that may be in it; the last one tells that it is complete.
            With them, a folder that cannot be moved, such as a mount point, the current folder, or
            one in a folder that cannot be written to, stays, and its files are replaced one by one;
            the next process that looks (:func:`recover`) ends what a killed one began.

    Raises:
        OSError: when something cannot be written.
    """
    folder = Path(os.path.realpath(folder))
    fixed = bool(files) and folder.is_dir() and not _can_be_moved(folder)
    parent = folder if fixed else folder.parent
    recover(parent)
    work = make_work_folder(parent)
    try:
        new = work / "new"
        new.mkdir()
        yield new
        _finish(new, private)
        with uninterrupted(f"{folder} was written before"):
            if fixed:
                _refill(folder, work, new, files)
            else:
                _put(folder, work, new)
    finally:
        _leave(work, folder)


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield the path of a file to write, and put it in its place at the end of the block.

    Args:
        path: its place, in an existing folder; the file to write has the same name.
        private: whether only the owner can read it; else the umask tells.

    Raises:
        OSError: when something cannot be written.
    """
    path = Path(os.path.realpath(path))
    recover(path.parent)
    work = make_work_folder(path.parent)
    try:
        new = work / "new"
        new.mkdir()
        yield new / path.name
        _finish(new, private)
        with uninterrupted(f"{path} was written before"):
            (new / path.name).replace(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _can_be_moved(folder: Path) -> bool:
    # Nobody's shell may be left in a folder that was removed.
    with contextlib.suppress(OSError):
        if folder.samefile(Path.cwd()):
            return False
    return not folder.is_mount() and os.access(folder.parent, os.W_OK | os.X_OK)


def _finish(new: Path, private: bool) -> None:
    """Set who can read what was written, and let it reach the disk."""
    for parent, folders, files in os.walk(new):
        for name in files:
            path = Path(parent, name)
            if private:
                path.chmod(0o600)
            with path.open("rb+") as file:
                _sync(file.fileno())
        if private:
            for name in folders:
                Path(parent, name).chmod(0o700)
    if private:
        new.chmod(0o700)


def _sync(descriptor: int) -> None:
    """Let a file reach the disk: some file systems tell only now that it is full."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # where there is no such thing
            raise


def _leave(work: Path, folder: Path) -> None:
    """Remove a work folder, but not one with what could not be put back: the next one does it."""
    journal = read_journal(work)
    if journal is not None and journal.inside and (work / "new" / journal.files[-1]).exists():
        abandon(work)  # some files of the folder are replaced already
        return
    if (work / "old").exists() and not os.path.lexists(folder):
        abandon(work)
        return
    # The journal goes first: a folder of which a part is gone must not be put anywhere.
    with contextlib.suppress(OSError):
        end_journal(work)
        shutil.rmtree(work, ignore_errors=True)


def _put(folder: Path, work: Path, new: Path) -> None:
    """Move a finished folder to its place; there is always the old one or the new one."""
    old = work / "old"
    write_journal(work, Journal(folder.name))
    for attempt in range(_TRIES):
        if not os.path.lexists(folder):
            new.rename(folder)
            return
        if exchange(new, folder):
            return
        folder.rename(old)
        try:
            new.rename(folder)
            return
        except BaseException as error:
            if not os.path.lexists(folder):
                old.rename(folder)
            is_taken = isinstance(error, OSError) and os.path.lexists(folder)
            if not is_taken or attempt == _TRIES - 1:
                raise
            shutil.rmtree(old, ignore_errors=True)


def _refill(folder: Path, work: Path, new: Path, files: Sequence[str]) -> None:
    """Replace the files in a folder one by one, at the end the one that says it is complete."""
    made = tuple(name for name in files if (new / name).exists())
    # While the last one is missing, the folder is not complete.
    stale = tuple(name for name in reversed(files) if (folder / name).exists())
    journal = Journal("", made, stale)
    write_journal(work, journal)
    try:
        fill(folder, work, journal)
    except OSError:
        fill(folder, work, journal)  # once more; if that fails, the next process does it
