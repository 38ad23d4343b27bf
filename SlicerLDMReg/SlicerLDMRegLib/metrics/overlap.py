"""Dice overlap of label maps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ._arrays import Array, chosen_labels, label_pair

__all__ = ["dice"]

Labels = npt.NDArray[np.integer]

_SHORT = 2**16  # numbers that uint16 holds


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
    size_a, size_b, common = _counts(a.ravel(), b.ravel())
    if labels is None:
        wanted = sorted(set((np.flatnonzero(size_a + size_b)).tolist()) - {0})
    else:
        wanted = chosen_labels(labels)
    result = {}
    for label in wanted:
        known = label < len(size_a)
        total = int(size_a[label] + size_b[label]) if known else 0
        result[label] = 2.0 * int(common[label]) / total if total else float("nan")
    return result


def _counts(a: Labels, b: Labels) -> tuple[Labels, Labels, Labels]:
    """Return, by label, the voxels of ``a``, of ``b``, and of both."""
    highest = max((int(labels.max()) for labels in (a, b) if labels.size), default=0)
    length = highest + 1
    if length**2 > max(a.size, _SHORT):
        # A table of all pairs of labels would be larger than the maps.
        counts = (np.bincount(v, minlength=length) for v in (a, b, a[a == b]))
        size_a, size_b, common = counts
        return size_a, size_b, common
    # One pass over both maps, in numbers as short as can be: counting takes most of the time.
    kind = np.uint16 if length**2 <= _SHORT else np.int64
    joint = a.astype(kind)
    joint *= length
    joint += b.astype(kind, copy=False)
    pairs = np.bincount(joint, minlength=length**2).reshape(length, length)
    return pairs.sum(axis=1), pairs.sum(axis=0), pairs.diagonal()
