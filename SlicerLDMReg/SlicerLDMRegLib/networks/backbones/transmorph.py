"""TransMorph: Swin transformer encoder, convolutional decoder (Chen et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..._monai import BasicLayer, PatchEmbed, PatchMergingV2
from ...errors import ModelError
from .backbone import Backbone
from .layers import average_pool, check_dimension, convolution, instance_norm, interpolation

__all__ = ["VARIANTS", "TransMorph"]

#: Published sizes: width of the first level, blocks and attention heads of each level.
VARIANTS: dict[str, tuple[int, tuple[int, ...], tuple[int, ...]]] = {
    "base": (96, (2, 2, 4, 2), (4, 4, 8, 8)),
    "large": (128, (2, 2, 12, 2), (4, 4, 8, 16)),
}
_PATCH = 4  # edge of a first-level token in voxels, as published


def _conv(inputs: int, outputs: int, dimension: int = 3) -> nn.Sequential:
    return nn.Sequential(
        convolution(dimension)(inputs, outputs, 3, padding=1, bias=False),
        instance_norm(dimension)(outputs),
        nn.LeakyReLU(0.01),
    )


class _Encoder(nn.Module):
    """Encoder of four levels of Swin blocks, at 1/4 to 1/32 of the resolution."""

    def __init__(
        self,
        embed_dim: int,
        depths: Sequence[int],
        heads: Sequence[int],
        window: Sequence[int],
        drop_path: float,
        dimension: int = 3,
    ) -> None:
        super().__init__()
        widths = [embed_dim * 2**level for level in range(len(depths))]
        self.patch_embed = PatchEmbed(_PATCH, 2, embed_dim, spatial_dims=dimension)
        rates = iter(np.linspace(0.0, drop_path, sum(depths)).tolist())
        self.stages = nn.ModuleList(
            BasicLayer(width, depth, h, tuple(window), [next(rates) for _ in range(depth)])
            for width, depth, h in zip(widths, depths, heads, strict=True)
        )
        self.merges = nn.ModuleList(
            PatchMergingV2(width, spatial_dims=dimension) for width in widths[:-1]
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the features of each level ``(B, C_i, *S_i)``, from fine to coarse."""
        x = self.patch_embed(images)
        levels = []
        for i, (stage, norm) in enumerate(zip(self.stages, self.norms, strict=True)):
            x = rearrange(stage(x), "b c ... -> b ... c")
            levels.append(rearrange(norm(x), "b ... c -> b c ..."))
            if i < len(self.merges):
                x = rearrange(self.merges[i](x), "b ... c -> b c ...")
        return levels


class TransMorph(Backbone):
    """TransMorph without the convolution that predicts the field.

    Volumes may have any size: they are zero-padded at their ends to multiples of 32, and the
    features are cropped again.

    Args:
        variant: ``"large"`` or ``"base"``; gives the three sizes below where they are None.
        image_size: size ``(D, H, W)`` of the training volumes. The attention window is 1/32 of it,
            rounded up, so that the coarsest level is one window; the default is the paper's, with
            windows of 5 x 6 x 7 tokens.
        embed_dim: width of the first of the four levels; it doubles at each level.
        depths: Swin blocks of each level; every second block has shifted windows.
        heads: attention heads of each level.
        head_channels: ``out_channels``, width of the features at full resolution.
        drop_path: largest stochastic depth, reached in the last block.
        spatial_dims: 2 or 3; ``image_size`` has as many numbers.

    Raises:
        ModelError: for an unknown variant or inconsistent sizes.

    Example:
        >>> import torch
        >>> network = TransMorph(image_size=(64, 64, 64), embed_dim=8, depths=(1, 1, 1, 1),
        ...     heads=(1, 1, 1, 1))
        >>> volume = torch.rand(1, 1, 20, 32, 48)
        >>> tuple(network(volume, volume).shape)
        (1, 16, 20, 32, 48)
    """

    stride = 1
    divisor = 1

    def __init__(
        self,
        variant: str = "large",
        image_size: Sequence[int] = (160, 192, 224),
        embed_dim: int | None = None,
        depths: Sequence[int] | None = None,
        heads: Sequence[int] | None = None,
        head_channels: int = 16,
        drop_path: float = 0.3,
        spatial_dims: int = 3,
    ) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ModelError(f"variant must be one of {sorted(VARIANTS)}, got {variant!r}")
        embed_dim = embed_dim or VARIANTS[variant][0]
        depths = depths or VARIANTS[variant][1]
        heads = heads or VARIANTS[variant][2]
        if len(depths) != 4 or len(heads) != 4 or len(image_size) != check_dimension(spatial_dims):
            raise ModelError(
                f"depths and heads must have 4 numbers and image_size {spatial_dims}, "
                f"got {tuple(depths)}, {tuple(heads)} and {tuple(image_size)}"
            )
        if embed_dim % 2 or any(embed_dim * 2**i % h for i, h in enumerate(heads)):
            raise ModelError(
                "embed_dim must be even, and the heads of a level must divide its width, "
                f"got embed_dim {embed_dim} and heads {tuple(heads)}"
            )
        self.out_channels = head_channels
        self.multiple = _PATCH * 2 ** (len(depths) - 1)
        window = [-(-n // self.multiple) for n in image_size]
        self.encoder = _Encoder(embed_dim, depths, heads, window, drop_path, spatial_dims)
        c, d = embed_dim, spatial_dims
        # Skips at half and full resolution: one convolution of the images each.
        self.skips = nn.ModuleList([_conv(2, c // 2, d), _conv(2, head_channels, d)])
        inputs, outputs = (8 * c, 4 * c, 2 * c, c, c // 2), (4 * c, 2 * c, c, c // 2, head_channels)
        self.ups = nn.ModuleList(
            nn.Sequential(_conv(i + o, o, d), _conv(o, o, d))
            for i, o in zip(inputs, outputs, strict=True)
        )

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """Return the features of a pair.

        Args:
            moving: ``(B, 1, *S)`` in [0, 1], of any size.
            fixed: ``(B, 1, *S)`` in [0, 1].

        Returns:
            ``(B, head_channels, *S)``.
        """
        images = torch.cat([moving, fixed], dim=1)
        size = images.shape[2:]
        missing = [-n % self.multiple for n in size]
        if any(missing):
            images = F.pad(images, [w for m in reversed(missing) for w in (0, m)])
        levels = self.encoder(images)
        x = levels.pop()
        resolutions = average_pool(images, 3, 2, 1), images
        skips = levels[::-1] + [f(r) for f, r in zip(self.skips, resolutions, strict=True)]
        for up, skip in zip(self.ups, skips, strict=True):
            x = F.interpolate(x, scale_factor=2, mode=interpolation(x), align_corners=False)
            x = up(torch.cat([x, skip], dim=1))
        inside = (slice(None), slice(None), *(slice(0, n) for n in size))
        return x[inside]
