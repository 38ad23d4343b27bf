"""Rows of a model's filter table for the names of labels, new rows from words included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import LDMRegError
from ...model_store import ModelCard
from ...text import TextEncoder, build_encoder, build_prompt, match_region
from .image_regions import RegionSummary

__all__ = ["known_rows", "match_labels"]

_BACKGROUND = ("", "background")
_MOST_VECTORS = 4096  # kept; some 10 MB

# A text encoder takes seconds to load and milliseconds a prompt; users try the same prompts again.
_vectors: dict[tuple[str, str], np.ndarray] = {}


def match_labels(
    names: Mapping[int, str], card: ModelCard, network: nn.Module, source: str, measured: bool
) -> tuple[dict[int, int], Tensor | None, RegionSummary]:
    """Find the row of each label in the model's filter table.

    A name that the model knows, in any form, is a row of its table. Any other gets its filters
    at once from the text encoder and the network's implicit function (the lung experiment of
    textSCF). An empty name or "background" is background; so is a new name where that is not
    possible, and the summary says why.

    Args:
        names: what each label is, in words.
        card: the model.
        network: its network.
        source: see :class:`RegionSummary`.
        measured: whether these labels measure the overlap as well.

    Returns:
        Rows by label; the filters of all rows ``(N + new, C, 3)``, None without new ones; and the
        summary.
    """
    rows = known_rows(names, card)
    matched: dict[int, dict[str, str]] = {}
    new: dict[int, dict[str, str]] = {}
    background: dict[int, dict[str, str]] = {}
    numbers = card.label_numbers
    for label, name in sorted(names.items()):
        if name.strip().lower() in _BACKGROUND:
            background[label] = {"name": name.strip(), "reason": "named background"}
        elif label in rows:
            matched[label] = {"name": name, "region": card.label_names[numbers[rows[label]]]}
        else:
            new[label] = {"name": name, "prompt": _prompt(card, name)}
    filters: Tensor | None = None
    if new:
        prompts = list(dict.fromkeys(entry["prompt"] for entry in new.values()))
        try:
            filters = _with_new_filters(card, network, prompts)
        except LDMRegError as error:
            background |= {
                label: {"name": entry["name"], "reason": f"new to the model, and {error}"}
                for label, entry in new.items()
            }
            new = {}
        rows |= {n: len(numbers) + prompts.index(entry["prompt"]) for n, entry in new.items()}
    summary = RegionSummary(source, matched, new, dict(sorted(background.items())), measured)
    return rows, filters, summary


def known_rows(names: Mapping[int, str], card: ModelCard) -> dict[int, int]:
    """Return the row of each label whose name the model knows, in any form."""
    found = {label: match_region(name, card.label_scheme) for label, name in names.items()}
    numbers = card.label_numbers
    return {label: numbers.index(n) for label, n in found.items() if n is not None}


def _prompt(card: ModelCard, name: str) -> str:
    return build_prompt(card.text["template"], name) if "template" in card.text else name


def _with_new_filters(card: ModelCard, network: nn.Module, prompts: Sequence[str]) -> Tensor:
    if "encoder" not in card.text:
        raise LDMRegError("it was made without a text encoder")
    vectors = torch.from_numpy(_encode(card.text["encoder"], prompts))
    with torch.no_grad():
        table: Tensor = network.filters  # type: ignore[assignment]
        new: Tensor = network.filter_table(vectors)  # type: ignore[operator]
        return torch.cat([table, new])


def _encode(encoder: str, prompts: Sequence[str]) -> np.ndarray:
    """Return the vectors of prompts, ``(n, C1)``; each is computed once in a process."""
    missing = [prompt for prompt in prompts if (encoder, prompt) not in _vectors]
    if missing:
        if len(_vectors) > _MOST_VECTORS:
            _vectors.clear()
            missing = list(prompts)
        found = _encoder(encoder).encode(missing)
        _vectors.update({(encoder, p): row for p, row in zip(missing, found, strict=True)})
    return np.stack([_vectors[encoder, prompt] for prompt in prompts])


@lru_cache(maxsize=1)
def _encoder(encoder: str) -> TextEncoder:
    return build_encoder(encoder)
