"""Statistics of paired results: bootstrap by subject, signed-rank test, correction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

__all__ = ["bootstrap_interval", "holm", "mean_of_worst", "signed_rank"]

_DRAWS = 10_000  # of the bootstrap; more take longer and make the interval more reproducible
_CONFIDENCE = 95.0  # percent, of the interval
_WORST = 0.3  # share of the pairs, as in Learn2Reg


def bootstrap_interval(
    differences: Sequence[float], subjects: Sequence[Sequence[str]], seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean for other draws of the subjects.

    A draw takes as many subjects as there are, with replacement. A pair counts as often as its
    subject was drawn; one of two subjects, the product of both numbers. Draws in which no pair is
    left are not counted.

    Args:
        differences: one for each pair.
        subjects: one or two for each pair.
        seed: of the draws.
    """
    names = sorted({name for own in subjects for name in own})
    place = {name: index for index, name in enumerate(names)}
    values = np.asarray(differences, float)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_DRAWS)
    weights = np.ones((_DRAWS, len(values)))
    for column, own in enumerate(subjects):
        for name in dict.fromkeys(own):
            weights[:, column] *= drawn[:, place[name]]
    total = weights.sum(1)
    means = (weights @ values)[total > 0] / total[total > 0]
    tail = (100 - _CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def signed_rank(differences: Sequence[float], subjects: Sequence[Sequence[str]]) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test.

    Where each pair is of one subject, the test is of the subjects, each with the mean of its pairs.
    Pairs of two subjects are tested as they are, though they are not independent.

    Returns:
        NaN for fewer than two units; 1 where nothing differs.
    """
    values = np.asarray(differences, float)
    if all(len(set(own)) == 1 for own in subjects):
        names = [own[0] for own in subjects]
        values = np.array(
            [values[[n == name for n in names]].mean() for name in dict.fromkeys(names)]
        )
    if len(values) < 2:
        return math.nan
    if not np.any(values):
        return 1.0
    return float(stats.wilcoxon(values).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm, 1979); NaN is none of them."""
    result = [math.nan] * len(p_values)
    known = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        result[index] = largest
    return result


def mean_of_worst(values: Sequence[float], higher_is_better: bool) -> float:
    """Return the mean of the worst 30 % of the values, at least one; NaN without any."""
    known = sorted(value for value in values if not math.isnan(value))
    if not known:
        return math.nan
    count = max(1, math.ceil(_WORST * len(known)))
    worst = known[:count] if higher_is_better else known[-count:]
    return float(np.mean(worst))
