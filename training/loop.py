"""The training loop shared by all stages: data, logs, checkpoints, resuming."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from SlicerLDMRegLib.errors import InputError

from . import lineage
from .checkpoint import CHECKPOINT, Progress, check_same_run, cut_log, load, save, written
from .config import StageConfig
from .processes import mean_of_all, sum_of_all
from .randomness import seed_step

__all__ = ["Stage", "Step", "expected_end", "learning_rate", "run"]

# Signals by which schedulers announce the end of a job: the run writes its checkpoint and ends.
_LAST_CALL = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)
)


@dataclass(frozen=True)
class Step:
    """Batch of an optimiser step; with accumulation there are several.

    Attributes:
        number: of the optimiser step, from 0.
        part: number of the batch in it, from 0.
        parts: batches of a step.
    """

    number: int
    part: int = 0
    parts: int = 1

    @property
    def first(self) -> bool:
        """Whether gradients begin at zero."""
        return self.part == 0

    @property
    def last(self) -> bool:
        """Whether the optimiser steps after this batch."""
        return self.part == self.parts - 1


class Stage(Protocol):
    """Interface of a training stage to the loop."""

    stream: Dataset[dict[str, Tensor]]

    def step(self, batch: dict[str, Tensor], step: Step) -> dict[str, float]:
        """Do one batch of an optimiser step; return the values to log.

        ``batch["item"]`` holds the numbers of the items in the stream, for random numbers.
        """

    def validate(self) -> dict[str, float]:
        """Return values to log; ``"score"`` is to be maximised."""

    def panels(self) -> dict[str, Tensor]:
        """Return pictures ``(3, H, W)`` in [0, 1] of what the stage does, by name."""

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


class _Numbered(Dataset[dict[str, Tensor]]):
    """Items of a stream with their numbers, those that a process takes from the ``first`` on."""

    def __init__(self, stream: Dataset[dict[str, Tensor]], numbers: range) -> None:
        self.stream, self.numbers = stream, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        number = self.numbers[index]
        return {**self.stream[number], "item": torch.tensor(number)}


def run(
    stage: Stage,
    config: StageConfig,
    fabric: Fabric,
    output: Path,
    resume: bool,
    init: Path | None = None,
) -> float:
    """Train ``stage`` and return its best score.

    A step takes the next ``batch_size`` times ``accumulate`` items of the stream in each process;
    together the processes take those that one process with all their batches would take.

    ``output`` receives ``last.ckpt`` (to resume, at each validation and all ``save_every`` steps),
    ``best.pt`` (weights of the best validation), ``config.json``, ``lineage.json``,
    ``progress.jsonl`` and, where TensorBoard is installed, its events. A run that is killed at any
    moment and resumed makes, on a CPU, the same bits as one that is not. On SIGTERM and SIGUSR1 it
    writes its checkpoint and ends.

    Args:
        stage: of :func:`training.stages.build_stage`.
        config: of the stage.
        fabric: launched.
        output: folder of the run.
        resume: whether to go on from a checkpoint in ``output``, if there is one.
        init: weights that the stage began with, for the record.

    Raises:
        InputError: when the run cannot be resumed, or its folder cannot be written to.
        SystemExit: with code 143, after a signal.
    """
    output.mkdir(parents=True, exist_ok=True)
    items = fabric.world_size * config.batch_size * config.accumulate
    progress = Progress(items=items)
    resumed = resume and (output / CHECKPOINT).exists()
    if resumed:
        check_same_run(output, config)
        progress = load(fabric, output, stage.state())
        if progress.items != items:
            raise InputError(
                f"{output}: --resume goes on with {progress.items} items a step, got {items}; "
                "choose devices, batch_size and accumulate whose product is that"
            )
    if fabric.is_global_zero:
        if not resumed:
            lineage.begin(output, init)
        with written(output / "config.json") as new:
            new.write_text(json.dumps(config.to_dict(), indent=2) + "\n")
        cut_log(output / "progress.jsonl", progress.step)
    began = time.perf_counter() - progress.seconds
    here = progress.step, time.perf_counter()
    writer = _writer(output, progress.step) if fabric.is_global_zero else None
    bar = tqdm(
        initial=progress.step,
        total=config.steps,
        disable=not fabric.is_global_zero,
        mininterval=5,
        unit="step",
    )
    batches = iter(_loader(stage, config, fabric, progress.step))
    with _last_call() as called:
        for step in range(progress.step, config.steps):
            for part in range(config.accumulate):
                batch = next(batches)
                if part == 0:  # after the first loading of a process, which draws, too
                    seed_step(config.seed, step, fabric.global_rank)
                with _sync_at_the_end(stage, fabric, part + 1 == config.accumulate):
                    progress.log(stage.step(batch, Step(step, part, config.accumulate)))
            progress.step = step + 1
            progress.seconds = time.perf_counter() - began
            end = expected_end(here, progress.step, config.steps)
            bar.set_postfix_str(f"ends {end:%a %H:%M}", refresh=False)
            bar.update()
            # Every process ends at the same step, whichever was told.
            told = torch.tensor(float(called())).to(fabric.device)
            stop = bool(sum_of_all(told) > 0)
            validates = progress.step % config.validate_every == 0 or progress.step == config.steps
            if validates:
                _validate(stage, config, fabric, output, progress, writer, end)
                bar.set_postfix_str(f"best {progress.best:.4f}, ends {end:%a %H:%M}")
            saves = config.save_every and progress.step % config.save_every == 0
            if validates or saves or stop:
                save(fabric, output, stage.state(), progress)
            if stop and progress.step < config.steps:
                bar.close()
                fabric.print(f"{output}: stopped after step {progress.step}; --resume goes on")
                raise SystemExit(128 + signal.SIGTERM)
    bar.close()
    if writer is not None:
        writer.close()
    return progress.best


def expected_end(since: tuple[int, float], step: int, steps: int) -> datetime:
    """Return when a run will end, by what its steps took so far, validations included.

    Args:
        since: step and :func:`time.perf_counter` at which this process began.
        step: steps done.
        steps: of the whole run.
    """
    done, seconds = step - since[0], time.perf_counter() - since[1]
    return datetime.now() + timedelta(seconds=seconds / max(done, 1) * (steps - step))


def _loader(
    stage: Stage, config: StageConfig, fabric: Fabric, start: int
) -> Iterator[dict[str, Tensor]]:
    """Return the batches of a process from a step on."""
    items = fabric.world_size * config.batch_size * config.accumulate
    # The processes take the items in turn, so that a step takes the same whatever their number.
    numbers = range(start * items + fabric.global_rank, config.steps * items, fabric.world_size)
    loader = DataLoader(
        _Numbered(stage.stream, numbers),
        batch_size=config.batch_size,
        num_workers=config.workers,
        worker_init_fn=_outlive_the_last_call,
    )
    # Not by Fabric's own sampler: that repeats items where they do not come out even.
    return iter(fabric.setup_dataloaders(loader, use_distributed_sampler=False))  # type: ignore[arg-type]


def _outlive_the_last_call(_: int) -> None:
    """Let a process that reads data go on: schedulers signal all, and its trainer ends it."""
    for number in _LAST_CALL:
        signal.signal(number, signal.SIG_IGN)


def _validate(
    stage: Stage,
    config: StageConfig,
    fabric: Fabric,
    output: Path,
    progress: Progress,
    writer: Any,
    end: datetime,
) -> None:
    """Validate, keep the weights if they are the best, and write the logs."""
    record = progress.means()
    if fabric.world_size > 1:
        means = mean_of_all(torch.tensor(list(record.values())).to(fabric.device))
        record = dict(zip(record, means.tolist(), strict=True))
    record |= {f"val_{k}": v for k, v in stage.validate().items()}
    score = record["val_score"]
    better = score > progress.best
    progress.best = max(score, progress.best)
    if not fabric.is_global_zero:
        return
    if better or config.checkpoint == "last":
        with written(output / "best.pt") as new:
            torch.save(stage.weights(), new)
        lineage.record_weights(output, progress.step, score)
    if writer is not None:
        for name, value in record.items():
            writer.add_scalar(name, value, progress.step)
        for name, picture in stage.panels().items():
            writer.add_image(name, picture, progress.step)
        writer.flush()
    seconds = round(progress.seconds, 1)
    line = {"step": progress.step, "seconds": seconds, "ends": f"{end:%Y-%m-%d %H:%M}", **record}
    with (output / "progress.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


@contextmanager
def _sync_at_the_end(stage: Stage, fabric: Fabric, last: bool) -> Iterator[None]:
    """Let processes exchange gradients at the last batch of a step only."""
    with ExitStack() as stack:
        if fabric.world_size > 1 and not last:
            for module in stage.state().values():
                if isinstance(module, _FabricModule):
                    stack.enter_context(fabric.no_backward_sync(module))
        yield


@contextmanager
def _last_call() -> Iterator[Any]:
    """Yield a function that tells whether a scheduler has announced the end of the job."""
    told: list[int] = []
    before: Mapping[int, Any] = {}
    with suppress(ValueError):  # not the main thread: nobody but it can hear signals
        before = {s: signal.signal(s, lambda number, _: told.append(number)) for s in _LAST_CALL}
    try:
        yield lambda: bool(told)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _writer(output: Path, step: int) -> Any:
    """Return a writer of TensorBoard's events, None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print(
            "TensorBoard is not installed: progress.jsonl has the curves; pip install tensorboard"
        )
        return None
    # Events after the step were written by a run that was killed.
    return SummaryWriter(str(output), purge_step=step + 1 if step else None)
