"""ConvexAdam: discretised coupled convex optimisation, then Adam on the field.

Siebert, Hansen and Heinrich, "Fast 3D registration with accurate optimisation and little learning
for Learn2Reg 2021"; written from the paper, in 2D and 3D.
"""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.functional import compose, warp
from SlicerLDMRegLib.losses import mind_ssc_descriptor, smoothness

from ..datasets.evaluation import EvaluationPair
from .method import Registered

__all__ = ["convex_adam", "coupled_convex"]

# 3D: the values of the paper; 2D: those of the best Dice on the validation patients of the
# cardiac pairs (training/README.md).
_MIND = {2: (2, 2), 3: (1, 2)}  # radius and dilation of the features
_REACH = 4
_COUPLINGS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_ITERATIONS, _RATE, _SMOOTHNESS = 80, 1.0, 1.25
_CHANNELS = 12  # of MIND-SSC in 3D; in 2D it has 4, whose mean is weighed as if they were 12
_FILTER = 3  # width of the mean filters on cells
_CELL = {2: 4, 3: 6}  # voxels along the edge of a cell of the search
_FINE_CELL = 2  # of the refinement
_INVERSIONS = 15


def convex_adam(pair: EvaluationPair) -> Registered:
    """Register by MIND-SSC features, a discrete search and 80 steps of Adam."""
    arrays = [np.ascontiguousarray(a, np.float32) for a in (pair.fixed, pair.moving)]
    dimension, size = pair.fixed.ndim, pair.fixed.shape
    start = time.perf_counter()
    fixed, moving = (
        mind_ssc_descriptor(torch.from_numpy(a)[None, None], *_MIND[dimension]) for a in arrays
    )
    cell = _cell(size)
    coarse = [_pooled(t, cell) for t in (fixed, moving)]
    forward, backward = coupled_convex(*coarse, _REACH), coupled_convex(*coarse[::-1], _REACH)
    field = _resized(_consistent(forward, backward)[0], cell, size)
    field = _refined(fixed, moving, field, _FINE_CELL)
    seconds = time.perf_counter() - start
    found = field[0].numpy().astype(np.float64)
    return Registered(DisplacementField.from_voxels(found, pair.lattice), seconds)


def coupled_convex(fixed: Tensor, moving: Tensor, reach: int) -> Tensor:
    """Search displacements on a lattice of shifts, coupled to a smooth field ever more strongly.

    Args:
        fixed: features ``(1, C, *S)``.
        moving: of the same shape.
        reach: largest shift along each axis, in voxels of the features.

    Returns:
        Smooth displacement ``(1, d, *S)`` from fixed to moving points, in voxels.
    """
    dimension, size = fixed.ndim - 2, fixed.shape[2:]
    padded = F.pad(moving, [reach] * (2 * dimension), mode="replicate")
    shifts = list(product(range(-reach, reach + 1), repeat=dimension))
    costs = fixed.new_empty((len(shifts), *size))
    for row, shift in enumerate(shifts):
        part = tuple(slice(reach + s, reach + s + n) for s, n in zip(shift, size, strict=True))
        costs[row] = _CHANNELS * (fixed - padded[(..., *part)]).square().mean(1)[0]
    costs = _mean_filter(costs[None], _FILTER)[0]
    vectors = torch.tensor(shifts, dtype=fixed.dtype, device=fixed.device)
    field = _mean_filter(_chosen(costs, vectors), _FILTER)
    # The distance to the smooth field, for all shifts at once: a quadratic in the shift.
    lengths = vectors.square().sum(1).view(-1, *[1] * dimension)
    for weight in _COUPLINGS:
        flat = vectors @ field[0].flatten(1)
        distance = lengths - 2 * flat.view(len(shifts), *size) + field.square().sum(1)
        field = _mean_filter(_chosen(costs + weight * distance, vectors), _FILTER)
    return field


def _chosen(costs: Tensor, vectors: Tensor) -> Tensor:
    """Return the cheapest shift of each voxel, ``(1, d, *S)``."""
    return vectors[costs.argmin(0)].movedim(-1, 0)[None]


def _consistent(forward: Tensor, backward: Tensor) -> tuple[Tensor, Tensor]:
    """Bring two fields closer to being each other's inverse."""
    for _ in range(_INVERSIONS):
        forward, backward = (
            (forward - _composed(backward, forward)) / 2,
            (backward - _composed(forward, backward)) / 2,
        )
    return forward, backward


def _composed(outer: Tensor, inner: Tensor) -> Tensor:
    return compose(outer, inner) - inner


def _refined(fixed: Tensor, moving: Tensor, field: Tensor, cell: int) -> Tensor:
    """Improve a field by Adam on features of cells of ``cell`` voxels."""
    size = fixed.shape[2:]
    fixed, moving = (_pooled(t, cell) for t in (fixed, moving))
    free = _shrunk(field, cell).requires_grad_()
    optimiser = torch.optim.Adam([free], lr=_RATE)
    for _ in range(_ITERATIONS):
        optimiser.zero_grad()
        smooth = _thrice_smoothed(free)
        features = (warp(moving, smooth) - fixed).square().mean()
        # Means of squared differences over the axes; the paper adds the axes.
        regularity = smoothness(smooth) * (fixed.ndim - 2)
        (_CHANNELS * features + _SMOOTHNESS * regularity).backward()
        optimiser.step()
    return _resized(_thrice_smoothed(free.detach()), cell, size)


def _thrice_smoothed(field: Tensor) -> Tensor:
    for _ in range(3):
        field = _mean_filter(field, 3)
    return field


def _cell(size: tuple[int, ...]) -> int:
    """Return the edge of a cell: smaller in images too small for a search of that reach."""
    return max(1, min(_CELL[len(size)], min(size) // (2 * _REACH + 1)))


def _mean_filter(field: Tensor, width: int) -> Tensor:
    pool = F.avg_pool2d if field.ndim == 4 else F.avg_pool3d
    margin = width // 2
    padded = F.pad(field, [margin] * (2 * (field.ndim - 2)), mode="replicate")
    return pool(padded, width, stride=1)


def _pooled(features: Tensor, cell: int) -> Tensor:
    """Return the mean of each cell; the image is repeated at its ends to whole cells."""
    if cell == 1:
        return features
    missing = [-n % cell for n in features.shape[2:]]
    padded = F.pad(features, [w for m in reversed(missing) for w in (0, m)], mode="replicate")
    return (F.avg_pool2d if features.ndim == 4 else F.avg_pool3d)(padded, cell)


def _shrunk(field: Tensor, cell: int) -> Tensor:
    return _pooled(field, cell) / cell


def _resized(field: Tensor, cell: int, size: tuple[int, ...] | torch.Size) -> Tensor:
    """Return a field of cells on the voxels, in voxels, cropped to ``size``."""
    if cell == 1:
        return field
    mode = "bilinear" if field.ndim == 4 else "trilinear"
    whole = F.interpolate(cell * field, scale_factor=cell, mode=mode, align_corners=False)
    return whole[(..., *(slice(0, n) for n in size))]
