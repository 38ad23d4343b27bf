"""Scale of the latents of LDM-Morph: measured by the diffusion stage, inherited by the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.networks.ldm_morph import LDMMorphConfig

from ..lineage import run_of
from .common import read_weights

__all__ = ["SCALE", "inherited_scale", "measured_scale", "network_config"]

#: Name of the scale among the weights of the diffusion stage.
SCALE = "latent_scale"
# Pairs that the scale is measured on: 128 images of 1024 latents each tell the standard deviation
# to about a hundredth.
_PAIRS = 64
_BATCH = 8


def network_config(network: Mapping[str, Any]) -> LDMMorphConfig:
    """Return the options of a network whose scale may be yet to be measured: then it is 1."""
    return LDMMorphConfig.from_dict({k: v for k, v in network.items() if v != "data"})


@torch.no_grad()
def measured_scale(
    encode: Callable[[Tensor], Tensor], stream: Dataset[dict[str, Tensor]], pairs: int = _PAIRS
) -> float:
    """Return one over the standard deviation of latents, to four digits.

    Args:
        encode: images ``(B, 1, H, W)`` to latents.
        stream: training pairs, whose first ``pairs`` are taken.
        pairs: number of pairs.
    """
    images = [stream[i][name] for i in range(pairs) for name in ("fixed", "moving")]
    latents = [encode(batch).double().cpu() for batch in torch.stack(images).split(_BATCH)]
    # Rounded: the same on any machine, and as the card of the model writes it.
    return float(f"{1 / torch.cat(latents).std().item():.4g}")


def inherited_scale(network: Mapping[str, Any], init: Path) -> float:
    """Return the scale that initial weights were trained with.

    Args:
        network: options, with ``"data"`` or a number as scale; default 1.
        init: weights of the diffusion stage, or of a registration.

    Raises:
        InputError: when the weights do not tell, and it is not given; or when both differ.
    """
    wanted = network.get("latent_scale", 1.0)
    found = _scale_of(init)
    if wanted == "data" and found is None:
        raise InputError(
            f"network.latent_scale: {init} does not tell the scale of its latents; set it to a "
            "number, 1 for weights that were trained without"
        )
    if wanted != "data" and found is not None and found != wanted:
        raise InputError(
            f"network.latent_scale: expected that of {init}, {found:g}, got {wanted:g}; set it to "
            "data"
        )
    return float(wanted if found is None else found)


def _scale_of(path: Path) -> float | None:
    weights = read_weights(path)
    if SCALE in weights:
        return float(weights[SCALE])
    training = run_of(path).get("training", {})
    if training.get("stage") != "registration":
        return None
    return float(training["network"].get("latent_scale", 1.0))
