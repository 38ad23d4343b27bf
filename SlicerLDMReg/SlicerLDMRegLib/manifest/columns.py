"""Columns of the two tables, and the one that a misspelt name is nearest to."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

__all__ = ["FILES", "IMAGE_COLUMNS", "PAIR_COLUMNS", "misspelt", "nearest"]

#: Columns of a table of images; ``image`` is needed.
IMAGE_COLUMNS = (
    "image", "labels", "label_names", "landmarks", "mask", "id", "subject", "phase", "split",
    "group",
)  # fmt: skip
#: Columns of a table of pairs; ``fixed`` and ``moving`` are needed.
PAIR_COLUMNS = (
    "fixed", "moving", "fixed_labels", "moving_labels", "fixed_landmarks", "moving_landmarks",
    "fixed_mask", "moving_mask", "initial_transform", "label_names", "id", "split", "group",
)  # fmt: skip
#: Columns whose cells are paths.
FILES = frozenset(
    ("image", "labels", "landmarks", "mask", "fixed", "moving", "fixed_labels", "moving_labels",
     "fixed_landmarks", "moving_landmarks", "fixed_mask", "moving_mask", "initial_transform")
)  # fmt: skip
# Of difflib, 0 to 1: "lables" has 0.83 in common with "labels", "phases" 0.91 with "phase"; "age"
# and "site" have less than 0.7 with any column.
_ALIKE = 0.8


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a name was probably meant to be; None where none is near."""
    plain = re.sub(r"[\s\-_.]+", "_", name.strip().lower())
    found = difflib.get_close_matches(plain, list(known), 1, _ALIKE)
    return found[0] if found else None


def misspelt(columns: Collection[str], known: Iterable[str]) -> dict[str, str]:
    """Return the columns that look like a known one which is missing, each with that one."""
    missing = [name for name in known if name not in columns]
    found = {name: nearest(name, missing) for name in columns if name not in known}
    return {name: meant for name, meant in found.items() if meant is not None}
