"""Numbers of labels under which two label maps fit better than as they are."""

from __future__ import annotations

import numpy as np

from ._arrays import Array, label_pair

__all__ = ["better_numbers"]

# Mean Dice that other numbers have to bring. Neighbouring structures, of which one covers another's
# place after a poor registration, bring less: at most 0.1 in pairs of two brains.
_GAIN = 0.2
_FEWEST_DICE = 0.1  # of a structure with another number that fits at all
_MOST = 500  # labels; all pairs of more take too long


def better_numbers(a: Array, b: Array) -> tuple[dict[int, int], float] | None:
    """Return the numbers of ``b`` that fit the structures of ``a`` far better than the same ones.

    Args:
        a: label map.
        b: label map of the same shape, such as the registered one.

    Returns:
        For each number of ``a`` that has another one in ``b``, this one; and the mean Dice of all
        labels of ``a`` under these numbers. None where the numbers are right, where no others fit
        far better, or where there are more than 500.

    Raises:
        InputError: for shapes that differ, negative labels or labels that are not whole numbers.
    """
    first, second = (values.ravel() for values in label_pair(a, b))
    names_a, index_a = np.unique(first, return_inverse=True)
    names_b, index_b = np.unique(second, return_inverse=True)
    if max(len(names_a), len(names_b)) > _MOST:
        return None
    shape = len(names_a), len(names_b)
    common = np.bincount(index_a * shape[1] + index_b, minlength=shape[0] * shape[1])
    common = common.reshape(shape).astype(float)
    sizes = common.sum(1)[:, None] + common.sum(0)
    dice = (2 * common / sizes)[names_a > 0][:, names_b > 0]
    names_a, names_b = names_a[names_a > 0], names_b[names_b > 0]
    if not dice.size:
        return None
    same = names_a[:, None] == names_b
    now = (dice * same).sum() / len(names_a)
    if dice.max(axis=1).sum() / len(names_a) < now + _GAIN:
        return None  # not even if several of one could have the same partner
    from scipy.optimize import linear_sum_assignment

    # Of equal ones the same number.
    rows, columns = linear_sum_assignment(-(dice + 1e-6 * same))
    best = dice[rows, columns].sum() / len(names_a)
    if best < now + _GAIN:
        return None
    others = {
        int(names_a[i]): int(names_b[j])
        for i, j in zip(rows, columns, strict=True)
        if names_a[i] != names_b[j] and dice[i, j] >= _FEWEST_DICE
    }
    return others, float(best)
