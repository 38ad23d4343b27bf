"""Brain volume streams and region embeddings, built from a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from SlicerLDMRegLib.text import build_encoder, build_prompt, label_scheme

from ..synthesis.brain_anatomy import REGION_NUMBERS
from .brain_streams import (
    BrainImageStream,
    BrainPairStream,
    BrainStreamOptions,
    evaluation_brain_pairs,
    evaluation_brains,
)
from .region_tables import coordinate_regions, region_table

__all__ = ["build_images", "build_pairs", "region_embeddings"]

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


def build_pairs(
    data: Mapping[str, Any], length: int, seed: int
) -> tuple[Dataset[Item], list[Item]]:
    """Build the training stream of pairs and the validation pairs.

    ``data``: ``root`` of the label maps; ``images``: options of
    :class:`~training.datasets.brain_streams.BrainStreamOptions`; ``exclude``: numbers of
    structures that are left out of training.
    """
    options = {**data["images"], "canonical": True}
    stream: Dataset[Item] = BrainPairStream(data["root"], "train", length, seed, options)
    if data.get("exclude"):
        stream = _Without(stream, data["exclude"])
    pairs = evaluation_brain_pairs(data["root"], "validation", **_grid(data))
    names = ("moving", "fixed", "moving_labels", "fixed_labels")
    return stream, [{name: getattr(p, name) for name in names} for p in pairs]


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


def region_embeddings(text: Mapping[str, Any], shape: tuple[int, ...]) -> Tensor:
    """Return the embedding table ``(N, C1)`` of a configuration's ``text`` section.

    Args:
        text: ``encoder``, ``template``, ``background`` (``"prompt"``: the template filled with
            "background"); for the encoder ``"coordinates"`` the edge ``cell`` of its cells in
            voxels.
        shape: shape of the network grid, for coordinates.
    """
    if text["encoder"] == "coordinates":
        return torch.from_numpy(coordinate_regions(shape, text.get("cell", 8))[1])
    scheme = label_scheme("freesurfer35")
    prompts = [build_prompt(text["template"], scheme[str(n)]["prompt"]) for n in REGION_NUMBERS]
    encoder = build_encoder(text["encoder"], regions=len(prompts) + 1)
    named = text["background"] == "prompt"
    words = build_prompt(text["template"], "background") if named else None
    return torch.from_numpy(region_table(encoder, prompts, text["background"], words))


def _grid(data: Mapping[str, Any]) -> dict[str, Any]:
    options = BrainStreamOptions.from_mapping(data["images"])
    return {"size": options.size, "spacing": options.spacing, "cache": options.cache}
