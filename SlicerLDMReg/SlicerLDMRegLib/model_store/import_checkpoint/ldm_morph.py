"""Checkpoints of the released LDM-Morph: latent diffusion model and registration network."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..._weight_files import read_checkpoint
from ...errors import ModelError
from ...networks.ldm_morph import LDMMorph, LDMMorphConfig, noise_schedule
from ..card_parts import Grid
from .ldm_morph_names import (
    LDM_IGNORED,
    RAW_UNET,
    REGISTRATION_IGNORED,
    ldm_sources,
    registration_sources,
)
from .mapping import convert, shape_of

__all__ = ["read_ldm_morph"]

_LDM, _REG = "the LDM checkpoint", "the registration checkpoint"


def read_ldm_morph(
    ldm_checkpoint: Path | str,
    registration_checkpoint: Path | str,
    *,
    use_ema: bool = False,
    network: Mapping[str, Any] | None = None,
    grid_size: tuple[int, int] = (128, 128),
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the two checkpoints of the authors' training.

    The sizes of the network are inferred from the tensors.

    Args:
        ldm_checkpoint: checkpoint of the latent diffusion model, with VQ-GAN and U-Net.
        registration_checkpoint: checkpoint of the registration network.
        use_ema: take the U-Net's moving averages; the authors take the raw weights.
        network: options of :class:`LDMMorphConfig` that the tensors do not determine, e.g.
            ``noising``, ``lgca_second``, ``unet_head_channels``.
        grid_size: pixels along x and y of the training images.

    Returns:
        Fields of the model card, and the state dict of :class:`LDMMorph`.

    Raises:
        ModelError: for an unreadable file, a missing or an unknown tensor.
    """
    ldm = read_checkpoint(ldm_checkpoint)
    registration = read_checkpoint(registration_checkpoint)
    if use_ema and not any(name.startswith("model_ema.diffusion_model") for name in ldm):
        raise ModelError(f"{_LDM} has no moving averages (model_ema.*); import without use_ema")
    _check_schedule(ldm)
    config = LDMMorphConfig.from_dict({**_sizes(ldm, registration), **(network or {})})
    try:
        with torch.random.fork_rng(devices=[]):
            empty = LDMMorph(config)
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"no LDM-Morph can be built with {config}: {error}") from error
    shapes = {name: tuple(tensor.shape) for name, tensor in empty.state_dict().items()}
    state: dict[str, Tensor] = {}
    ldm_ignored = (*LDM_IGNORED, RAW_UNET) if use_ema else LDM_IGNORED
    for part, tensors, sources, ignored, what in (
        ("latent_features", ldm, ldm_sources(config, use_ema), ldm_ignored, _LDM),
        ("registration", registration, registration_sources(config), REGISTRATION_IGNORED, _REG),
    ):
        prefixed = {f"{part}.{ours}": source for ours, source in sources.items()}
        state.update(convert(tensors, prefixed, shapes, ignored, what))
    described = {
        "network": config.to_dict(),
        "grid": Grid(grid_size, divisor=LDMMorph.divisor),
        "use": "2D images like those the checkpoints were trained on",
        "description": "LDM-Morph with weights imported from the checkpoints of its authors' code.",
        "training": {
            "imported_from": {
                "ldm_checkpoint": Path(ldm_checkpoint).name,
                "registration_checkpoint": Path(registration_checkpoint).name,
                "use_ema": use_ema,
            }
        },
    }
    return described, state


def _sizes(ldm: Mapping[str, Tensor], registration: Mapping[str, Tensor]) -> dict[str, Any]:
    """Infer the arguments of the network from tensor names and shapes."""
    encoder = "first_stage_model.encoder"
    levels = _count(ldm, rf"{encoder}\.down\.(\d+)\..*", _LDM)
    blocks = _count(ldm, rf"{encoder}\.down\.0\.block\.(\d+)\..*", _LDM)
    unet = "model.diffusion_model.input_blocks"
    swin = "lwsa.transformer"
    depths = [
        _count(registration, rf"{swin}\.layers\.{level}\.blocks\.(\d+)\..*", _REG)
        for level in range(4)
    ]
    bias = "blocks.0.attn.relative_position_bias_table"
    tables = [shape_of(registration, f"{swin}.layers.{level}.{bias}", _REG) for level in range(4)]
    return {
        "autoencoder_channels": tuple(
            shape_of(ldm, f"{encoder}.down.{level}.block.0.conv2.weight", _LDM)[0]
            for level in range(levels)
        ),
        "autoencoder_res_blocks": blocks,
        "autoencoder_attention": tuple(
            f"{encoder}.down.{level}.attn.0.norm.weight" in ldm for level in range(levels)
        ),
        "latent_channels": shape_of(ldm, "first_stage_model.quant_conv.weight", _LDM)[0],
        "codebook_size": shape_of(ldm, "first_stage_model.quantize.embedding.weight", _LDM)[0],
        "unet_channels": tuple(
            shape_of(ldm, f"{unet}.{3 * level + 1}.0.out_layers.3.weight", _LDM)[0]
            for level in range(4)
        ),
        "embed_dim": shape_of(registration, f"{swin}.patch_embed.proj.weight", _REG)[0],
        "depths": tuple(depths),
        "num_heads": tuple(heads for _, heads in tables),
        # The table has a row for each relative position in a window: (2 * window - 1) ** 2.
        "window": (math.isqrt(tables[0][0]) + 1) // 2,
        "lgca_heads": shape_of(registration, f"lwca1.transformer.layers.0.{bias}", _REG)[1],
        "low_level_channels": shape_of(registration, "ec1.0.weight", _REG)[0],
    }


def _count(tensors: Mapping[str, Tensor], pattern: str, what: str) -> int:
    matches = (re.fullmatch(pattern, name) for name in tensors)
    numbers = {int(match[1]) for match in matches if match}
    if not numbers:
        raise ModelError(f"{what} has no name like {pattern}; is it the right file?")
    return max(numbers) + 1


def _check_schedule(ldm: Mapping[str, Tensor]) -> None:
    """Refuse another noise schedule or latent scale, both of which are fixed in this package."""
    betas = ldm.get("betas")
    expected = noise_schedule().betas
    if betas is not None and not (
        betas.shape == expected.shape and torch.allclose(betas.float(), expected, rtol=1e-4)
    ):
        raise ModelError(
            f"{_LDM} was trained with another noise schedule: betas must go from "
            f"{expected[0]:.6g} to {expected[-1]:.6g} in {len(expected)} steps"
        )
    scale = ldm.get("scale_factor")
    if scale is not None and (scale.numel() != 1 or abs(float(scale) - 1) > 1e-6):
        raise ModelError(f"{_LDM} scales its latents: scale_factor must be 1, got {scale.tolist()}")
