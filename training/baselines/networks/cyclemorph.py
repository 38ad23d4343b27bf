"""CycleMorph: two networks, one for each direction, that undo each other (Kim et al., 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from SlicerLDMRegLib.functional import warp
from SlicerLDMRegLib.networks import FieldPrediction

from .field_network import FieldNetwork
from .objective import Objective
from .registration_unet import RegistrationUNet

__all__ = ["CycleMorph"]


class CycleMorph(FieldNetwork):
    """CycleMorph at one scale; the field of ``forward`` is that of its first network.

    Args:
        spatial_dims: 2 or 3.
        encoder: see :class:`RegistrationUNet`; the default is the released one.
        decoder: likewise.
        cycle: weight of the images that are warped there and back.
        identity: weight of an image registered with itself.
    """

    def __init__(
        self,
        spatial_dims: int,
        encoder: Sequence[int] = (16, 32, 32, 32, 32),
        decoder: Sequence[int] = (32, 32, 32, 8),
        cycle: float = 0.1,
        identity: float = 0.5,
    ) -> None:
        super().__init__()
        self.spatial_dims = spatial_dims
        self.there = RegistrationUNet(spatial_dims, encoder, decoder)
        self.back = RegistrationUNet(spatial_dims, encoder, decoder)
        self.divisor = self.there.divisor
        self.cycle, self.identity = cycle, identity

    def forward(self, moving: Tensor, fixed: Tensor) -> FieldPrediction:
        """See :class:`FieldNetwork`."""
        return FieldPrediction(self.there(torch.cat([moving, fixed], dim=1)))

    def losses(
        self,
        moving: Tensor,
        fixed: Tensor,
        objective: Objective,
        labels: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """See :class:`FieldNetwork`; both directions, the cycle and the identity."""

        def registered(network: RegistrationUNet, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
            field = network(torch.cat([a, b], dim=1))
            return field, warp(a, field)

        field, warped_moving = registered(self.there, moving, fixed)
        inverse, warped_fixed = registered(self.back, fixed, moving)
        terms = objective.terms(moving, fixed, FieldPrediction(field), labels)
        other = None if labels is None else labels[::-1]
        again = objective.terms(fixed, moving, FieldPrediction(inverse), other)
        terms = {name: value + again[name] for name, value in terms.items()}
        _, moving_again = registered(self.back, warped_moving, warped_fixed)
        _, fixed_again = registered(self.there, warped_fixed, warped_moving)
        terms["cycle"] = self.cycle * (
            (moving_again - moving).abs().mean() + (fixed_again - fixed).abs().mean()
        )
        _, same_fixed = registered(self.there, fixed, fixed)
        _, same_moving = registered(self.back, moving, moving)
        terms["identity"] = self.identity * (
            objective.difference(same_fixed, fixed) + objective.difference(same_moving, moving)
        )
        return terms
