"""Checkpoints of a run: all that it needs to go on with the same bits, in one file.

``last.ckpt`` is replaced by a rename when the new one is on the disk: whenever a run is killed, the
old one or the new one is there. The records of a run, which are written before, are cut back to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from SlicerLDMRegLib._outputs import whole_file
from SlicerLDMRegLib.errors import InputError

from .config import StageConfig
from .randomness import random_state, restore

__all__ = ["CHECKPOINT", "Progress", "check_same_run", "cut_log", "load", "save", "written"]

CHECKPOINT = "last.ckpt"
# What may differ when a run goes on: it does not change the steps that were done.
_FREE = frozenset(
    {"title", "steps", "workers", "validate_every", "save_every", "checkpoint", "batch_size"}
    | {"accumulate"}  # with the batch and the processes it makes the items of a step
    | {"data.root", "data.images.cache", "text.weights", "text.cache"}  # where files lie
    | {"losses.vgg_weights", "losses.lpips_weights"}
)


@dataclass
class Progress:
    """Place of a run.

    Attributes:
        step: optimiser steps done.
        items: items of the stream that a step takes, over all processes.
        best: best score of a validation.
        seconds: time of training so far.
        sums: by name, sum and number of the values logged since the last validation.
    """

    step: int = 0
    items: int = 0
    best: float = float("-inf")
    seconds: float = 0.0
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)

    def log(self, values: Mapping[str, float]) -> None:
        """Add values of a step."""
        for name, value in values.items():
            total, number = self.sums.get(name, (0.0, 0))
            self.sums[name] = (total + value, number + 1)

    def means(self) -> dict[str, float]:
        """Return the means since the last call, and begin anew."""
        means = {name: total / number for name, (total, number) in self.sums.items()}
        self.sums.clear()
        return means


def save(fabric: Fabric, folder: Path, state: Mapping[str, Any], progress: Progress) -> None:
    """Replace the checkpoint of a run; to be called by all processes.

    Args:
        fabric: of the run.
        folder: of the run.
        state: of the stage: modules, optimisers and values.
        progress: place of the run.
    """
    place = vars(progress) | {"sums": {k: list(v) for k, v in progress.sums.items()}}
    content = {**state, "progress": place, "random": _of_all_processes(fabric)}
    with written(folder / CHECKPOINT) if fabric.is_global_zero else nullcontext(folder) as path:
        fabric.save(path, content)


def load(fabric: Fabric, folder: Path, state: dict[str, Any]) -> Progress:
    """Restore stage and generators from the checkpoint of a run, and return its place.

    Raises:
        InputError: when the file is damaged, or of another network.
    """
    path = folder / CHECKPOINT
    try:
        rest = fabric.load(path, dict(state), weights_only=True)
        place, states = rest["progress"], rest["random"]
    except (RuntimeError, KeyError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} cannot be resumed from: {reason}; train anew in another --output, "
            "with --init from an older best.pt where there is one"
        ) from error
    # With another number of processes there is no state of each; every step seeds anew.
    if len(states) == fabric.world_size:
        restore(states[fabric.global_rank])
    return Progress(**{**place, "sums": {k: (v[0], v[1]) for k, v in place["sums"].items()}})


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield a path to write; the file replaces an older one when it is whole.

    Raises:
        InputError: when it cannot be written.
    """
    try:
        with whole_file(path) as new:
            yield new
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}") from error


def check_same_run(folder: Path, config: StageConfig) -> None:
    """Refuse to go on with a run under another configuration.

    Raises:
        InputError: naming the first option that differs.
    """
    path = folder / "config.json"
    if not path.is_file():
        return
    stored = _flat(json.loads(path.read_text(encoding="utf-8")))
    wanted = _flat(json.loads(json.dumps(config.to_dict())))
    # Options that are newer than the run had the effect of their default.
    usual = _flat(json.loads(json.dumps(StageConfig("ldm", 1, 1, {}, {}).to_dict())))
    for name in sorted({*stored, *wanted}):
        old = stored.get(name, usual.get(name))
        if name in _FREE or old == wanted.get(name):
            continue
        raise InputError(
            f"{folder}: --resume goes on as the run began, and {name} was {old!r}, got "
            f"{wanted.get(name)!r}; set it back, or begin another --output with --init "
            f"{folder / 'best.pt'}"
        )


def cut_log(path: Path, step: int) -> None:
    """Leave out the lines of a log that are after a step, and what a killed run left of a line."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(f"{line}\n")
        except (ValueError, KeyError, TypeError):
            continue
    with written(path) as new:
        new.write_text("".join(kept), encoding="utf-8")


def _of_all_processes(fabric: Fabric) -> list[Any]:
    if fabric.world_size == 1:
        return [random_state()]
    states: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(states, random_state())
    return states


def _flat(values: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{place}{name}.")
        else:
            flat[f"{place}{name}"] = value or None  # an empty section is one that is not there
    return flat
