"""Matching of structure names to the regions of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["match_region"]

_SIDES = {
    **dict.fromkeys(("left", "l", "lh", "lt", "sinistra", "sinister"), "left"),
    **dict.fromkeys(("right", "r", "rh", "rt", "dextra", "dexter"), "right"),
}
_FILLERS = {"a", "an", "and", "the", "of", "proper", "ctx"}
_WORDS = {
    "3rd": "third",
    "4th": "fourth",
    "5th": "fifth",
    "brainstem": "brain stem",
    "cc": "corpus callosum",
    "cerebellar": "cerebellum",
    "cerebral": "cerebrum",
    "csf": "cerebrospinal fluid",
    "dc": "diencephalon",
    "gallbladder": "gall bladder",
    "grey": "gray",
    "inf": "inferior",
    "ivc": "inferior vena cava",
    "lat": "lateral",
    "oesophagus": "esophagus",
    "sup": "superior",
    "suprarenal": "adrenal",
    "vent": "ventricle",
    "wm": "white matter",
}
# Synonyms: whole names, without their side.
_SYNONYMS = (
    ("accumbens", "accumbens area", "nucleus accumbens"),
    ("adrenal", "adrenal gland"),
    ("caudate", "caudate nucleus", "nucleus caudatus"),
    ("cerebellum cortex", "cerebellum gray matter"),
    ("cerebrum cortex", "cortex", "cortical gray matter", "cerebrum gray matter"),
    ("cerebrum white matter", "white matter"),
    ("hippocampus", "hippocampal formation"),
    ("inferior lateral ventricle", "inferior horn lateral ventricle"),
    ("inferior vena cava", "postcava"),
    ("pallidum", "globus pallidus"),
    ("portal vein splenic vein", "portal splenic vein", "portal veins splenic veins"),
    ("amygdala", "amygdaloid body"),
    ("ventral diencephalon", "ventraldc"),
)


class _Key(NamedTuple):
    side: str
    words: tuple[str, ...]


def match_region(name: str, label_scheme: Mapping[str, Mapping[str, Any]]) -> int | None:
    """Return the region of a model that matches a structure name.

    Case, hyphens, underscores, word order, abbreviations and common synonyms make no difference.
    The side does: "hippocampus" is neither the left nor the right one, and a name that matches two
    regions matches none.

    >>> scheme = {"17": {"name": "Left-Hippocampus"}, "53": {"name": "Right-Hippocampus"}}
    >>> match_region("hippocampus (L)", scheme)
    17
    >>> match_region("hippocampus", scheme) is None
    True

    Args:
        name: name of a structure, from the user or a label table.
        label_scheme: from a model card: ``{"17": {"name": ..., "prompt": ...}, ...}``.

    Returns:
        The label number of the region; None without a unique match.
    """
    wanted = _key(name)
    if wanted is None:
        return None
    found = {
        int(number)
        for number, entry in label_scheme.items()
        if wanted in (_key(entry["name"]), _key(entry.get("prompt") or ""))
    }
    return found.pop() if len(found) == 1 else None


def _key(name: str) -> _Key | None:
    """Return side and canonical words of a name; None without words or with both sides."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    tokens = re.findall(r"[^\W_]+", spaced.lower())
    sides = {_SIDES[t] for t in tokens if t in _SIDES}
    words = [
        word
        for token in tokens
        if token not in _SIDES and token not in _FILLERS
        for word in _WORDS.get(token, token).split()
    ]
    if not words or len(sides) > 1:
        return None
    key = tuple(sorted(words))
    return _Key(sides.pop() if sides else "", _CANONICAL.get(key, key))


_CANONICAL = {
    tuple(sorted(variant.split())): tuple(sorted(variants[0].split()))
    for variants in _SYNONYMS
    for variant in variants
}
