"""Projection of a velocity field onto those whose exponential does not fold on the lattice."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...functional import gaussian_smooth, integrate, smallest_jacobian_determinant

__all__ = ["DETERMINANT_FLOOR", "squarings_for", "unfold"]

#: Determinants below this count as folds: float32 and resampling need some room above 0.
DETERMINANT_FLOOR = 0.01

# Bounds: in the last round of smoothing the Gaussian has a sigma of 7 voxels, and the last scale,
# 0.9 ** 200, leaves no motion.
_LOCAL_ROUNDS = 24
_SHRINKING_ROUNDS = 200


def squarings_for(velocity: Tensor, least: int = 6) -> int:
    """Return enough squarings that the first step of the integration is below half a voxel."""
    largest = float(velocity.abs().max()) if velocity.numel() else 0.0
    return max(least, math.ceil(math.log2(max(largest, 1e-6) / 0.5)))


@torch.no_grad()
def unfold(
    velocity: Tensor,
    squarings: int | None = None,
    accept: Callable[[Tensor, Tensor], Tensor] | None = None,
    check: Callable[[], None] = lambda: None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return a velocity field near the given one whose exponential folds nowhere on the lattice.

    The continuous exponential of a smooth velocity field cannot fold, but the one on a lattice can
    where the velocity changes much from voxel to voxel. There it is smoothed, more with each round;
    when that does not help, the velocity of the element is scaled down. A field without folds comes
    back as it is.

    Args:
        velocity: ``(B, d, *S)`` in voxels.
        squarings: of the exponential map; None: as many as the velocity needs.
        accept: an additional test of the displacement and its inverse, ``(B, d, *S)`` each;
            returns ``(B,)`` or ``(B, *S)`` booleans, False for elements, or voxels, that must be
            smoothed further.
        check: called every now and then; may raise to stop.

    Returns:
        velocity, displacement and its inverse, ``(B, d, *S)`` in voxels.
    """
    velocity = velocity.clone()
    for round_ in range(_LOCAL_ROUNDS + _SHRINKING_ROUNDS):
        steps = squarings if squarings is not None else squarings_for(velocity)
        check()
        displacement = integrate(velocity, steps)
        check()
        inverse = integrate(-velocity, steps)
        check()
        # The central determinant is the mean of the one-sided ones, and never below the smallest.
        folded = smallest_jacobian_determinant(displacement) < DETERMINANT_FLOOR
        folded |= smallest_jacobian_determinant(inverse) < DETERMINANT_FLOOR
        bad = folded.flatten(1).any(1)
        if accept is not None:
            accepted = accept(displacement, inverse).to(bad.device)
            if accepted.ndim == 1:
                # Nothing says where the caller's test fails: then the whole element is smoothed.
                everywhere = ~accepted & ~bad
                accepted = ~everywhere.reshape(-1, *[1] * (folded.ndim - 1))
            folded = folded | ~accepted
            bad = folded.flatten(1).any(1)
        if not bad.any():
            return velocity, displacement, inverse
        if round_ < _LOCAL_ROUNDS:
            velocity[bad] = _smoother_at(velocity[bad], folded[bad], 1.0 + round_ / 4)
        else:
            velocity[bad] *= 0.9
    raise RuntimeError("unfold: a field that is almost zero still folds")  # pragma: no cover


def _smoother_at(velocity: Tensor, folded: Tensor, sigma: float) -> Tensor:
    """Blend into the smoothed velocity around the marked voxels."""
    marks = folded.unsqueeze(1).float()
    # The material that folds at x moved there from as far as the velocity reaches.
    reach = 1.0 + 0.25 * float(velocity.abs().max())
    spread = gaussian_smooth(marks, reach)
    # One marked voxel has weight 1 at its place, and less around.
    height = 1.0 / (math.sqrt(2 * math.pi) * reach) ** (velocity.ndim - 2)
    weight = (spread / height).clamp(max=1.0)
    return velocity + weight * (gaussian_smooth(velocity, sigma) - velocity)
