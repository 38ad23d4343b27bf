"""What every model card must fulfil, whether it was made in Python or read from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ModelError

if TYPE_CHECKING:
    from .card import ModelCard

__all__ = ["KINDS", "check_card"]

KINDS = ("registration", "segmentation")
TEXT_KEYS = ("encoder", "template", "background")

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AXES = ({"L", "R"}, {"P", "A"}, {"S", "I"})


def check_card(card: ModelCard) -> None:
    """Check a card.

    Raises:
        ModelError: naming the field, what it must be and what it is.
    """
    _require(
        card,
        isinstance(card.id, str) and _ID.fullmatch(card.id),
        "id",
        "lower-case words and numbers joined by hyphens",
    )
    _require(card, card.kind in KINDS, "kind", f"one of {KINDS}")
    _require(card, card.spatial_dims in (2, 3), "spatial_dims", "2 or 3")
    _check_grid(card)
    _require(card, card.intensity.mode == "minmax", "intensity.mode", "'minmax'")
    low, high = card.intensity.lower_percentile, card.intensity.upper_percentile
    _require(
        card, 0 <= low < high <= 100, "intensity.upper_percentile", f"above {low:g}, at most 100"
    )
    _check_labels(card)
    _check_text(card)
    _require(
        card,
        all(
            isinstance(row, str if key == "description" else Mapping)
            for key, row in card.results.items()
        ),
        "results",
        "an object {row: {column: value}} with an optional text 'description'",
    )
    _require(
        card,
        isinstance(card.limits, tuple) and all(isinstance(text, str) for text in card.limits),
        "limits",
        "a list of texts",
    )
    _require(
        card,
        all(isinstance(data.acknowledgement, str) for data in card.training_data),
        "training_data",
        "a list of objects whose acknowledgement is a text",
    )
    if card.weights is not None:
        _require(
            card,
            _SHA256.fullmatch(card.weights.sha256),
            "weights.sha256",
            "64 hexadecimal digits",
        )


def _check_grid(card: ModelCard) -> None:
    grid = card.grid
    _require(
        card, len(grid.size) == card.spatial_dims, "grid.size", f"{card.spatial_dims} integers"
    )
    _require(card, grid.divisor >= 1, "grid.divisor", "at least 1")
    _require(
        card,
        all(n > 0 and n % grid.divisor == 0 for n in grid.size),
        "grid.size",
        f"multiples of the divisor {grid.divisor}",
    )
    spacing = grid.spacing
    _require(
        card,
        spacing is None or (isinstance(spacing, int | float) and 0 < spacing < float("inf")),
        "grid.spacing",
        "a positive number of mm, or nothing",
    )
    if grid.orientation is not None:
        letters = [set(letter) for letter in str(grid.orientation)]
        _require(
            card,
            card.spatial_dims == 3
            and len(letters) == 3
            and all(sum(letter < axis for letter in letters) == 1 for axis in _AXES),
            "grid.orientation",
            "three letters such as 'LPS' or 'RAS' for a 3D model, or nothing",
        )
    if grid.anchor is not None:
        _require(
            card,
            grid.orientation is not None and any({grid.anchor} < axis for axis in _AXES),
            "grid.anchor",
            "a letter such as 'S' for a model with an orientation, or nothing",
        )


def _check_labels(card: ModelCard) -> None:
    _require(
        card,
        all(
            isinstance(key, str)
            and key.isdecimal()
            and key == str(int(key))  # "07" and "7" would be two names of one label
            and isinstance(value, Mapping)
            and isinstance(value.get("name"), str)
            for key, value in card.label_scheme.items()
        ),
        "label_scheme",
        "an object {label number: {'name': ...}}",
    )
    if card.kind != "segmentation":
        return
    _require(
        card,
        card.grid.spacing is not None and card.grid.orientation is not None,
        "grid",
        "that of a 3D segmentation model, with spacing (mm) and orientation (such as 'LPS')",
    )
    _require(
        card,
        card.label_scheme and all(int(key) > 0 for key in card.label_scheme),
        "label_scheme",
        "the structures of the segmentation, with numbers from 1 on",
    )
    classes = card.network.get("classes")
    if classes is not None:
        _require(
            card,
            classes == len(card.label_scheme) + 1,
            "network",
            f"a network of {len(card.label_scheme) + 1} classes: "
            "the background and those of label_scheme",
        )


def _check_text(card: ModelCard) -> None:
    _require(
        card,
        not card.text
        or (
            "encoder" in card.text
            and set(card.text) <= set(TEXT_KEYS)
            and all(isinstance(value, str) for value in card.text.values())
        ),
        "text",
        f"an object of texts {TEXT_KEYS}, or empty",
    )
    _require(
        card,
        card.segmenter is None
        or (
            card.kind == "registration"
            and isinstance(card.segmenter, str)
            and _ID.fullmatch(card.segmenter)
        ),
        "segmenter",
        "the id of a segmentation model, of a registration model only, or nothing",
    )


def _require(card: ModelCard, good: object, name: str, expected: str) -> None:
    if not good:
        value: Any = card
        for part in name.split("."):
            value = getattr(value, part)
        raise ModelError(f"{name} must be {expected}, got {value!r}")
