"""Smoothness penalty of displacement and velocity fields."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functional import forward_differences
from ..functional._checks import check_vector_field

__all__ = ["smoothness"]


def smoothness(displacement: Tensor) -> Tensor:
    """Return the mean squared forward difference, averaged over the axes; 0 is best.

    The regulariser of LDM-Morph (Equation 15) and textSCF, in voxel units. Its weight depends on
    the units: in a network's normalised units the value is ``(size / 2) ** 2`` times smaller.

    Args:
        displacement: ``(B, d, *S)`` in voxels, or a velocity field.

    Raises:
        ValueError: unless the field has one channel per spatial axis.
    """
    dimension = check_vector_field(displacement, "displacement")
    steps = [step for step in forward_differences(displacement) if step.numel()]
    if not steps:
        return displacement.sum() * 0.0
    return torch.stack([step.square().mean() for step in steps]).sum() / dimension
