"""Pairs of points that a refinement holds together: in voxels of a lattice, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ...functional import sample
from ...geometry import ImageGeometry
from ..slices import SliceRange

__all__ = ["PointPairs", "hold_points", "on_shape", "point_pairs"]

_STEPS, _CLOSE_MM = 50, 1e-3
# Beside similarities that change by some hundredths: pairs end within the tolerance, see the tests.
_WEIGHT = 0.3


@dataclass(frozen=True)
class PointPairs:
    """Pairs of points of a batch.

    Attributes:
        points: of the fixed image, ``(B, d, N)`` in voxels of the lattice, channels as its axes.
        partners: of the aligned moving image, likewise.
        scale: tolerances in a voxel, ``(B, d, N)``; 0 for pairs that fill up the batch.
    """

    points: Tensor
    partners: Tensor
    scale: Tensor

    def to(self, device: torch.device) -> PointPairs:
        """Return the pairs on a device."""
        return PointPairs(*(t.to(device) for t in (self.points, self.partners, self.scale)))


def hold_points(displacement: Tensor, points: Tensor, partners: Tensor, scale: Tensor) -> Tensor:
    """Return what pairs of points cost that a displacement leaves apart, ``(B,)``.

    Within the tolerance they cost nothing, a little beyond it the square of the distance, and far
    beyond it the distance, so that one pair that is wrong does not outweigh all others.

    Args:
        displacement: ``(B, d, *S)`` in voxels.
        points, partners, scale: see :class:`PointPairs`.
    """
    places = points.reshape(*points.shape, *[1] * (displacement.ndim - 3))
    moved = sample(displacement, places).reshape(points.shape)
    apart = (points + moved - partners) * scale
    beyond = (apart.square().sum(1) + 1e-12).sqrt() - 1
    beyond = beyond.clamp(min=0)
    count = (scale.abs().sum(1) > 0).sum(1).clamp(min=1)
    return _WEIGHT * (beyond.square() / (1 + beyond)).sum(1) / count


def point_pairs(
    fixed: np.ndarray,
    moving: np.ndarray,
    alignment: sitk.Transform,
    lattice: ImageGeometry,
    slices: SliceRange | None,
    tolerance_mm: float,
) -> PointPairs | None:
    """Return pairs of points on the lattice of a refinement; None where none lies on it.

    Slice by slice each pair belongs to the slice of its fixed point, and is held in the plane.

    Args:
        fixed: ``(N, d)``, LPS mm.
        moving: their partners in the moving image before the alignment.
        alignment: fixed to moving points.
        lattice: of the refinement; 3D where it goes slice by slice.
        slices: the slices, None for a whole image.
        tolerance_mm: pairs closer than that cost nothing.
    """
    start = lattice.physical_to_index(fixed)
    inside = ((start > -0.5) & (start < np.asarray(lattice.size) - 0.5)).all(axis=1)
    if not inside.any():
        return None
    ends = np.array(
        [
            _before(alignment, target, guess)
            for target, guess in zip(moving[inside], fixed[inside], strict=True)
        ]
    )
    # Array axes come in the opposite order of the indices.
    points = start[inside][:, ::-1]
    partners = lattice.physical_to_index(ends)[:, ::-1]
    scale = np.asarray(lattice.spacing)[::-1] / tolerance_mm
    of = np.zeros(len(points), int)
    count = 1
    if slices is not None:
        through = 2 - slices.axis
        of = points[:, through].round().astype(int)
        count = lattice.array_shape[through]
        points, partners = (np.delete(values, through, axis=1) for values in (points, partners))
        scale = np.delete(scale, through)
    most = int(np.bincount(of, minlength=count).max())
    shape = count, points.shape[1], most
    found = [torch.zeros(shape) for _ in range(3)]
    for number in range(count):
        own = of == number
        for tensor, values in zip(found[:2], (points, partners), strict=True):
            tensor[number, :, : own.sum()] = torch.from_numpy(values[own].T.copy())
        found[2][number, :, : own.sum()] = torch.from_numpy(scale.copy())[:, None].float()
    return PointPairs(*found)


def on_shape(pairs: Sequence[Tensor], old: Sequence[int], new: Sequence[int]) -> list[Tensor]:
    """Return points, partners and scale on a lattice of another number of voxels."""
    points, partners, scale = pairs
    factor = torch.tensor(
        [(m - 1) / (n - 1) if n > 1 else 1.0 for n, m in zip(old, new, strict=True)],
        dtype=points.dtype,
        device=points.device,
    )[:, None]
    return [points * factor, partners * factor, scale / factor]


def _before(alignment: sitk.Transform, target: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Return the point that the alignment takes to a target, by Newton's method."""
    d = len(target)
    point, step = np.array(guess, np.float64), 0.5

    def moved(place: np.ndarray) -> np.ndarray:
        return np.asarray(alignment.TransformPoint(place.tolist()))

    for _ in range(_STEPS):
        miss = target - moved(point)
        if np.linalg.norm(miss) < _CLOSE_MM:
            break
        columns = [
            (moved(point + step * row) - moved(point - step * row)) / (2 * step)
            for row in np.eye(d)
        ]
        point = point + np.linalg.lstsq(np.stack(columns, axis=1), miss, rcond=None)[0]
    return point
