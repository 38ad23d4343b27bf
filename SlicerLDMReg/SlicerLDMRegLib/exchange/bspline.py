"""Cubic B-splines that stand for a displacement field, as coarse as an error in mm allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..displacement import DisplacementField
from ..errors import InputError

__all__ = ["CompactTransform", "fit_bspline"]

_ORDER = 3
_COARSEST_MM, _FINER = 96.0, 0.75  # spacing of the first lattice, and of each one to the one before
# Of the numbers of the field: with more, the field itself is the better file.
_MOST = 0.5


@dataclass(frozen=True)
class CompactTransform:
    """A field as a B-spline.

    Attributes:
        transform: fixed to moving points; outside of the lattice of the field it is the identity.
        cells: between its control points, along x, y(, z).
        spacing_mm: of the control points.
        mean_error_mm, max_error_mm: distance from the field at its voxels.
    """

    transform: sitk.BSplineTransform
    cells: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    mean_error_mm: float
    max_error_mm: float


def fit_bspline(field: DisplacementField, tolerance_mm: float | None) -> CompactTransform:
    """Return the B-spline with the fewest control points that stays within a distance of a field.

    The control points lie on a regular lattice; of all splines on it, it is the one with the least
    square error at the voxels.

    Args:
        field: 2D or 3D.
        tolerance_mm: largest distance from the field that is allowed at a voxel; None: half of the
            shortest edge of a voxel, and more where that takes more than half the numbers of the
            field.

    Raises:
        InputError: when the tolerance takes more than half the numbers of the field.
    """
    geometry = field.geometry
    size, spacing = np.asarray(geometry.size), np.asarray(geometry.spacing)
    allowed = 0.5 * spacing.min() if tolerance_mm is None else tolerance_mm
    step, tried = _COARSEST_MM, np.zeros(geometry.dimension, int)
    best: CompactTransform | None = None
    while True:
        cells = np.maximum(1, np.ceil(size * spacing / step)).astype(int)
        step *= _FINER
        if (cells == tried).all():
            continue
        tried = cells
        if np.prod(cells + _ORDER) > _MOST * np.prod(size):
            break
        best = _fit(field, cells)
        if best.max_error_mm <= allowed:
            return best
    if tolerance_mm is None and best is not None:
        return best
    reached = "" if best is None else f"; {best.max_error_mm:.2g} mm are reached"
    within = "" if tolerance_mm is None else f" within {tolerance_mm:g} mm"
    raise InputError(
        f"a B-spline{within} of this field needs more than half of its numbers"
        f"{reached}: allow more, or write the field itself"
    )


def _fit(field: DisplacementField, cells: np.ndarray) -> CompactTransform:
    geometry, d = field.geometry, field.dimension
    bases = [_basis(n, int(c)) for n, c in zip(geometry.size, cells, strict=True)][::-1]
    coefficients = _along_axes(field.vectors, [np.linalg.pinv(basis) for basis in bases])
    error = np.linalg.norm(_along_axes(coefficients, bases) - field.vectors, axis=-1)
    transform = sitk.BSplineTransform(d, _ORDER)
    transform.SetTransformDomainMeshSize(cells.tolist())
    # From the edge of the first voxel to that of the last: ITK leaves out what lies on the border.
    transform.SetTransformDomainOrigin(geometry.index_to_physical([-0.5] * d).tolist())
    extent = np.asarray(geometry.size) * geometry.spacing
    transform.SetTransformDomainPhysicalDimensions(extent.tolist())
    transform.SetTransformDomainDirection(geometry.direction)
    transform.SetParameters(np.moveaxis(coefficients, -1, 0).ravel().tolist())
    return CompactTransform(
        transform,
        tuple(cells.tolist()),
        tuple((extent / cells).tolist()),
        float(error.mean()),
        float(error.max()),
    )


def _along_axes(values: np.ndarray, matrices: list[np.ndarray]) -> np.ndarray:
    """Return ``(*S, d)`` with a matrix applied along each of the axes S."""
    for axis, matrix in enumerate(matrices):
        values = np.moveaxis(np.tensordot(matrix, values, axes=(1, axis)), 0, axis)
    return values


def _basis(count: int, cells: int) -> np.ndarray:
    """Return the weights of the control points at the voxels of an axis, ``(count, cells + 3)``."""
    place = (np.arange(count) + 0.5) * cells / count
    first = np.minimum(place.astype(int), cells - 1)
    t = place - first
    weights = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    basis = np.zeros((count, cells + _ORDER))
    for offset, values in enumerate(weights):
        basis[np.arange(count), first + offset] = values
    return basis
