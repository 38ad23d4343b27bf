"""Instance optimisation: fit a stationary velocity field to one pair of images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import InputError
from ..functional import gaussian_smooth, integrate, resize, warp
from ..losses import similarity_loss, smoothness
from ..networks import FieldPrediction
from .device import threads_for
from .progress import Progress
from .request import RefineOptions
from .shift import best_shift
from .starts import choose_similarity, initial_velocity
from .unfold import squarings_for, unfold

__all__ = ["RefineResult", "refine"]

# What brings the similarities to one scale, so that one smoothness suits all of them.
_WEIGHTS = {"mse": 10.0, "lncc": 0.08, "mind": 1.0}
_SMALLEST_SIDE = 12  # voxels, of a coarse level
_CHUNK_VOXELS = {"cpu": 2**18, "cuda": 2**24, "mps": 2**22}
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


def refine(
    moving: Tensor,
    fixed: Tensor,
    initial: FieldPrediction | Tensor | None = None,
    options: RefineOptions | None = None,
    progress: Progress | None = None,
    mask: Tensor | None = None,
) -> RefineResult:
    """Fit a velocity field to each pair of a batch, starting from a field or from nothing.

    The velocity is ``v = v0 + sum of smoothed updates``, one update per resolution level, found by
    Adam; it is integrated by scaling and squaring, so that the field stays a diffeomorphism, and
    its inverse is that of ``-v``. The loss is the weighted similarity plus the smoothness of v.
    The best velocity seen is kept, for each pair, so that the loss at full resolution never ends
    above that of the initial field. An initial field that leads clearly less far than none does is
    dropped at the coarse levels: on images that a network does not know, it does no harm. Where the
    prediction says that the network does know the images, its field is the prior: the regulariser
    then measures the change of the velocity, with the factor ``prior``. Where it says the opposite,
    the initial field must be far better than none to be used.

    Args:
        moving: ``(B, 1, *S)`` in [0, 1].
        fixed: likewise.
        initial: displacement ``(B, d, *S)`` in voxels, or a prediction, of which the velocity is
            taken where there is one.
        options: see :class:`RefineOptions`.
        progress: told about every iteration, under the stage "refine".
        mask: ``(B, 1, *S)``, 0 where the images shall not be compared.

    Returns:
        The fields. On the CPU the same inputs give the same bits.

    Raises:
        InputError: when shapes do not agree.
        CancelledError: when the caller cancels.
    """
    options = options or RefineOptions()
    progress = progress or Progress()
    if moving.shape != fixed.shape or (mask is not None and mask.shape != fixed.shape):
        raise InputError(
            f"refine: expected images and mask of one shape, got {tuple(moving.shape)}, "
            f"{tuple(fixed.shape)} and {None if mask is None else tuple(mask.shape)}"
        )
    start = initial_velocity(initial, fixed)
    distance = None
    if isinstance(initial, FieldPrediction) and initial.distance is not None:
        distance = initial.distance.to(fixed.device)
    if mask is not None and bool((mask > 0).all()):
        mask = None
    if options.similarity == "auto":
        options = replace(options, similarity=choose_similarity(moving, fixed, mask))
    limit = _CHUNK_VOXELS.get(fixed.device.type, 2**20)
    size = max(1, limit // fixed[0].numel())
    bounds = range(0, len(fixed), size)
    deadline = None if options.max_seconds is None else time.perf_counter() + options.max_seconds
    parts = []
    for number, first in enumerate(bounds):
        chunk = slice(first, first + size)
        until = None
        if deadline is not None:
            now = time.perf_counter()
            until = now + (deadline - now) / (len(bounds) - number)
        optimiser = _Optimiser(
            moving[chunk],
            fixed[chunk],
            None if mask is None else mask[chunk],
            options,
            progress.part(number / len(bounds), (number + 1) / len(bounds)),
            until,
        )
        own = None if start is None else start[chunk]
        with threads_for(fixed[chunk].numel(), fixed.device):
            parts.append(optimiser.run(own, None if distance is None else distance[chunk]))
    return _joined(parts)


class _Optimiser:
    """The optimisation of one chunk of a batch."""

    def __init__(
        self,
        moving: Tensor,
        fixed: Tensor,
        mask: Tensor | None,
        options: RefineOptions,
        progress: Progress,
        until: float | None,
    ) -> None:
        self.moving, self.fixed, self.mask = moving, fixed, mask
        self.options, self.progress, self.until = options, progress, until
        self.similarity = similarity_loss(options.similarity)
        self.weight = options.similarity_weight or _WEIGHTS[options.similarity]
        self.shape = tuple(fixed.shape[2:])
        self.total = max(1, sum(options.iterations))
        self.done = 0
        self.losses: list[tuple[float, ...]] = []
        self.prior: Tensor | None = None
        self._priors: dict[tuple[int, ...], Tensor] = {}
        self.strange = torch.zeros(len(fixed), dtype=torch.bool, device=fixed.device)
        self.stiffness = [options.smoothness] * len(fixed)

    def run(self, start: Tensor | None, distance: Tensor | None) -> RefineResult:
        levels = len(self.options.iterations)
        if start is not None and distance is not None:
            trusted = distance <= 1
            self.strange = ~trusted
            self.prior = torch.where(_column(trusted, start), start, torch.zeros_like(start))
            options = self.options
            self.stiffness = [options.prior if t else options.smoothness for t in trusted.tolist()]
        blank = self._blank_start(2 ** (levels - 1))
        starts, pools = (blank, 1) if start is None else (start, 1)
        if start is not None and levels > 1:
            # Both starts go through the coarse levels, where they cost little, as one batch.
            starts, pools = torch.cat([start, blank]), 2
        update: Tensor | None = None
        for level in range(levels - 1):
            factor = 2 ** (levels - 1 - level)
            update = self._level(starts, update, factor, self.options.iterations[level])
        full = starts if update is None else starts + resize(update, self.shape, displacement=True)
        velocity, initial_loss = self._best_start(starts, full, pools)
        velocity = velocity + self._level(velocity, None, 1, self.options.iterations[-1])
        return self._finish(velocity, initial_loss)

    @property
    def late(self) -> bool:
        return self.until is not None and time.perf_counter() >= self.until

    def _images(self, factor: int, pools: int) -> tuple[Tensor, Tensor, Tensor | None]:
        shape = _level_shape(self.shape, factor)
        sigma = [0.5 * (n / m if n > m else 0.0) for n, m in zip(self.shape, shape, strict=True)]
        images = [
            None if t is None else resize(gaussian_smooth(t, sigma), shape)
            for t in (self.moving, self.fixed, self.mask)
        ]
        moving, fixed, mask = (
            None if t is None else torch.cat([t] * pools) if pools > 1 else t for t in images
        )
        assert moving is not None
        assert fixed is not None
        return moving, fixed, mask

    @torch.no_grad()
    def _blank_start(self, factor: int) -> Tensor:
        """Return the velocity without knowledge: no motion, or a shift that is clearly better."""
        images = self._images(factor, 1)
        none = images[1].new_zeros(len(self.fixed), len(self.shape), *images[1].shape[2:])
        shift = none + best_shift(*images)
        better = _clearly_less(self._loss(shift, *images), self._loss(none, *images))
        velocity = torch.where(_column(better, none), shift, none)
        return resize(velocity, self.shape, displacement=True)

    def _loss(self, velocity: Tensor, moving: Tensor, fixed: Tensor, mask: Tensor | None) -> Tensor:
        """Return the loss of each element, ``(B,)``."""
        warped = warp(moving, integrate(velocity, self.options.squarings))
        if mask is not None:
            warped, fixed = warped * mask, fixed * mask
        change = velocity
        if self.prior is not None:
            change = velocity - self._prior_on(velocity.shape[2:], len(velocity))
        values = [
            self.weight * self.similarity(warped[n : n + 1], fixed[n : n + 1])
            + self.stiffness[n % len(self.stiffness)] * smoothness(change[n : n + 1])
            for n in range(len(fixed))
        ]
        return torch.stack(values)

    def _prior_on(self, shape: Sequence[int], count: int) -> Tensor:
        """Return the prior on the lattice of a level, repeated to ``count`` elements."""
        assert self.prior is not None
        key = tuple(shape)
        if key not in self._priors:
            self._priors[key] = resize(self.prior, key, displacement=True)
        prior = self._priors[key]
        return torch.cat([prior] * (count // len(prior)))

    def _level(self, starts: Tensor, update: Tensor | None, factor: int, iterations: int) -> Tensor:
        """Optimise at one resolution; return the update of the velocity on its lattice."""
        pools = len(starts) // len(self.fixed)
        moving, fixed, mask = self._images(factor, pools)
        base = resize(starts, fixed.shape[2:], displacement=True)
        before = torch.zeros_like(base)
        if update is not None:
            before = resize(update, fixed.shape[2:], displacement=True)
        parameter = torch.zeros_like(base, requires_grad=True)
        adam = torch.optim.Adam([parameter], lr=self.options.learning_rate)
        best, best_loss = before, torch.full((len(base),), torch.inf, device=base.device)
        curve = []
        for iteration in range(iterations + 1):
            change = before + gaussian_smooth(parameter, self.options.sigma)
            loss = self._loss(base + change, moving, fixed, mask)
            better = loss.detach() < best_loss
            best_loss = torch.where(better, loss.detach(), best_loss)
            best = torch.where(_column(better, base), change.detach(), best)
            curve.append(float(loss.detach().mean()))
            if iteration == iterations or self.late:
                break
            adam.zero_grad()
            loss.sum().backward()
            adam.step()
            self.done += 1
            self.progress.report("refine", self.done / self.total, f"loss {curve[-1]:.4g}")
        self.losses.append(tuple(curve))
        return best

    @torch.no_grad()
    def _best_start(self, starts: Tensor, full: Tensor, pools: int) -> tuple[Tensor, float]:
        """Choose for each pair: the initial field, it after the coarse levels, or a restart."""
        images = self._images(1, 1)
        count = len(self.fixed)
        untouched = self._loss(starts[:count], *images)
        velocity, loss = starts[:count], untouched
        for pool in range(pools):
            candidate = full[pool * count : (pool + 1) * count]
            value = self._loss(candidate, *images)
            better = value < loss
            if pool == 1:
                # The initial field is preferred, unless its network says it does not know the
                # images: then it has to be far better than a start from nothing.
                far_worse = _clearly_less(loss, value, _FAR_GAIN)
                better = torch.where(self.strange, ~far_worse, _clearly_less(value, loss))
            velocity = torch.where(_column(better, full), candidate, velocity)
            loss = torch.where(better, value, loss)
        return velocity, float(untouched.mean())

    def _finish(self, velocity: Tensor, initial_loss: float) -> RefineResult:
        velocity, displacement = unfold(velocity)
        with torch.no_grad():
            inverse = integrate(-velocity, squarings_for(velocity))
            final_loss = float(self._loss(velocity, *self._images(1, 1)).mean())
        return RefineResult(
            displacement=displacement,
            velocity=velocity,
            inverse=inverse,
            losses=tuple(self.losses),
            initial_loss=initial_loss,
            final_loss=final_loss,
            similarity=self.options.similarity,
            iterations=self.done,
            stopped_by="time" if self.done < sum(self.options.iterations) else "iterations",
        )


def _clearly_less(value: Tensor, reference: Tensor, gain: float = _CLEAR_GAIN) -> Tensor:
    """Whether losses, which may be negative, are lower by more than a share ``gain``."""
    return value < reference - gain * reference.abs()


def _column(values: Tensor, like: Tensor) -> Tensor:
    """Return values ``(B,)`` with the axes of ``like`` behind them."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _level_shape(shape: Sequence[int], factor: int) -> tuple[int, ...]:
    return tuple(min(n, max(-(-n // factor), _SMALLEST_SIDE)) for n in shape)


def _joined(parts: Sequence[RefineResult]) -> RefineResult:
    if len(parts) == 1:
        return parts[0]
    sizes = [len(part.velocity) for part in parts]

    def mean(values: Sequence[float]) -> float:
        return sum(v * n for v, n in zip(values, sizes, strict=True)) / sum(sizes)

    return RefineResult(
        displacement=torch.cat([part.displacement for part in parts]),
        velocity=torch.cat([part.velocity for part in parts]),
        inverse=torch.cat([part.inverse for part in parts]),
        losses=tuple(curve for part in parts for curve in part.losses),
        initial_loss=mean([part.initial_loss for part in parts]),
        final_loss=mean([part.final_loss for part in parts]),
        similarity=parts[0].similarity,
        iterations=max(part.iterations for part in parts),
        stopped_by="time" if any(part.stopped_by == "time" for part in parts) else "iterations",
    )
