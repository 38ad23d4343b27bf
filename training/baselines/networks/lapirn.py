"""LapIRN as it is trained: level after level, from coarse to fine (Mok and Chung, 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.functional import integrate
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.networks.backbones import BackboneOutput
from SlicerLDMRegLib.networks.backbones.lapirn import LapIRN, image_pyramid

from .backbone_network import BackboneNetwork
from .objective import Objective

__all__ = ["ProgressiveLapIRN"]

_LEVELS = 3


class ProgressiveLapIRN(BackboneNetwork):
    """LapIRN whose levels are trained one after the other.

    Level 1, at a quarter of the resolution, is trained alone, then level 2 with it, then all three.
    Where a level joins, the coarser ones are frozen for a while. The loss of a level is measured at
    its resolution: with ``losses.scales`` 3 and ``losses.window`` 7 the correlation of level 3
    at three resolutions in windows of 7, 5 and 3 voxels, that of level 1 in windows of 3.

    Until a level is trained it adds next to nothing to the field: the whole network is validated
    from the start.

    Args:
        spatial_dims: 2 or 3.
        start_channels: see :class:`~SlicerLDMRegLib.networks.backbones.lapirn.LapIRN`.
        reach: likewise.
        blocks: likewise.
        level_shares: shares of all steps in which level 1 is trained, and then level 2; empty: all
            levels are trained at once.
        frozen_share: share of all steps for which the coarser levels are frozen where one joins.
        integration_steps: see :class:`BackboneNetwork`.

    Raises:
        ModelError: for shares that are not two, or leave no steps for level 3.
    """

    def __init__(
        self,
        spatial_dims: int,
        start_channels: int = 32,
        reach: float = 0.4,
        blocks: int = 5,
        level_shares: Sequence[float] = (),
        frozen_share: float = 0.0,
        integration_steps: int = 0,
    ) -> None:
        sizes = {"start_channels": start_channels, "reach": reach, "blocks": blocks}
        super().__init__("lapirn", spatial_dims, sizes, integration_steps)
        shares = tuple(float(share) for share in level_shares)
        if shares and (len(shares) != _LEVELS - 1 or min(shares) <= 0 or sum(shares) >= 1):
            raise ModelError(
                "level_shares: expected two shares of the steps above 0 whose sum is below 1, of "
                f"level 1 and level 2, or none, got {list(level_shares)}"
            )
        if not 0 <= frozen_share < 1 - sum(shares):
            raise ModelError(
                "frozen_share: expected a share of the steps below that of level 3, "
                f"{1 - sum(shares):g}, got {frozen_share}"
            )
        self.level_shares, self.frozen_share = shares, frozen_share
        self.level, self.frozen = _LEVELS, 0

    def begin_step(
        self, number: int, steps: int, generators: Sequence[torch.Generator] | None = None
    ) -> None:
        """See :class:`FieldNetwork`; chooses the level that is trained, and those frozen."""
        begins = [0]
        for share in self.level_shares:
            begins.append(begins[-1] + round(share * steps))
        self.level = sum(number >= begin for begin in begins) if self.level_shares else _LEVELS
        joined = self.level > 1 and bool(self.level_shares)
        fresh = joined and number - begins[-1 if self.level == _LEVELS else 1] < round(
            self.frozen_share * steps
        )
        self.frozen = self.level - 1 if fresh else 0

    @property
    def _pyramid(self) -> LapIRN:
        assert isinstance(self.backbone, LapIRN)
        return self.backbone

    def idle_parameters(self) -> list[nn.Parameter]:
        """See :class:`FieldNetwork`; those of frozen levels and of levels to come."""
        levels, flows = self._pyramid.levels, self._pyramid.flows
        idle: list[nn.Module] = [*levels[: self.frozen], *levels[self.level :]]
        idle += [*flows[: self.frozen], *flows[self.level :]]
        idle += [self.head] if self.level < _LEVELS else []
        return [parameter for module in idle for parameter in module.parameters()]

    def losses(
        self,
        moving: Tensor,
        fixed: Tensor,
        objective: Objective,
        labels: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """See :class:`FieldNetwork`; of the level that is trained."""
        if not self.level_shares:
            return super().losses(moving, fixed, objective, labels)
        coarser = _LEVELS - self.level
        objective = replace(
            objective,
            window=max(3, objective.window - 2 * coarser),
            scales=max(1, objective.scales - coarser),
        )
        if not coarser:
            output = self.backbone(moving, fixed, self.frozen)
            return objective.terms(moving, fixed, self._of(output, fixed), labels)
        images = image_pyramid(moving, fixed, _LEVELS)[: self.level]
        field = self._pyramid.coarse_field(images, self.frozen)
        moving, fixed = images[-1][:, :1], images[-1][:, 1:]
        if labels is not None:
            size = fixed.shape[2:]
            a, b = (F.interpolate(t.float(), size=size, mode="nearest").long() for t in labels)
            labels = (a, b)
        return objective.terms(moving, fixed, self._prediction(field), labels)

    def _of(self, output: BackboneOutput, fixed: Tensor) -> FieldPrediction:
        features, base = output
        assert base is not None
        return self._prediction(self.head(features).float() + base)

    def _prediction(self, field: Tensor) -> FieldPrediction:
        """Return the prediction of a field at the resolution of its own level."""
        if not self.integration_steps:
            return FieldPrediction(field)
        return FieldPrediction(integrate(field, self.integration_steps), field)
