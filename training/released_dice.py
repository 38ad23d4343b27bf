"""Dice loss as in textSCF's released code: squared sums, background and absent labels included."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from SlicerLDMRegLib.functional import sample

__all__ = ["released_dice_loss"]

_EPSILON = 1e-5  # of the released code


def released_dice_loss(
    moving_labels: Tensor, fixed_labels: Tensor, coordinates: Tensor, classes: int
) -> Tensor:
    """Return one minus the mean of ``2 sum(ab) / (sum(a^2) + sum(b^2) + 1e-5)`` over all labels.

    The labels are warped linearly, one after the other, with zeros outside of the moving image. A
    label that neither image holds counts as one that does not overlap at all: the loss of images
    with ten of thirteen organs is never below 3 / 14.

    Args:
        moving_labels: ``(B, 1, *S)`` integers from 0 to ``classes - 1``.
        fixed_labels: ``(B, 1, *out)``, the labels of the fixed image at the points.
        coordinates: ``(B, d, *out)``, the mapped points in voxels of the moving labels; receive the
            gradient.
        classes: number of labels, background included.

    Raises:
        ValueError: for incompatible shapes, or fewer than two classes.
    """
    if fixed_labels.shape != (coordinates.shape[0], 1, *coordinates.shape[2:]):
        raise ValueError(
            f"fixed_labels: expected {(coordinates.shape[0], 1, *coordinates.shape[2:])}, got "
            f"{tuple(fixed_labels.shape)}"
        )
    if classes < 2:
        raise ValueError(f"classes: expected 2 or more, got {classes}")
    # Each label is warped again for its gradient: all at once would be a volume for each of them.
    dice = [
        checkpoint(_dice, moving_labels == k, fixed_labels == k, coordinates, use_reentrant=False)
        for k in range(classes)
    ]
    return 1 - torch.stack(dice).mean()


def _dice(moving: Tensor, fixed: Tensor, coordinates: Tensor) -> Tensor:
    a = sample(moving.float(), coordinates.float(), padding="zeros").flatten(1)
    b = fixed.float().flatten(1)
    total = a.square().sum(1) + b.square().sum(1)
    return (2 * (a * b).sum(1) / (total + _EPSILON)).mean()
