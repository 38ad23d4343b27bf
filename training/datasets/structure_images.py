"""Reproducible stream of single 2D images with their structures, real and generated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor
from torch.utils.data import Dataset

from SlicerLDMRegLib.errors import InputError

from ..synthesis.phantoms import generate_pair
from .augment import AugmentOptions, Pair, augment
from .cardiac_mr import CardiacMRDataset
from .layouts import DataSet, open_data_set
from .pairs import RealPairs, mixture_weights

__all__ = [
    "STRUCTURES",
    "UNKNOWN",
    "LabelledImage",
    "StructureImages",
    "build_structure_images",
    "heart_images",
]

#: Structures of the heart by label: those of short-axis MR, and the left atrium of apical echo.
STRUCTURES = {
    1: "left ventricle cavity",
    2: "myocardium",
    3: "right ventricle cavity",
    4: "left atrium",
}
#: Label of what was not drawn: it is none of the structures that were.
UNKNOWN = 255
# Structures of generated pairs by their own labels.
_OF_KIND = {
    "cardiac": (0, 1, 2, 3),
    "echo": (0, 1, 2, 4),
    "apical": (0, 1, 2, 4, 3),
    "shapes": (0, 0, 0, 0),
}
_DRAWN = 1  # structure of the real images: the left ventricle's cavity
_VALIDATION_SEED = 10**6  # above all numbers of training pairs
_VALIDATION_PAIRS = 6  # of each generated kind

Item = dict[str, Tensor]


@dataclass(frozen=True)
class LabelledImage:
    """Image with the structures that are drawn in it.

    Attributes:
        name: of the image.
        image: with its lattice.
        labels: ``(y, x)`` or ``(z, y, x)``, numbers of the structures.
        drawn: the structures that are drawn wherever they are to be seen; None: all.
    """

    name: str
    image: sitk.Image
    labels: np.ndarray
    drawn: tuple[int, ...] | None = None


class StructureImages(Dataset[Item]):
    """Stream of images; item ``i`` depends on ``seed`` and ``i`` alone.

    Args:
        real: pairs of real images, of which the left ventricle's cavity is drawn and nothing else.
        mixture: weight of each source, ``"real"`` or a kind of generated pair.
        length: number of items.
        seed: of everything random.
        options: of the augmentation.
        size: side of the images.
        pool: generated pairs of each kind, each seen again and again with other augmentations.
    """

    def __init__(
        self,
        real: Sequence[Pair],
        mixture: Mapping[str, float],
        length: int,
        seed: int,
        options: AugmentOptions,
        size: int = 128,
        pool: int = 1500,
    ) -> None:
        self.real, self.length, self.seed = real, length, seed
        self.sources = list(mixture)
        self.weights = mixture_weights(mixture, real)
        self.options, self.size, self.pool = options, size, pool
        self._kept: OrderedDict[tuple[str, int], Pair] = OrderedDict()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Item:
        rng = np.random.default_rng((self.seed, index))
        source = self.sources[rng.choice(len(self.sources), p=self.weights)]
        if source == "real":
            pair = _partly_drawn(self.real[rng.integers(len(self.real))])
        else:
            pair = self._generated(source, int(rng.integers(self.pool)))
        # Both images of a pair are augmented, and exchanged at random: the first is either.
        return _item(augment(pair, rng, self.options), UNKNOWN if source == "real" else 0)

    def _generated(self, kind: str, number: int) -> Pair:
        key = kind, number
        if key not in self._kept:
            self._kept[key] = _generated(kind, number, self.size)
        return self._kept[key]


def build_structure_images(
    data: Mapping[str, Any], length: int, seed: int
) -> tuple[StructureImages, list[Item]]:
    """Build the training stream of 2D images and the validation images.

    ``set``, ``root``, ``options`` and ``incomplete`` name a data set of 2D pairs of which label 1
    is the left ventricle's cavity, which a mixture without real images does not need; ``mixture``,
    ``augment``, ``size`` and ``pool`` are those of :class:`StructureImages`. Validation images are
    those of the data set's validation split and generated ones of each kind of the mixture, which
    training never sees.

    Raises:
        InputError: for a data set that cannot be used, or is not of 2D images.
    """
    mixture, size = data.get("mixture", {"real": 1.0}), data.get("size", 128)
    options = AugmentOptions.from_config(data.get("augment", {}))
    real: dict[str, Sequence[Pair]] = {"train": [], "validation": []}
    if mixture.get("real"):
        source = _real_set(data)
        real = {split: RealPairs(source.pairs(split)) for split in real}
    stream = StructureImages(
        real["train"], mixture, length, seed, options, size, data.get("pool", 1500)
    )
    validation = []
    for pair in real["validation"]:
        validation += _both(_partly_drawn(pair), UNKNOWN)
    kinds = [name for name, weight in mixture.items() if weight and any(_OF_KIND.get(name, ()))]
    for kind in kinds:
        for number in range(_VALIDATION_PAIRS):
            validation += _both(_generated(kind, _VALIDATION_SEED + number, size), 0)
    return stream, validation


def _real_set(data: Mapping[str, Any]) -> DataSet:
    """Return the set of real pairs that ``data`` names."""
    if "set" not in data or "root" not in data:
        raise InputError("data.set, data.root: expected a data set of 2D pairs and its folder")
    source = open_data_set(
        data["set"], data["root"], data.get("incomplete", False), **data.get("options", {})
    )
    if source.dimension != 2:
        raise InputError(f"{source.title}: expected 2D images, got 3D")
    return source


#: Titles of the kinds of :func:`heart_images`.
_TITLES = {
    "real": "Cine MR (left ventricle)",
    "cardiac": "Generated short axis",
    "echo": "Generated echo",
    "apical": "Generated apical views",
}


def heart_images(
    root: Path, split: str = "test", pairs: int = 10, kinds: Collection[str] = tuple(_TITLES)
) -> dict[str, list[LabelledImage]]:
    """Return images that no training saw, by the title of their row: real and generated hearts.

    Args:
        root: folder of the cine MR pairs.
        split: patients of these.
        pairs: generated pairs of each kind; both images of a pair count.
        kinds: "real" and kinds of generated hearts, others are left out.
    """
    titles = {kind: title for kind, title in _TITLES.items() if kind in kinds}
    found: dict[str, list[LabelledImage]] = {title: [] for title in titles.values()}
    for own in CardiacMRDataset(root, split) if "real" in titles else ():
        for part in ("fixed", "moving"):
            image = sitk.GetImageFromArray(getattr(own, part))
            labels = getattr(own, f"{part}_labels")
            item = LabelledImage(f"{own.name} {part}", image, labels, (_DRAWN,))
            found[titles["real"]].append(item)
    for kind, title in titles.items():
        if kind == "real":
            continue
        for number in range(pairs):
            pair = _generated(kind, 2 * _VALIDATION_SEED + number, 128)
            for part in ("fixed", "moving"):
                image = sitk.GetImageFromArray(getattr(pair, part))
                labels = getattr(pair, f"{part}_labels")
                found[title].append(LabelledImage(f"{kind}-{number:02d} {part}", image, labels))
    return found


def _generated(kind: str, number: int, size: int) -> Pair:
    made = generate_pair(kind, number, size)
    table = np.zeros(256, np.uint8)
    table[: len(_OF_KIND[kind])] = _OF_KIND[kind]
    return Pair(made.fixed, made.moving, table[made.fixed_labels], table[made.moving_labels])


def _partly_drawn(pair: Pair) -> Pair:
    drawn = [np.where(a == _DRAWN, _DRAWN, 0) for a in (pair.fixed_labels, pair.moving_labels)]
    return Pair(pair.fixed, pair.moving, *drawn)


def _item(pair: Pair, background: int) -> Item:
    labels = np.where(pair.fixed_labels == 0, background, pair.fixed_labels).astype(np.uint8)
    return {
        "image": torch.from_numpy(np.ascontiguousarray(pair.fixed))[None],
        "labels": torch.from_numpy(labels)[None],
    }


def _both(pair: Pair, background: int) -> list[Item]:
    other = Pair(pair.moving, pair.fixed, pair.moving_labels, pair.fixed_labels)
    return [_item(pair, background), _item(other, background)]
