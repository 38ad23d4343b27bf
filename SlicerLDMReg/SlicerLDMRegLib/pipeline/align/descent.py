"""Search for the linear map near another one at which two images tell most about each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ..optimisers import LBFGS, Adam
from .agreement import Samples
from .linear_map import Frame, LinearMap
from .two_ways import TwoWays

__all__ = ["refine", "refine_together"]

_STEPS = (0.8, 0.1)  # of the first and of the last iteration together, in voxels


def refine(
    samples: Samples | TwoWays,
    frame: Frame,
    base: LinearMap,
    stage: str,
    unit: float,
    iterations: int,
    check: Callable[[], None],
) -> LinearMap:
    """Return the best map seen by L-BFGS from a single map on.

    Args:
        samples: what is compared.
        frame: of the parameters.
        base: where to begin.
        stage: of the parameters.
        unit: length of a first step, mm: a voxel of the level.
        iterations: at most.
        check: called with every evaluation; it may raise.
    """
    base = base[None]
    parameters = torch.zeros(1, frame.count(stage), dtype=torch.float64, requires_grad=True)
    best, most, scale = parameters.detach().clone(), -torch.inf, 0.0
    # In voxels, and with a slope of 1 at the start, its first step is one of a voxel.
    lbfgs = LBFGS(
        [parameters],
        lr=1.0,
        max_iter=iterations,
        tolerance_grad=1e-4,
        tolerance_change=1e-3,
        history_size=parameters.numel(),
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        nonlocal best, most, scale
        check()
        agreement = samples.agreement(frame.moved(base, unit * parameters, stage))
        (slope,) = torch.autograd.grad(agreement.sum(), parameters)
        value = agreement.item()
        if value > most:
            best, most = parameters.detach().clone(), value
        scale = scale or 1 / max(float(slope.abs().sum()), 1e-6)
        parameters.grad = -scale * slope
        return -scale * agreement.detach().sum()

    lbfgs.step(loss)
    return frame.moved(base, unit * best, stage)[0]


def refine_together(
    samples: Samples,
    frame: Frame,
    bases: LinearMap,
    stage: str,
    unit: float,
    iterations: int,
    check: Callable[[], None],
) -> tuple[LinearMap, torch.Tensor]:
    """Return the best maps seen by Adam from each of several maps on, and their agreements.

    It is less precise than :func:`refine`, and much faster for many.
    """
    # In voxels, so that a unit of length is as good as another one.
    parameters = torch.zeros(len(bases), frame.count(stage), dtype=torch.float64)
    parameters.requires_grad_()
    adam = Adam(parameters, lr=0.0, betas=(0.8, 0.9))
    best, most = parameters.detach().clone(), torch.full((len(bases),), -torch.inf)
    steps = np.geomspace(*_STEPS, iterations)
    for number in range(iterations + 1):
        check()
        values = samples.agreement(frame.moved(bases, unit * parameters, stage))
        better = values.detach() > most
        most = torch.where(better, values.detach(), most)
        best[better] = parameters.detach()[better]
        if number < iterations:
            (slope,) = torch.autograd.grad(values.sum(), parameters)
            parameters.grad = -slope
            adam.lr = steps[number]
            adam.step()
    return frame.moved(bases, unit * best, stage), most
