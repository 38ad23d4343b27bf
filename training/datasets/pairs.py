"""Reproducible stream of 2D training pairs, real and generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..synthesis.phantoms import generate_pair
from .augment import AugmentOptions, Pair, augment
from .cardiac_mr import CardiacMRDataset

__all__ = ["LABELS", "PairStream", "build_stream", "real_pairs", "to_tensors"]

#: Label classes of the Dice loss: 1 left ventricle, 2 myocardium, 3 third structure.
LABELS = 3


def real_pairs(root: str, split: str) -> list[Pair]:
    """Return the cine MR pairs of a split (``train``, ``validation`` or ``test``)."""
    return [
        Pair(p.fixed, p.moving, p.fixed_labels, p.moving_labels)
        for p in CardiacMRDataset(root, split)
    ]


def to_tensors(pair: Pair) -> dict[str, Tensor]:
    """Return images ``(1, H, W)`` and one-hot label maps ``(LABELS, H, W)``, float32."""
    out = {}
    for name in ("fixed", "moving"):
        out[name] = torch.from_numpy(np.ascontiguousarray(getattr(pair, name)))[None]
        labels = torch.from_numpy(
            np.ascontiguousarray(getattr(pair, f"{name}_labels")).astype(np.int64)
        )
        one_hot = torch.nn.functional.one_hot(labels.clamp(max=LABELS), LABELS + 1)
        out[f"{name}_labels"] = one_hot[..., 1:].permute(2, 0, 1).float()
    return out


class PairStream(Dataset[dict[str, Tensor]]):
    """Stream of training pairs; item ``i`` depends on ``seed`` and ``i`` alone.

    Training therefore resumes exactly.

    Args:
        real: the real pairs to draw from.
        mixture: weight of each source, ``"real"`` or a kind of generated pair.
        length: number of items.
        seed: of everything random.
        options: of the augmentation.
        size: side of the images.
    """

    def __init__(
        self,
        real: Sequence[Pair],
        mixture: Mapping[str, float],
        length: int,
        seed: int,
        options: AugmentOptions | None = None,
        size: int = 128,
    ) -> None:
        self.real = real
        self.sources = list(mixture)
        weights = np.array([mixture[s] for s in self.sources], dtype=float)
        if (weights < 0).any() or weights.sum() == 0:
            raise ValueError(
                f"mixture needs non-negative weights, one above 0, got {dict(mixture)}"
            )
        if mixture.get("real") and not real:
            raise ValueError("mixture asks for real pairs, but none were given")
        self.weights = weights / weights.sum()
        self.length = length
        self.seed = seed
        self.options = options or AugmentOptions()
        self.size = size

    def __len__(self) -> int:
        return self.length

    def pair(self, index: int) -> Pair:
        """Return pair number ``index`` as arrays."""
        rng = np.random.default_rng((self.seed, index))
        source = self.sources[rng.choice(len(self.sources), p=self.weights)]
        if source == "real":
            pair = self.real[rng.integers(len(self.real))]
        else:
            made = generate_pair(source, int(rng.integers(2**31)), self.size)
            pair = Pair(made.fixed, made.moving, made.fixed_labels, made.moving_labels)
        return augment(pair, rng, self.options)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return to_tensors(self.pair(index))


def build_stream(data: dict[str, Any], length: int, seed: int) -> tuple[PairStream, list[Pair]]:
    """Build the training stream and the validation pairs from the ``data`` section of a config."""
    root = data["root"]
    stream = PairStream(
        real_pairs(root, "train"),
        data["mixture"],
        length,
        seed,
        AugmentOptions(**data.get("augment", {})),
        data.get("size", 128),
    )
    return stream, real_pairs(root, "validation")
