"""Stationary velocity field of a displacement."""

from __future__ import annotations

import torch
from torch import Tensor

from ._checks import check_vector_field
from ._precision import autocast_disabled, promote
from .integrate import integrate
from .smooth import gaussian_smooth
from .warp import warp

__all__ = ["logarithm"]


def logarithm(
    displacement: Tensor,
    steps: int = 7,
    iterations: int = 20,
    smoothing: float = 0.0,
    tolerance: float = 1e-3,
) -> Tensor:
    """Return a stationary velocity field v with ``integrate(v, steps)`` close to the displacement.

    Fixed-point iteration: the residual ``u - exp(v)`` is added to v at the point that the flow has
    reached after half of the time, since a velocity acts along the whole trajectory (added at the
    start, the iteration converges for small displacements only). An update that would increase the
    residual is halved, so the result is finite and the best one found even where no logarithm
    exists, as for a field with folds. It is inaccurate near the border of a map that leaves the
    lattice, such as a rotation.

    Args:
        displacement: u, ``(B, d, *S)`` in voxels.
        steps: number of squarings, see :func:`integrate`.
        iterations: maximum number of updates; each costs two integrations.
        smoothing: Gaussian sigma in voxels applied to every update; 0.5 to 1 removes folds.
        tolerance: stop when the root mean square residual is below this, in voxels.

    Returns:
        ``(B, d, *S)`` in voxels per unit of time.

    Raises:
        ValueError: unless the displacement has one channel per spatial axis.
    """
    check_vector_field(displacement, "displacement")
    with autocast_disabled(displacement):
        (displacement,) = promote(displacement)
        column = (-1, *[1] * (displacement.ndim - 1))
        velocity = gaussian_smooth(displacement, smoothing)
        update, error = _residual(velocity, displacement, steps)
        weight = torch.ones_like(error)
        for _ in range(iterations):
            if bool((error < tolerance).all() | (weight < 1e-2).all()):
                break
            candidate = velocity + weight.reshape(column) * gaussian_smooth(update, smoothing)
            new_update, new_error = _residual(candidate, displacement, steps)
            better = new_error < error
            velocity = torch.where(better.reshape(column), candidate, velocity)
            update = torch.where(better.reshape(column), new_update, update)
            error = torch.where(better, new_error, error)
            weight = torch.where(better, (1.5 * weight).clamp_max(1.0), weight / 2)
        return velocity


def _residual(velocity: Tensor, displacement: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return the update of the velocity and the root mean square of ``u - exp(velocity)``."""
    missing = displacement - integrate(velocity, steps)
    error = missing.square().sum(1).flatten(1).mean(1).sqrt()
    return warp(missing, integrate(-0.5 * velocity, steps)), error
