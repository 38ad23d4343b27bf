"""Pickles that hold NumPy arrays and nothing else."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from SlicerLDMRegLib.errors import InputError

__all__ = ["read_arrays"]

# Callables that pickled arrays are made of, in NumPy 1 and 2 and all protocols. None of them runs
# code of the file.
_ADMITTED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *(
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    ),
    ("_codecs", "encode"),  # bytes in protocols 0 to 2
}
_MOST_BYTES = 4_000_000_000  # four volumes of 160 x 192 x 224 float64 have 0.2 GB


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def read_arrays(path: Path, counts: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Read a pickled tuple or list of numeric arrays; nothing in the file is executed.

    Args:
        path: of the file.
        counts: allowed numbers of arrays.

    Raises:
        InputError: when the file is missing or cut off, asks for anything but arrays, or holds
            another number of them.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: expected at most {_MOST_BYTES:,} bytes")
        content = _Unpickler(io.BytesIO(path.read_bytes())).load()
    except OSError as error:
        raise InputError(f"there is no file {path} that can be read ({error.strerror})") from error
    except InputError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise InputError(
            f"{path}: expected a pickle of NumPy arrays alone, got: {error}; get the file again, "
            "and only from whom you trust"
        ) from error
    arrays = tuple(content) if isinstance(content, tuple | list) else (content,)
    good = all(isinstance(a, np.ndarray) and a.dtype.kind in "buif" for a in arrays)
    if not good or len(arrays) not in counts:
        got = ", ".join(type(a).__name__ for a in arrays[:5])
        raise InputError(
            f"{path}: expected {' or '.join(map(str, counts))} arrays of numbers, got "
            f"{len(arrays)} ({got})"
        )
    return arrays
