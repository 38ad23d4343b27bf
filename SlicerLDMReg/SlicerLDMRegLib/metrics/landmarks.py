"""Target registration error at landmarks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["target_registration_error"]

FloatArray = npt.NDArray[np.float64]


def target_registration_error(
    fixed_points: npt.ArrayLike,
    moving_points: npt.ArrayLike,
    transform_points: Callable[[FloatArray], FloatArray] | None = None,
) -> FloatArray:
    """Return the distance of each moved fixed landmark from its moving landmark.

    Args:
        fixed_points: ``(N, d)``, mm.
        moving_points: the corresponding points, ``(N, d)``, mm, in the same frame (LPS or RAS).
        transform_points: maps fixed points to moving points, e.g.
            ``DisplacementField.warp_points``; default the identity (error before registration).

    Returns:
        ``(N,)``, mm.

    Raises:
        InputError: for point lists that do not correspond.
    """
    fixed = np.asarray(fixed_points, dtype=np.float64)
    moving = np.asarray(moving_points, dtype=np.float64)
    if fixed.ndim != 2 or fixed.shape != moving.shape:
        raise InputError(
            f"landmarks: expected two (N, d) lists of one length, got {fixed.shape} and "
            f"{moving.shape}"
        )
    moved = fixed if transform_points is None else transform_points(fixed)
    return np.linalg.norm(np.asarray(moved) - moving, axis=1)
