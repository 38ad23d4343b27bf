"""Losses on label maps with many classes against the one-hot forms they stand for."""

from __future__ import annotations

import pytest
import torch
from monai.losses import DiceCELoss
from torch import Tensor

from SlicerLDMRegLib.functional import identity_grid, warp
from SlicerLDMRegLib.losses import label_dice_loss, sampled_label_dice_loss, segmentation_loss


def _labels(*shape: int, classes: int = 5, seed: int = 0) -> Tensor:
    return torch.randint(0, classes, shape, generator=torch.Generator().manual_seed(seed))


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    return torch.nn.functional.one_hot(labels[:, 0], classes).movedim(-1, 1).float()


@pytest.mark.parametrize("shape", [(7, 8, 9), (12, 10), (1, 6, 5)])
def test_label_dice_is_the_dice_of_warped_one_hot_labels(shape: tuple[int, ...]) -> None:
    moving, fixed = _labels(2, 1, *shape), _labels(2, 1, *shape, seed=1)
    generator = torch.Generator().manual_seed(2)
    field = 2 * torch.randn(2, len(shape), *shape, generator=generator)
    field.requires_grad_()
    loss = label_dice_loss(moving, fixed, field, 5)
    (gradient,) = torch.autograd.grad(loss, field)
    a, b = warp(_one_hot(moving, 5), field).flatten(2), _one_hot(fixed, 5).flatten(2)
    expected = 1 - (2 * (a * b).sum(2) / (a.sum(2) + b.sum(2)))[:, 1:].mean()
    (reference,) = torch.autograd.grad(expected, field)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
    assert (gradient - reference).abs().max() < 1e-6 + 1e-4 * reference.abs().max()


def test_classes_that_are_nowhere_do_not_count() -> None:
    labels = _labels(1, 1, 6, 6, 6, classes=3)
    still = torch.zeros(1, 3, 6, 6, 6)
    assert float(label_dice_loss(labels, labels, still, 40)) == pytest.approx(0.0, abs=1e-6)
    nothing = torch.zeros_like(labels)
    assert float(label_dice_loss(nothing, nothing, still, 40)) == 0.0


def test_following_the_gradient_brings_a_shifted_box_back() -> None:
    fixed, moving = torch.zeros(2, 1, 1, 12, 12, 12, dtype=torch.int64)
    fixed[..., 3:8, 3:8, 3:8] = 1
    moving[..., 3:8, 3:8, 4:9] = 1
    shift = torch.zeros(1, 3, 1, 1, 1, requires_grad=True)
    optimizer = torch.optim.Adam([shift], 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        label_dice_loss(moving, fixed, shift.expand(1, 3, 12, 12, 12), 2).backward()
        optimizer.step()
    assert shift.flatten().tolist() == pytest.approx([0, 0, 1], abs=0.15)


def test_sampling_all_points_is_the_whole_and_some_points_are_those_points() -> None:
    moving, fixed = _labels(1, 1, 8, 8, 8), _labels(1, 1, 8, 8, 8, seed=1)
    field = torch.randn(1, 3, 8, 8, 8, generator=torch.Generator().manual_seed(2))
    points = identity_grid((8, 8, 8)) + field
    whole = label_dice_loss(moving, fixed, field, 5)
    assert torch.equal(sampled_label_dice_loss(moving, fixed, points, 5), whole)
    part = (..., slice(1, None, 2), slice(None), slice(0, 4))
    a = warp(_one_hot(moving, 5), field)[part].flatten(2)
    b = _one_hot(fixed, 5)[part].flatten(2)
    expected = 1 - (2 * (a * b).sum(2) / (a.sum(2) + b.sum(2)))[:, 1:].mean()
    some = sampled_label_dice_loss(moving, fixed[part], points[part], 5)
    assert float(some) == pytest.approx(float(expected), abs=1e-6)


def test_label_dice_refuses_what_does_not_fit() -> None:
    labels, field = _labels(1, 1, 4, 4, 4), torch.zeros(1, 3, 4, 4, 4)
    with pytest.raises(ValueError, match="fixed_labels"):
        label_dice_loss(labels, _labels(1, 1, 4, 4, 5), field, 5)
    with pytest.raises(ValueError, match="classes: expected 2 or more"):
        label_dice_loss(labels, labels, field, 1)


def test_segmentation_loss_is_that_of_monai() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 6, 7, 8, generator=generator, requires_grad=True)
    labels = _labels(2, 1, 6, 7, 8)
    reference = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    loss, expected = segmentation_loss(logits, labels), reference(logits, labels)
    assert float(loss) == pytest.approx(float(expected), abs=1e-4)
    gradients = [torch.autograd.grad(value, logits)[0] for value in (loss, expected)]
    assert (gradients[0] - gradients[1]).abs().max() < 1e-6


def test_segmentation_loss_ignores_absent_classes_and_ends_at_zero() -> None:
    labels = _labels(1, 1, 6, 6, 6, classes=3)
    logits = 60.0 * _one_hot(labels, 9)
    assert float(segmentation_loss(logits, labels)) == pytest.approx(0.0, abs=1e-4)
    with pytest.raises(ValueError, match="expected labels of shape"):
        segmentation_loss(logits, labels[..., :5])
