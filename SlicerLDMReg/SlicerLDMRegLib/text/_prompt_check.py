"""Validation of prompts, shared by all text encoders."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError

__all__ = ["checked_prompts"]


def checked_prompts(prompts: Sequence[str]) -> list[str]:
    """Return the prompts as a list.

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
