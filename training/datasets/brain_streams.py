"""Reproducible streams of synthetic brain images, single and in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..synthesis.brain import GOOD_SCANNER, ScannerOptions, canonical_image, render
from ..synthesis.brain_anatomy import REGION_ROW
from ..synthesis.brain_contrast import CONTRASTS, Contrast, draw_contrast, vary
from ..synthesis.brain_deformation import (
    Affine,
    DeformationOptions,
    RandomMap,
    lattice_points,
    read_labels_at,
)
from .brain_labels import ALIGNED_GEOMETRY, BrainLabels, centred_geometry

__all__ = [
    "BrainImageStream",
    "BrainPair",
    "BrainPairStream",
    "BrainStreamOptions",
    "evaluation_brain_pairs",
    "evaluation_brains",
]

Item = dict[str, Tensor]


@dataclass(frozen=True)
class BrainStreamOptions:
    """Options of the ``data`` section of a config, without ``root``.

    Args:
        size: voxels along x, y, z.
        spacing: mm between them.
        contrasts: probability of each contrast, see :mod:`training.synthesis.brain_contrast`.
        same_contrast: probability that both images of a pair have the contrast of one scanner.
        skull: probability that both images of a pair show the whole head, not only the brain.
        same_subject: probability of two deformations of one subject instead of two subjects.
        flip: probability of exchanging left and right.
        deformation: of each anatomy; ``strength`` scales all of it.
        placement: of the head in the scanner, the same for both images of a pair. The heads of the
            label maps are pitched from -21 to 14 degrees.
        scanner: noise, blur, shading and slice thickness.
        canonical: also return a noise-free T1-like rendering of each image.
        cache: folder of the aligned label maps.
    """

    size: tuple[int, int, int] = (80, 112, 96)
    spacing: float = 2.0
    contrasts: Mapping[str, float] = field(
        default_factory=lambda: {"random": 0.4, "t1": 0.4, "t2": 0.2}
    )
    same_contrast: float = 0.5
    skull: float = 0.3
    same_subject: float = 0.1
    flip: float = 0.5
    deformation: DeformationOptions = field(default_factory=DeformationOptions)
    placement: DeformationOptions = field(
        default_factory=lambda: DeformationOptions(1.0, (18.0, 6.0, 6.0), 0.08, 0.0, 8.0, ())
    )
    scanner: ScannerOptions = field(default_factory=ScannerOptions)
    canonical: bool = False
    cache: str | None = None

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> BrainStreamOptions:
        """Build options from plain values.

        Missing keys keep their defaults, also inside ``deformation``, ``placement`` and
        ``scanner``; ``root`` is skipped.

        Raises:
            ValueError: for an unknown option.
        """
        values = {k: v for k, v in values.items() if k != "root"}
        _check_keys(cls, values)
        defaults = cls()
        for name in ("deformation", "placement", "scanner"):
            if isinstance(values.get(name), Mapping):
                default = getattr(defaults, name)
                _check_keys(type(default), values[name])
                values[name] = replace(default, **values[name])
        if "size" in values:
            values["size"] = tuple(values["size"])
        return cls(**values)

    def __post_init__(self) -> None:
        weights = list(self.contrasts.values())
        if set(self.contrasts) - set(CONTRASTS) or min(weights, default=-1) < 0 or not sum(weights):
            raise ValueError(
                f"contrasts needs probabilities of {', '.join(CONTRASTS)}, "
                f"got {dict(self.contrasts)}"
            )


class _Synthesis:
    """Base class of the streams; an item depends on the seed and its index alone."""

    def __init__(
        self,
        root: str | Path,
        split: str,
        length: int,
        seed: int,
        options: BrainStreamOptions | Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(options, BrainStreamOptions):
            options = BrainStreamOptions.from_mapping(options or {})
        self.options = options
        self.length = length
        self.seed = seed
        self.labels = BrainLabels(root, split, options.cache)
        self.geometry = centred_geometry(options.size, options.spacing)

    def __len__(self) -> int:
        return self.length

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, index))

    def _contrast(self, rng: np.random.Generator) -> Contrast:
        kinds = list(self.options.contrasts)
        weights = np.array([self.options.contrasts[k] for k in kinds], float)
        return draw_contrast(rng, kinds[rng.choice(len(kinds), p=weights / weights.sum())])

    def _anatomy(
        self, rng: np.random.Generator, subject: int, placement: Affine
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        flip = bool(rng.uniform() < self.options.flip)
        random_map = RandomMap(rng, self.geometry, self.options.deformation, placement)
        return read_labels_at(
            self.labels.arrays[subject],
            ALIGNED_GEOMETRY,
            random_map.points(flip),
            self.options.spacing,
            flip,
        )


class BrainPairStream(_Synthesis, Dataset[Item]):
    """Stream of image pairs of two subjects with random anatomies in the common frame.

    Item: ``moving`` and ``fixed`` ``(1, z, y, x)`` float32 in [0, 1], ``moving_labels`` and
    ``fixed_labels`` ``(1, z, y, x)`` uint8, rows 0 to 35 of the region table; with the option
    ``canonical`` also ``moving_canonical`` and ``fixed_canonical``, like the images.

    Args:
        root: folder of the label maps.
        split: "train", "validation" or "test".
        length: number of items.
        seed: of everything random.
        options: options, or the ``data`` section of a config.
    """

    def __getitem__(self, index: int) -> Item:
        rng, o = self._rng(index), self.options
        first = int(rng.integers(len(self.labels)))
        second = int((first + rng.integers(1, max(len(self.labels), 2))) % len(self.labels))
        if rng.uniform() < o.same_subject:
            second = first
        skull = bool(rng.uniform() < o.skull)
        contrasts = [self._contrast(rng), self._contrast(rng)]
        if rng.uniform() < o.same_contrast:
            contrasts[1] = vary(rng, contrasts[0])
        placement = Affine.random(rng, o.placement)
        item = {}
        for name, subject, contrast in zip(
            ("moving", "fixed"), (first, second), contrasts, strict=True
        ):
            labels, around = self._anatomy(rng, subject, placement)
            image = render(rng, labels, o.spacing, contrast, around, o.scanner, skull)
            item[name] = _tensor(image)
            item[f"{name}_labels"] = _tensor(REGION_ROW[labels])
            if o.canonical:
                item[f"{name}_canonical"] = _tensor(canonical_image(labels, o.spacing, around))
        return item


class BrainImageStream(_Synthesis, Dataset[Item]):
    """Stream of single images for a segmenter; items ``image`` and ``labels`` as in a pair.

    Args: see :class:`BrainPairStream`.
    """

    def __getitem__(self, index: int) -> Item:
        rng, o = self._rng(index), self.options
        subject = int(rng.integers(len(self.labels)))
        skull = bool(rng.uniform() < o.skull)
        contrast = self._contrast(rng)
        labels, around = self._anatomy(rng, subject, Affine.random(rng, o.placement))
        image = render(rng, labels, o.spacing, contrast, around, o.scanner, skull)
        return {"image": _tensor(image), "labels": _tensor(REGION_ROW[labels])}


@dataclass(frozen=True)
class BrainPair:
    """Evaluation pair of two subjects in the common frame.

    Attributes:
        name: ``"17-18"``: moving subject 17, fixed subject 18.
        moving, fixed: ``(1, z, y, x)`` float32 in [0, 1].
        moving_labels, fixed_labels: ``(1, z, y, x)`` uint8, rows of the region table.
    """

    name: str
    moving: Tensor
    fixed: Tensor
    moving_labels: Tensor
    fixed_labels: Tensor


def evaluation_brains(
    root: str | Path,
    split: str | Sequence[int] = "test",
    contrast: str = "t1",
    seed: int = 0,
    size: tuple[int, int, int] = (80, 112, 96),
    spacing: float = 2.0,
    skull: bool = False,
    cache: str | Path | None = None,
) -> dict[int, tuple[Tensor, Tensor]]:
    """Return an undeformed image of each subject, as from a good scanner, and its labels.

    ``contrast`` "t1", "t2" or "random". Image ``(1, z, y, x)`` float32 in [0, 1], labels
    ``(1, z, y, x)`` uint8; an image depends on the seed and the subject alone.
    """
    maps = BrainLabels(root, split, cache)
    geometry = centred_geometry(size, spacing)
    points = lattice_points(geometry)
    brains = {}
    for subject, array in zip(maps.subjects, maps.arrays, strict=True):
        rng = np.random.default_rng((seed, subject))
        labels, around = read_labels_at(array, ALIGNED_GEOMETRY, points, spacing)
        look = draw_contrast(rng, contrast)
        image = render(rng, labels, spacing, look, around, GOOD_SCANNER, skull)
        brains[subject] = _tensor(image), _tensor(REGION_ROW[labels])
    return brains


def evaluation_brain_pairs(
    root: str | Path, split: str | Sequence[int] = "test", **options: Any
) -> list[BrainPair]:
    """Return all ordered pairs of the subjects of a split: 12 of "test", 2 of "validation".

    ``options`` are those of :func:`evaluation_brains`.
    """
    brains = evaluation_brains(root, split, **options)
    return [
        BrainPair(f"{a:02d}-{b:02d}", brains[a][0], brains[b][0], brains[a][1], brains[b][1])
        for a, b in permutations(brains, 2)
    ]


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))[None]


def _check_keys(kind: type, values: Mapping[str, Any]) -> None:
    unknown = sorted(set(values) - {f.name for f in fields(kind)})
    if unknown:
        raise ValueError(f"unknown options {unknown}; see {kind.__module__}.{kind.__name__}")
