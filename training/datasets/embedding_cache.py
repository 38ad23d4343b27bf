"""Embeddings of prompts that are kept, by the digest of what made them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from SlicerLDMRegLib._outputs import whole_file
from SlicerLDMRegLib._small_files import DamagedFile, read_json
from SlicerLDMRegLib.text import TextEncoder

__all__ = ["CachedEncoder"]

_MOST_BYTES = 200_000_000
_DIGITS = 16  # of the digest in a file's name


class CachedEncoder:
    """Encoder that keeps its vectors in a folder, one JSON file for each digest of its weights.

    The file is a table that the encoder ``table:FILE`` reads, on machines without the weights.

    Args:
        encoder: that makes the vectors.
        folder: created if missing; a file in it that cannot be read is written anew.
    """

    def __init__(self, encoder: TextEncoder, folder: Path) -> None:
        self.encoder = encoder
        self.id, self.channels, self.digest = encoder.id, encoder.channels, encoder.digest
        name = "".join(c if c.isalnum() or c in "-@." else "-" for c in encoder.id)
        self.path = folder / f"{name}-{encoder.digest[:_DIGITS]}.json"

    def encode(self, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return ``(n, channels)`` float32; what is not kept yet is encoded and kept.

        An encoder that does not see prompts one by one, as one-hot does not, is asked for all.
        """
        kept = self._read()
        if self.encoder.id.startswith("one-hot") or not set(prompts) <= set(kept):
            vectors = self.encoder.encode(prompts)
            kept |= {p: v.tolist() for p, v in zip(prompts, vectors, strict=True)}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self.path) as new:
                new.write_text(json.dumps(kept), encoding="utf-8")
            return np.asarray(vectors, np.float32)
        return np.array([kept[p] for p in prompts], np.float32)

    def _read(self) -> dict[str, list[float]]:
        try:
            content = read_json(self.path, _MOST_BYTES)
        except DamagedFile:
            return {}
        good = isinstance(content, dict) and all(
            isinstance(v, list) and len(v) == self.channels for v in content.values()
        )
        return content if good else {}
