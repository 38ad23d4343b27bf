"""Fourier-Net: a field of low frequencies, decoded by an inverse transform (Jia et al., 2023)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.networks.backbones.layers import convolution, transposed_convolution

from .field_network import FieldNetwork

__all__ = ["FourierNet", "band_limited"]

_SCALE = 64.0  # of the output, as released: the head's small weights need not grow


class FourierNet(FieldNetwork):
    """Fourier-Net: a U-Net whose decoder ends at a fraction of the resolution.

    The decoder predicts the image of the low frequencies; the field at full resolution has these
    and no others.

    Args:
        spatial_dims: 2 or 3.
        start_channels: width at full resolution.
        patch: edge of the patch of low frequencies, as a fraction of the image: 1/2, 1/4 or 1/8 by
            its denominator.

    Raises:
        ModelError: for another fraction.
    """

    divisor = 16

    def __init__(self, spatial_dims: int, start_channels: int = 32, patch: int = 4) -> None:
        super().__init__()
        if patch not in (2, 4, 8):
            raise ModelError(f"patch must be 2, 4 or 8, got {patch!r}")
        self.spatial_dims, self.patch = spatial_dims, patch
        n = start_channels
        conv, up = convolution(spatial_dims), transposed_convolution(spatial_dims)

        def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(conv(inputs, outputs, 3, stride, 1), nn.PReLU())

        self.stem = nn.Sequential(block(2, n), block(n, n))
        widths = (n, 2 * n, 4 * n, 8 * n)
        downs = [nn.Sequential(block(a, b, 2), block(b, b)) for a, b in pairwise(widths)]
        self.downs = nn.ModuleList(
            [*downs, nn.Sequential(block(8 * n, 16 * n, 2), block(16 * n, 8 * n))]
        )
        self.ups, self.merges = nn.ModuleList(), nn.ModuleList()
        width = 8 * n
        for skip in (8 * n, 4 * n, 2 * n)[: 4 - int(math.log2(patch))]:
            self.ups.append(nn.Sequential(up(width, width, 2, 2), nn.PReLU()))
            out = skip // 2
            self.merges.append(nn.Sequential(block(width + skip, skip), block(skip, out)))
            width = out
        self.head = conv(width, spatial_dims, 3, padding=1, bias=False)
        nn.init.normal_(self.head.weight, 0.0, 1e-5)

    def forward(self, moving: Tensor, fixed: Tensor) -> FieldPrediction:
        """See :class:`FieldNetwork`."""
        x = self.stem(torch.cat([moving, fixed], dim=1))
        skips = [x]
        for down in self.downs:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.ups, self.merges, strict=True):
            x = merge(torch.cat([up(x), skips.pop()], dim=1))
        low = _SCALE * self.head(x).float()
        return FieldPrediction(band_limited(low, fixed.shape[2:]))


def band_limited(low: Tensor, size: torch.Size | tuple[int, ...]) -> Tensor:
    """Return the field with the frequencies of ``low``, ``(B, C, *size)``, and no others.

    Its spectrum is that of ``low``, padded with zeros; the first voxels coincide.

    Args:
        low: ``(B, C, *s)``, even sizes.
        size: multiples of ``s``.
    """
    axes = tuple(range(2, low.ndim))
    spectrum = torch.fft.fftshift(torch.fft.fftn(low, dim=axes, norm="forward"), dim=axes)
    margins = [(n - m) // 2 for n, m in zip(size, low.shape[2:], strict=True)]
    padded = F.pad(spectrum, [m for margin in reversed(margins) for m in (margin, margin)])
    shifted = torch.fft.ifftshift(padded, dim=axes)
    return torch.fft.ifftn(shifted, dim=axes, norm="forward").real
