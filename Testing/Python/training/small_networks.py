"""LDM-Morph at a size that a test can train."""

from __future__ import annotations

__all__ = ["SMALL"]

SMALL = {
    "autoencoder_channels": [8, 8, 8],
    "autoencoder_res_blocks": 1,
    "autoencoder_groups": 4,
    "autoencoder_attention": [False, False, False],
    "codebook_size": 32,
    "unet_channels": [8, 8, 8, 8],
    "unet_groups": 4,
    "unet_head_channels": 8,
    "embed_dim": 8,
    "depths": [1, 1, 1, 1],
    "low_level_channels": 4,
}
