"""Interface of the text encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["TextEncoder"]


class TextEncoder(Protocol):
    """Deterministic map from prompts to vectors."""

    @property
    def id(self) -> str:
        """Name for :func:`build_encoder`, stored with a model."""

    @property
    def channels(self) -> int:
        """Length ``C1`` of a vector."""

    @property
    def digest(self) -> str:
        """SHA-256 of the weights or vectors, and of what else decides the result."""

    def encode(self, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one row per prompt, ``(n, channels)`` float32, not normalised (as in the paper).

        Raises:
            InputError: for invalid prompts.
        """
