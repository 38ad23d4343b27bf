"""Training stages of LDM-Morph (three), textSCF, segmenters and baselines."""

from __future__ import annotations

from pathlib import Path

from lightning_fabric import Fabric

from ..config import StageConfig
from ..loop import Stage

__all__ = ["build_stage"]


def build_stage(config: StageConfig, fabric: Fabric, init: Path | None) -> Stage:
    """Build the stage of ``config``; ``init``: initial weights."""
    if config.stage == "vqgan":
        from .vqgan import VQGANStage

        return VQGANStage(config, fabric)
    if config.stage == "textscf":
        from .textscf import TextSCFStage

        return TextSCFStage(config, fabric, init)
    if config.stage == "segmentation":
        from .segmentation import SegmentationStage

        return SegmentationStage(config, fabric, init)
    if config.stage == "baseline":
        from .baseline_network import BaselineStage

        return BaselineStage(config, fabric, init)
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
    known = "vqgan, ldm, registration, textscf, segmentation, baseline"
    raise ValueError(f"unknown stage {config.stage!r}; known: {known}")
