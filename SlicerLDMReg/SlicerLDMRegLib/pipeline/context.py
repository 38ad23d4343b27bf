"""The means of one run: model, device, time, progress and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from .device import Meter
from .predict.loaded_model import LoadedModel
from .progress import Progress

__all__ = ["RunContext", "UnusedModel"]


@dataclass(frozen=True)
class UnusedModel:
    """The model that would have been taken automatically, and why it was not.

    Attributes:
        id: of the model.
        reason: a clause, such as ``"the fixed image shows something of 35 x 51 x 35 mm, ..."``.
    """

    id: str
    reason: str


@dataclass(frozen=True)
class RunContext:
    """Everything that each stage of a registration needs besides its inputs and the request.

    Attributes:
        model: the loaded model; None for refinement alone.
        device: of the refinement; the network has its own.
        meter: measures the stages.
        progress: of the stages to come; cancels.
        seed: of everything random.
        unused: the model that does not know the images.
    """

    model: LoadedModel | None
    device: torch.device
    meter: Meter
    progress: Progress
    seed: int = 0
    unused: UnusedModel | None = None

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Options that the model recommends."""
        return {} if self.model is None else self.model.card.defaults

    @property
    def uses_regions(self) -> bool:
        """Whether the model is guided by regions."""
        return self.model is not None and self.model.predictor.uses_regions

    def part(self, start: float, end: float) -> RunContext:
        """Return the context of a stage that takes this part, 0 to 1, of the progress."""
        return replace(self, progress=self.progress.part(start, end))
