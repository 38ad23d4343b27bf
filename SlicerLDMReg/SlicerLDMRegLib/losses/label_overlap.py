"""Soft Dice of label maps with many classes, without one-hot volumes."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import Tensor

from ..functional import identity_grid

__all__ = ["label_dice_loss", "sampled_label_dice_loss"]


def label_dice_loss(
    moving_labels: Tensor, fixed_labels: Tensor, displacement: Tensor, classes: int
) -> Tensor:
    """Return one minus the mean soft Dice of the classes after a linear warp; 0 is best.

    Equals the overlap of the linearly warped one-hot moving labels with the fixed ones, per image
    and class ``2 sum(ab) / (sum(a) + sum(b))``. Each voxel reads the 8 (in 2D 4) labels around the
    point it is mapped to, instead of one-hot volumes of gigabytes for 36 classes. Outside of the
    moving image its border is repeated. Class 0 is background and does not count; a class absent
    from both maps is left out of the mean.

    Args:
        moving_labels: ``(B, 1, *S)`` integers from 0 to ``classes - 1``.
        fixed_labels: ``(B, 1, *S)`` integers from 0 to ``classes - 1``.
        displacement: ``(B, d, *S)`` in voxels; receives the gradient.
        classes: number of classes, background included.

    Raises:
        ValueError: for incompatible shapes, or fewer than two classes.
    """
    for labels, name in ((moving_labels, "moving_labels"), (fixed_labels, "fixed_labels")):
        expected = (displacement.shape[0], 1, *displacement.shape[2:])
        if labels.shape != expected:
            raise ValueError(f"{name}: expected {expected}, got {tuple(labels.shape)}")
    points = identity_grid(displacement.shape[2:], displacement.device) + displacement.float()
    return sampled_label_dice_loss(moving_labels, fixed_labels, points, classes)


def sampled_label_dice_loss(
    moving_labels: Tensor, fixed_labels: Tensor, coordinates: Tensor, classes: int
) -> Tensor:
    """Return :func:`label_dice_loss` at a subset of points, at a proportionally lower cost.

    Args:
        moving_labels: ``(B, 1, *S)`` integers from 0 to ``classes - 1``.
        fixed_labels: ``(B, 1, *out)``, the labels of the fixed image at the points.
        coordinates: ``(B, d, *out)``, the mapped points in voxels of the moving labels; receive the
            gradient.
        classes: number of classes, background included.

    Raises:
        ValueError: for incompatible shapes, or fewer than two classes.
    """
    expected = (coordinates.shape[0], 1, *coordinates.shape[2:])
    if fixed_labels.shape != expected:
        raise ValueError(f"fixed_labels: expected {expected}, got {tuple(fixed_labels.shape)}")
    if moving_labels.ndim != coordinates.shape[1] + 2 or len(moving_labels) != len(coordinates):
        raise ValueError(
            f"moving_labels: expected ({len(coordinates)}, 1, *S) with {coordinates.shape[1]} "
            f"axes S, got {tuple(moving_labels.shape)}"
        )
    if classes < 2:
        raise ValueError(f"classes: expected 2 or more, got {classes}")
    loss: Tensor = _LabelDice.apply(coordinates, moving_labels, fixed_labels, classes)
    return loss


class _Corners:
    """Labels at the grid points around each mapped point, with their linear weights."""

    def __init__(self, coordinates: Tensor, labels: Tensor) -> None:
        shape = labels.shape[2:]
        size = torch.tensor(shape, device=labels.device).view(-1, *[1] * len(shape))
        points = coordinates.detach().float()
        inside = (points >= 0) & (points <= size - 1)
        points = torch.minimum(points.clamp(min=0), size - 1)
        low = torch.minimum(points.floor(), (size - 2).clamp(min=0))
        self.upper = points - low
        # Outside of the border the image is constant and gives no gradient.
        self.slope = inside & (size > 1)
        low = low.long()
        strides = [1]
        for n in reversed(shape[1:]):
            strides.insert(0, strides[0] * n)
        base = torch.zeros_like(low[:, 0])
        for i, stride in enumerate(strides):
            base += low[:, i] * stride
        self.base = base.flatten(1)
        self.steps = [s if n > 1 else 0 for s, n in zip(strides, shape, strict=True)]
        self.labels = labels.flatten(1)

    def __iter__(self) -> Any:
        """Yield the bits of each corner, its labels and its weights, both ``(B, V)``."""
        for bits in product((0, 1), repeat=len(self.steps)):
            index = self.base + sum(b * s for b, s in zip(bits, self.steps, strict=True))
            yield bits, self.labels.gather(1, index).long(), self.weight(bits)

    def weight(self, bits: tuple[int, ...], without: int | None = None) -> Tensor:
        """Return the product of the linear weights of all axes but ``without``."""
        factors = [
            self.upper[:, i] if bit else 1 - self.upper[:, i]
            for i, bit in enumerate(bits)
            if i != without
        ]
        result = factors[0]
        for factor in factors[1:]:
            result = result * factor
        return result.flatten(1)


class _LabelDice(torch.autograd.Function):
    """Soft Dice with an explicit gradient: linear in the corner weights but for one division."""

    @staticmethod
    def forward(
        ctx: Any, coordinates: Tensor, moving: Tensor, fixed: Tensor, classes: int
    ) -> Tensor:
        corners = _Corners(coordinates, moving)
        target = fixed.flatten(1).long()
        batch = len(target)
        overlap = coordinates.new_zeros(batch, classes, dtype=torch.float32)
        warped = torch.zeros_like(overlap)
        volume = torch.zeros_like(overlap)
        volume.scatter_add_(1, target, torch.ones_like(target, dtype=torch.float32))
        for _, label, weight in corners:
            warped.scatter_add_(1, label, weight)
            overlap.scatter_add_(1, target, weight * (label == target))
        total = warped + volume
        counted = total > 0
        counted[:, 0] = False
        number = counted.sum().clamp(min=1)
        safe = torch.where(counted, total, 1.0)
        loss = torch.where(counted, 1 - 2 * overlap / safe, 0.0).sum() / number
        if ctx.needs_input_grad[0]:
            by_overlap = torch.where(counted, -2 / safe, 0.0) / number
            by_warped = torch.where(counted, 2 * overlap / safe.square(), 0.0) / number
            gradient = torch.zeros_like(coordinates, dtype=torch.float32)
            mine = by_overlap.gather(1, target)
            for bits, label, _ in corners:
                slope = by_warped.gather(1, label) + mine * (label == target)
                for axis, bit in enumerate(bits):
                    part = (slope * corners.weight(bits, axis)).view_as(gradient[:, axis])
                    gradient[:, axis].add_(part, alpha=1 if bit else -1)
            ctx.save_for_backward(gradient * corners.slope)
        return loss

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outputs[0], None, None, None
