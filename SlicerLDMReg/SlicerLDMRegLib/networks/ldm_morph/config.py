"""Sizes and options of LDM-Morph; the defaults are the paper's."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from ...errors import ModelError

__all__ = ["LDMMorphConfig", "LGCASecond", "Noising"]

Noising = Literal["seeded", "ddim", "none"]
LGCASecond = Literal["cross", "self"]


@dataclass(frozen=True)
class LDMMorphConfig:
    """Architecture and options of an LDM-Morph network.

    Args:
        autoencoder_channels: width of each level of the VQ-GAN; the latent is smaller than the
            image by ``2 ** (levels - 1)``.
        autoencoder_res_blocks: residual blocks per level of the encoder (the decoder has one more).
        autoencoder_attention: which levels have attention.
        autoencoder_groups: groups of the group normalisation in the VQ-GAN.
        latent_channels: channels of the latent, and dimension of a codebook entry.
        codebook_size: entries of the codebook.
        unet_channels: width of each of the four levels of the denoising U-Net.
        unet_groups: groups of its group normalisation.
        unet_head_channels: channels of one attention head in the U-Net.
        embed_dim: width of the first level of both streams; it doubles at each level.
        depths: Swin blocks per level of the global stream.
        num_heads: attention heads per level of the global stream.
        window: side of the attention window in tokens.
        lgca_heads: attention heads in LGCA, at every level.
        drop_path: largest stochastic depth of the global stream, reached in its last block.
        low_level_channels: width of the low-level features that join at half resolution.
        noising: ``"seeded"``: noise at ``noise_step`` drawn from a fixed seed, the same for both
            images (training draws anew for each pair); ``"ddim"``: deterministic DDIM inversion to
            ``noise_step`` as in the paper's text; ``"none"``: the clean latent.
        noise_step: index of the diffusion step at which features are taken.
        latent_scale: factor of the latents in front of the U-Net, one over their standard deviation
            on the training images, so that a step's noise has the same part in all models; 1 for
            the authors' checkpoints, whose U-Net saw the latents as they are. The latent loss
            compares latents without it.
        lgca_second: second block of LGCA: ``"cross"`` attention as in the released code, or
            ``"self"`` attention as in Equation 11.
        latent_stream: whether the diffusion features join the global ones (LDM-FE, Table 3 of the
            paper); without them the global stream is left.
        cross_attention: whether both streams attend to each other (LGCA); without it their features
            are joined as they are. It needs ``latent_stream``.
        integration_steps: 0: the head predicts the displacement, as in the paper. Above 0: it
            predicts a stationary velocity field, integrated by that many squarings (diffeomorphic).
        familiarity_directions: number of principal directions of the training images, stored to
            measure the distance of new images to them; 0: no distance is measured.
    """

    autoencoder_channels: tuple[int, ...] = (128, 256, 512)
    autoencoder_res_blocks: int = 2
    autoencoder_attention: tuple[bool, ...] = (False, False, True)
    autoencoder_groups: int = 32
    latent_channels: int = 1
    codebook_size: int = 16384
    unet_channels: tuple[int, int, int, int] = (64, 128, 192, 256)
    unet_groups: int = 32
    unet_head_channels: int = 32
    embed_dim: int = 64
    depths: tuple[int, int, int, int] = (2, 2, 4, 2)
    num_heads: tuple[int, int, int, int] = (4, 4, 8, 8)
    window: int = 7
    lgca_heads: int = 4
    drop_path: float = 0.3
    low_level_channels: int = 32
    noising: Noising = "seeded"
    noise_step: int = 1
    latent_scale: float = 1.0
    lgca_second: LGCASecond = "cross"
    latent_stream: bool = True
    cross_attention: bool = True
    integration_steps: int = 0
    familiarity_directions: int = 0

    def __post_init__(self) -> None:
        if len(self.autoencoder_channels) != 3:
            # The latent must match the first level of the Swin stream, whose patches are 4 x 4.
            raise ModelError(
                f"autoencoder_channels must name 3 levels, got {len(self.autoencoder_channels)}"
            )
        if len(self.autoencoder_attention) != len(self.autoencoder_channels):
            raise ModelError("autoencoder_attention must have one entry for each level")
        for name, choices in (
            ("noising", get_args(Noising)),
            ("lgca_second", get_args(LGCASecond)),
        ):
            if getattr(self, name) not in choices:
                raise ModelError(f"{name} must be one of {choices}, got {getattr(self, name)!r}")
        if self.cross_attention and not self.latent_stream:
            raise ModelError(
                "cross_attention is between two streams: without latent_stream set it to false"
            )
        scale = self.latent_scale
        if (
            not isinstance(scale, int | float)
            or isinstance(scale, bool)
            or not 0 < scale < math.inf
        ):
            raise ModelError(f"latent_scale must be a number above 0, got {scale!r}")
        for name in ("unet_channels", "depths", "num_heads"):
            if len(getattr(self, name)) != 4:
                raise ModelError(f"{name} must have 4 entries, got {getattr(self, name)}")

    @property
    def stream_channels(self) -> tuple[int, int, int, int]:
        """Width of both streams at each of the four levels."""
        c = self.embed_dim
        return c, 2 * c, 4 * c, 8 * c

    @classmethod
    def from_dict(cls, arguments: dict[str, Any]) -> LDMMorphConfig:
        """Build a configuration from JSON values (lists become tuples).

        Raises:
            ModelError: for an unknown option.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(arguments) - known)
        if unknown:
            raise ModelError(f"unknown LDM-Morph options {unknown}; known ones are {sorted(known)}")
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()
        }
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
