"""Initial velocity of an optimisation."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import InputError
from ...functional import logarithm, resize
from ...networks import FieldPrediction
from .objective import velocity_shape

__all__ = ["initial_velocity", "stationary_velocity"]


def initial_velocity(initial: FieldPrediction | Tensor | None, like: Tensor) -> Tensor | None:
    """Return the velocity of a prediction or of a displacement; None for None.

    Raises:
        InputError: when the field is not on the lattice of ``like``.
    """
    if initial is None:
        return None
    if isinstance(initial, Tensor):
        field, known = initial, None
    else:
        field, known = initial.displacement, initial.velocity
    expected = (len(like), like.ndim - 2, *like.shape[2:])
    if tuple(field.shape) != expected:
        raise InputError(f"refine: expected a field {expected}, got {tuple(field.shape)}")
    if known is not None:
        return known.detach().to(like.device)
    return stationary_velocity(field.detach().to(like.device))


@torch.no_grad()
def stationary_velocity(displacement: Tensor) -> Tensor:
    """Return a velocity whose exponential is close to a displacement, ``(B, d, *S)`` in voxels.

    That of a large volume is found on half its lattice, in an eighth of the time.
    """
    shape = displacement.shape[2:]
    lattice = velocity_shape(shape)
    velocity = logarithm(resize(displacement, lattice, displacement=True), smoothing=0.5)
    return resize(velocity, shape, displacement=True)
