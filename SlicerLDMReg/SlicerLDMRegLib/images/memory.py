"""The size that a header announces, against the memory that is there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .._memory import available_memory, installed_memory
from ..errors import InputError

__all__ = ["check_size"]

# The bytes of a file, the array made of them and SimpleITK's copy of that are there at one time.
_COPIES = 3
_MOST_VOXELS = 2**40  # where the memory is unknown; more than any machine that registers


def check_size(shape: Sequence[int], bytes_per_voxel: int) -> int:
    """Return the bytes of an array, before anything is allocated for it.

    Raises:
        InputError: for a size below 1, or one that does not fit into the free memory.
    """
    if not shape or min(shape) < 1:
        raise InputError(f"the header says a size of {tuple(shape)}; expected 1 or more each")
    count = math.prod(shape)
    free = available_memory()
    if free is None and (installed := installed_memory()) is not None:
        free = installed // 2  # where nothing is told, on macOS: what a machine in use has
    needed = count * bytes_per_voxel
    if count > _MOST_VOXELS or (free is not None and needed * _COPIES > free):
        have = "" if free is None else f", and {_human(free)} of memory are free"
        raise InputError(
            f"the header says a size of {'x'.join(map(str, shape))}, which needs "
            f"{_human(needed * _COPIES)} to read{have}; crop or downsample the image, or correct "
            "the header if it is wrong"
        )
    return needed


def _human(count: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count //= 1000
    return f"{count} TB"
