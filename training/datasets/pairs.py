"""Reproducible stream of 2D training pairs, real and generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from SlicerLDMRegLib.errors import InputError

from ..synthesis.phantoms import generate_pair
from .augment import AugmentOptions, Pair, augment
from .layouts import PairSequence, open_data_set

__all__ = [
    "LABELS",
    "PairData",
    "PairStream",
    "RealPairs",
    "build_pairs",
    "generated_pair",
    "mixture_weights",
    "to_tensors",
]

#: Labels of generated pairs: 1 left ventricle, 2 myocardium, 3 third structure. Further regions of
#: random shapes are background.
LABELS = 3
_DEFAULT_SET = "cardiac-mr"
_VALIDATION_SEED = 2**31  # above all that training draws
_VALIDATION_PAIRS = 6  # of each generated kind, where no real pairs validate


class RealPairs(Sequence[Pair]):
    """Pairs of a 2D data set, each read once and then kept in memory.

    Args:
        pairs: of the data set.
    """

    def __init__(self, pairs: PairSequence) -> None:
        self._pairs = pairs
        self._kept: dict[int, Pair] = {}

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if index not in self._kept:
            p = self._pairs[index]
            empty = np.zeros(p.fixed.shape, np.uint8)
            labels = [empty if a is None else a for a in (p.fixed_labels, p.moving_labels)]
            self._kept[index] = Pair(p.fixed, p.moving, *labels)
        return self._kept[index]

    def __iter__(self) -> Iterator[Pair]:
        return (self[i] for i in range(len(self)))


def to_tensors(pair: Pair, classes: int = LABELS) -> dict[str, Tensor]:
    """Return images ``(1, H, W)`` and one-hot label maps ``(classes, H, W)``, float32.

    Args:
        pair: images and label maps.
        classes: labels 1 to ``classes`` of the scheme.

    Raises:
        InputError: for a label outside of the scheme.
    """
    out = {}
    for name in ("fixed", "moving"):
        out[name] = torch.from_numpy(np.ascontiguousarray(getattr(pair, name)))[None]
        labels = torch.from_numpy(
            np.ascontiguousarray(getattr(pair, f"{name}_labels")).astype(np.int64)
        )
        if int(labels.max()) > classes or int(labels.min()) < 0:
            odd = sorted(set(labels.unique().tolist()) - set(range(classes + 1)))
            raise InputError(
                f"{name} labels: expected 0 to {classes} of the scheme, got "
                f"{', '.join(map(str, odd))}; correct the labels or the scheme"
            )
        one_hot = torch.nn.functional.one_hot(labels, classes + 1)
        out[f"{name}_labels"] = one_hot[..., 1:].permute(2, 0, 1).float()
    return out


def mixture_weights(mixture: Mapping[str, float], real: Sequence[Pair]) -> np.ndarray:
    """Return the probability of each source of a mixture, in its order.

    Args:
        mixture: weight of each source, ``"real"`` or a kind of generated pair.
        real: the real pairs.

    Raises:
        InputError: for weights that are negative or all 0, or real pairs that are not there.
    """
    weights = np.array(list(mixture.values()), dtype=float)
    if (weights < 0).any() or weights.sum() == 0:
        raise InputError(f"mixture needs non-negative weights, one above 0, got {dict(mixture)}")
    if mixture.get("real") and not real:
        raise InputError("mixture asks for real pairs, but none were given")
    return weights / weights.sum()


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
        classes: labels of the scheme.
    """

    def __init__(
        self,
        real: Sequence[Pair],
        mixture: Mapping[str, float],
        length: int,
        seed: int,
        options: AugmentOptions | None = None,
        size: int = 128,
        classes: int = LABELS,
    ) -> None:
        self.real = real
        self.sources = list(mixture)
        self.weights = mixture_weights(mixture, real)
        self.length = length
        self.seed = seed
        self.options = options or AugmentOptions()
        self.size = size
        self.classes = classes

    def __len__(self) -> int:
        return self.length

    def pair(self, index: int) -> Pair:
        """Return pair number ``index`` as arrays."""
        rng = np.random.default_rng((self.seed, index))
        source = self.sources[rng.choice(len(self.sources), p=self.weights)]
        if source == "real":
            pair = self.real[rng.integers(len(self.real))]
        else:
            pair = generated_pair(source, int(rng.integers(2**31)), self.size)
        return augment(pair, rng, self.options)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return to_tensors(self.pair(index), self.classes)


