"""Soft Dice and cross-entropy of label maps."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functional._precision import promoted_pair

__all__ = ["segmentation_loss", "soft_dice_loss"]


def soft_dice_loss(warped_labels: Tensor, fixed_labels: Tensor) -> Tensor:
    """Return one minus the mean soft Dice coefficient of the classes; 0 is best.

    Per image and class ``2 sum(ab) / (sum(a^2) + sum(b^2))``. A class absent from
    both label maps is left out of the mean; without any class the loss is 0.

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


def segmentation_loss(logits: Tensor, labels: Tensor, unknown: int | None = None) -> Tensor:
    """Return cross-entropy plus one minus the mean soft Dice of a segmentation; 0 is best.

    Equals MONAI's ``DiceCELoss`` without background, over the whole batch, but makes no one-hot
    volumes: with 36 classes it takes a third of the time. A class neither present nor predicted
    does not count.

    Args:
        logits: ``(B, N, *S)``.
        labels: ``(B, 1, *S)`` integers from 0 (background) to N - 1.
        unknown: label of the voxels of which only this is known, that they are none of the
            structures that were drawn in the batch: those that do occur. Where there are such,
            structures that do not occur are not drawn, and leave the loss.

    Raises:
        ValueError: for incompatible shapes.
    """
    if labels.shape != (logits.shape[0], 1, *logits.shape[2:]):
        raise ValueError(
            f"expected labels of shape {(logits.shape[0], 1, *logits.shape[2:])}, "
            f"got {tuple(labels.shape)}"
        )
    classes = logits.shape[1]
    labels = labels.long()
    probabilities = logits.float().softmax(1)
    if unknown is not None and bool((labels == unknown).any()):
        drawn = [n for n in range(1, classes) if bool((labels == n).any())]
        rest = 1 - probabilities[:, drawn].sum(1, keepdim=True)
        probabilities = torch.cat([rest, probabilities[:, drawn]], 1)
        rows = torch.zeros(max(classes, unknown + 1), dtype=torch.long, device=labels.device)
        rows[drawn] = torch.arange(1, len(drawn) + 1, device=labels.device)
        labels, classes = rows[labels], 1 + len(drawn)
    own = probabilities.gather(1, labels).flatten()
    flat = labels.flatten()
    overlap = own.new_zeros(classes).scatter_add(0, flat, own)
    predicted = probabilities.transpose(0, 1).flatten(1).sum(1)
    present = torch.bincount(flat, minlength=classes)
    total = (predicted + present)[1:]
    # Half a voxel: a class neither present nor predicted must not divide by almost zero.
    counted = total > 0.5
    dice = 2 * overlap[1:] / total.clamp(min=0.5)
    dice_loss = torch.where(counted, 1 - dice, 0.0).sum() / counted.sum().clamp(min=1)
    return dice_loss - own.clamp(min=1e-7).log().mean()
