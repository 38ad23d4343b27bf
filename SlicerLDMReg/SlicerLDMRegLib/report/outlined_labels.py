"""Choice of the labels to outline, since all folds of a cortex would hide the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["choose_outlines"]

# Labels of fewer pixels are outlined last, since their outline is hardly visible. Not tuned.
_LEAST_PIXELS = 6


def choose_outlines(maps: Sequence[np.ndarray | None], most: int = 8) -> tuple[int, ...]:
    """Choose the labels of one plane with readable outlines: compact and not small.

    Args:
        maps: label maps of one plane, of one shape; a label is judged in the first map (not None)
            that holds it.
        most: maximum number of labels.

    Returns:
        Labels in ascending order; all of them if they are few.
    """
    scores: dict[int, float] = {}
    for labels in maps:
        if labels is not None:
            for label, score in _scores(labels).items():
                scores.setdefault(label, score)
    best = sorted(scores, key=lambda label: -scores[label])[:most]
    return tuple(sorted(best))


def _scores(labels: np.ndarray) -> dict[int, float]:
    """Return a score by label: area / squared length of the outline * square root of the area."""
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
