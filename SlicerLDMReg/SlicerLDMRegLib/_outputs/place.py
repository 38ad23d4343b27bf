"""Checks of a place before anything is computed: its name, its folder, the room on its disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

from ..errors import InputError
from .work_folder import LONGEST_NAME, make_work_folder

__all__ = ["check_place", "check_space"]

_LONGEST_NAME, _LONGEST_PATH = 255, 4096  # bytes, where the system does not tell
_SPARE = 1_000_000  # bytes of disk space left free
_WINDOWS_SIGNS = '<>"|?*'


def check_place(path: Path, what: str = "output", inner: str = "") -> Path:
    """Check that a file or folder can be written, before any work is done.

    Args:
        path: of the file or folder; its parents need not exist.
        what: what it is, for the errors.
        inner: the longest path of a file inside of it.

    Returns:
        The absolute path.

    Raises:
        InputError: for a name that cannot be, or a place that cannot be written to.
    """
    try:
        place = path.expanduser().absolute()
    except RuntimeError as error:  # a home of a user who is not there
        raise InputError(f"{what}: {path} is in a home that does not exist") from error
    except OSError as error:  # the current folder was removed
        raise InputError(f"{what}: {path} cannot be written: {_reason(error)}") from error
    _check_name(place, what, inner)
    parent = next((folder for folder in place.parents if _exists(folder)), place.parent)
    if not parent.is_dir():
        raise InputError(f"{what}: {parent} is a file; name another folder")
    folder = place if place.is_dir() and not os.access(parent, os.W_OK | os.X_OK) else parent
    try:
        make_work_folder(folder).rmdir()
    except OSError as error:
        raise InputError(
            f"{what}: {folder} cannot be written to ({_reason(error)}); name another folder"
        ) from error
    return place


def check_space(place: Path, needed: int, what: str = "output") -> None:
    """Check that a disk has room.

    Args:
        place: file or folder to be written; its parents need not exist.
        needed: bytes, at least.
        what: what it is, for the errors.

    Raises:
        InputError: when it has not.
    """
    with contextlib.suppress(OSError):
        parent = next((folder for folder in place.parents if folder.exists()), place.parent)
        free = shutil.disk_usage(parent).free
        if free < needed + _SPARE:
            raise InputError(
                f"{what}: at least {needed / 1e6:.0f} MB are needed in {parent}, {free / 1e6:.0f} "
                "MB are free; make room, or name a folder on another disk"
            )


def _check_name(place: Path, what: str, inner: str) -> None:
    if "\0" in str(place):
        raise InputError(f"{what}: {place} has a character in its name that no file can have")
    try:
        str(place).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{what}: {place} is not text in UTF-8, which the writers of images need; rename it"
        ) from error
    parent = next((folder for folder in place.parents if _exists(folder)), place.parent)
    longest_name = _limit(parent, "PC_NAME_MAX", _LONGEST_NAME)
    for name in place.parts:
        if len(os.fsencode(name)) > longest_name:
            raise InputError(
                f"{what}: the name {name[:40]}... has {len(os.fsencode(name))} bytes, expected at "
                f"most {longest_name}; give a shorter one"
            )
        if sys.platform == "win32" and name != place.anchor and set(name) & set(_WINDOWS_SIGNS):
            raise InputError(f"{what}: no file can be called {name}; leave out {_WINDOWS_SIGNS}")
    longest_path = _limit(parent, "PC_PATH_MAX", _LONGEST_PATH)
    # It is written in a work folder beside its place.
    length = len(os.fsencode(place)) + LONGEST_NAME + len("/new/") + len(inner) + 1
    if length > longest_path:
        raise InputError(
            f"{what}: a path of {len(os.fsencode(place))} bytes is too long here; expected at most "
            f"{longest_path - (length - len(os.fsencode(place)))}: name a folder higher up"
        )


def _limit(folder: Path, name: str, default: int) -> int:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        value = os.pathconf(folder, name)
        return value if value > 0 else default
    return default


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
