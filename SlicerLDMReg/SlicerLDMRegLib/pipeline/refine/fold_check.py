"""Folds of a deformation on the lattice of the result, which may be finer than its own."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..._slabs import parts
from ...functional import smallest_jacobian_determinant
from ...geometry import ImageGeometry
from ..align.alignment import Alignment
from ..field_batch import FieldBatch, whole_field
from ..slices import SliceRange, to_batch
from .diffeomorphic import DETERMINANT_FLOOR

__all__ = ["whole_without_folds", "without_folds"]

_PARALLEL = 1e-6  # voxels a voxel: rounding stays below, and 512 voxels move by less than 0.001


def without_folds(
    displacement: Tensor,
    lattice: ImageGeometry,
    slices: SliceRange | None,
    output: ImageGeometry,
    check: Callable[[], None] = lambda: None,
) -> Tensor:
    """Tell where a deformation stays free of folds on the lattice of the result, for ``unfold``.

    Between the voxels of the working lattice the map is interpolated, so that a finer lattice, or
    one that lies elsewhere, can see determinants that the first one does not. The field on a finer
    lattice is never held as a whole, so that the memory does not grow with it.

    Args:
        displacement: ``(B, d, *S)`` in voxels of the working lattice.
        lattice: working lattice.
        slices: the slices, None for a whole image.
        output: lattice of the result.
        check: called every now and then; may raise to stop.

    Returns:
        ``(B, *S)`` booleans, False at voxels around which the map folds; for slices and for
        lattices that are turned against each other ``(B,)``.
    """
    step = np.linalg.inv(lattice.matrix) @ output.matrix
    steps = np.diag(step)[::-1]
    if slices is not None or np.abs(step - np.diag(np.diag(step))).max() >= _PARALLEL:
        batch = FieldBatch(displacement, lattice, slices).on(output)
        return torch.stack([~_folded(item).any() for item in batch.values.cpu().float()])
    origin = lattice.physical_to_index(output.origin)[::-1]
    positions = [
        torch.from_numpy(first + step * np.arange(n))
        for first, step, n in zip(origin, steps, output.array_shape, strict=True)
    ]
    scale = torch.tensor(1 / steps, dtype=torch.float32)
    return torch.stack(
        [_accepted(item, positions, scale, check) for item in displacement.cpu().float()]
    )


def whole_without_folds(
    displacement: Tensor,
    lattice: ImageGeometry,
    slices: SliceRange | None,
    output: ImageGeometry,
    alignment: Alignment,
) -> Tensor:
    """Tell where a deformation and an alignment that bends have no folds together.

    Each may be free of them and leave so little volume that a lattice sees their product fold.

    Args:
        displacement, lattice, slices, output: as for :func:`without_folds`.
        alignment: fixed to moving points.

    Returns:
        ``(B, *S)`` booleans, False at voxels that fold; ``(B,)`` where the lattices differ.
    """
    field = whole_field(FieldBatch(displacement, lattice, slices), alignment, output)
    sound = field.jacobian_determinant() > 0
    batch = sound[None] if slices is None else to_batch(sound, slices.axis)
    found = torch.from_numpy(np.ascontiguousarray(batch))
    return found if found[0].shape == displacement.shape[2:] else found.flatten(1).all(1)


def _accepted(
    displacement: Tensor, positions: list[Tensor], scale: Tensor, check: Callable[[], None]
) -> Tensor:
    """Return ``(*S)`` booleans for a displacement ``(d, *S)``.

    Args:
        displacement: in voxels of the working lattice.
        positions: of the voxels of the result along each array axis, in voxels of that lattice.
        scale: voxels of the result in one of that lattice.
        check: may raise to stop.
    """
    shape = displacement.shape[1:]
    displacement = displacement * scale.reshape(-1, *[1] * len(shape))
    matrices = [_interpolation(p, n) for p, n in zip(positions, shape, strict=True)]
    accepted = torch.ones(shape, dtype=torch.bool)
    for part in parts(len(positions[0]), math.prod(len(p) for p in positions[1:])):
        check()
        # One more plane on each side, for the differences; what lies beyond is the border.
        first = max(0, part.start - 1)
        slab = displacement
        for axis, matrix in enumerate(matrices):
            rows = matrix[first : part.stop + 1] if axis == 0 else matrix
            slab = torch.movedim(torch.tensordot(rows, slab, ([1], [1 + axis])), 0, 1 + axis)
        folded = _folded(slab)[part.start - first : part.stop - first].nonzero()
        folded[:, 0] += part.start
        nearest = [
            positions[axis][folded[:, axis]].round().long().clamp(0, n - 1)
            for axis, n in enumerate(shape)
        ]
        accepted[tuple(nearest)] = False
    return accepted


def _folded(displacement: Tensor) -> Tensor:
    """Return where ``(d, *S)`` has a determinant, central or one-sided, below the floor."""
    return smallest_jacobian_determinant(displacement[None])[0] < DETERMINANT_FLOOR


def _interpolation(positions: Tensor, size: int) -> Tensor:
    """Return the matrix ``(N, size)`` that interpolates linearly; its border is repeated."""
    positions = positions.clamp(0, size - 1)
    low = positions.floor().clamp(max=max(size - 2, 0)).long()
    upper = (positions - low).float()
    matrix = torch.zeros(len(positions), size)
    matrix.scatter_(1, low[:, None], (1 - upper)[:, None])
    matrix.scatter_add_(1, (low + 1).clamp(max=size - 1)[:, None], upper[:, None])
    return matrix
