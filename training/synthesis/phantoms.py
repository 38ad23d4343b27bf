"""Generation of image pairs by kind: ``generate_pair("cardiac", seed=3)``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.synthesis.apical import apical_pair
from training.synthesis.cardiac import cardiac_pair
from training.synthesis.echo import echo_pair
from training.synthesis.pair import PhantomPair
from training.synthesis.shapes import shapes_pair

__all__ = ["KINDS", "PhantomPair", "generate_pair"]

_GENERATORS: dict[str, Callable[[np.random.Generator, int], PhantomPair]] = {
    "cardiac": cardiac_pair,
    "echo": echo_pair,
    "shapes": shapes_pair,
    "apical": apical_pair,
}
KINDS = tuple(_GENERATORS)


def generate_pair(kind: str, seed: int, size: int = 128) -> PhantomPair:
    """Generate one pair; the same arguments give the same arrays.

    Args:
        kind: one of ``KINDS``: "cardiac" (short-axis cine MR), "echo" (apical echocardiography, a
            clear phantom), "apical" (the same with what makes real ones hard), "shapes" (random
            label maps and contrasts).
        seed: nonnegative integer.
        size: side of the square images in pixels.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in _GENERATORS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    # The kind is part of the seed, so that equal seeds of two kinds are independent.
    return _GENERATORS[kind](np.random.default_rng([seed, KINDS.index(kind)]), size)
