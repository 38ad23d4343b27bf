"""VQ-GAN autoencoder, source of LDM-Morph's latents (section 4.2; Esser et al. 2021)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._monai import Decoder, Encoder
from .config import LDMMorphConfig

__all__ = ["ImageDecoder", "ImageEncoder", "Quantized", "VQAutoencoder", "VectorQuantizer"]

_NORM_EPS = 1e-6  # as in the released VQ-GAN


def _activate_output(blocks: nn.ModuleList) -> None:
    """Insert the activation, missing in MONAI, between the last normalisation and convolution."""
    blocks.insert(len(blocks) - 1, nn.SiLU())


class ImageEncoder(nn.Module):
    """Encoder: images ``(B, 1, H, W)`` in [0, 1] to unquantised latents ``(B, C, H/4, W/4)``."""

    def __init__(self, config: LDMMorphConfig) -> None:
        super().__init__()
        levels = len(config.autoencoder_channels)
        self.blocks = Encoder(
            spatial_dims=2,
            in_channels=1,
            channels=config.autoencoder_channels,
            out_channels=config.latent_channels,
            num_res_blocks=(config.autoencoder_res_blocks,) * levels,
            norm_num_groups=config.autoencoder_groups,
            norm_eps=_NORM_EPS,
            attention_levels=config.autoencoder_attention,
        )
        _activate_output(self.blocks.blocks)
        self.to_codebook = nn.Conv2d(config.latent_channels, config.latent_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Encode ``(B, 1, H, W)``; differentiable, for the latent loss."""
        return self.to_codebook(self.blocks(image))


class ImageDecoder(nn.Module):
    """Decoder: quantised latents ``(B, C, h, w)`` to images ``(B, 1, 4h, 4w)``, for training."""

    def __init__(self, config: LDMMorphConfig) -> None:
        super().__init__()
        levels = len(config.autoencoder_channels)
        self.from_codebook = nn.Conv2d(config.latent_channels, config.latent_channels, 1)
        self.blocks = Decoder(
            spatial_dims=2,
            channels=config.autoencoder_channels,
            in_channels=config.latent_channels,
            out_channels=1,
            num_res_blocks=(config.autoencoder_res_blocks + 1,) * levels,
            norm_num_groups=config.autoencoder_groups,
            norm_eps=_NORM_EPS,
            attention_levels=config.autoencoder_attention,
        )
        _activate_output(self.blocks.blocks)

    @property
    def last_weight(self) -> nn.Parameter:
        """Weight of the last convolution, for the adaptive adversarial weight."""
        weight = list(self.blocks.parameters())[-2]
        assert weight.ndim == 4
        return weight

    def forward(self, latent: Tensor) -> Tensor:
        """Decode ``(B, C, h, w)``."""
        return self.blocks(self.from_codebook(latent))


class Quantized(NamedTuple):
    """Quantised latent ``(B, C, h, w)``, its scalar loss and the codebook indices ``(B, h, w)``."""

    latent: Tensor
    loss: Tensor
    indices: Tensor


class VectorQuantizer(nn.Module):
    """Quantisation to the nearest codebook entry, with a straight-through gradient.

    The loss has a term that pulls latents to entries and one, weighted by ``commitment``, that
    pulls entries to latents. As in the released VQ-GAN there are no moving averages, and the weight
    is on the codebook term.

    Args:
        size: number of entries.
        channels: dimension of an entry.
        commitment: weight of the codebook term.
    """

    def __init__(self, size: int, channels: int, commitment: float = 0.25) -> None:
        super().__init__()
        self.commitment = commitment
        self.codebook = nn.Parameter(torch.empty(size, channels).uniform_(-1 / size, 1 / size))

    def forward(self, latent: Tensor) -> Quantized:
        """Quantise ``(B, C, h, w)``."""
        b, c, h, w = latent.shape
        flat = latent.detach().permute(0, 2, 3, 1).reshape(-1, c).float()
        # In chunks: the distances of all positions to all entries would need much memory.
        indices = torch.cat([torch.cdist(p, self.codebook).argmin(1) for p in flat.split(4096)])
        entries = F.embedding(indices, self.codebook).reshape(b, h, w, c).permute(0, 3, 1, 2)
        loss = F.mse_loss(entries.detach(), latent) + self.commitment * F.mse_loss(
            entries, latent.detach()
        )
        return Quantized(latent + (entries - latent).detach(), loss, indices.reshape(b, h, w))


class VQAutoencoder(nn.Module):
    """VQ-GAN of encoder, codebook and decoder, trained in the first stage."""

    def __init__(self, config: LDMMorphConfig) -> None:
        super().__init__()
        self.encoder = ImageEncoder(config)
        self.quantizer = VectorQuantizer(config.codebook_size, config.latent_channels)
        self.decoder = ImageDecoder(config)

    def forward(self, image: Tensor) -> tuple[Tensor, Quantized]:
        """Return the reconstruction ``(B, 1, H, W)`` and the quantised latent."""
        quantized = self.quantizer(self.encoder(image))
        return self.decoder(quantized.latent), quantized
