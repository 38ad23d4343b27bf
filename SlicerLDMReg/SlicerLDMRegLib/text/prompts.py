"""Prompts for text encoders: from structure names and templates, and their validation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import InputError

__all__ = ["TEMPLATES", "build_prompt", "checked_prompts", "structure_words"]

#: Templates by name; ``[CLS]`` stands for the structure (textSCF, Section 3.3.1 and Table 1).
TEMPLATES: dict[str, str] = {
    "brain-mr": "A magnetic resonance imaging of a [CLS] in human brain.",
    "abdomen-ct": "A computerized tomography of a [CLS] in human abdomen.",
    "photo-abdomen": "A photo of a [CLS] in human abdomen.",
    "photo": "A photo of a [CLS].",
}

_PLACE = "[CLS]"


def structure_words(name: str) -> str:
    """Return a structure name in words: lower case, hyphens and underscores as spaces.

    >>> structure_words("Left-Hippocampus")
    'left hippocampus'

    Raises:
        InputError: for a name without words.
    """
    words = " ".join(re.sub(r"[-_\s]+", " ", name).lower().split())
    if not words:
        raise InputError(f"expected the name of a structure, got {name!r}")
    return words


def build_prompt(template: str, name: str) -> str:
    """Return the prompt of a structure, from a template.

    >>> build_prompt("brain-mr", "Left-Hippocampus")
    'A magnetic resonance imaging of a left hippocampus in human brain.'

    Args:
        template: a text with ``[CLS]``, or the name of one in :data:`TEMPLATES`.
        name: name of the structure, in words or from a label table.

    Raises:
        InputError: when the template has no ``[CLS]`` or the name is empty.
    """
    text = TEMPLATES.get(template, template)
    if _PLACE not in text:
        raise InputError(
            f"expected a template with {_PLACE} or one of {', '.join(TEMPLATES)}, got {template!r}"
        )
    return text.replace(_PLACE, structure_words(name))


def checked_prompts(prompts: Sequence[str]) -> list[str]:
    """Return the prompts as a list, for an encoder.

    Raises:
        InputError: for a single text instead of a list, or an empty prompt.
    """
    if isinstance(prompts, str):
        raise InputError(
            f"expected a list of prompts, got the text {prompts!r}; write [{prompts!r}]"
        )
    listed = list(prompts)
    for prompt in listed:
        if not isinstance(prompt, str) or not prompt.strip():
            raise InputError(f"expected prompts of at least one word, got {prompt!r}")
    return listed
