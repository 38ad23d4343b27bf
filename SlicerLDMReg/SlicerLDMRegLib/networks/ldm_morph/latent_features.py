"""Latents and diffusion features of images (LDM-FE, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .autoencoder import ImageEncoder
from .config import LDMMorphConfig
from .diffusion import DenoisingUNet, noise_schedule

__all__ = ["LatentFeatures"]


class LatentFeatures(nn.Module):
    """Frozen part of LDM-Morph: VQ-GAN encoder and denoising U-Net.

    Its parameters have no gradient and it stays in evaluation mode; for the latent loss, gradients
    do flow through :meth:`encode` to the image.
    """

    alphas_cumprod: Tensor

    def __init__(self, config: LDMMorphConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ImageEncoder(config)
        self.unet = DenoisingUNet(config)
        self.register_buffer("alphas_cumprod", noise_schedule().alphas_cumprod, persistent=False)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> LatentFeatures:
        """Keep evaluation mode: the networks are frozen."""
        return super().train(False)

    def encode(self, image: Tensor) -> Tensor:
        """Encode ``(B, 1, H, W)`` in [0, 1] to unquantised latents ``(B, C, H/4, W/4)``."""
        return self.encoder(image)

    @torch.no_grad()
    def noised(self, latent: Tensor, seed: int = 0, noise: Tensor | None = None) -> Tensor:
        """Scale a latent, and noise it up to the diffusion step at which features are taken.

        Args:
            latent: ``(B, C, h, w)``, of :meth:`encode`.
            seed: seed of the noise for ``noising="seeded"``: one map for all images and batches,
                so that equal images have equal features.
            noise: noise to use instead of the seed, ``(h, w)`` or broadcastable to the latent.
        """
        step = self.config.noise_step
        latent = latent * self.config.latent_scale
        if self.config.noising == "none" or step < 0:
            return latent
        if self.config.noising == "ddim":
            return self._ddim_inversion(latent, step)
        if noise is None:
            generator = torch.Generator().manual_seed(seed)
            noise = torch.randn(latent.shape[1:], generator=generator)
        alpha = self.alphas_cumprod[step]
        return alpha.sqrt() * latent + (1 - alpha).sqrt() * noise.to(latent)

    def _ddim_inversion(self, latent: Tensor, step: int) -> Tensor:
        # From the clean latent (cumulative alpha 1) up to `step`: at each step the clean latent is
        # estimated from the predicted noise and noised again, one step further.
        previous = torch.ones((), device=latent.device)
        for s in range(step + 1):
            source = max(s - 1, 0)
            steps = torch.full((latent.shape[0],), source, device=latent.device)
            noise = self.unet(latent, steps)
            clean = (latent - (1 - previous).sqrt() * noise) / previous.sqrt()
            current = self.alphas_cumprod[s]
            latent = current.sqrt() * clean + (1 - current).sqrt() * noise
            previous = current
        return latent

    @torch.no_grad()
    def features(self, noised: Tensor) -> list[Tensor]:
        """Return the features of a noised latent, one tensor for each of the four levels."""
        # The clean latent is step 0 to the U-Net.
        step = 0 if self.config.noising == "none" else self.config.noise_step
        return self.unet.encoder_features(noised, step)

    def forward(self, image: Tensor, seed: int = 0) -> list[Tensor]:
        """Return the features of images ``(B, 1, H, W)``, one tensor per level."""
        with torch.no_grad():
            return self.features(self.noised(self.encode(image), seed))

    @property
    def feature_channels(self) -> Sequence[int]:
        """Channels of the features of one image at each level."""
        c = self.config.unet_channels
        return [a + b for a, b in zip((c[0], *c[:-1]), c, strict=True)]
