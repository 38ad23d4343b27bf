"""Whether a deformation folds on the lattice of the result, which may be finer than its own."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...geometry import ImageGeometry
from ..field_batch import FieldBatch
from ..slices import SliceRange
from .diffeomorphic import least_determinant

__all__ = ["Folds"]

_SLAB_VOXELS = 2**20
_PARALLEL = 1e-6


class Folds:
    """Tells whether a deformation stays free of folds on the lattice of the result.

    ``unfold`` asks it. Between the voxels of the working lattice the map is interpolated, so that
    a finer lattice, or one that lies elsewhere, can see determinants that the first one does not.
    The field on a finer lattice is never held as a whole, so that the memory does not grow with it.

    Args:
        lattice: working lattice.
        slices: the slices, None for a whole image.
        output: lattice of the result.
        floor: smallest accepted determinant.
        check: called every now and then; may raise to stop.
    """

    def __init__(
        self,
        lattice: ImageGeometry,
        slices: SliceRange | None,
        output: ImageGeometry,
        floor: float,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.lattice, self.slices, self.output, self.floor = lattice, slices, output, floor
        self.check = check
        step = np.linalg.inv(lattice.matrix) @ output.matrix
        diagonal = np.diag(np.diag(step))
        self._steps = np.diag(step)[::-1]
        self._start = lattice.physical_to_index(output.origin)[::-1]
        self._parallel = bool(np.abs(step - diagonal).max() < _PARALLEL)

    def __call__(self, displacement: Tensor, inverse: Tensor) -> Tensor:
        """Return what is accepted.

        Args:
            displacement: ``(B, d, *S)`` in voxels of the working lattice.
            inverse: not looked at; it belongs to the lattice of the moving image.

        Returns:
            ``(B, *S)`` booleans, False at voxels around which the map folds; for slices and for
            lattices that are turned against each other ``(B,)``.
        """
        if self._parallel and self.slices is None:
            return torch.stack([self._accepted(item) for item in displacement.cpu().float()])
        batch = FieldBatch(displacement, self.lattice, self.slices).on(self.output)
        return torch.stack([~self._folded(item).any() for item in batch.values.cpu().float()])

    def _accepted(self, displacement: Tensor) -> Tensor:
        """Return ``(*S)`` booleans for a displacement ``(d, *S)``."""
        shape = displacement.shape[1:]
        positions = [
            torch.from_numpy(start + step * np.arange(n))
            for start, step, n in zip(
                self._start, self._steps, self.output.array_shape, strict=True
            )
        ]
        scale = displacement.new_tensor(1 / self._steps.copy())
        displacement = displacement * scale.reshape(-1, *[1] * len(shape))
        matrices = [_interpolation(p, n) for p, n in zip(positions, shape, strict=True)]
        accepted = torch.ones(shape, dtype=torch.bool)
        count = len(positions[0])
        thickness = max(1, _SLAB_VOXELS // math.prod(len(p) for p in positions[1:]))
        for start in range(0, count, thickness):
            self.check()
            # One more plane on each side, for the differences; what lies beyond is the border.
            first, last = max(0, start - 1), min(count, start + thickness + 1)
            slab = displacement
            for axis, matrix in enumerate(matrices):
                rows = matrix[first:last] if axis == 0 else matrix
                slab = torch.movedim(torch.tensordot(rows, slab, ([1], [1 + axis])), 0, 1 + axis)
            inner = slice(start - first, start - first + min(thickness, count - start))
            folded = self._folded(slab)[inner].nonzero()
            folded[:, 0] += start
            nearest = [
                positions[axis][folded[:, axis]].round().long().clamp(0, n - 1)
                for axis, n in enumerate(shape)
            ]
            accepted[tuple(nearest)] = False
        return accepted

    def _folded(self, displacement: Tensor) -> Tensor:
        """Return where ``(d, *S)`` has a determinant, central or one-sided, below the floor."""
        return least_determinant(displacement[None])[0] < self.floor


def _interpolation(positions: Tensor, size: int) -> Tensor:
    """Return the matrix ``(N, size)`` that interpolates linearly; its border is repeated."""
    positions = positions.clamp(0, size - 1)
    low = positions.floor().clamp(max=max(size - 2, 0)).long()
    upper = (positions - low).float()
    matrix = torch.zeros(len(positions), size)
    matrix.scatter_(1, low[:, None], (1 - upper)[:, None])
    matrix.scatter_add_(1, (low + 1).clamp(max=size - 1)[:, None], upper[:, None])
    return matrix
