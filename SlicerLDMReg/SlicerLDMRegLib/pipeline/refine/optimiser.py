"""Optimisation of one chunk of a batch, from a coarse level to the whole resolution."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...functional import gaussian_smooth, resize
from ..align.phase_shift import best_shift
from ..device import threads_for
from ..optimisers import Adam
from ..options import RefineOptions
from ..progress import Progress
from .diffeomorphic import unfold
from .objective import ImagePair, Objective, velocity_shape

__all__ = ["SIGMA", "Optimiser", "RefineResult"]

_SMALLEST_SIDE = 12  # voxels, of a coarse level: a little more than the window of LNCC in 2D
# Voxels. Less follows the noise, more misses small structures. Volumes are smoothed less, for their
# velocity lies on half the lattice.
SIGMA = {2: 2.5, 3: 1.5}
# Shares of the loss by which a start from nothing has to be better than the network's field to
# replace it (clear), and by which the field of a network that does not know the images has to be
# better than a start from nothing to be used (far). Round numbers, not tuned: with them the cardiac
# model does no harm on brain slices, which it does not know, and keeps its gain on cine MR.
_CLEAR_GAIN = 0.1
_FAR_GAIN = 0.5


@dataclass(frozen=True)
class RefineResult:
    """A field that was fitted to the images.

    Attributes:
        displacement: ``exp(velocity)``, ``(B, d, *S)`` in voxels; its determinants are positive.
        velocity: ``(B, d, *S)`` in voxels.
        inverse: ``exp(-velocity)``, ``(B, d, *S)`` in voxels.
        losses: mean loss of the batch at each iteration, one sequence per resolution level.
        initial_loss: at full resolution, of the initial field (of no deformation without one).
        final_loss: at full resolution, never above ``initial_loss``, folds removed aside.
        similarity: the similarity that was used.
        iterations: number of iterations that were done.
        stopped_by: ``"iterations"`` or ``"time"``.
    """

    displacement: Tensor
    velocity: Tensor
    inverse: Tensor
    losses: tuple[tuple[float, ...], ...]
    initial_loss: float
    final_loss: float
    similarity: str
    iterations: int
    stopped_by: str


class Optimiser:
    """The optimisation of one chunk of a batch.

    Args:
        pair: the images, at full resolution.
        classes: number of labels of the regions, background included.
        options: with a similarity other than "auto".
        progress: told about every iteration.
        until: time of ``time.perf_counter`` at which the iterations stop; None: no limit.
    """

    def __init__(
        self,
        pair: ImagePair,
        classes: int,
        options: RefineOptions,
        progress: Progress,
        until: float | None,
    ) -> None:
        self.pair, self.options, self.progress, self.until = pair, options, progress, until
        self.objective = Objective(options, classes)
        self.count = len(pair.fixed)
        self.iterations = options.iterations_in(len(pair.shape))
        self.total = max(1, sum(self.iterations))
        self.done = 0
        self.losses: list[tuple[float, ...]] = []
        self.strange = torch.zeros(self.count, dtype=torch.bool, device=pair.fixed.device)

    def run(self, start: Tensor | None, distance: Tensor | None) -> RefineResult:
        """Optimise.

        Args:
            start: velocity of the initial field, ``(B, d, *S)`` in voxels, or None.
            distance: ``(B,)``, how far each pair is from what the network knows; None: unknown.
        """
        levels = len(self.iterations)
        if start is not None and distance is not None:
            self.strange = distance > 1
            trusted = ~self.strange & (self.options.prior > 0)
            prior = torch.where(_column(trusted, start), start, torch.zeros_like(start))
            options = self.options
            self.objective.prior = prior
            self.objective.stiffness = [
                options.prior if known else options.smoothness for known in trusted.tolist()
            ]
        blank = self._blank_start(2 ** (levels - 1))
        starts, pools = (blank, 1) if start is None else (start, 1)
        if start is not None and levels > 1:
            # Both starts go through the coarse levels, where they cost little, as one batch.
            starts, pools = torch.cat([start, blank]), 2
        update: Tensor | None = None
        for level in range(levels - 1):
            factor = 2 ** (levels - 1 - level)
            update = self._level(starts, update, factor, self.iterations[level])
        shape = self.pair.shape
        full = starts if update is None else starts + resize(update, shape, displacement=True)
        self._on_level(1)
        velocity, initial_loss, loss = self._best_start(starts, full, pools)
        update = self._level(velocity, None, 1, self.iterations[-1])
        refined = velocity + resize(update, shape, displacement=True)
        if update.shape != velocity.shape:
            # Between two lattices the start is not quite what the level has seen.
            with torch.no_grad():
                better = self.objective(refined, self.pair) < loss
            refined = torch.where(_column(better, velocity), refined, velocity)
        return self._finish(refined, initial_loss)

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self.until is not None and time.perf_counter() >= self.until

    def _on_level(self, factor: int) -> ImagePair:
        """Return the images on a level, of which the objective takes its similarity."""
        self.objective.similarity = self.options.similarity_of_level(last=factor == 1)
        self.objective.factor = factor
        return self.pair.on(_level_shape(self.pair.shape, factor))

    @torch.no_grad()
    def _blank_start(self, factor: int) -> Tensor:
        """Return the velocity without knowledge: no motion, or a shift that is clearly better."""
        pair = self._on_level(factor)
        none = pair.fixed.new_zeros(self.count, len(pair.shape), *pair.shape)
        shift = none + best_shift(pair.moving, pair.fixed, pair.compared)
        better = _clearly_less(self.objective(shift, pair), self.objective(none, pair))
        velocity = torch.where(_column(better, none), shift, none)
        return resize(velocity, self.pair.shape, displacement=True)

    def _level(self, starts: Tensor, update: Tensor | None, factor: int, iterations: int) -> Tensor:
        """Optimise at one resolution; return the update of the velocity on its lattice."""
        pair = self._on_level(factor).repeated(len(starts) // self.count)
        with threads_for(pair.fixed.numel(), pair.fixed.device, len(pair.shape)):
            return self._optimised(pair, starts, update, factor, iterations)

    def _optimised(
        self, pair: ImagePair, starts: Tensor, update: Tensor | None, factor: int, iterations: int
    ) -> Tensor:
        """Optimise for the images of a level; return the update of the velocity."""
        lattice = velocity_shape(pair.shape, factor)
        # Voxels of the velocity's lattice per voxel of the images.
        scale = [n / m for n, m in zip(lattice, pair.shape, strict=True)]
        width = self.options.sigma
        if width is None:
            width = SIGMA[len(lattice)]
        sigma = [width * s for s in scale]
        base = resize(starts, lattice, displacement=True)
        before = torch.zeros_like(base)
        if update is not None:
            before = resize(update, lattice, displacement=True)
        parameter = torch.zeros_like(base, requires_grad=True)
        adam = Adam(parameter, lr=self.options.learning_rate * min(scale))
        best, best_loss = before, torch.full((len(base),), torch.inf, device=base.device)
        curve = []
        goes_back = self.objective.goes_back(pair)
        for iteration in range(iterations + 1):
            change = before + gaussian_smooth(parameter, sigma)
            # Adam's mean of the gradients of both ways has the bias of neither, and costs no more.
            back = goes_back and iteration % 2 == 1 and iteration < iterations
            loss = self.objective(base + change, pair, back)
            if not back:
                better = loss.detach() < best_loss
                best_loss = torch.where(better, loss.detach(), best_loss)
                best = torch.where(_column(better, base), change.detach(), best)
            curve.append(float(loss.detach().mean()))
            if iteration == iterations or self.late:
                break
            loss.sum().backward()
            adam.step()
            self.done += 1
            self.progress.report("refine", self.done / self.total, f"loss {curve[-1]:.4g}")
        self.losses.append(tuple(curve))
        return best

    @torch.no_grad()
    def _best_start(self, starts: Tensor, full: Tensor, pools: int) -> tuple[Tensor, float, Tensor]:
        """Choose for each pair: the initial field, it after the coarse levels, or a restart.

        Returns:
            The velocities, the mean loss of the initial fields, and the losses of the velocities.
        """
        count = self.count
        untouched = self.objective(starts[:count], self.pair)
        velocity, loss = starts[:count], untouched
        for pool in range(pools):
            self.progress.check()
            candidate = full[pool * count : (pool + 1) * count]
            value = self.objective(candidate, self.pair)
            better = value < loss
            if pool == 1:
                # The initial field is preferred, unless its network says it does not know the
                # images: then it has to be far better than a start from nothing.
                far_worse = _clearly_less(loss, value, _FAR_GAIN)
                better = torch.where(self.strange, ~far_worse, _clearly_less(value, loss))
            velocity = torch.where(_column(better, full), candidate, velocity)
            loss = torch.where(better, value, loss)
        return velocity, float(untouched.mean()), loss

    def _finish(self, velocity: Tensor, initial_loss: float) -> RefineResult:
        velocity, displacement, inverse = unfold(velocity, check=self.progress.check)
        with torch.no_grad():
            final_loss = float(self.objective(velocity, self.pair).mean())
        return RefineResult(
            displacement=displacement,
            velocity=velocity,
            inverse=inverse,
            losses=tuple(self.losses),
            initial_loss=initial_loss,
            final_loss=final_loss,
            similarity=self.options.similarity,
            iterations=self.done,
            stopped_by="time" if self.done < sum(self.iterations) else "iterations",
        )


def _clearly_less(value: Tensor, reference: Tensor, gain: float = _CLEAR_GAIN) -> Tensor:
    """Whether losses, which may be negative, are lower by more than a share ``gain``."""
    return value < reference - gain * reference.abs()


def _column(values: Tensor, like: Tensor) -> Tensor:
    """Return values ``(B,)`` with the axes of ``like`` behind them."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _level_shape(shape: Sequence[int], factor: int) -> tuple[int, ...]:
    return tuple(min(n, max(-(-n // factor), _SMALLEST_SIDE)) for n in shape)
