"""Splits of subjects in the proportions of a paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations
from typing import TypeVar

__all__ = ["SPLITS", "in_order", "ordered_pairs", "share"]

#: Names of the parts.
SPLITS = ("train", "validation", "test")
T = TypeVar("T")


def share(count: int, parts: Sequence[int]) -> tuple[int, ...]:
    """Divide a number of subjects in given proportions, by the largest remainders.

    >>> share(500, (400, 20, 80)), share(6, (400, 20, 80))
    ((400, 20, 80), (4, 1, 1))

    Args:
        count: subjects.
        parts: their numbers in the paper; these themselves where ``count`` is their sum. With
            enough subjects for it no part is empty.
    """
    whole = sum(parts)
    exact = [count * part / whole for part in parts]
    given = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: given[i] - exact[i])
    for i in by_remainder[: count - sum(given)]:
        given[i] += 1
    while count >= len(parts) and 0 in given:
        given[given.index(max(given))] -= 1
        given[given.index(0)] += 1
    return tuple(given)


def in_order(subjects: Sequence[T], parts: Sequence[int]) -> dict[str, list[T]]:
    """Return the first subjects as "train", the next as "validation", the last as "test"."""
    first, second, _ = share(len(subjects), parts)
    cuts = (0, first, first + second, len(subjects))
    return {
        name: list(subjects[start:end])
        for name, start, end in zip(SPLITS, cuts, cuts[1:], strict=False)
    }


def ordered_pairs(subjects: Sequence[T]) -> list[tuple[T, T]]:
    """Return all pairs of two subjects, in both orders: n (n - 1)."""
    return list(permutations(subjects, 2))
