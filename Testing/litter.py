"""What a killed process leaves where it was writing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from SlicerLDMRegLib._outputs.work_folder import make_work_folder

__all__ = ["work_folder_of_a_dead_process"]


def work_folder_of_a_dead_process(parent: Path) -> Path:
    """Make the work folder that a process which is no more would have made in a folder."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    mine = make_work_folder(parent)
    start, machine, _, began, token = mine.name.split("-")
    return mine.rename(parent / "-".join((start, machine, str(child.pid), began, token)))
