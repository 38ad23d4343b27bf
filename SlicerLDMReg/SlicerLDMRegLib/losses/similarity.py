"""Similarity of images of one modality: MSE, NCC and local NCC."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functional._checks import check_field
from ..functional._precision import promoted_pair
from ._box_mean import box_mean

__all__ = ["lncc", "mse", "ncc"]

# Variance below which an image or window counts as flat: a standard deviation of 0.003 for
# intensities in [0, 1]. A larger value ignores weak contrast, a smaller one correlates noise. Not
# tuned.
_FLAT_VARIANCE = 1e-5
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
    channels = a.shape[1]
    products = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    share: Tensor | None = None
    if mask is None:
        means = box_mean(products, window, stride=stride)
    else:
        share = box_mean(mask.to(products.dtype), window, stride=stride)
        means = box_mean(mask * products, window, stride=stride) / share.clamp(min=1e-6)
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = means.split(channels, dim=1)
    variance_b = (mean_bb - mean_b.square()).clamp(min=_LEAST_VARIANCE)
    # A window of the fixed image with less contrast counts less, but its correlation is a whole
    # one. Were its variance raised instead, a larger one of the warped image would come nearer to
    # it, and a field that widens faint edges would gain, even of an image onto itself.
    least = variance_b.clamp(max=_FLAT_VARIANCE)
    variance_a = torch.maximum(mean_aa - mean_a.square(), least)
    contrast = (variance_b / _FLAT_VARIANCE).clamp(max=1).square()
    covariance = mean_ab - mean_a * mean_b
    squares = contrast * covariance.square() / (variance_a * variance_b)
    return -(squares if share is None else share * squares).mean()
