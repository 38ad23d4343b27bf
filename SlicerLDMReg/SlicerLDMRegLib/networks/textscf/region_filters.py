"""Spatially covariant filters: filter weights by region."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..regions import Regions

__all__ = ["BlendedFilters", "ResidualFilters", "filter_by_region"]

# Voxels that are sorted at once, which takes two copies of their features; more than those of a
# 128^3 image at half resolution, all of which are sorted faster than their parts.
_AT_ONCE = 2**18 + 1


def filter_by_region(features: Tensor, labels: Tensor, filters: Tensor) -> Tensor:
    """Return ``u(x) = W[J(x)]^T F(x)`` (textSCF, Equation 3).

    Voxels are sorted by region and each region is one matrix product: no array is larger than the
    feature map.

    Args:
        features: ``F (B, C, *S)``.
        labels: ``J (B, 1, *S)`` int64, rows of ``filters``.
        filters: ``W (N, C, d)``.

    Returns:
        ``(B, d, *S)`` float32.

    Raises:
        ValueError: for labels on another grid or outside of the filter table.
    """
    if labels.shape != (features.shape[0], 1, *features.shape[2:]):
        raise ValueError(
            f"expected labels ({features.shape[0]}, 1, {tuple(features.shape[2:])}), "
            f"got {tuple(labels.shape)}"
        )
    flat = labels.reshape(-1)
    if int(flat.min()) < 0 or int(flat.max()) >= len(filters):
        raise ValueError(
            f"expected labels from 0 to {len(filters) - 1}, the rows of the filter table, "
            f"got {int(flat.min())} to {int(flat.max())}"
        )
    large = flat.numel() > _AT_ONCE and not torch.is_grad_enabled()
    return _in_parts(features, labels, filters) if large else _filtered(features, flat, filters)


def _in_parts(features: Tensor, labels: Tensor, filters: Tensor) -> Tensor:
    """Filter planes of the first spatial axis, some at once."""
    depth = features.shape[2]
    planes = max(1, _AT_ONCE * depth // labels.numel())
    field = features.new_empty(
        (features.shape[0], filters.shape[-1], *features.shape[2:]), dtype=torch.float32
    )
    for first in range(0, depth, planes):
        part = slice(first, first + planes)
        flat = labels[:, :, part].reshape(-1)
        field[:, :, part] = _filtered(features[:, :, part], flat, filters)
    return field


def _filtered(features: Tensor, flat: Tensor, filters: Tensor) -> Tensor:
    """Return the field of features whose labels are in ``flat``, in the order of the voxels."""
    voxels = features.movedim(1, -1).reshape(-1, features.shape[1]).float()
    order = torch.argsort(flat, stable=True)
    counts = torch.bincount(flat, minlength=len(filters)).tolist()
    parts = voxels[order].split(counts)
    products = [part @ w for part, w in zip(parts, filters.float(), strict=True) if len(part)]
    field = torch.cat(products)[torch.argsort(order)]
    return field.reshape(features.shape[0], *features.shape[2:], -1).movedim(-1, 1)


class BlendedFilters(nn.Module):
    """Region filters blended with a translation-invariant one (textSCF, Equation 4).

    ``u = (p w + (1 - p) w_r)^T F``: the region's filter acts where the label is certain, the common
    one where it is not.

    Args:
        channels: of the feature map.
        spatial_dims: of the displacement.
    """

    def __init__(self, channels: int, spatial_dims: int = 3) -> None:
        super().__init__()
        self.common = nn.Conv3d(channels, spatial_dims, 1, bias=False)

    def forward(self, features: Tensor, regions: Regions, filters: Tensor) -> Tensor:
        """Return the field ``(B, d, *S)`` of features ``(B, C, *S)``."""
        field = filter_by_region(features, regions.labels, filters)
        if regions.confidence is None:
            return field
        p = regions.confidence.float()
        return p * field + (1 - p) * self.common(features).float()


class ResidualFilters(nn.Module):
    """Region filters plus a 3x3x3 convolution, as in the released code.

    Args:
        channels: of the feature map.
        spatial_dims: of the displacement.
    """

    def __init__(self, channels: int, spatial_dims: int = 3) -> None:
        super().__init__()
        self.common = nn.Conv3d(channels, spatial_dims, 3, padding=1)
        nn.init.normal_(self.common.weight, 0.0, 1e-5)
        nn.init.zeros_(self.common.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, regions: Regions, filters: Tensor) -> Tensor:
        """Return the field ``(B, d, *S)`` of features ``(B, C, *S)``.

        A confidence, if given, scales the part of the region filters.
        """
        field = filter_by_region(features, regions.labels, filters)
        if regions.confidence is not None:
            field = regions.confidence.float() * field
        return field + self.common(features).float()
