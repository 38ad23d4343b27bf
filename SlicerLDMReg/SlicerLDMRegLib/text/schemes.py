"""Label schemes: structure names by label number (FreeSurfer, BTCV, MSD hippocampus)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import InputError
from ._freesurfer import CORTEX, MIDLINE, SIDED, WIDER_MIDLINE, WIDER_SIDED
from .prompts import build_prompt, structure_words

__all__ = [
    "BTCV",
    "FREESURFER",
    "FREESURFER35",
    "SCHEMES",
    "SchemeRegion",
    "describe_scheme",
    "label_scheme",
    "scheme_names",
]

Scheme = Mapping[int, str]


def _ordered(entries: Iterable[tuple[int, str, str | None]]) -> Scheme:
    return MappingProxyType({number: name for number, name, _ in sorted(entries)})


def _both_sides(
    entries: Iterable[tuple[int, int, str, str | None]],
) -> Iterable[tuple[int, str, str | None]]:
    for left, right, name, words in entries:
        yield left, f"Left-{name}", words and f"left {words}"
        yield right, f"Right-{name}", words and f"right {words}"


_STRUCTURES = (*_both_sides(SIDED), *MIDLINE)
_BRAIN = (
    *_STRUCTURES,
    *_both_sides(WIDER_SIDED),
    *WIDER_MIDLINE,
    *((1000 + number, f"ctx-lh-{name}", f"left {words}") for number, name, words in CORTEX),
    *((2000 + number, f"ctx-rh-{name}", f"right {words}") for number, name, words in CORTEX),
)
# Prompt words of names that are not words themselves.
_WORDS = {name: words for _, name, words in _BRAIN if words}

#: The 35 structures of the OASIS images of Learn2Reg, with FreeSurfer's numbers.
FREESURFER35: Scheme = _ordered(_STRUCTURES)

#: FreeSurfer's subcortical structures and cortical regions, also used by SynthSeg.
FREESURFER: Scheme = _ordered(_BRAIN)

#: The 13 abdominal organs of BTCV and of Learn2Reg's Abdomen CT-CT.
BTCV: Scheme = MappingProxyType(
    {
        1: "spleen",
        2: "right kidney",
        3: "left kidney",
        4: "gallbladder",
        5: "esophagus",
        6: "liver",
        7: "stomach",
        8: "aorta",
        9: "inferior vena cava",
        10: "portal vein and splenic vein",
        11: "pancreas",
        12: "right adrenal gland",
        13: "left adrenal gland",
    }
)

#: All schemes by option name.
SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "freesurfer35": FREESURFER35,
        "freesurfer": FREESURFER,
        "btcv": BTCV,
        # The two parts of the hippocampus of the Medical Segmentation Decathlon.
        "msd-hippocampus": MappingProxyType(
            {1: "anterior hippocampus", 2: "posterior hippocampus"}
        ),
    }
)


def scheme_names(scheme: str) -> dict[int, str]:
    """Return the names of a scheme by label number, ascending.

    >>> scheme_names("btcv")[6]
    'liver'

    Raises:
        InputError: for a scheme that is not in :data:`SCHEMES`.
    """
    if scheme.lower() not in SCHEMES:
        raise InputError(f"label scheme: expected one of {', '.join(SCHEMES)}, got {scheme!r}")
    return dict(SCHEMES[scheme.lower()])


def label_scheme(scheme: str | Mapping[int, str]) -> dict[str, dict[str, str]]:
    """Return a scheme in the form of a model card, with prompt words.

    >>> label_scheme("freesurfer35")["5"]
    {'name': 'Left-Inf-Lat-Vent', 'prompt': 'left inferior lateral ventricle'}

    Args:
        scheme: name of the scheme, or structure names by label number.

    Raises:
        InputError: for an unknown scheme or an empty name.
    """
    names = scheme_names(scheme) if isinstance(scheme, str) else scheme
    return {
        str(number): {
            "name": names[number],
            "prompt": _WORDS.get(names[number]) or structure_words(names[number]),
        }
        for number in sorted(names)
    }


class SchemeRegion(NamedTuple):
    """Region of a model: row, label number, name and prompt.

    Attributes:
        row: row of the model's tables; row 0, the background, is no region.
        label: number in label maps.
        name: name in label tables.
        words: words of the structure in the prompt.
        prompt: the whole prompt; without a template, the words alone.
    """

    row: int
    label: int
    name: str
    words: str
    prompt: str


def describe_scheme(
    regions: Mapping[str, Mapping[str, Any]], template: str | None = None
) -> list[SchemeRegion]:
    """List the regions of a model in the order of its tables.

    Args:
        regions: ``label_scheme`` of a model card.
        template: of the prompts, see :func:`~SlicerLDMRegLib.text.build_prompt`.

    Raises:
        InputError: for an empty name or a template without ``[CLS]``.
    """
    listed = []
    for row, number in enumerate(sorted(map(int, regions)), start=1):
        entry = regions[str(number)]
        words = structure_words(entry.get("prompt") or entry["name"])
        prompt = words if template is None else build_prompt(template, words)
        listed.append(SchemeRegion(row, number, entry["name"], words, prompt))
    return listed
