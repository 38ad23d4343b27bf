"""Stage of the learned baselines: one network, images of 2D or 3D data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import warp

from ..baselines.networks import FieldNetwork, Objective, build_baseline
from ..baselines.networks.padding import padded, padded_prediction
from ..config import StageConfig
from ..datasets import pairs as pairs_2d
from ..datasets import volumes as pairs_3d
from ..loop import Step
from ..randomness import item_generators
from ..stochastic_depth import StochasticDepth
from .common import EMA, load_weights, optimise
from .field_scores import FieldScores

__all__ = ["BaselineStage"]

_NOISE, _DEPTH = 0, 1  # purposes of an item's random numbers


class _Trainee(nn.Module):
    """Network whose call returns the terms of its loss, as Fabric needs it."""

    def __init__(self, network: FieldNetwork, objective: Objective) -> None:
        super().__init__()
        self.network, self.objective = network, objective

    def forward(self, moving: Tensor, fixed: Tensor, labels: Sequence[Tensor]) -> dict[str, Tensor]:
        divisor = self.network.divisor
        moving, fixed, *labels = (padded(t, divisor) for t in (moving, fixed, *labels))
        terms = self.network.losses(moving, fixed, self.objective, (labels[0], labels[1]))
        idle = self.network.idle_parameters()
        if idle:  # several processes wait for the gradients of all weights
            terms["idle"] = 0.0 * torch.stack([p.float().sum() for p in idle]).sum()
        return terms


class BaselineStage:
    """Training of a learned baseline with :class:`~training.baselines.networks.Objective`.

    ``losses``: ``metric``, ``similarity``, ``smoothness``, ``dice`` and ``window`` of the
    objective. A network adds its own terms, whose weights are among its arguments.
    """

    def __init__(self, config: StageConfig, fabric: Fabric, init: Path | None = None) -> None:
        self.config, self.fabric = config, fabric
        length = config.steps * config.batch_size * getattr(config, "accumulate", 1)
        length *= fabric.world_size
        network = build_baseline(config.network)
        self.stream: Any
        self.validation: Sequence[Mapping[str, Tensor]]
        if network.spatial_dims == 2:
            planes = pairs_2d.build_pairs(config.data, length, config.seed)
            self.stream, self.classes, self.scored = planes.stream, planes.classes, planes.scored
            self.validation = _Planes(planes.validation, planes.classes)
        else:
            volumes = pairs_3d.build_pairs(config.data, length, config.seed)
            self.stream, self.scored = volumes.stream, volumes.scored
            self.classes, self.validation = len(volumes.numbers), volumes.validation
        if config.losses.get("dice") and not self.scored:
            raise InputError("losses.dice: expected 0, for the data set has no labels; set it to 0")
        if init is not None:
            load_weights(network, init, "")
        objective = Objective(**config.losses, classes=self.classes + 1)
        optimizer = torch.optim.Adam(
            network.parameters(),
            config.learning_rate,
            config.betas,
            amsgrad=bool(config.amsgrad),
            fused=True,
        )
        self.network = network
        self.depth = StochasticDepth(network)
        # Without a gradient a weight stays as it is, whatever the optimiser remembers of it.
        optimizer.register_step_pre_hook(lambda *_: self._forget_idle())
        self.model, self.optimizer = fabric.setup(_Trainee(network, objective), optimizer)
        self.ema = EMA(self.model.module, config.ema_decay)

    def step(self, batch: dict[str, Tensor], step: Step) -> dict[str, float]:
        """Do one step on a batch of pairs."""
        self.model.train()
        seed, items = self.config.seed, batch["item"]
        self.depth.generators = item_generators(seed, items, _DEPTH)
        self.network.begin_step(
            step.number, self.config.steps, item_generators(seed, items, _NOISE)
        )
        labels = (_numbers(batch["moving_labels"]), _numbers(batch["fixed_labels"]))
        terms = self.model(batch["moving"], batch["fixed"], labels)
        loss = torch.stack(list(terms.values())).sum()
        optimise(self.fabric, loss, self.model, self.optimizer, self.config, step)
        self.ema.update(step)
        terms.pop("idle", None)
        return {"loss": loss.item(), **{name: value.item() for name, value in terms.items()}}

    def _forget_idle(self) -> None:
        for parameter in self.network.idle_parameters():
            parameter.grad = None

    def _registered(self, pair: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        p = {k: self.fabric.to_device(v[None]) for k, v in pair.items()}
        network = self.ema.module.network
        network.eval()
        with self.fabric.autocast():
            return p, padded_prediction(network, p["moving"], p["fixed"]).displacement.float()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return Dice and folds of the validation pairs.

        Pairs at half the resolution are measured on the lattice of their images, with the
        displacement doubled. Without labels the score is the negative squared difference.
        """
        scores = FieldScores(self.classes + 1, self.scored)
        for pair in self.validation:
            p, field = self._registered(pair)
            scores.add(p, field, _numbers(p["moving_labels"]), _numbers(p["fixed_labels"]))
        return scores.mean()

    @torch.no_grad()
    def panels(self) -> dict[str, Tensor]:
        """Return the first validation pair side by side: moving, fixed, warped; middle slice."""
        p, field = self._registered(self.validation[0])
        shown = [p["moving"], p["fixed"], warp(p["moving"], field)]
        planes = [t[0, 0] if t.ndim == 4 else t[0, 0, t.shape[2] // 2] for t in shown]
        return {"registration": torch.cat(planes, dim=-1)[None].expand(3, -1, -1).clamp(0, 1)}

    def state(self) -> dict[str, Any]:
        """Return network, optimiser and averaged weights."""
        return {"model": self.model, "optimizer": self.optimizer, **self.ema.state()}

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights, named as in the network."""
        return {k: v.contiguous() for k, v in self.ema.module.network.state_dict().items()}


class _Planes(Sequence[Mapping[str, Tensor]]):
    """2D validation pairs as tensors."""

    def __init__(self, pairs: Sequence[Any], classes: int) -> None:
        self.pairs, self.classes = pairs, classes

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return pairs_2d.to_tensors(self.pairs[index], self.classes)


def _numbers(labels: Tensor) -> Tensor:
    """Return label numbers ``(B, 1, *S)`` of these, or of one-hot maps ``(B, K, H, W)``."""
    if labels.ndim == 5 or not labels.is_floating_point():
        return labels.long()
    numbers = torch.arange(1, labels.shape[1] + 1, device=labels.device).view(1, -1, 1, 1)
    return (labels * numbers).sum(1, keepdim=True).round().long()
