"""Encoder streams of LDM-Morph and the cross-attention between them (section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from ..._monai import PatchMergingV2
from ..swin import SwinBlock
from .config import LDMMorphConfig

__all__ = ["LGCA", "GlobalStream", "LatentStream"]


class LatentStream(nn.ModuleList):
    """Upper stream: one convolution with PReLU per level of diffusion features."""

    def __init__(self, feature_channels: Sequence[int], config: LDMMorphConfig) -> None:
        super().__init__(
            nn.Sequential(nn.Conv2d(2 * c, width, 3, padding=1), nn.PReLU())
            for c, width in zip(feature_channels, config.stream_channels, strict=True)
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Map ``(B, 2 * features, h_i, w_i)`` to ``(B, width_i, h_i, w_i)`` at each level."""
        return [layer(x) for layer, x in zip(self, features, strict=True)]


class GlobalStream(nn.Module):
    """Lower stream: a Swin transformer on the concatenated images (Figure 2, Equations 7 and 8)."""

    def __init__(self, config: LDMMorphConfig) -> None:
        super().__init__()
        widths = config.stream_channels
        self.patch_embed = nn.Conv2d(2, widths[0], 4, stride=4)
        self.patch_norm = nn.LayerNorm(widths[0])
        blocks = sum(config.depths)
        drop_path = [config.drop_path * i / (blocks - 1) for i in range(blocks)]
        self.stages = nn.ModuleList()
        for width, depth, heads in zip(widths, config.depths, config.num_heads, strict=True):
            self.stages.append(
                nn.ModuleList(
                    SwinBlock(
                        width,
                        heads,
                        config.window,
                        shift=config.window // 2 if i % 2 else 0,
                        drop_path=drop_path.pop(0),
                    )
                    for i in range(depth)
                )
            )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.merges = nn.ModuleList(PatchMergingV2(w, nn.LayerNorm, 2) for w in widths[:-1])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map both images ``(B, 2, H, W)`` to four levels ``(B, width_i, H / 4 / 2**i, ...)``."""
        x = self.patch_norm(self.patch_embed(images).permute(0, 2, 3, 1))
        levels = []
        for level, blocks in enumerate(self.stages):
            for block in cast("nn.ModuleList", blocks):
                x = block(x)
            levels.append(self.norms[level](x).permute(0, 3, 1, 2))
            if level < len(self.merges):
                x = self.merges[level](x)
        return levels


class LGCA(nn.Module):
    """Latent and global feature-based cross-attention of one level (Figure 3, Equations 9 to 11).

    Two blocks, on plain and on shifted windows. The first attends with queries of ``y`` to keys and
    values of ``x``. The second does the same (``"cross"``, as released) or is self-attention of
    ``x`` (``"self"``, Equation 11). One module serves both directions of its level.
    """

    def __init__(self, channels: int, config: LDMMorphConfig) -> None:
        super().__init__()
        self.second = config.lgca_second
        # Stochastic depth as released: linear over ten blocks, of which only two exist.
        drop_path = (0.0, config.drop_path / 9)
        self.blocks = nn.ModuleList(
            SwinBlock(channels, config.lgca_heads, config.window, shift, rate)
            for shift, rate in zip((0, config.window // 2), drop_path, strict=True)
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``x`` updated by attention with queries of ``y``; all ``(B, C, h, w)``."""
        x, y = x.permute(0, 2, 3, 1), y.permute(0, 2, 3, 1)
        x = self.blocks[0](x, query=y)
        x = self.blocks[1](x, query=y if self.second == "cross" else None)
        return self.norm(x).permute(0, 3, 1, 2)
