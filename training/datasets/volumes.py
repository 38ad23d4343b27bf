"""Volume streams, synthetic and of data sets, and region embeddings, built from a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.text import build_encoder, build_prompt, label_scheme

from ..synthesis.brain_anatomy import REGION_NUMBERS
from .brain_streams import (
    BrainImageStream,
    BrainPairStream,
    BrainStreamOptions,
    evaluation_brain_pairs,
    evaluation_brains,
)
from .embedding_cache import CachedEncoder
from .evaluation import EvaluationPair
from .layouts import DataSet, PairSequence, open_data_set
from .region_tables import coordinate_regions, region_table

__all__ = [
    "VolumeData",
    "VolumeStream",
    "build_images",
    "build_pairs",
    "region_embeddings",
    "region_scheme",
]

Item = dict[str, Tensor]


class _Without(Dataset[Item]):
    """Stream with some structures of another stream set to background."""

    def __init__(self, stream: Dataset[Item], numbers: list[int]) -> None:
        self.stream = stream
        self.table = torch.arange(len(REGION_NUMBERS) + 1, dtype=torch.uint8)
        for number in numbers:
            self.table[REGION_NUMBERS.index(number) + 1] = 0

    def __getitem__(self, index: int) -> Item:
        item = self.stream[index]
        return {k: self.table[v.long()] if k.endswith("labels") else v for k, v in item.items()}


@dataclass(frozen=True)
class VolumeData:
    """Training stream and validation pairs of a configuration.

    Attributes:
        stream: items ``moving`` and ``fixed`` ``(1, z, y, x)`` float32 in [0, 1] and
            ``moving_labels``, ``fixed_labels`` of the same shape, rows of the region table; of
            synthetic images also ``moving_canonical`` and ``fixed_canonical``.
        validation: items without the canonical images; of images at half the resolution also
            ``full_moving_labels`` and ``full_fixed_labels`` at the whole.
        scheme: names of the rows 1, 2, ... of the region table by their label numbers, ascending.
        scored: rows whose mean Dice the validation is judged by.
    """

    stream: Dataset[Item]
    validation: Sequence[Item]
    scheme: Mapping[int, str]
    scored: tuple[int, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Label number of the rows 1, 2, ... of the region table."""
        return tuple(self.scheme)


class VolumeStream(Dataset[Item]):
    """Stream of random pairs of a data set; item ``i`` depends on the seed and ``i`` alone.

    Args:
        pairs: of the data set.
        table: row of the region table by label number.
        length: number of items.
        seed: of the choice of pairs.
    """

    def __init__(self, pairs: PairSequence, table: np.ndarray, length: int, seed: int) -> None:
        self.pairs, self.table, self.length, self.seed = pairs, table, length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Item:
        rng = np.random.default_rng((self.seed, index))
        return _item(self.pairs[int(rng.integers(len(self.pairs)))], self.table)


class _Validation(Sequence[Item]):
    """Validation pairs, read when they are needed."""

    def __init__(
        self, pairs: PairSequence, table: np.ndarray, full: PairSequence | None = None
    ) -> None:
        self.pairs, self.table, self.full = pairs, table, full

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        item = _item(self.pairs[index], self.table)
        if self.full is not None:
            whole = _item(self.full[index], self.table)
            item |= {f"full_{k}": v for k, v in whole.items() if k.endswith("labels")}
        return item


def _at_full_size(source: DataSet) -> PairSequence | None:
    """Return the validation pairs at their own resolution, of a data set that is halved."""
    if not getattr(source, "halve", False):
        return None
    whole = open_data_set(source.name, source.root, incomplete=True, halve=False)
    return whole.pairs("validation")


def _item(pair: EvaluationPair, table: np.ndarray) -> Item:
    item = {}
    for name in ("moving", "fixed"):
        labels = getattr(pair, f"{name}_labels")
        image = np.ascontiguousarray(getattr(pair, name))
        rows = np.zeros(image.shape, table.dtype) if labels is None else table[labels]
        item[name] = torch.from_numpy(image)[None]
        item[f"{name}_labels"] = torch.from_numpy(rows)[None]
    return item


def build_pairs(
    data: Mapping[str, Any], length: int, seed: int, text: Mapping[str, Any] | None = None
) -> VolumeData:
    """Build the training stream of pairs and the validation pairs.

    ``data``: ``root`` of the label maps, and ``images``: options of
    :class:`~training.datasets.brain_streams.BrainStreamOptions`, for synthetic brains; or ``set``,
    ``root``, ``options`` and ``incomplete`` of a data set of real images. ``exclude``: numbers of
    structures that are left out of training. ``scored``: labels that count in the validation, or
    ``all``, instead of those of the data set.

    Raises:
        InputError: for a data set that cannot be used, or labels that are not in ``text.scheme``.
    """
    if "set" in data:
        return _of_data_set(data, length, seed, text or {})
    scheme = region_scheme(text or {})
    if tuple(scheme) != REGION_NUMBERS:
        raise InputError(
            "text.scheme: expected freesurfer35, whose structures synthetic brains have, got "
            f"{len(scheme)} other labels"
        )
    options = {**data["images"], "canonical": True}
    stream: Dataset[Item] = BrainPairStream(data["root"], "train", length, seed, options)
    if data.get("exclude"):
        stream = _Without(stream, data["exclude"])
    pairs = evaluation_brain_pairs(data["root"], "validation", **_grid(data))
    names = ("moving", "fixed", "moving_labels", "fixed_labels")
    rows = tuple(range(1, len(REGION_NUMBERS) + 1))
    validation = [{name: getattr(p, name) for name in names} for p in pairs]
    return VolumeData(stream, validation, scheme, rows)