def generated_pair(kind: str, seed: int, size: int = 128) -> Pair:
    """Generate a pair with the labels 1 to :data:`LABELS`; others are background."""
    made = generate_pair(kind, seed, size)
    labels = [np.where(a > LABELS, 0, a) for a in (made.fixed_labels, made.moving_labels)]
    return Pair(made.fixed, made.moving, *labels)


@dataclass(frozen=True)
class PairData:
    """Training stream and validation pairs of a configuration.

    Attributes:
        stream: the training pairs.
        validation: the validation pairs; moving onto fixed, as in the data set.
        classes: labels 1 to ``classes`` of the scheme.
        scored: labels whose mean Dice the validation is judged by.
        labels: all labels of the data set.
    """

    stream: PairStream
    validation: Sequence[Pair]
    classes: int
    scored: tuple[int, ...]
    labels: tuple[int, ...]


def build_pairs(data: Mapping[str, Any], length: int, seed: int) -> PairData:
    """Build stream and validation pairs from the ``data`` section of a config.

    ``set`` and ``root`` name the data set, default ``cardiac-mr``, with its ``options``;
    ``incomplete`` goes on without subjects of which files are missing. ``mixture`` weighs the
    sources, default real pairs alone; ``augment`` has ranges, or is ``none``; ``scored`` names
    labels instead of those of the paper, or is ``all``. A mixture without real pairs needs no data
    set: generated pairs of its kinds validate, which training never draws.

    Raises:
        InputError: for a data set that cannot be used, or is not of 2D images.
    """
    mixture = data.get("mixture", {"real": 1.0})
    size = data.get("size", 128)
    options = AugmentOptions.from_config(data.get("augment", {}))
    if not mixture.get("real"):
        kinds = [name for name, weight in mixture.items() if weight]
        numbers = range(_VALIDATION_SEED, _VALIDATION_SEED + _VALIDATION_PAIRS)
        validation = [generated_pair(kind, number, size) for kind in kinds for number in numbers]
        labels = tuple(range(1, LABELS + 1))
        stream = PairStream([], mixture, length, seed, options, size, LABELS)
        return PairData(stream, validation, LABELS, _scored(data, labels, labels), labels)
    if "root" not in data:
        raise InputError("data.root: expected the folder of the data set; pass --root DIR")
    source = open_data_set(
        data.get("set", _DEFAULT_SET),
        data["root"],
        data.get("incomplete", False),
        **data.get("options", {}),
    )
    if source.dimension != 2:
        raise InputError(f"{source.title}: expected 2D images for LDM-Morph, got 3D")
    generated = any(weight for name, weight in mixture.items() if name != "real")
    classes = max([*source.labels, LABELS if generated else 1])
    real = RealPairs(source.pairs("train"))
    labels = tuple(source.labels)
    return PairData(
        PairStream(real, mixture, length, seed, options, size, classes),
        RealPairs(source.pairs("validation")),
        classes,
        _scored(data, tuple(source.scored), labels),
        labels,
    )


def _scored(
    data: Mapping[str, Any], usual: tuple[int, ...], labels: tuple[int, ...]
) -> tuple[int, ...]:
    chosen = data.get("scored", usual)
    chosen = labels if chosen == "all" else tuple(chosen)
    odd = set(chosen) - set(labels)
    if odd:
        raise InputError(f"data.scored: expected labels of {sorted(labels)}, got {sorted(odd)}")
    return chosen
