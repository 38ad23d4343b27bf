"""LDDMM: large deformation diffeomorphic metric mapping (Beg et al., IJCV 2005).

The velocities of a few points in time are optimised; their kinetic energy in the norm of the
operator ``L = gamma - alpha * Laplacian``, squared as in the paper, keeps the map smooth.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.functional import compose, warp
from SlicerLDMRegLib.losses import mse

from ..datasets.evaluation import EvaluationPair
from .method import Registered

__all__ = ["lddmm"]

# Five velocities, 500 iterations, squared differences: LDM-Morph, Section 4.4. It does not tell the
# operator, the weight of the energy and the optimiser. These were chosen on the validation patients
# of the cardiac pairs, see training/README.md.
_VELOCITIES, _ITERATIONS = 5, 500
_ALPHA, _GAMMA = 1.0, 0.1
_ENERGY = 1e-5
_RATE = 0.1


def lddmm(pair: EvaluationPair, iterations: int = _ITERATIONS) -> Registered:
    """Register by a geodesic of five velocities, from images in [0, 1].

    Args:
        pair: 2D or 3D.
        iterations: steps of Adam.
    """
    arrays = [np.ascontiguousarray(a, np.float32) for a in (pair.fixed, pair.moving)]
    start = time.perf_counter()
    fixed, moving = (torch.from_numpy(a)[None, None] for a in arrays)
    size = fixed.shape[2:]
    root = _root_of_kernel(size)
    # Coordinates in which the energy is a plain sum of squares: v = K^(1/2) w, |v|_V = |w|.
    free = torch.zeros(_VELOCITIES, len(size), *size, requires_grad=True)
    optimiser = torch.optim.Adam([free], lr=_RATE)
    for _ in range(iterations):
        optimiser.zero_grad()
        field = _flow(_smoothed(free, root))
        energy = free.square().sum(1).mean()
        (mse(warp(moving, field), fixed) + _ENERGY * energy).backward()
        optimiser.step()
    with torch.no_grad():
        field = _flow(_smoothed(free, root))
    seconds = time.perf_counter() - start
    found = field[0].numpy().astype(np.float64)
    return Registered(DisplacementField.from_voxels(found, pair.lattice), seconds)


def _flow(velocities: Tensor) -> Tensor:
    """Return the displacement ``(1, d, *S)`` at the end of the flow of ``(T, d, *S)``."""
    steps = velocities / len(velocities)
    field = steps[:1]
    for step in steps[1:].split(1):
        field = compose(field, step)
    return field


def _root_of_kernel(size: torch.Size) -> Tensor:
    """Return the square root of the kernel ``K = L^-2`` in the frequencies of ``rfftn``.

    A discrete Laplacian on a torus: an image is its own neighbour at the border.
    """
    axes = [torch.fft.fftfreq(n) for n in size[:-1]] + [torch.fft.rfftfreq(size[-1])]
    grid = torch.meshgrid(*axes, indexing="ij")
    laplacian = torch.stack([2 - 2 * torch.cos(2 * torch.pi * f) for f in grid]).sum(0)
    # Of constant fields the root is 1: a translation costs what its length is.
    return _GAMMA / (_GAMMA + _ALPHA * laplacian)


def _smoothed(free: Tensor, root: Tensor) -> Tensor:
    axes = tuple(range(2, free.ndim))
    return torch.fft.irfftn(torch.fft.rfftn(free, dim=axes) * root, s=free.shape[2:], dim=axes)
