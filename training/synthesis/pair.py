"""Generated image pair with labels and true deformation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["PhantomPair"]


@dataclass(frozen=True)
class PhantomPair:
    """Generated pair with its ground truth.

    Attributes:
        fixed: ``(H, W)`` float32 in [0, 1].
        moving: ``(H, W)`` float32 in [0, 1].
        fixed_labels: ``(H, W)`` uint8.
        moving_labels: ``(H, W)`` uint8.
        displacement: ``(2, H, W)`` float32 in voxels, channels (row, column), fixed to moving:
            ``fixed(x)`` and ``moving(x + displacement(x))`` show the same tissue. It is
            diffeomorphic and has no folds on the pixel grid.
    """

    fixed: np.ndarray
    moving: np.ndarray
    fixed_labels: np.ndarray
    moving_labels: np.ndarray
    displacement: np.ndarray
