"""Configurations of all stages at a size that a test can train, and data for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from Testing.Python.training.test_manifest_data import write_volumes
from training.exhibits.rehearsal import ARGUMENTS
from training.exhibits.rehearsal import LDM_MORPH as SMALL
from training.synthesis.phantoms import generate_pair

__all__ = ["STAGES", "arguments", "write_cardiac_pairs", "write_configs"]

#: Initial weights of each stage: the stage whose ``best.pt`` they are.
STAGES = {
    "vqgan": None,
    "ldm": "vqgan",
    "registration": "ldm",
    "textscf": None,
    "segmentation": None,
    # Baselines with noise, with stochastic depth, and with levels that wait.
    "diffusemorph": None,
    "transmatch": None,
    "lapirn": None,
}
NETWORK = {**SMALL, "integration_steps": 4}
_OWN: dict[str, dict[str, Any]] = {
    "vqgan": {
        "steps": 4,
        "losses": {
            "discriminator_start": 2,
            "discriminator_weight": 0.75,
            "discriminator_channels": 4,
        },
    },
    "ldm": {"steps": 2, "ema_decay": 0.9},
    "registration": {
        "steps": 4,
        "ema_decay": 0.9,
        "gradient_clip": 1.0,
        "learning_rate": 1e-3,
        "losses": {"beta": 0.6, "smoothness": 0.01, "dice": 0.1, "latent_grad": True},
    },
    "segmentation": {
        "steps": 2,
        "ema_decay": 0.9,
        "network": {
            "spatial_dims": 2, "classes": 5, "features": [4, 4, 4, 8, 8, 4], "patch": 2,
        },
        "data": {"set": "cardiac-mr", "mixture": {"real": 1}, "size": 32, "pool": 4},
    },
}  # fmt: skip
_LEVELS = {"level_shares": [0.34, 0.34], "frozen_share": 0.1}
_BASELINES: dict[str, dict[str, Any]] = {
    "diffusemorph": {},
    "transmatch": {},
    "lapirn": _LEVELS,
}
for _name, _more in _BASELINES.items():
    _OWN[_name] = {
        "stage": "baseline",
        "steps": 3,
        "network": {"name": _name, "arguments": {**ARGUMENTS[_name], **_more}},
        "losses": {"metric": "lncc", "window": 7, "dice": 0.1},
        "data": {"mixture": {"real": 1}, "size": 32},
    }


def arguments(
    folder: Path, stage: str, output: str, *overrides: str, init: Path | None = None
) -> list[str]:
    """Return the arguments of ``ldmreg-train train`` for a stage in a folder of configurations.

    ``init``: initial weights; default those of the stage before, where it has been trained.
    """
    before = STAGES[stage]
    if init is None and before is not None and (folder / before / "best.pt").exists():
        init = folder / before / "best.pt"
    start = [] if init is None else ["--init", str(init)]
    changes = [part for override in overrides for part in ("--set", override)]
    place = ["--output", str(folder / output), "--device", "cpu"]
    return [str(folder / f"{stage}.yaml"), *place, *start, *changes]


def write_cardiac_pairs(folder: Path) -> Path:
    """Write generated pairs, stored like the real ones, of enough patients to be split."""
    folder.mkdir()
    for group in ("HF-I", "HF-NI", "HYP", "N"):
        for patient in range(1, 5):
            p = generate_pair("cardiac", patient, 32)
            arrays = {k: (255 * getattr(p, k)).astype(np.uint8) for k in ("fixed", "moving")}
            labels = {f"{k}_seg": (getattr(p, f"{k}_labels") == 1) for k in ("fixed", "moving")}
            labels = {k: v.astype(np.uint8) for k, v in labels.items()}
            np.savez(folder / f"SC-{group}-{patient:02}_s05.npz", **arrays, **labels)
    return folder


def write_configs(folder: Path, *stages: str) -> Path:
    """Write ``STAGE.yaml`` of stages, default all, and their data; return the folder."""
    stages = stages or tuple(STAGES)
    if set(stages) & set(_OWN):
        root = write_cardiac_pairs(folder / "data")
        common = {
            "network": NETWORK,
            "batch_size": 2,
            "validate_every": 2,
            "data": {"root": str(root), "mixture": {"real": 1, "cardiac": 1}, "size": 32},
        }
        for stage in set(stages) & set(_OWN):
            config = {"stage": stage, **common, **_OWN[stage]}
            _write(folder, stage, {**config, "data": {"root": str(root), **config["data"]}})
    if "textscf" in stages:
        (folder / "volumes").mkdir()
        manifest = write_volumes(folder / "volumes")
        _write(
            folder,
            "textscf",
            {
                "stage": "textscf",
                "steps": 4,
                "batch_size": 2,
                "validate_every": 2,
                "ema_decay": 0.9,
                "network": {
                    "backbone_arguments": {"start_channels": 2},
                    "text_channels": 2,
                    "hidden_channels": 4,
                    "integration_steps": 3,
                },
                "text": {"encoder": "one-hot", "template": "photo"},
                "data": {
                    "set": "manifest",
                    "root": str(manifest),
                    "options": {"size": [16, 16, 16], "spacing": 2.0},
                    "masks": {"none": 0.2, "perfect": 0.2, "shift": 0.7, "drop": 0.3},
                },
                "losses": {"dice": 1.0, "similarity": 1.0, "smoothness": 0.1, "structures": 0.2},
            },
        )
    return folder


def _write(folder: Path, name: str, config: dict[str, Any]) -> None:
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
