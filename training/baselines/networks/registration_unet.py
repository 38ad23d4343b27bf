"""U-Net of CycleMorph and of DiffuseMorph's field, with learned upsampling."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.networks.backbones.layers import convolution, transposed_convolution

__all__ = ["RegistrationUNet"]


class RegistrationUNet(nn.Module):
    """From two images to a displacement in voxels.

    Args:
        spatial_dims: 2 or 3.
        encoder: width at each resolution, from the whole one on; each next is half as fine.
        decoder: width after each upsampling; one fewer than in the encoder. The last level but one
            is filtered once more, as in CycleMorph.

    Raises:
        ModelError: for lists that do not fit each other.
    """

    def __init__(self, spatial_dims: int, encoder: Sequence[int], decoder: Sequence[int]) -> None:
        super().__init__()
        if len(encoder) < 2 or len(decoder) != len(encoder) - 1:
            raise ModelError(
                "encoder needs 2 widths or more and decoder one fewer, got "
                f"{tuple(encoder)} and {tuple(decoder)}"
            )
        self.divisor = 2 ** len(decoder)
        conv = convolution(spatial_dims)

        def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(conv(inputs, outputs, 3, stride, 1), nn.LeakyReLU(0.2))

        self.stem = block(2, encoder[0])
        self.downs = nn.ModuleList(block(a, b, 2) for a, b in pairwise(encoder))
        self.ups, self.merges = nn.ModuleList(), nn.ModuleList()
        width = encoder[-1]
        for level, (skip, out) in enumerate(zip(encoder[-2::-1], decoder, strict=True)):
            up = transposed_convolution(spatial_dims)
            self.ups.append(up(width, width, 3, 2, 1, output_padding=1))
            merge = [block(width + skip, out)]
            if level == len(decoder) - 2:
                merge.append(block(out, out))
            self.merges.append(nn.Sequential(*merge))
            width = out
        self.head = conv(width, spatial_dims, 3, padding=1)
        # Training starts at the identity.
        nn.init.normal_(self.head.weight, 0.0, 1e-5)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(B, 2, *S)`` to the displacement ``(B, d, *S)``."""
        x = self.stem(images)
        skips = []
        for down in self.downs:
            skips.append(x)
            x = down(x)
        for up, merge in zip(self.ups, self.merges, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        return self.head(x).float()
