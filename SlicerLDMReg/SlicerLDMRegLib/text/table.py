"""Vectors of given texts from a file, for encoders that run elsewhere."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .._small_files import DamagedFile, read_json
from ..errors import InputError
from .prompts import checked_prompts
from .weights import digest_of, user_file

__all__ = ["TableEncoder"]

_MOST_BYTES = 200_000_000  # thousands of prompts with thousands of numbers each


class TableEncoder:
    """Encoder that looks prompts up in a JSON file ``{"text": [numbers], ...}``.

    For encoders that are services, such as text-embedding-ada-002: whoever has access writes the
    vectors of the prompts once. Capitals and blanks do not count.

    Args:
        name: of the file, a path or in the folder of weights.
        folder: see :func:`~SlicerLDMRegLib.text.weights_folder`.

    Raises:
        InputError: when there is no such file, or it is no table of vectors of one length.
    """

    def __init__(self, name: str, folder: Path | str | None = None) -> None:
        self._path = path = user_file(name, folder)
        self.id = f"table:{path.name}"
        try:
            content = read_json(path, _MOST_BYTES)
        except DamagedFile as error:
            raise InputError(f"{path}: cannot be read as JSON: {error}; write it anew") from error
        if not isinstance(content, dict) or not content:
            raise InputError(
                f"{path}: expected texts with their vectors, got {str(content)[:40]!r}"
            )
        self._vectors: dict[str, npt.NDArray[np.float32]] = {}
        for text, values in content.items():
            try:
                vector = np.asarray(values, np.float32)
            except (TypeError, ValueError):
                vector = np.zeros(0, np.float32)
            expected = len(next(iter(self._vectors.values()))) if self._vectors else None
            good = vector.ndim == 1 and len(vector) and np.isfinite(vector).all()
            if not good or expected not in (None, len(vector)):
                raise InputError(
                    f"{path}, {text!r}: expected {expected or 'a list of'} numbers, got "
                    f"{str(values)[:40]}; write it anew"
                )
            self._vectors[_plain(text)] = vector
        self.channels = len(vector)
        self.digest = digest_of("table", path)

    def encode(self, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return ``(n, channels)`` float32, as they are in the file.

        Raises:
            InputError: for a prompt that the table lacks; names the nearest.
        """
        rows = np.zeros((len(checked_prompts(prompts)), self.channels), np.float32)
        for row, prompt in zip(rows, prompts, strict=True):
            vector = self._vectors.get(_plain(prompt))
            if vector is None:
                near = difflib.get_close_matches(_plain(prompt), self._vectors, 1)
                hint = f", the nearest is {near[0]!r}" if near else ""
                raise InputError(
                    f"{self._path}: expected the vector of {prompt!r}, there is none{hint}; add "
                    "it, or set the template to [CLS] for a table of names"
                )
            row[:] = vector
        return rows


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
