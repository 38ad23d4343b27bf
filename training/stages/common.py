"""Averaged weights, loading of weights and optimiser step, shared by the stages."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from SlicerLDMRegLib._weight_files import read_safetensors
from SlicerLDMRegLib.errors import ModelError

from ..config import StageConfig
from ..loop import Step, learning_rate

__all__ = [
    "EMA",
    "holds",
    "load_weights",
    "mean_over_items",
    "optimise",
    "read_weights",
    "stream_length",
]


class EMA:
    """Exponential moving average of the weights of a module; with decay 0 the module itself.

    The decay rises with the number of updates, so that the average soon forgets the start.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.source = module
        self.decay = decay
        self.average = (
            AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay)) if decay else None
        )

    def update(self, step: Step) -> None:
        """Update the average, after the last batch of an optimiser step."""
        if self.average is not None and step.last:
            decay = min(self.decay, (1 + step.number) / (10 + step.number))
            self.average.multi_avg_fn = get_ema_multi_avg_fn(decay)
            self.average.update_parameters(self.source)

    @property
    def module(self) -> nn.Module:
        """Module to validate and to export."""
        return self.source if self.average is None else self.average.module

    def state(self) -> dict[str, Any]:
        """Return the additional content of a checkpoint."""
        return {} if self.average is None else {"ema": self.average}


def load_weights(module: nn.Module, path: Path, prefix: str, without: Collection[str] = ()) -> None:
    """Load the tensors with prefix ``prefix`` from a weights file, but those named ``without``.

    Raises:
        ModelError: when the file is missing or does not match.
    """
    state = read_weights(path)
    part = {
        k.removeprefix(prefix): v
        for k, v in state.items()
        if k.startswith(prefix) and k not in without
    }
    module.load_state_dict(part)


def holds(path: Path, prefix: str) -> bool:
    """Whether a weights file has tensors with a prefix.

    Raises:
        ModelError: when the file is missing.
    """
    return any(name.startswith(prefix) for name in read_weights(path))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a weights file, by name: of a run, or of a model in 32 bits.

    Raises:
        ModelError: when the file is missing or damaged.
    """
    if not path.is_file():
        raise ModelError(f"{path} does not exist; train the stage before this one first")
    if path.suffix == ".safetensors":
        return {name: tensor.float() for name, tensor in read_safetensors(path).items()}
    state: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
    return state


def optimise(
    fabric: Fabric,
    loss: Tensor,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    config: StageConfig,
    step: Step,
) -> None:
    """Add the gradient of ``loss``; after the last batch of a step, let ``optimizer`` step.

    The gradients of the batches of a step are averaged; the learning rate is the scheduled one.
    """
    if step.first:
        optimizer.zero_grad(set_to_none=True)
    fabric.backward(loss / step.parts)
    if not step.last:
        return
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, step.number)
    if config.gradient_clip:
        fabric.clip_gradients(module, optimizer, max_norm=config.gradient_clip)
    optimizer.step()


def mean_over_items(loss: Callable[..., Tensor], *batches: Tensor) -> Tensor:
    """Return the mean of a loss over the items of a batch.

    A loss that counts the structures of a whole batch would depend on how the items are dealt out
    to batches and processes.

    Args:
        loss: of tensors with a batch of one.
        batches: ``(B, ...)``.
    """
    items = [loss(*(t[i : i + 1] for t in batches)) for i in range(len(batches[0]))]
    return torch.stack(items).mean()


def stream_length(config: StageConfig, fabric: Fabric) -> int:
    """Return the number of items that a run takes from its stream."""
    return config.steps * config.batch_size * config.accumulate * fabric.world_size
