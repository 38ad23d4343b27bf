"""Files and folders that are written whole or not at all, whenever the writer is killed.

What is being written lies in a hidden work folder beside its place, ``.ldmreg-...``, which only its
owner can read. When it is finished, one rename or exchange puts it in place. What a killed process
leaves is brought to an end, or removed, by the next one that writes into or reads from the folder
(:func:`recover`).
"""

from __future__ import annotations

from .interruption import uninterrupted
from .place import check_place, check_space
from .recovery import recover, remove_own
from .scratch import scratch_folder
from .whole import whole_file, whole_folder
from .work_folder import is_work_folder

__all__ = [
    "check_place",
    "check_space",
    "is_work_folder",
    "recover",
    "remove_own",
    "scratch_folder",
    "uninterrupted",
    "whole_file",
    "whole_folder",
]
