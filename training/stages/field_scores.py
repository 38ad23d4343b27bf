"""Scores of fields on validation pairs, for the stages that learn from images and labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import jacobian_determinant, warp
from SlicerLDMRegLib.losses import mse

from ..datasets.layouts.halving import double_displacement

__all__ = ["FieldScores", "mean_dice"]


class FieldScores:
    """Collects error, Dice and folds of one pair after the other.

    Args:
        classes: number of labels, background included.
        scored: labels that count; none: there are no labels.
    """

    def __init__(self, classes: int, scored: Sequence[int]) -> None:
        self._classes, self._scored = classes, scored
        self._errors: list[float] = []
        self._dice: list[float] = []
        self._folds: list[float] = []

    def add(
        self,
        pair: Mapping[str, Tensor],
        field: Tensor,
        moving_labels: Tensor,
        fixed_labels: Tensor,
    ) -> None:
        """Add a pair.

        One at half the resolution is measured on the lattice of its images, with the displacement
        doubled.

        Args:
            pair: ``moving`` and ``fixed``, ``(1, 1, *S)``; where the images are at half the
                resolution ``full_moving_labels`` and ``full_fixed_labels``.
            field: displacement ``(1, d, *S)`` in voxels.
            moving_labels, fixed_labels: numbers, ``(1, 1, *S)``.
        """
        self._errors.append(float(mse(warp(pair["moving"], field), pair["fixed"])))
        if "full_fixed_labels" in pair:
            moving_labels = pair["full_moving_labels"]
            fixed_labels = pair["full_fixed_labels"].long()
            field = double_displacement(field, fixed_labels.shape[2:])
        if self._scored:
            warped = warp(moving_labels, field, mode="nearest").long()
            self._dice.append(mean_dice(warped, fixed_labels, self._classes, self._scored))
        self._folds.append(float((jacobian_determinant(field) <= 0).float().mean()))

    def mean(self) -> dict[str, float]:
        """Return the means; without labels the score is the negative squared difference."""
        error = sum(self._errors) / len(self._errors)
        measured = {"mse": error, "fold_percent": 100 * sum(self._folds) / len(self._folds)}
        known = [value for value in self._dice if not math.isnan(value)]
        if not known:
            return {"score": -error, **measured}
        score = sum(known) / len(known)
        return {"score": score, "dice": score, **measured}


def mean_dice(a: Tensor, b: Tensor, classes: int, scored: Sequence[int] | None = None) -> float:
    """Return the mean Dice of the classes present in either map; NaN where there is none.

    Args:
        a: integers from 0 to ``classes - 1``.
        b: of the same shape.
        classes: number of classes, background included.
        scored: classes that count; None: all but the background.

    Raises:
        InputError: for a label outside of the classes.
    """
    a, b = a.flatten(), b.flatten()
    most = int(torch.maximum(a.max(), b.max()))
    if most >= classes:
        raise InputError(f"labels: expected 0 to {classes - 1} of the scheme, got {most}")
    overlap = torch.bincount(a[a == b], minlength=classes)
    total = torch.bincount(a, minlength=classes) + torch.bincount(b, minlength=classes)
    counted = list(range(1, classes)) if scored is None else list(scored)
    overlap, total = overlap[counted], total[counted]
    present = total > 0
    return float((2 * overlap[present] / total[present]).mean())
