"""Overlap of label maps."""

from __future__ import annotations

import torch
from torch import Tensor

from ._common import promoted_pair

__all__ = ["soft_dice_loss"]


def soft_dice_loss(warped_labels: Tensor, fixed_labels: Tensor) -> Tensor:
    """Return one minus the mean soft Dice coefficient of the classes; 0 is best.

    Per image and class ``2 sum(ab) / (sum(a^2) + sum(b^2))``. A class that neither label map holds
    is left out of the mean, rather than counted as a failure; without any class the loss is 0.

    Args:
        warped_labels: one-hot moving labels, warped linearly, ``(B, K, *S)`` in [0, 1].
        fixed_labels: one-hot fixed labels, same shape.

    Raises:
        ValueError: for shapes that differ.
    """
    a, b = (t.flatten(2) for t in promoted_pair(warped_labels, fixed_labels))
    total = (a.square() + b.square()).sum(2)
    present = total > 0
    dice = 2 * (a * b).sum(2) / torch.where(present, total, 1.0)
    loss = torch.where(present, 1 - dice, 0.0)
    return loss.sum() / present.sum().clamp(min=1)
