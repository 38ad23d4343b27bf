"""Small networks and single steps, to see an exhibit from its data to its table in minutes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from ..baselines import CLASSICAL, Method
from ..baselines.lddmm import lddmm
from ..config import find_config
from .exhibit import Stage

__all__ = ["ARGUMENTS", "LDM_MORPH", "rehearsed", "rehearsed_method"]

#: Arguments of a small LDM-Morph.
LDM_MORPH = {
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
_TRANSFORMER = {"embed_dim": 4, "depths": [1, 1, 1, 1], "heads": [1, 1, 1, 1]}
#: Arguments of the small baselines.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "voxelmorph": {"encoder": [2, 4], "decoder": [4, 4], "final": [4]},
    "transmorph": _TRANSFORMER,
    "lku-net": {"start_channels": 2},
    "lapirn": {"start_channels": 1, "blocks": 1},
    "cyclemorph": {"encoder": [2, 4, 4], "decoder": [4, 4]},
    "transmatch": {**_TRANSFORMER, "cross_heads": 1, "window": 2, "low_level_channels": 2},
    "diffusemorph": {
        "channels": [4, 4, 4, 4],
        "encoder": [2, 4, 4],
        "decoder": [4, 4],
        "groups": 2,
    },
    "fourier-net": {"start_channels": 2},
}
_SHORT = {"steps": 1, "validate_every": 1, "workers": 0, "batch_size": 1, "warmup_steps": 0}


def rehearsed(stage: Stage, changes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the changes of a configuration for a rehearsal: those of the exhibit, made small.

    Switches stay as they are; what says how large the network is, is replaced.
    """
    config = _options(stage.config)
    kind = config["stage"]
    small: dict[str, Any] = dict(_SHORT)
    if kind in ("vqgan", "ldm", "registration"):
        small |= {f"network.{name}": value for name, value in LDM_MORPH.items()}
        # Nothing is measured, and what the first stages say is taken.
        small["network.latent_scale"] = "data" if kind == "registration" else 1.0
        if kind == "vqgan":
            small |= {"losses.discriminator_start": 0, "losses.discriminator_channels": 4}
    given = dict(change.split("=", 1) for change in changes)
    if kind == "baseline":
        name = config["network"]["name"]
        size = config["network"].get("arguments", {}).get("image_size")
        own = dict(ARGUMENTS[name])
        if name == "transmorph" and size is not None:
            own["image_size"] = [32] * len(size)
        small["network.arguments"] = own
    if kind == "textscf":
        backbone = given.get("network.backbone", config["network"].get("backbone", "lku-net"))
        own = dict(ARGUMENTS[backbone])
        if backbone == "transmorph":
            own["image_size"] = [32, 32, 32]
        small |= {"network.backbone_arguments": own, "network.hidden_channels": 4}
        encoder = given.get("text.encoder", "")
        if encoder != "coordinates" and "table:" not in encoder:
            # No weights of text encoders; a table that the user gives is read.
            regions = int(given.get("network.regions", config["network"].get("regions", 36)))
            small |= {"text.encoder": "one-hot", "network.text_channels": regions}
            small["text.background"] = "svd" if "text.background" not in given else "zeros"
    left = {
        name: value
        for name, value in given.items()
        if not any(name == s or name.startswith(f"{s}.") for s in small)
    }
    plain = [f"{name}={value}" for name, value in left.items()]
    return (*plain, *(f"{name}={json.dumps(value)}" for name, value in small.items()))


def rehearsed_method(name: str) -> Method:
    """Return a method without training that takes seconds."""
    return _quick_lddmm if name == "lddmm" else CLASSICAL[name].method


def _quick_lddmm(pair: Any) -> Any:
    return lddmm(pair, iterations=2)


def _options(name: str) -> Mapping[str, Any]:
    """Return a configuration with those that it begins with, unchecked: it may lack its data."""
    path = find_config(name)
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    if isinstance(values.get("network"), str):
        file = path.parent / values["network"]
        values["network"] = yaml.safe_load(file.read_text(encoding="utf-8"))
    if "base" not in values:
        return values
    base = (path.parent / values["base"]).resolve()
    from ..config import CONFIGS

    below = dict(_options(base.relative_to(CONFIGS).with_suffix("").as_posix()))
    network = {**below.get("network", {}), **(values.get("network") or {})}
    return {**below, **values, "network": network}
