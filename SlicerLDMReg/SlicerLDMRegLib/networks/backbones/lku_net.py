"""LKU-Net: a U-Net with large-kernel encoder blocks (Jia et al., MLMI 2022)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError
from .backbone import Backbone
from .layers import convolution, transposed_convolution
from .slabs import in_slabs, is_large

__all__ = ["LKUNet", "LargeKernelBlock"]


class _PReLU(nn.PReLU):
    """PReLU that writes into its input where no gradient needs it; for outputs of convolutions."""

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu" or torch.is_grad_enabled() or self.training:
            return super().forward(input)
        # One slope for all channels. New maps take a sixth of the time of a narrow network.
        return F.leaky_relu_(input, self.weight.item())


class LargeKernelBlock(nn.Module):
    """``PReLU(conv_k(x) + conv_3(x) + conv_1(x) + x)``: three parallel kernels and the identity.

    All four branches are linear: :meth:`fuse` merges them into one convolution.

    Args:
        channels: of input and output.
        kernel_size: of the largest kernel, odd, at least 3.
        dimension: 2 or 3 spatial axes.
    """

    def __init__(self, channels: int, kernel_size: int = 5, dimension: int = 3) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        conv = convolution(dimension)
        self.large: nn.Conv2d | nn.Conv3d = conv(channels, channels, kernel_size, padding="same")
        self.regular: nn.Conv2d | nn.Conv3d | None = conv(channels, channels, 3, padding=1)
        self.pointwise: nn.Conv2d | nn.Conv3d | None = conv(channels, channels, 1)
        self.activation = _PReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Filter ``(B, C, *S)``."""
        if min(x.shape[2:]) >= self.kernel_size:
            return self._filter(x)
        # On a lattice smaller than the kernel, PyTorch's weight gradient in bfloat16 on a CPU is
        # wrong.
        with torch.autocast(x.device.type, enabled=False):
            return self._filter(x.float())

    def _filter(self, x: Tensor) -> Tensor:
        if self.regular is None or self.pointwise is None:
            return self.activation(self.large(x))
        return self.activation(self.large(x) + self.regular(x) + self.pointwise(x) + x)

    @torch.no_grad()
    def fuse(self) -> None:
        """Add the small kernels and the identity to the large one, in place; for inference."""
        if self.regular is None or self.pointwise is None:
            return
        weight, bias = self.large.weight, self.large.bias
        assert bias is not None
        for branch in (self.regular, self.pointwise):
            margin = (self.kernel_size - branch.weight.shape[-1]) // 2
            weight += F.pad(branch.weight, [margin] * (2 * (weight.ndim - 2)))
            assert branch.bias is not None
            bias += branch.bias
        centre = self.kernel_size // 2
        channel = torch.arange(len(weight))
        middle: tuple[Any, ...] = (slice(None), slice(None), *[centre] * (weight.ndim - 2))
        weight[middle][channel, channel] += 1
        self.regular = self.pointwise = None


def _conv(inputs: int, outputs: int, stride: int = 1, dimension: int = 3) -> nn.Sequential:
    return nn.Sequential(convolution(dimension)(inputs, outputs, 3, stride, 1), _PReLU())


def _up(channels: int, dimension: int = 3) -> nn.Sequential:
    return nn.Sequential(transposed_convolution(dimension)(channels, channels, 2, 2), _PReLU())


def _initialise(module: nn.Module) -> None:
    """Initialise weights to preserve the signal's variance across layers (He et al., ICCV 2015).

    There is no normalisation: with the default initialisation the signal would fade to a
    thousandth, but not the biases, which costs most of a short training.
    """
    plain = isinstance(module, nn.Conv2d | nn.Conv3d)
    if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        # The blocks of an up-convolution do not overlap: an output sees one weight per channel.
        overlap = math.prod(module.kernel_size) if plain else 1
        gain = nn.init.calculate_gain("leaky_relu", 0.25)  # the slope of a new PReLU
        nn.init.normal_(module.weight, 0.0, gain / math.sqrt(module.in_channels * overlap))
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    if isinstance(module, LargeKernelBlock):
        with torch.no_grad():
            for branch in (module.large, module.regular, module.pointwise):
                # Three branches join the identity: halved weights keep the variance below twice.
                branch.weight *= 0.5  # type: ignore[union-attr]


