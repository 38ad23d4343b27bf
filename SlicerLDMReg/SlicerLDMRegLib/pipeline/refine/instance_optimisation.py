"""Instance optimisation: fit a stationary velocity field to one pair of images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ...errors import InputError
from ...functional import logarithm, resize
from ...networks import FieldPrediction
from ..device import threads_for
from ..options import RefineOptions
from ..progress import Progress
from .objective import ImagePair, velocity_shape
from .optimiser import Optimiser, RefineResult
from .point_pairs import PointPairs
from .similarity_choice import choose_similarity

__all__ = ["RefineResult", "refine_field", "stationary_velocity"]

# Voxels of the slices that are optimised together: what they need fits into the caches of a CPU, or
# into the memory of a small GPU. Not tuned.
_CHUNK_VOXELS = {"cpu": 2**18, "cuda": 2**24, "mps": 2**22}


def refine_field(
    moving: Tensor,
    fixed: Tensor,
    initial: FieldPrediction | Tensor | None = None,
    options: RefineOptions | None = None,
    progress: Progress | None = None,
    mask: Tensor | None = None,
    anatomy: tuple[Tensor, Tensor] | None = None,
    masks: tuple[Tensor | None, Tensor | None] = (None, None),
    view: Tensor | None = None,
    pairs: PointPairs | None = None,
    features: tuple[Tensor, Tensor] | None = None,
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
        mask: ``(B, 1, *S)``, 0 where the images are not both defined.
        anatomy: labels of the regions of the moving and of the fixed image, ``(B, 1, *S)`` integers
            from 0, the background. With the option ``anatomy`` above 0 the overlap of the regions,
            one minus their mean soft Dice after a linear warp, belongs to the loss; the images do
            not need to resemble each other then.
        masks: weights of the fixed and of the moving image from 0 to 1, ``(B, 1, *S)``, or None;
            where one is 0 the images are not compared. That of the moving image moves with it.
        view: 1 where the moving image is defined, ``(B, 1, *S + 2)``: on the lattice with one voxel
            more on every side. With ``lncc`` a field that moves more than a tenth out of view gains
            that much less. None: it is not asked.
        pairs: points that belong together; the loss holds them within their tolerance.
        features: further images of what the moving and the fixed image show, ``(B, C, *S)``, times
            the square roots of their weights: the mean over the voxels of their squared difference,
            summed over C, belongs to the loss.

    Returns:
        The fields. On the CPU the same inputs give the same bits.

    Raises:
        InputError: when shapes do not agree, or labels are negative.
        CancelledError: when the caller cancels.
    """
    options = options or RefineOptions()
    progress = progress or Progress()
    weights = [None if t is None else t.to(fixed.device) for t in masks]
    shapes = [tuple(t.shape) for t in (moving, fixed, mask, *weights) if t is not None]
    if len(set(shapes)) > 1:
        raise InputError(f"refine: expected images and masks of one shape, got {shapes}")
    start, distance = _start(initial, fixed)
    if mask is not None and bool((mask > 0).all()):
        mask = None
    regions, classes = _checked_regions(anatomy if options.anatomy > 0 else None, fixed)
    if view is not None and bool((view > 0).all()):
        view = None
    held = (None, None, None) if pairs is None else (pairs.points, pairs.partners, pairs.scale)
    further = (None, None) if features is None else features
    weighted = *regions, weights[0], weights[1], view, *held, *further
    pair = ImagePair(moving, fixed, mask, *weighted)
    if options.similarity == "auto":
        chosen = choose_similarity(moving, fixed, pair.compared, start is not None)
        options = replace(options, similarity=chosen)
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
        optimiser = Optimiser(
            pair[chunk],
            classes,
            options,
            progress.part(number / len(bounds), (number + 1) / len(bounds)),
            until,
        )
        own = None if start is None else start[chunk]
        with threads_for(fixed[chunk].numel(), fixed.device, fixed.ndim - 2):
            parts.append(optimiser.run(own, None if distance is None else distance[chunk]))
    return _joined(parts)


@torch.no_grad()
def stationary_velocity(displacement: Tensor) -> Tensor:
    """Return a velocity whose exponential is close to a displacement, ``(B, d, *S)`` in voxels.

    That of a large volume is found on half its lattice, in an eighth of the time.
    """
    shape = displacement.shape[2:]
    lattice = velocity_shape(shape) if len(shape) == 3 else shape
    velocity = logarithm(resize(displacement, lattice, displacement=True), smoothing=0.5)
    return resize(velocity, shape, displacement=True)


def _start(
    initial: FieldPrediction | Tensor | None, like: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    """Return the initial velocity on the lattice of ``like``, and how far the pairs are."""
    if initial is None:
        return None, None
    if isinstance(initial, Tensor):
        initial = FieldPrediction(initial)
    field, velocity, distance = (
        None if t is None else t.detach().to(like.device)
        for t in (initial.displacement, initial.velocity, initial.distance)
    )
    assert field is not None
    expected = (len(like), like.ndim - 2, *like.shape[2:])
    if tuple(field.shape) != expected:
        raise InputError(f"refine: expected a field {expected}, got {tuple(field.shape)}")
    return stationary_velocity(field) if velocity is None else velocity, distance


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


def _checked_regions(
    anatomy: tuple[Tensor, Tensor] | None, fixed: Tensor
) -> tuple[tuple[Tensor | None, Tensor | None], int]:
    """Return the labels of moving and fixed image, and the number of classes."""
    if anatomy is None:
        return (None, None), 0
    labels = [t.detach().to(fixed.device).long() for t in anatomy]
    for t in labels:
        if t.shape != fixed.shape or int(t.min()) < 0:
            raise InputError(
                f"refine: expected labels {tuple(fixed.shape)} from 0, got {tuple(t.shape)} "
                f"from {int(t.min())}"
            )
    classes = 1 + max(int(t.max()) for t in labels)
    return ((labels[0], labels[1]), classes) if classes > 1 else ((None, None), 0)
