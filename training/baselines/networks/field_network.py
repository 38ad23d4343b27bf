"""Interface of the learned baselines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from SlicerLDMRegLib.networks import FieldPrediction

from .objective import Objective

__all__ = ["FieldNetwork"]


class FieldNetwork(nn.Module):
    """Base class of networks from a pair of images to a displacement field.

    Attributes:
        spatial_dims: 2 or 3.
        divisor: required divisor of the image sizes.
    """

    spatial_dims: int
    divisor: int

    @abstractmethod
    def forward(self, moving: Tensor, fixed: Tensor) -> FieldPrediction:
        """Register a batch of pairs.

        Args:
            moving: ``(B, 1, *S)`` in [0, 1]; sizes are multiples of ``divisor``.
            fixed: of the same shape.
        """

    def begin_step(
        self, number: int, steps: int, generators: Sequence[torch.Generator] | None = None
    ) -> None:
        """Take note of the step whose losses come next; most networks need not.

        Args:
            number: of the step, from 0.
            steps: of the whole training.
            generators: one for each pair of the batch, for random numbers; None: the global one.
        """

    def idle_parameters(self) -> list[nn.Parameter]:
        """Return the weights that the optimiser leaves as they are in this step."""
        return []

    def losses(
        self,
        moving: Tensor,
        fixed: Tensor,
        objective: Objective,
        labels: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the terms of the training loss by name, weighted; their sum is minimised.

        Args:
            moving: as in :meth:`forward`.
            fixed: as in :meth:`forward`.
            objective: of the registration.
            labels: moving and fixed label map, integers.
        """
        return objective.terms(moving, fixed, self(moving, fixed), labels)
