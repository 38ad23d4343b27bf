"""Similarity of images of one modality: MSE, NCC and local NCC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..functional._checks import check_field
from ..functional._precision import autocast_disabled, promoted_pair
from ._box_mean import box_mean, box_mean_adjoint

__all__ = ["lncc", "mse", "ncc"]

# Variance below which an image or window counts as flat: a standard deviation of 0.003 for
# intensities in [0, 1]. A larger value ignores weak contrast, a smaller one correlates noise. Not
# tuned.
_FLAT_VARIANCE = 1e-5
_SHARE = 1e-6  # of a window inside the mask, below which it has none
_LEAST_VARIANCE = 1e-8  # keeps what rounding leaves of a flat window from being divided by


def mse(warped: Tensor, fixed: Tensor) -> Tensor:
    """Return the mean squared difference; 0 is best.

    Args:
        warped: ``(B, C, *S)``.
        fixed: same shape.

    Raises:
        ValueError: for shapes that differ.
    """
    warped, fixed = promoted_pair(warped, fixed)
    return (warped - fixed).square().mean()


def ncc(warped: Tensor, fixed: Tensor) -> Tensor:
    """Return minus the normalised cross-correlation over the whole image; -1 is best, 1 worst.

    The mean over batch and channels. An image without contrast correlates to 0.

    Args:
        warped: ``(B, C, *S)``.
        fixed: same shape.

    Raises:
        ValueError: for shapes that differ.
    """
    warped, fixed = promoted_pair(warped, fixed)
    a, b = (
        (t - t.flatten(2).mean(2).reshape(t.shape[:2] + (1,) * (t.ndim - 2))).flatten(2)
        for t in (warped, fixed)
    )
    covariance = (a * b).mean(2)
    variances = (a.square().mean(2) * b.square().mean(2)).clamp(min=_FLAT_VARIANCE**2)
    return -(covariance / variances.sqrt()).mean()


def lncc(
    warped: Tensor,
    fixed: Tensor,
    window: int = 9,
    stride: int = 1,
    mask: Tensor | None = None,
) -> Tensor:
    """Return minus the mean squared local normalised cross-correlation; -1 is best, 0 worst.

    The statistics are computed in a box around each voxel, cropped at the border of the image
    (Avants et al., Medical Image Analysis 12, 2008, Equation 6). Because of the square the loss
    ignores the sign of the correlation. Windows without contrast in the fixed image contribute 0
    and no gradient; no image comes nearer to one than this itself does.

    Args:
        warped: ``(B, C, *S)``.
        fixed: same shape.
        window: odd width of the box in voxels.
        stride: distance of the box centres in voxels. Half of the window or less uses every voxel
            and takes, in 3D, half of the time.
        mask: weights of the voxels in the statistics, ``(B, 1, *S)`` in [0, 1]; a window is
            weighted by the share of it inside the mask. None: 1 everywhere.

    Raises:
        ValueError: for shapes that differ, an even window, or a stride below 1.
    """
    check_field(warped, "warped")
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window: expected an odd number of voxels from 3, got {window}")
    if stride < 1:
        raise ValueError(f"stride: expected at least 1, got {stride}")
    a, b = promoted_pair(warped, fixed)
    # E[x^2] - E[x]^2 loses digits when the mean is far from 0.
    a, b = (t - t.detach().mean() for t in (a, b))
    weights = None if mask is None else mask.to(a.dtype)
    if b.requires_grad or (weights is not None and weights.requires_grad):
        return _lncc(a, b, window, stride, weights)
    with autocast_disabled(a):
        value: Tensor = _LnccOfWarped.apply(a, b, window, stride, weights)
        return value


def _lncc(a: Tensor, b: Tensor, window: int, stride: int, weights: Tensor | None) -> Tensor:
    """Return the loss of images without their means, differentiable by all of them."""
    products = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    share: Tensor | None = None
    if weights is None:
        means = box_mean(products, window, stride=stride)
    else:
        share = box_mean(weights, window, stride=stride)
        means = box_mean(weights * products, window, stride=stride) / share.clamp(min=_SHARE)
    return _Windows.of(means, a.shape[1]).loss(share)


@dataclass(frozen=True)
class _Windows:
    """Statistics of the windows, each ``(B, C, *S)``.

    Attributes:
        means: of both images.
        covariance: of them.
        variances: of both, those of the first not below ``least``.
        unbounded: the variance of the first image as it is.
        least: of it.
        contrast: weight of a window.
    """

    means: tuple[Tensor, Tensor]
    covariance: Tensor
    variances: tuple[Tensor, Tensor]
    unbounded: Tensor
    least: Tensor
    contrast: Tensor

    @classmethod
    def of(cls, means: Tensor, channels: int) -> _Windows:
        """Take the means ``(B, 5 C, *S)`` of a, b, a^2, b^2 and ab."""
        mean_a, mean_b, mean_aa, mean_bb, mean_ab = means.split(channels, dim=1)
        variance_b = (mean_bb - mean_b.square()).clamp(min=_LEAST_VARIANCE)
        # A window of the fixed image with less contrast counts less, but its correlation is a whole
        # one. Were its variance raised instead, a larger one of the warped image would come nearer
        # to it, and a field that widens faint edges would gain, even of an image onto itself.
        least = variance_b.clamp(max=_FLAT_VARIANCE)
        unbounded = mean_aa - mean_a.square()
        variance_a = torch.maximum(unbounded, least)
        contrast = (variance_b / _FLAT_VARIANCE).clamp(max=1).square()
        covariance = mean_ab - mean_a * mean_b
        variances = variance_a, variance_b
        return cls((mean_a, mean_b), covariance, variances, unbounded, least, contrast)

    def loss(self, share: Tensor | None) -> Tensor:
        """Return minus the mean squared correlation, weighted by shares ``(B, 1, *S)``."""
        variance_a, variance_b = self.variances
        squares = self.contrast * self.covariance.square() / (variance_a * variance_b)
        return -(squares if share is None else share * squares).mean()


class _LnccOfWarped(torch.autograd.Function):
    """The loss with its gradient by the warped image, in half the time that autograd takes."""

    @staticmethod
    def forward(
        ctx: Any, a: Tensor, b: Tensor, window: int, stride: int, weights: Tensor | None
    ) -> Tensor:
        channels = a.shape[1]
        products = a.new_empty(len(a), 5 * channels + (weights is not None), *a.shape[2:])
        parts = products.split(channels, dim=1)
        if weights is None:
            parts[0].copy_(a)
            parts[1].copy_(b)
        else:
            torch.mul(a, weights, out=parts[0])
            torch.mul(b, weights, out=parts[1])
            products[:, -1:] = weights
        torch.mul(parts[0], a, out=parts[2])
        torch.mul(parts[1], b, out=parts[3])
        torch.mul(parts[0], b, out=parts[4])
        means = box_mean(products, window, stride=stride)
        share = None
        if weights is not None:
            share = means[:, -1:]
            means = means[:, :-1] / share.clamp(min=_SHARE)
        windows = _Windows.of(means, channels)
        ctx.options, ctx.windows = (window, stride), windows
        ctx.save_for_backward(a, b, *(() if weights is None else (weights, share)))
        return windows.loss(share)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        a, b, *rest = ctx.saved_tensors
        windows: _Windows = ctx.windows
        mean_a, mean_b = windows.means
        variance_a, variance_b = windows.variances
        scale = -gradient / windows.covariance.numel() * windows.contrast
        if rest:
            weights, share = rest
            # The mean of a window is the sum of what is inside by its share.
            scale = scale * (share / share.clamp(min=_SHARE))
        by_covariance = 2 * scale * windows.covariance / (variance_a * variance_b)
        by_variance = -0.5 * by_covariance * windows.covariance / variance_a
        by_variance = by_variance * (windows.unbounded > windows.least)
        by_mean = -by_covariance * mean_b - 2 * by_variance * mean_a
        window, stride = ctx.options
        both = torch.cat([by_covariance, by_variance, by_mean], dim=1)
        spread = box_mean_adjoint(both, a.shape[2:], window, stride)
        factor_b, factor_a, found = spread.split(a.shape[1], dim=1)
        found = torch.addcmul(found, factor_b, b).addcmul_(factor_a, a, value=2)
        return found * weights if rest else found, None, None, None, None
