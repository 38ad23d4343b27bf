"""Static vectors of words, averaged over a prompt: what a text is about, without its grammar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .._weight_files import read_safetensors
from ..errors import InputError, ModelError
from .minilm import find_minilm, load_tokenizer
from .prompts import checked_prompts
from .weights import digest_of, user_file

__all__ = ["MiniLMWordEncoder", "WordVectorEncoder"]

FloatArray = npt.NDArray[np.float32]
_WORD = re.compile(r"[a-z0-9]+")
_TABLE = "embeddings.word_embeddings.weight"


class MiniLMWordEncoder:
    """Mean of the vectors with which all-MiniLM-L6-v2 begins, before any of its layers.

    They are static: a word has one vector in all prompts. Its weights are those of
    :class:`~SlicerLDMRegLib.text.minilm.MiniLMEncoder`.

    Args:
        folder: see there.

    Raises:
        ModelError: when weights or packages are missing or damaged.
    """

    id = "words"
    channels = 384

    def __init__(self, folder: Path | str | None = None) -> None:
        path = find_minilm(folder)
        self._tokenizer = load_tokenizer(path.with_name("tokenizer.json"))
        self._tokenizer.no_padding()
        tensors = read_safetensors(path, lambda name: name == _TABLE)
        if _TABLE not in tensors or tensors[_TABLE].shape[1] != self.channels:
            raise ModelError(f"{path} holds no weights of all-MiniLM-L6-v2; get the file again")
        self._vectors: FloatArray = tensors[_TABLE].float().numpy()
        self.digest = digest_of(self.id, path)

    def encode(self, prompts: Sequence[str]) -> FloatArray:
        """Return ``(n, 384)`` float32, not normalised."""
        rows = [
            self._vectors[self._tokenizer.encode(prompt, add_special_tokens=False).ids].mean(0)
            for prompt in checked_prompts(prompts)
        ]
        return np.stack(rows) if rows else np.zeros((0, self.channels), np.float32)


class WordVectorEncoder:
    """Mean of the word vectors of a user's file, in the text format of GloVe and word2vec.

    A line is a word and its numbers, separated by blanks; a first line of two numbers is left out.
    Words without a vector do not count.

    Args:
        name: of the file, a path or in the folder of weights.
        folder: see :func:`~SlicerLDMRegLib.text.weights_folder`.

    Raises:
        InputError: when there is no such file, or it holds no vectors.
    """

    def __init__(self, name: str, folder: Path | str | None = None) -> None:
        self._path = user_file(name, folder)
        self.id = f"words:{self._path.name}"
        self.channels = len(self._rows(None, 1)[0][1])
        self.digest = digest_of("words", self._path)

    def encode(self, prompts: Sequence[str]) -> FloatArray:
        """Return ``(n, channels)`` float32, not normalised.

        Raises:
            InputError: for a prompt of which no word has a vector.
        """
        words = [_WORD.findall(prompt.lower()) for prompt in checked_prompts(prompts)]
        known = dict(self._rows({word for own in words for word in own}))
        rows = np.zeros((len(words), self.channels), np.float32)
        for row, own in zip(rows, words, strict=True):
            found = [known[word] for word in own if word in known]
            if not found:
                raise InputError(
                    f"{self._path}: expected a vector for one of {', '.join(own)}, got none; take "
                    "vectors of another corpus or an encoder such as 'minilm'"
                )
            row[:] = np.mean(found, axis=0)
        return rows

    def _rows(
        self, wanted: set[str] | None, most: int | None = None
    ) -> list[tuple[str, FloatArray]]:
        """Return words and vectors of the file; of one with gigabytes, only what is wanted."""
        rows: list[tuple[str, FloatArray]] = []
        channels = None
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                word, *values = line.rstrip().split(" ")
                if number == 1 and len(values) == 1:  # word2vec tells how many there are
                    continue
                channels = channels or len(values)
                if wanted is not None and word.lower() not in wanted:
                    continue
                try:
                    vector = np.array(values, np.float32)
                except ValueError:
                    vector = np.zeros(0, np.float32)
                if not len(vector) or len(vector) != channels or not np.isfinite(vector).all():
                    raise InputError(
                        f"{self._path}, line {number}: expected a word and {channels} numbers, got "
                        f"{line[:40]!r}; take vectors in the text format of GloVe"
                    )
                rows.append((word.lower(), vector))
                if most is not None and len(rows) == most:
                    break
        if not rows and most is not None:
            raise InputError(f"{self._path}: expected a word and its numbers a line, got nothing")
        return rows
