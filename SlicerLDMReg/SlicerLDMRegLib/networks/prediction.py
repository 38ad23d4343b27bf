"""Output of the registration networks: displacement, velocity and inverse."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["FieldPrediction"]


@dataclass(frozen=True)
class FieldPrediction:
    """The deformation that a network predicts for a batch of pairs.

    Attributes:
        displacement: ``(B, d, *S)``, channel ``i`` along spatial axis ``i``, in voxels of the
            network grid; ``warped(x) = moving(x + displacement(x))``.
        velocity: stationary velocity field of the same shape and unit whose exponential is
            ``displacement``, or None when the network predicts the displacement directly.
        distance: ``(B,)``, distance of the less familiar image of each pair to the training images;
            up to 1 it resembles them. None when the network does not measure it.
        inverse: ``(B, d, *S)``, displacement of the inverse map on the same grid, or None when the
            network does not predict it.
    """

    displacement: Tensor
    velocity: Tensor | None = None
    distance: Tensor | None = None
    inverse: Tensor | None = None
