"""Stateless functions on tensors: warp, differentiate, compose, integrate and invert fields.

Images are ``(B, C, *S)`` and displacements ``(B, d, *S)`` with ``S = (H, W)`` or ``(D, H, W)``;
channel i of a displacement is along spatial axis i, in voxels, and it maps a fixed point to the
moving point: ``warped(x) = moving(x + u(x))``. Coordinates count voxels from the centre of the
first one. Everything runs in float32 also inside ``torch.autocast``.
"""

from __future__ import annotations

from .compose import compose
from .gradients import central_differences, forward_differences
from .integrate import integrate
from .invert import inverse_consistency, invert, invert_points
from .jacobian import (
    fold_fraction,
    fold_mask,
    jacobian_determinant,
    jacobian_matrix,
    smallest_jacobian_determinant,
)
from .logarithm import logarithm
from .smooth import gaussian_smooth, local_deviation, resize
from .warp import identity_grid, sample, warp

__all__ = [
    "central_differences",
    "compose",
    "fold_fraction",
    "fold_mask",
    "forward_differences",
    "gaussian_smooth",
    "identity_grid",
    "integrate",
    "inverse_consistency",
    "invert",
    "invert_points",
    "jacobian_determinant",
    "jacobian_matrix",
    "local_deviation",
    "logarithm",
    "resize",
    "sample",
    "smallest_jacobian_determinant",
    "warp",
]