class LKUNet(Backbone):
    """Backbone of textSCF as in the released code, without normalisation layers.

    Args:
        start_channels: width at full resolution, 8 to 64 in the paper.
        kernel_size: of the large-kernel blocks.
        output: ``"half"``: features at half resolution, as released; ``"full"``: two more
            convolutions at full resolution, as in LKU-Net itself. Both have ``2 start_channels``.
        spatial_dims: 2 or 3.

    Example:
        >>> import torch
        >>> volume = torch.rand(1, 1, 16, 32, 16)
        >>> tuple(LKUNet(start_channels=4)(volume, volume).shape)
        (1, 8, 8, 16, 8)
    """

    divisor = 16

    def __init__(
        self,
        start_channels: int = 8,
        kernel_size: int = 5,
        output: Literal["half", "full"] = "half",
        spatial_dims: int = 3,
    ) -> None:
        super().__init__()
        if output not in ("half", "full"):
            raise ModelError(f"output must be 'half' or 'full', got {output!r}")
        if kernel_size < 3 or kernel_size % 2 == 0:
            raise ModelError(f"kernel_size must be odd and at least 3, got {kernel_size}")
        n, d = start_channels, spatial_dims
        self.stride = 2 if output == "half" else 1
        self.out_channels = 2 * n
        self.stem = nn.Sequential(_conv(2, n, 1, d), _conv(n, n, 1, d))
        widths = (n, 2 * n, 4 * n, 8 * n, 8 * n)
        self.downs = nn.ModuleList(
            nn.Sequential(_conv(a, b, 2, d), LargeKernelBlock(b, kernel_size, d))
            for a, b in pairwise(widths)
        )
        self.ups = nn.ModuleList([_up(8 * n, d), _up(4 * n, d), _up(2 * n, d)])
        self.merges = nn.ModuleList(
            [
                nn.Sequential(_conv(16 * n, 8 * n, 1, d), _conv(8 * n, 4 * n, 1, d)),
                nn.Sequential(_conv(8 * n, 4 * n, 1, d), _conv(4 * n, 2 * n, 1, d)),
                nn.Sequential(_conv(4 * n, 4 * n, 1, d), _conv(4 * n, 2 * n, 1, d)),
            ]
        )
        if output == "full":
            self.ups.append(_up(2 * n, d))
            self.merges.append(nn.Sequential(_conv(3 * n, 2 * n, 1, d), _conv(2 * n, 2 * n, 1, d)))
        self.apply(_initialise)

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """Return the features of a pair.

        Args:
            moving: ``(B, 1, *S)`` in [0, 1]; sizes are multiples of 16.
            fixed: ``(B, 1, *S)`` in [0, 1].

        Returns:
            ``(B, 2 start_channels, *S / stride)``.
        """
        images = torch.cat([moving, fixed], dim=1)
        if self.stride == 2 and is_large(images, self.out_channels // 2):
            return self._in_slabs(images)
        x = self.stem(images)
        skips = [x]
        for down in self.downs:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.ups, self.merges, strict=True):
            x = merge(torch.cat([up(x), skips.pop()], dim=1))
        return x

    def _in_slabs(self, images: Tensor) -> Tensor:
        """Return what :meth:`forward` does, with no map of full resolution, and few of half."""
        half = [n // 2 for n in images.shape[2:]]
        block = cast("nn.Sequential", self.downs[0])
        down, large = block[0], cast("LargeKernelBlock", block[1])
        width, reach = self.out_channels, large.kernel_size // 2
        # Three convolutions of 3, the last with stride 2, see 3 planes, or 1.5 of half resolution.
        first = in_slabs(lambda x: down(self.stem(x)), [images], half, 4 * width, 2)
        first = in_slabs(large, [first], half, width, reach + reach % 2)
        x, skips = first, []
        for deeper in self.downs[1:]:
            x = deeper(x)
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.ups[:-1], self.merges[:-1], strict=True):
            x = merge(torch.cat([up(x), skips.pop()], dim=1))
        up, merge = self.ups[-1], self.merges[-1]
        # Both convolutions see a plane each; slabs begin at even planes, for the up-convolution.
        return in_slabs(
            lambda x, skip: merge(torch.cat([up(x), skip], dim=1)), [x, first], half, 2 * width, 2
        )

    def fuse(self) -> None:
        """Merge each large-kernel block into one convolution, in place; for inference."""
        for module in self.modules():
            if isinstance(module, LargeKernelBlock):
                module.fuse()
