"""TransMatch: features of both images, matched by cross-attention (Chen et al., TMI 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from SlicerLDMRegLib._monai import PatchMergingV2
from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.networks.backbones.layers import (
    average_pool,
    convolution,
    instance_norm,
    interpolation,
)

from .field_network import FieldNetwork
from .window_attention import CrossBlock

__all__ = ["TransMatch"]

_PATCH = 4  # edge of a first-level token in voxels


class TransMatch(FieldNetwork):
    """TransMatch: one Swin encoder for both images, cross-attention between them at each level.

    Args:
        spatial_dims: 2 or 3.
        embed_dim: width of the first of the four levels; it doubles at each level.
        depths: Swin blocks of each level.
        heads: of each level, in the encoder.
        cross_heads: of the cross-attention, at every level; two blocks each.
        window: edges of the windows in tokens; one number for all axes, or one for each.
        low_level_channels: width of the features of both images at half resolution.
        drop_path: largest stochastic depth, reached in the last block of the encoder.

    Raises:
        ModelError: for lists of other lengths.
    """

    divisor = 32

    def __init__(
        self,
        spatial_dims: int,
        embed_dim: int = 96,
        depths: Sequence[int] = (2, 2, 4, 2),
        heads: Sequence[int] = (4, 4, 8, 8),
        cross_heads: int = 4,
        window: int | Sequence[int] = 7,
        low_level_channels: int = 48,
        drop_path: float = 0.3,
    ) -> None:
        super().__init__()
        sizes = (window,) * spatial_dims if isinstance(window, int) else tuple(window)
        if len(depths) != 4 or len(heads) != 4 or len(sizes) != spatial_dims:
            raise ModelError(
                f"depths and heads must have 4 numbers and window {spatial_dims}, got "
                f"{tuple(depths)}, {tuple(heads)} and {sizes}"
            )
        self.spatial_dims = spatial_dims
        widths = [embed_dim * 2**level for level in range(4)]
        self.embed = convolution(spatial_dims)(1, embed_dim, _PATCH, _PATCH)
        self.embed_norm = nn.LayerNorm(embed_dim)
        rates = iter(np.linspace(0, drop_path, sum(depths)).tolist())
        self.stages = nn.ModuleList(
            nn.ModuleList(
                CrossBlock(width, h, sizes, bool(i % 2), next(rates)) for i in range(depth)
            )
            for width, depth, h in zip(widths, depths, heads, strict=True)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.merges = nn.ModuleList(
            PatchMergingV2(width, nn.LayerNorm, spatial_dims) for width in widths[:-1]
        )
        self.cross = nn.ModuleList(
            nn.ModuleList(CrossBlock(width, cross_heads, sizes, bool(i)) for i in range(2))
            for width in widths
        )
        self.low_level = _block(2, low_level_channels, spatial_dims)
        skips = (2 * widths[2], 2 * widths[1], 2 * widths[0], low_level_channels)
        outputs = (widths[2], widths[1], widths[0], low_level_channels)
        self.ups = nn.ModuleList(
            nn.Sequential(_block(i + s, o, spatial_dims), _block(o, o, spatial_dims))
            for i, s, o in zip(widths[::-1], skips, outputs, strict=True)
        )
        self.head = convolution(spatial_dims)(low_level_channels, spatial_dims, 3, padding=1)
        # Training starts at the identity.
        nn.init.normal_(self.head.weight, 0.0, 1e-5)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def _features(self, images: Tensor) -> list[Tensor]:
        """Return the features of each level ``(B, *S_i, C_i)`` of images ``(B, 1, *S)``."""
        x = self.embed_norm(self.embed(images).movedim(1, -1))
        levels = []
        for level, blocks in enumerate(self.stages):
            for block in blocks:  # type: ignore[union-attr]
                x = block(x)
            levels.append(self.norms[level](x))
            if level < len(self.merges):
                x = self.merges[level](x)
        return levels

    def _matched(self, level: int, x: Tensor, source: Tensor) -> Tensor:
        for block in self.cross[level]:  # type: ignore[union-attr]
            x = block(x, source)
        return x.movedim(-1, 1)

    def forward(self, moving: Tensor, fixed: Tensor) -> FieldPrediction:
        """See :class:`FieldNetwork`."""
        # One encoder for both images, as its authors confirm.
        levels = [f.chunk(2) for f in self._features(torch.cat([moving, fixed]))]
        to_moving = [self._matched(i, m, f) for i, (m, f) in enumerate(levels)]
        to_fixed = [self._matched(i, f, m) for i, (m, f) in enumerate(levels[:-1])]
        pairs = zip(to_moving[:-1], to_fixed, strict=True)
        skips = [torch.cat(pair, dim=1) for pair in pairs][::-1]
        skips.append(self.low_level(average_pool(torch.cat([moving, fixed], dim=1), 3, 2, 1)))
        x = to_moving[-1]
        for up, skip in zip(self.ups, skips, strict=True):
            x = up(torch.cat([_doubled(x), skip], dim=1))
        return FieldPrediction(self.head(_doubled(x)).float())


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode=interpolation(x), align_corners=False)


def _block(inputs: int, outputs: int, dimension: int) -> nn.Sequential:
    return nn.Sequential(
        convolution(dimension)(inputs, outputs, 3, padding=1, bias=False),
        instance_norm(dimension)(outputs),
        nn.LeakyReLU(0.01),
    )
