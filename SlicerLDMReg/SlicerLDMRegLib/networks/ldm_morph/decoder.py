"""Decoder and displacement head of LDM-Morph."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import LDMMorphConfig

__all__ = ["Decoder"]


def _conv(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.InstanceNorm2d(channels_out),
        nn.LeakyReLU(0.01),
    )


def _double_size(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)


class Decoder(nn.Module):
    """Decoder of five upsamplings to a field in normalised units, ``(-1, 1)`` per axis."""

    def __init__(self, config: LDMMorphConfig) -> None:
        super().__init__()
        w = config.stream_channels
        low = config.low_level_channels
        self.low_level = _conv(2, low)
        streams = 2 if config.latent_stream else 1
        skips = (streams * w[2], streams * w[1], streams * w[0], low)
        # LGCA joins both streams in the bottleneck; without it their features lie side by side.
        bottleneck = w[3] if config.cross_attention else streams * w[3]
        inputs = (bottleneck, w[2], w[1], w[0])
        outputs = (w[2], w[1], w[0], low)
        self.ups = nn.ModuleList(
            nn.Sequential(_conv(i + s, o), _conv(o, o))
            for i, s, o in zip(inputs, skips, outputs, strict=True)
        )
        self.head = nn.Conv2d(low, 2, 3, padding=1)
        # Training starts at the identity.
        nn.init.normal_(self.head.weight, std=1e-5)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor, bottleneck: Tensor, skips: list[Tensor]) -> Tensor:
        """Predict the field.

        Args:
            images: moving and fixed image ``(B, 2, H, W)``.
            bottleneck: ``(B, 8C, H/32, W/32)``; twice as many channels without LGCA.
            skips: concatenated branches of levels 3, 2, 1 (coarse to fine).

        Returns:
            ``(B, 2, H, W)``, channels (row, column), in units of half the extent.
        """
        low_level = self.low_level(F.avg_pool2d(images, 3, stride=2, padding=1))
        x = bottleneck
        for up, skip in zip(self.ups, [*skips, low_level], strict=True):
            x = up(torch.cat([_double_size(x), skip], dim=1))
        return F.softsign(self.head(_double_size(x)))
