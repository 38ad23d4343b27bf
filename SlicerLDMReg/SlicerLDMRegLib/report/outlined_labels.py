"""Which labels are outlined: a picture with every fold of a cortex in it shows nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["choose_outlines"]

_LEAST_PIXELS = 6


def choose_outlines(maps: Sequence[np.ndarray | None], most: int = 8) -> tuple[int, ...]:
    """Choose the labels of one plane whose outlines can be read: compact, and not small.

    Args:
        maps: label maps of one plane, one shape; the first that is not None decides what is
            compact, those behind it add labels that it lacks.
        most: how many.

    Returns:
        Labels in ascending order: all of them where there are few.
    """
    scores: dict[int, float] = {}
    for labels in maps:
        if labels is not None:
            for label, score in _scores(labels).items():
                scores.setdefault(label, score)
    best = sorted(scores, key=lambda label: -scores[label])[:most]
    return tuple(sorted(best))


def _scores(labels: np.ndarray) -> dict[int, float]:
    """Return for each label the area over the squared length of its outline, times its width."""
    numbers, rows = np.unique(labels, return_inverse=True)
    rows = rows.reshape(labels.shape)
    area = np.bincount(rows.ravel(), minlength=len(numbers))
    outline = np.zeros(len(numbers))
    padded = np.pad(rows, 1, constant_values=-1)
    for axis in (0, 1):
        a, b = (np.delete(padded, end, axis) for end in (-1, 0))
        differ = a != b
        for side in (a[differ], b[differ]):
            outline += np.bincount(side[side >= 0], minlength=len(numbers))
    scores = area / np.maximum(outline, 1) ** 2 * np.sqrt(area)
    scores[area < _LEAST_PIXELS] *= 0.01
    return {int(n): float(s) for n, s in zip(numbers, scores, strict=True) if n != 0}
