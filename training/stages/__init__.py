"""The three training stages of LDM-Morph."""

from __future__ import annotations

from pathlib import Path

from lightning_fabric import Fabric

from ..config import StageConfig
from ..loop import Stage

__all__ = ["build_stage"]


def build_stage(config: StageConfig, fabric: Fabric, init: Path | None) -> Stage:
    """Build the stage that ``config`` names; ``init``: weights of the stage before it."""
    if config.stage == "vqgan":
        from .vqgan import VQGANStage

        return VQGANStage(config, fabric)
    if init is None:
        raise ValueError(
            f"stage {config.stage!r} starts from another one: pass its best.pt as --init"
        )
    if config.stage == "ldm":
        from .ldm import LDMStage

        return LDMStage(config, fabric, init)
    if config.stage == "registration":
        from .registration import RegistrationStage

        return RegistrationStage(config, fabric, init)
    raise ValueError(f"unknown stage {config.stage!r}; known: vqgan, ldm, registration")