def _of_data_set(
    data: Mapping[str, Any], length: int, seed: int, text: Mapping[str, Any]
) -> VolumeData:
    source = open_data_set(
        data["set"], data["root"], data.get("incomplete", False), **data.get("options", {})
    )
    if source.dimension != 3:
        raise InputError(f"{source.title}: expected 3D images for textSCF, got 2D")
    scheme = region_scheme(text, source)
    numbers = tuple(scheme)
    excluded = set(data.get("exclude", ()))
    known = set(source.labels)
    if not known <= set(numbers) | excluded:
        odd = sorted(known - set(numbers) - excluded)
        raise InputError(
            f"text.scheme: expected the labels of {source.title}, got none for {odd}; name them, "
            "or leave them out of the training by data.exclude"
        )
    whole = np.zeros(max(known, default=0) + 1, np.uint8 if len(numbers) < 256 else np.int32)
    for row, number in enumerate(numbers, start=1):
        if number in known:
            whole[number] = row
    trained = whole.copy()
    trained[sorted(excluded & known)] = 0
    named = data.get("scored", source.scored)
    scored = tuple(
        int(whole[n])
        for n in (sorted(known) if named == "all" else named)
        if n in known and whole[n]
    )
    return VolumeData(
        VolumeStream(source.pairs("train"), trained, length, seed),
        _Validation(source.pairs("validation"), whole, _at_full_size(source)),
        scheme,
        scored,
    )


def build_images(
    data: Mapping[str, Any], length: int, seed: int
) -> tuple[Dataset[Item], list[Item]]:
    """Build the training stream of single images and the validation images of three contrasts."""
    stream = BrainImageStream(data["root"], "train", length, seed, data["images"])
    validation = [
        {"image": image, "labels": labels}
        for contrast in ("t1", "t2", "random")
        for image, labels in evaluation_brains(
            data["root"], "validation", contrast, **_grid(data)
        ).values()
    ]
    return stream, validation


def region_scheme(text: Mapping[str, Any], source: DataSet | None = None) -> dict[int, str]:
    """Return names by label number, ascending, of the ``scheme`` in a ``text`` section.

    It is the name of a known scheme, or names by label number; without it that of the data set, or
    the structures of synthetic brains.

    Raises:
        InputError: for an unknown scheme.
    """
    scheme = text.get("scheme") or (dict(source.labels) if source is not None else "freesurfer35")
    if isinstance(scheme, Mapping):
        scheme = {int(number): name for number, name in scheme.items()}
    return {int(number): own["name"] for number, own in label_scheme(scheme).items()}


def region_embeddings(
    text: Mapping[str, Any],
    shape: tuple[int, ...],
    scheme: Mapping[int, str] | None = None,
    channels: int | None = None,
) -> Tensor:
    """Return the embedding table ``(N, C1)`` of a configuration's ``text`` section.

    Args:
        text: ``encoder``, ``template``, ``background`` (``"prompt"``: the template filled with
            "background"), ``weights``: folder of the encoder's weights, ``cache``: folder that
            keeps embeddings; for the encoder ``"coordinates"`` the edge ``cell`` of its cells in
            voxels.
        shape: shape of the network grid, for coordinates.
        scheme: names of the structures by number, of :func:`region_scheme`; None: that of ``text``.
        channels: length of an embedding that the network expects; None: any.

    Raises:
        InputError: for an encoder of another length.
    """
    if text["encoder"] == "coordinates":
        return torch.from_numpy(coordinate_regions(shape, text.get("cell", 8))[1])
    words = label_scheme(dict(scheme if scheme is not None else region_scheme(text)))
    prompts = [build_prompt(text["template"], own["prompt"]) for own in words.values()]
    encoder = build_encoder(text["encoder"], text.get("weights"), regions=len(prompts) + 1)
    if text.get("cache"):
        encoder = CachedEncoder(encoder, Path(text["cache"]))
    if channels not in (None, encoder.channels):
        raise InputError(
            f"text.encoder: expected one of {channels} channels, which network.text_channels says, "
            f"got {encoder.id!r} of {encoder.channels}; set network.text_channels to that, or "
            f"text.encoder to {encoder.id.split('@')[0]}@{channels}, which projects them"
        )
    kind = text.get("background", "svd")
    named = kind == "prompt"
    background = build_prompt(text["template"], "background") if named else None
    return torch.from_numpy(region_table(encoder, prompts, kind, background))


def _grid(data: Mapping[str, Any]) -> dict[str, Any]:
    options = BrainStreamOptions.from_mapping(data["images"])
    return {"size": options.size, "spacing": options.spacing, "cache": options.cache}
