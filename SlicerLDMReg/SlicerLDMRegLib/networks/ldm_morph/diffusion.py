"""Denoising U-Net of the latent diffusion model and its noise schedule (Equations 1 to 6)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..._monai import DDIMScheduler, DiffusionModelUNet, get_timestep_embedding
from .config import LDMMorphConfig

__all__ = ["TRAIN_STEPS", "DenoisingUNet", "noise_schedule"]

TRAIN_STEPS = 1000  # diffusion steps, as released


def noise_schedule() -> DDIMScheduler:
    """Return the released schedule: 1000 steps, sqrt(beta) linear from 0.0015^0.5 to 0.0195^0.5."""
    return DDIMScheduler(
        num_train_timesteps=TRAIN_STEPS,
        schedule="scaled_linear_beta",
        beta_start=0.0015,
        beta_end=0.0195,
        # Latents are not confined to [-1, 1].
        clip_sample=False,
    )


class DenoisingUNet(DiffusionModelUNet):
    """MONAI's diffusion U-Net in the released form, with a pass through its encoder only."""

    def __init__(self, config: LDMMorphConfig) -> None:
        super().__init__(
            spatial_dims=2,
            in_channels=config.latent_channels,
            out_channels=config.latent_channels,
            num_res_blocks=2,
            channels=config.unet_channels,
            attention_levels=(False, True, True, True),
            norm_num_groups=config.unet_groups,
            norm_eps=1e-5,
            num_head_channels=config.unet_head_channels,
        )

    def encoder_features(self, latent: Tensor, step: int) -> list[Tensor]:
        """Run the encoder and return the features that LDM-Morph uses.

        Args:
            latent: ``(B, C, h, w)``.
            step: diffusion step of the latent.

        Returns:
            One tensor per level, ``(B, first + third, h / 2**i, w / 2**i)``: the outputs of the
            first and the third layer of the level, in this order.
        """
        steps = torch.full((latent.shape[0],), step, device=latent.device)
        embedding = self.time_embed(
            get_timestep_embedding(steps, self.block_out_channels[0]).to(latent.dtype)
        )
        first = h = self.conv_in(latent)
        taps = []
        for level, block in enumerate(self.down_blocks):
            h, states = block(hidden_states=h, temb=embedding, context=None)
            last_resnet = states[self.num_res_blocks[level] - 1]
            taps.append(torch.cat([first, last_resnet], dim=1))
            first = h
        return taps
