"""Exponential of stationary velocity fields."""

from __future__ import annotations

from torch import Tensor

from ._checks import check_vector_field
from ._precision import autocast_disabled, promote
from .compose import compose
from .warp import Padding

__all__ = ["integrate"]


def integrate(velocity: Tensor, steps: int = 7, padding: Padding = "border") -> Tensor:
    """Return the displacement ``exp(velocity)`` by scaling and squaring.

    The velocity is divided by ``2^steps`` and the result composed with itself ``steps`` times
    (Arsigny et al., MICCAI 2006). ``integrate(-velocity)`` is the inverse map.

    Args:
        velocity: stationary velocity field ``(B, d, *S)`` in voxels per unit of time.
        steps: number of squarings; 0 returns the velocity itself. Choose it so that
            ``velocity / 2^steps`` stays below half a voxel.
        padding: extrapolation outside of the lattice. "border" keeps a translation a translation;
            "zeros" leaks into the lattice from its border.

    Returns:
        displacement ``(B, d, *S)`` in voxels.

    Raises:
        ValueError: for negative steps, or when the velocity is not a vector field.
    """
    check_vector_field(velocity, "velocity")
    if steps < 0:
        raise ValueError(f"steps: expected 0 or more, got {steps}")
    with autocast_disabled(velocity):
        (velocity,) = promote(velocity)
        displacement = velocity / 2**steps
        for _ in range(steps):
            displacement = compose(displacement, displacement, padding)
        return displacement
