"""Dice overlap of label maps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ._arrays import Array, chosen_labels, label_pair

__all__ = ["dice"]


def dice(a: Array, b: Array, labels: Iterable[int] | None = None) -> dict[int, float]:
    """Return the Dice coefficient ``2 |A and B| / (|A| + |B|)`` of each label.

    All labels are counted in one pass, so that many labels cost no more than one.

    Args:
        a: label map.
        b: label map of the same shape.
        labels: labels to report; default all labels of either map, without 0.

    Returns:
        Dice by label: 0 for a label of one map only, NaN for a label of neither.

    Raises:
        InputError: for shapes that differ, negative labels or labels that are not whole numbers.
    """
    a, b = label_pair(a, b)
    wanted = chosen_labels(labels, a, b)
    length = max(wanted, default=0) + 1
    size_a, size_b, common = (
        np.bincount(values, minlength=length) for values in (a.ravel(), b.ravel(), a[a == b])
    )
    result = {}
    for label in wanted:
        total = int(size_a[label] + size_b[label])
        result[label] = 2.0 * int(common[label]) / total if total else float("nan")
    return result
