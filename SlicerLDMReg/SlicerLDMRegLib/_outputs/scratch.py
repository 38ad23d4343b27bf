"""Folders for files of a moment, which hold patients' images, too."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .recovery import recover
from .work_folder import make_work_folder

__all__ = ["scratch_folder"]


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder in the system's place for such files, and remove it at the end of the block.

    Only its owner can read it. Those of killed processes are removed.

    Raises:
        OSError: when it cannot be made.
    """
    place = Path(tempfile.gettempdir())
    recover(place)
    folder = make_work_folder(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
