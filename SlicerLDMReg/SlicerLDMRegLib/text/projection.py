"""Vectors of an encoder at another length, so that networks of one size can be compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .protocol import TextEncoder
from .weights import digest_of

__all__ = ["ProjectedEncoder"]

_SEED = 20240117  # any will do; the same for all, for a model that is to know new prompts later


class ProjectedEncoder:
    """Encoder whose vectors are turned and, if they are longer, projected to a given length.

    The map is linear and fixed by both lengths: a random rotation followed by the first
    coordinates, times the root of the ratio of the lengths where it shortens. By the lemma of
    Johnson and Lindenstrauss that keeps distances and angles in the mean; to a greater length it
    keeps them exactly.

    Args:
        encoder: the other encoder.
        channels: length of a vector.

    Raises:
        InputError: unless there is at least one channel.
    """

    def __init__(self, encoder: TextEncoder, channels: int) -> None:
        if channels < 1:
            raise InputError(f"{encoder.id}@{channels}: expected at least one channel")
        self.encoder, self.channels = encoder, channels
        self.id = f"{encoder.id}@{channels}"
        self.digest = digest_of(encoder.digest, str(channels))
        self._matrix = _projection(encoder.channels, channels)

    def encode(self, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return ``(n, channels)`` float32."""
        vectors = np.asarray(self.encoder.encode(prompts), np.float64)
        return (vectors @ self._matrix).astype(np.float32)


def _projection(inputs: int, outputs: int) -> npt.NDArray[np.float64]:
    """Return ``(inputs, outputs)`` with orthogonal rows or columns."""
    larger, smaller = max(inputs, outputs), min(inputs, outputs)
    # The stream of this old generator is frozen for ever, unlike that of the new ones.
    random = np.random.RandomState(_SEED).standard_normal((larger, smaller))
    basis, triangle = np.linalg.qr(random)
    basis = basis * np.sign(np.diag(triangle))  # unique, whatever LAPACK there is
    return basis * np.sqrt(inputs / outputs) if inputs > outputs else basis.T
