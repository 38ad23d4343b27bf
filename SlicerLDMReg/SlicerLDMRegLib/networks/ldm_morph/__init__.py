"""LDM-Morph: deformable 2D registration guided by a latent diffusion model."""

from __future__ import annotations

from .autoencoder import VQAutoencoder
from .config import LDMMorphConfig
from .diffusion import DenoisingUNet, noise_schedule
from .latent_features import LatentFeatures
from .model import LDMMorph

__all__ = [
    "DenoisingUNet",
    "LDMMorph",
    "LDMMorphConfig",
    "LatentFeatures",
    "VQAutoencoder",
    "noise_schedule",
]
