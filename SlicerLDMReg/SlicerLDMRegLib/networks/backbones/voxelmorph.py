"""VoxelMorph: a plain U-Net on the image pair (Balakrishnan et al., TMI 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError
from .backbone import Backbone
from .layers import convolution

__all__ = ["VoxelMorph"]


def _conv(inputs: int, outputs: int, stride: int = 1, dimension: int = 3) -> nn.Sequential:
    return nn.Sequential(convolution(dimension)(inputs, outputs, 3, stride, 1), nn.LeakyReLU(0.2))


class VoxelMorph(Backbone):
    """VoxelMorph without the convolution that predicts the field; the defaults are VoxelMorph-2.

    Args:
        encoder: width of each level; each level halves the resolution.
        decoder: width of each decoder level, from coarse to fine; as many as encoder levels.
        final: widths of the convolutions at full resolution; the last one is ``out_channels``.
        spatial_dims: 2 or 3.

    Raises:
        ModelError: when encoder and decoder differ in length, or ``final`` is empty.

    Example:
        >>> import torch
        >>> volume = torch.rand(1, 1, 16, 32, 16)
        >>> tuple(VoxelMorph()(volume, volume).shape)
        (1, 16, 16, 32, 16)
    """

    stride = 1

    def __init__(
        self,
        encoder: Sequence[int] = (16, 32, 32, 32),
        decoder: Sequence[int] = (32, 32, 32, 32),
        final: Sequence[int] = (32, 16, 16),
        spatial_dims: int = 3,
    ) -> None:
        super().__init__()
        if not final or not encoder or len(encoder) != len(decoder):
            raise ModelError(
                "encoder and decoder must have one width for each level and final at least one "
                f"width, got {tuple(encoder)}, {tuple(decoder)} and {tuple(final)}"
            )
        d = spatial_dims
        self.divisor = 2 ** len(encoder)
        self.out_channels = final[-1]
        widths = (2, *encoder)  # the images themselves are the skip of the finest level
        self.downs = nn.ModuleList(_conv(a, b, 2, d) for a, b in pairwise(widths))
        skips = (0, *encoder[-2::-1])
        inputs = (encoder[-1], *decoder[:-1])
        self.ups = nn.ModuleList(
            _conv(i + s, o, 1, d) for i, s, o in zip(inputs, skips, decoder, strict=True)
        )
        widths = (decoder[-1] + 2, *final)
        self.final = nn.Sequential(*(_conv(a, b, 1, d) for a, b in pairwise(widths)))

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """Return the features of a pair.

        Args:
            moving: ``(B, 1, *S)`` in [0, 1]; sizes are multiples of ``divisor``.
            fixed: ``(B, 1, *S)`` in [0, 1].

        Returns:
            ``(B, out_channels, *S)``.
        """
        x = torch.cat([moving, fixed], dim=1)
        skips = []
        for down in self.downs:
            skips.append(x)
            x = down(x)
        for up in self.ups:
            x = F.interpolate(up(x), scale_factor=2, mode="nearest")
            x = torch.cat([x, skips.pop()], dim=1)
        return self.final(x)
