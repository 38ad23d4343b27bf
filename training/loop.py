"""The training loop shared by all stages: data, logs, checkpoints, resuming."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from .config import StageConfig

__all__ = ["Stage", "learning_rate", "run"]


class Stage(Protocol):
    """Interface of a training stage to the loop."""

    stream: Dataset[dict[str, Tensor]]

    def step(self, batch: dict[str, Tensor], step: int) -> dict[str, float]:
        """Do one optimiser step; return the values to log."""

    def validate(self) -> dict[str, float]:
        """Return values to log; ``"score"`` is to be maximised."""

    def state(self) -> dict[str, Any]:
        """Return the state for resuming, as objects with ``load_state_dict``."""

    def weights(self) -> dict[str, Tensor]:
        """Return the weights for the next stage or the export."""


def learning_rate(config: StageConfig, step: int) -> float:
    """Return the learning rate of a step under the configured schedule."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    step, length = step - config.warmup_steps, config.steps - config.warmup_steps
    if config.epoch_steps:
        step, length = step // config.epoch_steps, -(-length // config.epoch_steps)
    progress = min(step / max(length, 1), 1.0)
    if config.schedule == "polynomial":
        return config.learning_rate * (1 - progress) ** config.power
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def run(stage: Stage, config: StageConfig, fabric: Fabric, output: Path, resume: bool) -> float:
    """Train ``stage`` and return its best score.

    ``output`` receives ``last.ckpt`` (to resume), ``best.pt`` (weights of the best validation),
    ``config.json``, ``progress.jsonl`` and TensorBoard events.
    """
    output.mkdir(parents=True, exist_ok=True)
    last, best_path = output / "last.ckpt", output / "best.pt"
    start, best = 0, -math.inf
    if resume and last.exists():
        counters: dict[str, Any] = {"step": 0, "best": best}
        remainder = fabric.load(last, {**stage.state()})
        counters.update({k: remainder[k] for k in counters})
        start, best = counters["step"], counters["best"]
    (output / "config.json").write_text(json.dumps(config.to_dict(), indent=2) + "\n")
    processes = fabric.world_size * config.batch_size
    items = range(start * processes, config.steps * processes)
    loader = fabric.setup_dataloaders(
        DataLoader(
            Subset(stage.stream, items), batch_size=config.batch_size, num_workers=config.workers
        )
    )
    writer = SummaryWriter(str(output)) if fabric.is_global_zero else None
    bar = tqdm(
        loader, initial=start, total=config.steps, disable=not fabric.is_global_zero, mininterval=5
    )
    began = time.perf_counter()
    running: dict[str, list[float]] = {}
    for step, batch in enumerate(bar, start=start):
        # Stochastic depth uses the global generator: seeded by step, training resumes exactly.
        torch.manual_seed((config.seed * 1_000_003 + step) * fabric.world_size + fabric.global_rank)
        for name, value in stage.step(batch, step).items():
            running.setdefault(name, []).append(value)
        if (step + 1) % config.validate_every and step + 1 != config.steps:
            continue
        record = {name: sum(v) / len(v) for name, v in running.items()}
        running.clear()
        record |= {f"val_{k}": v for k, v in stage.validate().items()}
        score = record["val_score"]
        better = score > best
        best = max(score, best)
        if (better or config.checkpoint == "last") and fabric.is_global_zero:
            torch.save(stage.weights(), best_path)
        fabric.save(last, {**stage.state(), "step": step + 1, "best": best})
        if writer is not None:
            for name, value in record.items():
                writer.add_scalar(name, value, step + 1)
            line = {"step": step + 1, "seconds": round(time.perf_counter() - began, 1), **record}
            with (output / "progress.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            bar.set_postfix(score=f"{score:.4f}", best=f"{best:.4f}")
    if writer is not None:
        writer.close()
    return best
