"""LapIRN: a coarse-to-fine pyramid of three levels (Mok and Chung, 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError
from ...functional import integrate, warp
from .backbone import Backbone
from .layers import average_pool, convolution, interpolation, transposed_convolution
from .output import BackboneOutput

__all__ = ["LapIRN", "image_pyramid"]


def _conv(inputs: int, outputs: int, stride: int = 1, dimension: int = 3) -> nn.Module:
    return convolution(dimension)(inputs, outputs, 3, stride, 1, bias=False)


def _activation() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.2)


class _ResidualBlock(nn.Module):
    """Residual block of two pre-activated convolutions."""

    def __init__(self, channels: int, dimension: int = 3) -> None:
        super().__init__()
        layers = (_activation(), _conv(channels, channels, 1, dimension))
        self.layers = nn.Sequential(*layers, _activation(), _conv(channels, channels, 1, dimension))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, *S)`` to ``(B, C, *S)``."""
        return x + self.layers(x)


class _Level(nn.Module):
    """Network of one resolution level, without the convolution that predicts its field."""

    def __init__(self, inputs: int, channels: int, blocks: int, dimension: int = 3) -> None:
        super().__init__()
        d = dimension
        self.extract = nn.Sequential(
            _conv(inputs, channels, 1, d), _activation(), _conv(channels, channels, 1, d)
        )
        self.down = _conv(channels, channels, 2, d)
        self.blocks = nn.Sequential(*(_ResidualBlock(channels, d) for _ in range(blocks)))
        self.up = transposed_convolution(d)(channels, channels, 2, 2, bias=False)
        self.merge = nn.Sequential(_conv(2 * channels, channels, 1, d), _activation())

    def forward(self, x: Tensor, coarser: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the features for the field and the embedding for the next finer level.

        Args:
            x: ``(B, inputs, *S)``.
            coarser: ``(B, C, *S / 2)``, embedding of the coarser level, or None.
        """
        skip = self.extract(x)
        down = self.down(skip)
        up = self.up(self.blocks(down if coarser is None else down + coarser))
        return self.merge(torch.cat([up, skip], dim=1)), up


class LapIRN(Backbone):
    """LapIRN without the convolution that predicts the field of its finest level.

    The levels work at 1/4, 1/2 and full resolution, on the fixed image and the moving image warped
    with the field of the coarser levels. That field is the ``base`` of the output; regions and
    their filters act on the features of the finest level.

    Inside the network fields are in normalised units, 1 being half the extent of the volume, so
    that a number means the same shift at every level; :func:`_to_voxels` alone converts them. The
    coarse levels are limited to ``reach``; the head, whose output is in voxels, is not.

    Args:
        start_channels: a quarter of the width, which is the same at all levels.
        integration_steps: 0: fields are displacements (LapIRN-disp). Above 0: they are stationary
            velocities, integrated by that many squarings before a warp; set by the enclosing
            network, which integrates the result.
        reach: largest displacement of a coarse level, in normalised units.
        blocks: residual blocks of each level.
        spatial_dims: 2 or 3.

    Raises:
        ModelError: for invalid numbers.

    Example:
        >>> import torch
        >>> volume = torch.rand(1, 1, 8, 16, 8)
        >>> features, base = LapIRN(start_channels=2, blocks=1)(volume, volume)
        >>> tuple(features.shape), tuple(base.shape)
        ((1, 8, 8, 16, 8), (1, 3, 8, 16, 8))
    """

    stride = 1
    divisor = 8

    def __init__(
        self,
        start_channels: int = 32,
        integration_steps: int = 0,
        reach: float = 0.4,
        blocks: int = 5,
        spatial_dims: int = 3,
    ) -> None:
        super().__init__()
        if start_channels < 1 or integration_steps < 0 or reach <= 0 or blocks < 1:
            raise ModelError(
                "start_channels and blocks must be at least 1, reach above 0 and integration_steps "
                f"not negative, got {start_channels}, {blocks}, {reach} and {integration_steps}"
            )
        self.out_channels = channels = 4 * start_channels
        self.integration_steps = integration_steps
        self.reach = reach
        # The finer levels also get the field of the coarser ones.
        self.spatial_dims = d = spatial_dims
        self.levels = nn.ModuleList(_Level(n, channels, blocks, d) for n in (2, 2 + d, 2 + d))
        self.flows = nn.ModuleList(_conv(channels, d, 1, d) for _ in range(2))
        for flow in self.flows:
            # Training starts at the identity.
            nn.init.normal_(flow.weight, std=1e-5)  # type: ignore[arg-type]

    def forward(self, moving: Tensor, fixed: Tensor, frozen: int = 0) -> BackboneOutput:
        """Return the features of the finest level and the field of the coarser ones.

        Args:
            moving: ``(B, 1, *S)`` in [0, 1]; sizes are multiples of 8.
            fixed: ``(B, 1, *S)`` in [0, 1].
            frozen: number of the coarsest levels that get no gradient.

        Returns:
            Features ``(B, 4 start_channels, *S)`` and base ``(B, 3, *S)``.
        """
        features, field = self._levels(image_pyramid(moving, fixed, len(self.levels)), frozen)
        return BackboneOutput(features, _to_voxels(field))

    def coarse_field(self, images: Sequence[Tensor], frozen: int = 0) -> Tensor:
        """Return the field of a level but the finest, as if there were no finer one.

        Args:
            images: moving and fixed image side by side, ``(B, 2, *S)``, at the resolution of each
                level up to that one, the coarsest first.
            frozen: number of the coarsest levels that get no gradient.

        Returns:
            ``(B, d, *S)`` in voxels of the last images; a velocity with integration.
        """
        features, field = self._levels(images, frozen)
        own = self.reach * F.softsign(self.flows[len(images) - 1](features).float())
        return _to_voxels(field + own)

    def _levels(self, images: Sequence[Tensor], frozen: int) -> tuple[Tensor, Tensor]:
        """Return the features of the level of the last images and the field of those before it."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and frozen < 1):
            features, embedding = self.levels[0](images[0], None)
        field = torch.zeros_like(features[:, : self.spatial_dims], dtype=torch.float32)
        for i in range(1, len(images)):
            with torch.set_grad_enabled(torch.is_grad_enabled() and frozen < i):
                field = field + self.reach * F.softsign(self.flows[i - 1](features).float())
                mode = interpolation(field)
                field = F.interpolate(field, scale_factor=2, mode=mode, align_corners=False)
            with torch.set_grad_enabled(torch.is_grad_enabled() and frozen < i + 1):
                warped = warp(images[i][:, :1], self._displacement(field))
                both = torch.cat([warped, images[i][:, 1:], field], dim=1)
                features, embedding = self.levels[i](both, embedding)
        return features, field

    def _displacement(self, field: Tensor) -> Tensor:
        voxels = _to_voxels(field)
        steps = self.integration_steps
        return integrate(voxels, steps) if steps else voxels


def image_pyramid(moving: Tensor, fixed: Tensor, levels: int) -> list[Tensor]:
    """Return two images ``(B, 1, *S)`` side by side at each level, each half as fine as the next.

    The coarsest is the first; averages over blocks of two voxels.
    """
    pyramid = [torch.cat([moving, fixed], dim=1)]
    while len(pyramid) < levels:
        pyramid.insert(0, average_pool(pyramid[0], 2))
    return pyramid


def _to_voxels(field: Tensor) -> Tensor:
    """Convert a field ``(B, d, *S)`` from units of half the extent to voxels."""
    size = field.new_tensor(field.shape[2:]).view(1, -1, *[1] * (field.ndim - 2))
    return field * size / 2
