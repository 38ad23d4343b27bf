"""Splits of subjects in the proportions of a paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import TypeVar

from SlicerLDMRegLib.errors import InputError

__all__ = ["SPLITS", "in_folds", "in_order", "ordered_pairs", "share"]

#: Names of the parts.
SPLITS = ("train", "validation", "test")
T = TypeVar("T")
_VALIDATING = 5  # of so many subjects that are not tested one validates, as in cardiac-mr


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


def in_folds(
    subjects: Sequence[T], folds: int, fold: int, group: Callable[[T], str] = lambda _: ""
) -> dict[str, list[T]]:
    """Return the splits of one turn of a cross-validation.

    >>> in_folds(["a", "b", "c", "d", "e", "f"], folds=3, fold=1)
    {'train': ['c', 'e', 'f'], 'validation': ['b'], 'test': ['a', 'd']}

    The subjects, in the order of group and name, are dealt out to the folds in turn, so that every
    fold has its share of each group. One fold is tested; a fifth of the other subjects validate.

    Args:
        subjects: of all splits; their order does not matter.
        folds: their number, from 2 to that of the subjects.
        fold: the one that is tested, from 1.
        group: of a subject, such as the diagnosis.

    Raises:
        InputError: for numbers that do not fit.
    """
    if not 2 <= folds <= len(subjects) or len(subjects) < len(SPLITS):
        raise InputError(
            f"folds: expected 2 to {len(subjects)} for {len(subjects)} subjects, of which three "
            f"must be there, got {folds}"
        )
    if not 1 <= fold <= folds:
        raise InputError(f"fold: expected 1 to {folds}, got {fold}")
    ordered = sorted(subjects, key=lambda s: (group(s), s))
    tested = ordered[fold - 1 :: folds]
    others = [subject for subject in ordered if subject not in set(tested)]
    validating = others[::_VALIDATING]
    training = [subject for subject in others if subject not in set(validating)]
    return {"train": training, "validation": validating, "test": tested}


def ordered_pairs(subjects: Sequence[T]) -> list[tuple[T, T]]:
    """Return all pairs of two subjects, in both orders: n (n - 1)."""
    return list(permutations(subjects, 2))
