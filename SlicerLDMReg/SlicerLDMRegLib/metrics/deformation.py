"""Regularity of a deformation: folds, SDlogJ and displacement lengths."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ._arrays import Array, to_numpy

__all__ = [
    "displacement_statistics",
    "fold_percentage",
    "sdlogj",
    "sdlogj_learn2reg",
]

# Of Learn2Reg's evaluator: border left out, in voxels, and offset added to the determinant.
_BORDER, _OFFSET = 2, 3.0
# Bounds of the determinant before the logarithm, as in Learn2Reg's evaluator.
_SMALLEST, _LARGEST = 1e-9, 1e9


def fold_percentage(determinant: Array, mask: Array | None = None) -> float:
    """Return the percentage of folded voxels: Jacobian determinant not above 0.

    Args:
        determinant: Jacobian determinants of ``x + u(x)``.
        mask: voxels to count; default all.

    Raises:
        InputError: when the mask has another shape.
    """
    values = _masked(determinant, mask)
    return 100.0 * float(np.mean(~(values > 0))) if values.size else float("nan")


def sdlogj(determinant: Array, mask: Array | None = None) -> float:
    """Return SDlogJ, the standard deviation of the logarithm of the Jacobian determinant.

    0 for a rigid or uniformly scaling map. Determinants below 1e-9, including folds, count as 1e-9
    and dominate the number.

    Args:
        determinant: Jacobian determinants of ``x + u(x)``.
        mask: voxels to count; default all.

    Raises:
        InputError: when the mask has another shape.
    """
    values = _masked(determinant, mask).astype(np.float64, copy=False)
    if not values.size:
        return float("nan")
    logarithms = np.clip(values, _SMALLEST, _LARGEST)
    np.log(logarithms, out=logarithms)
    # Two-pass formula, without the second array of np.std.
    logarithms -= logarithms.mean()
    return float(np.sqrt(np.dot(logarithms, logarithms) / logarithms.size))


def sdlogj_learn2reg(determinant: Array, mask: Array | None = None) -> float:
    """Return SDlogJ as the Learn2Reg challenge computes it, for comparison with published tables.

    Two voxels at each border are left out, and 3 is added to the determinant before the logarithm,
    which makes it several times smaller than :func:`sdlogj` and hides folds.

    Args:
        determinant: Jacobian determinants of ``x + u(x)`` by central differences.
        mask: voxels to count; default all.

    Returns:
        NaN when no voxel is left.

    Raises:
        InputError: when the mask has another shape.
    """
    values = to_numpy(determinant)
    inner = (slice(_BORDER, -_BORDER),) * values.ndim
    where = None if mask is None else to_numpy(mask)
    if where is not None and where.shape != values.shape:
        raise InputError(f"mask: expected shape {values.shape}, got {where.shape}")
    return sdlogj(values[inner] + _OFFSET, None if where is None else where[inner])


def displacement_statistics(vectors: Array) -> dict[str, float]:
    """Return the "mean", "std" and "max" length of displacement vectors, in their unit.

    Args:
        vectors: ``(..., d)``, as in ``DisplacementField.vectors``.
    """
    values = to_numpy(vectors).astype(np.float64, copy=False)
    lengths = np.sqrt(np.einsum("...i,...i->...", values, values))
    return {
        "mean": float(lengths.mean()),
        "std": float(lengths.std()),
        "max": float(lengths.max()),
    }


def _masked(determinant: Array, mask: Array | None) -> np.ndarray:
    values = to_numpy(determinant)
    if mask is None:
        return values.ravel()
    where = to_numpy(mask).astype(bool)
    if where.shape != values.shape:
        raise InputError(f"mask: expected shape {values.shape}, got {where.shape}")
    return values[where]
