"""Configuration of a training stage, a YAML file that is stored with the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

__all__ = ["StageConfig"]


@dataclass
class StageConfig:
    """Configuration of one training stage.

    Args:
        stage: ``"vqgan"``, ``"ldm"`` or ``"registration"`` (LDM-Morph), ``"textscf"`` or
            ``"segmentation"``.
        steps: optimiser steps.
        batch_size: pairs (or images) per step and process.
        network: options of the network, as in a model folder, or the name of a YAML file beside
            this one that holds them.
        data: ``root`` of the images, ``mixture`` of sources, ``augment`` ranges, ``size``.
        losses: weights and switches of the stage.
        text: ``encoder``, ``template`` and ``background`` of textSCF's embeddings, and the label
            ``scheme`` of the regions.
        learning_rate, betas: of Adam.
        warmup_steps: steps of linear rise of the learning rate.
        schedule: ``"constant"`` or ``"cosine"`` to zero after the warm-up.
        gradient_clip: maximum norm of the gradient, 0 for no limit.
        ema_decay: decay of the averaged weights, which are validated and shipped; 0: no averaging.
        precision: of Lightning Fabric, for example ``"32-true"`` or ``"bf16-mixed"``.
        validate_every: steps between validations.
        seed: of everything random.
        workers: processes that load data.
    """

    stage: str
    steps: int
    batch_size: int
    network: dict[str, Any]
    data: dict[str, Any]
    losses: dict[str, Any] = field(default_factory=dict)
    text: dict[str, Any] = field(default_factory=dict)
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_steps: int = 0
    schedule: str = "constant"
    gradient_clip: float = 0.0
    ema_decay: float = 0.0
    precision: str = "32-true"
    validate_every: int = 500
    seed: int = 0
    workers: int = 0

    @classmethod
    def load(cls, path: Path, overrides: list[str] | None = None) -> StageConfig:
        """Read a YAML file and apply overrides such as ``losses.latent_grad=false``.

        Raises:
            ValueError: for an unknown option, or an override that is not ``key=value``.
        """
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(values.get("network"), str):
            network = path.parent / values["network"]
            values["network"] = yaml.safe_load(network.read_text(encoding="utf-8"))
        for override in overrides or []:
            name, separator, text = override.partition("=")
            if not separator:
                raise ValueError(f"an override reads key=value, got {override!r}")
            *parents, last = name.split(".")
            target = values
            for parent in parents:
                target = target.setdefault(parent, {})
            target[last] = yaml.safe_load(text)
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(
                f"{path}: unknown options {unknown}; see {cls.__module__}.{cls.__name__}"
            )
        values["betas"] = tuple(values.get("betas", (0.9, 0.999)))
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for storage with checkpoints and models."""
        return {**asdict(self), "betas": list(self.betas)}
