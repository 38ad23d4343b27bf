"""LDM-Morph: 2D registration network guided by a frozen latent diffusion model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...functional import integrate
from ..prediction import FieldPrediction
from ..winograd import use_winograd
from .config import LDMMorphConfig
from .decoder import Decoder
from .familiarity import Familiarity
from .latent_features import LatentFeatures
from .streams import LGCA, GlobalStream, LatentStream

__all__ = ["LDMMorph", "RegistrationNet"]


class RegistrationNet(nn.Module):
    """Trained part of LDM-Morph: two streams, cross-attention between them, decoder and head."""

    def __init__(self, config: LDMMorphConfig, feature_channels: Sequence[int]) -> None:
        super().__init__()
        self.latent_stream = (
            LatentStream(feature_channels, config) if config.latent_stream else None
        )
        self.global_stream = GlobalStream(config)
        self.lgca: nn.ModuleList | None = None
        if config.cross_attention:
            self.lgca = nn.ModuleList(LGCA(c, config) for c in config.stream_channels)
        self.decoder = Decoder(config)

    def forward(self, moving: Tensor, fixed: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Predict the field in normalised units.

        Args:
            moving: ``(B, 1, H, W)`` in [0, 1].
            fixed: ``(B, 1, H, W)`` in [0, 1].
            features: diffusion features of each level, ``(B, moving + fixed, h_i, w_i)``; not used
                without ``latent_stream``.

        Returns:
            ``(B, 2, H, W)``, channels (row, column), in units of half the extent.
        """
        images = torch.cat([moving, fixed], dim=1)
        global_ = self.global_stream(images)
        if self.latent_stream is None:
            return self.decoder(images, global_[-1], global_[-2::-1])
        latent = self.latent_stream(features)
        if self.lgca is None:
            joined = [torch.cat(pair, dim=1) for pair in zip(global_, latent, strict=True)]
            return self.decoder(images, joined[-1], joined[-2::-1])
        to_global = [m(g, c) for m, g, c in zip(self.lgca, global_, latent, strict=True)]
        # The coarsest level, the bottleneck, uses only one direction.
        to_latent = [
            m(c, g) for m, g, c in zip(self.lgca[:-1], global_[:-1], latent[:-1], strict=True)
        ]
        skips = [torch.cat(pair, dim=1) for pair in zip(to_global[:-1], to_latent, strict=True)]
        return self.decoder(images, to_global[-1], skips[::-1])


class LDMMorph(nn.Module):
    """LDM-Morph, from a pair of images to the displacement field.

    Args:
        config: sizes and options; default: the paper's.

    Example:
        >>> import torch
        >>> from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig
        >>> small = LDMMorphConfig(autoencoder_channels=(8, 8, 8), autoencoder_groups=4,
        ...     unet_channels=(8, 8, 8, 8), unet_groups=4, unet_head_channels=4, embed_dim=8,
        ...     codebook_size=16)
        >>> prediction = LDMMorph(small).eval()(torch.rand(1, 1, 64, 64), torch.rand(1, 1, 64, 64))
        >>> tuple(prediction.displacement.shape)
        (1, 2, 64, 64)
    """

    spatial_dims = 2
    divisor = 32

    def __init__(self, config: LDMMorphConfig | None = None) -> None:
        super().__init__()
        self.config = config or LDMMorphConfig()
        self.latent_features = LatentFeatures(self.config)
        channels = self.latent_features.feature_channels
        self.registration = RegistrationNet(self.config, channels)
        directions = self.config.familiarity_directions
        self.familiarity = Familiarity(channels[0], directions) if directions else None
        use_winograd(self)

    def features(self, images: Tensor, seed: int = 0) -> list[Tensor]:
        """Return the diffusion features of images ``(B, 1, H, W)``; independent of the pairing."""
        self._check(images)
        return self.latent_features(images, seed)

    def predict(
        self,
        moving: Tensor,
        fixed: Tensor,
        moving_features: Sequence[Tensor],
        fixed_features: Sequence[Tensor],
    ) -> FieldPrediction:
        """Predict the deformation from images ``(B, 1, H, W)`` and their features."""
        pairs = zip(moving_features, fixed_features, strict=True)
        flow = self.registration(moving, fixed, [torch.cat(pair, dim=1) for pair in pairs])
        size = torch.tensor(flow.shape[2:], device=flow.device).view(1, 2, 1, 1)
        # A normalised unit is half the distance between the centres of the first and last pixel.
        voxels = flow.float() * (size - 1) / 2
        distance = None
        if self.familiarity is not None:
            both = self.familiarity(moving_features[0]), self.familiarity(fixed_features[0])
            distance = torch.maximum(*both)
        if self.config.integration_steps == 0:
            return FieldPrediction(voxels, None, distance)
        displacement = integrate(voxels, self.config.integration_steps)
        return FieldPrediction(displacement, voxels, distance)

    def forward(self, moving: Tensor, fixed: Tensor, seed: int = 0) -> FieldPrediction:
        """Register a batch of pairs.

        Args:
            moving: ``(B, 1, H, W)`` in [0, 1]; H and W multiples of 32.
            fixed: ``(B, 1, H, W)`` in [0, 1].
            seed: of the noise added to the latents.

        Raises:
            ValueError: for shapes that differ or are not allowed.
        """
        if moving.shape != fixed.shape:
            raise ValueError(
                "moving and fixed must have one shape, "
                f"got {tuple(moving.shape)} and {tuple(fixed.shape)}"
            )
        features = self.features(torch.cat([moving, fixed]), seed)
        both = [f.chunk(2) for f in features]
        return self.predict(moving, fixed, [f[0] for f in both], [f[1] for f in both])

    def _check(self, images: Tensor) -> None:
        if images.ndim != 4 or images.shape[1] != 1 or any(n % 32 for n in images.shape[2:]):
            raise ValueError(
                "LDM-Morph expects images (B, 1, H, W) with H and W multiples of 32, "
                f"got {tuple(images.shape)}; pad them"
            )
