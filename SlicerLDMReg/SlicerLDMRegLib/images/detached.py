"""Headers whose voxels lie in other files: which of them may be opened."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

__all__ = ["check_place"]


def check_place(header: Path, name: str, outside: bool) -> Path:
    """Return the file of voxels that a header names.

    A header that came from elsewhere must not make this program read any file of the user: only
    those in the header's folder or below are opened, unless the user asks for it.

    Args:
        header: the file with the header.
        name: of the file of voxels, as the header gives it.
        outside: whether the user asked for files outside of the header's folder.

    Raises:
        InputError: when the file is missing, or lies outside without being asked for.
    """
    if not name or "\0" in name or "\n" in name:
        raise InputError(f"its header names no file of voxels that can be: {name[:40]!r}")
    folder = header.parent.resolve()
    try:
        path = (header.parent / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"its file of voxels {name[:80]!r} cannot be opened") from error
    if not path.is_relative_to(folder) and not outside:
        raise InputError(
            f"its voxels lie outside of its folder, in {name[:80]}; move them beside it, or allow "
            "it with #outside behind its name"
        )
    if not path.is_file():
        raise InputError(f"its file of voxels {name[:80]} is not there; copy it, too")
    return path
