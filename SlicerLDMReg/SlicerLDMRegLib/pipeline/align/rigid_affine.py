"""Rigid and affine alignment by optimisation of what the images tell about each other.

ITK's registration is not used: its metrics forget what has left the view, its optimisers take steps
of one length for mm and for entries of a matrix, and its sums depend on the threads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ...geometry import ImageGeometry
from ..masks import Masks
from ..options import AlignOptions
from ..progress import Progress
from .agreement import Samples
from .descent import refine
from .linear_map import STAGES, Frame, LinearMap
from .pyramid import Pyramid
from .starts import find_starts
from .two_ways import TwoWays, WayBack

__all__ = ["LinearAlignment", "centre_of_mass", "is_better", "optimise"]

_SAMPLES = {2: (2_000, 6_000, 15_000), 3: (4_000, 12_000, 40_000)}  # of each level
# Samples of the finest level that judge what was found: all voxels of a small image, one in six of
# 96 x 96 x 96. The value then changes by about a hundredth with other samples.
_JUDGED = {2: 50_000, 3: 150_000}
# Scanners know how a patient lies, and people are much of one size: what a map turns and stretches
# costs this share of what can be known of the fixed image, times the deviation of the map (see
# Frame.deviations). Right maps bring 0.14 or more for each unit of it (the heads of mice that were
# scanned in any position, hippocampi, 100 random geometries), wrong ones up to 0.08 (a hippocampus
# of the other side, which a turn makes more alike and does not bring into place).
_DEVIATION_COST = 0.1
_DETERMINANTS = (0.25, 4.0)
# Nats that a parameter has to bring to all voxels of the fixed image together: one would be enough
# if all of them were independent. Of two images of smooth noise some rigid map brought 28, the best
# of many; what is refined from there has less to choose from.
_FOUND_GAIN, _REFINED_GAIN = 32.0, 8.0
_COUNTED = 30.0  # iterations in half of a progress bar


@dataclass(frozen=True)
class LinearAlignment:
    """A linear map that was found.

    Attributes:
        transform: fixed to moving points.
        kept: the part of the search whose result it is: ``none`` (nothing is moved), ``start``,
            ``rigid``, ``similarity`` or ``affine``.
        value: agreement of the images in nats per voxel of the fixed image, see
            :mod:`~SlicerLDMRegLib.pipeline.align.agreement`.
        before: that of the images as they lie.
    """

    transform: sitk.Transform
    kept: str
    value: float
    before: float


def centre_of_mass(image: sitk.Image, mask: sitk.Image | None = None) -> np.ndarray:
    """Return the physical point of the mean position, weighted by the intensity above the least.

    With a mask it is that of the voxels where the mask is not 0; without any contrast the middle.
    """
    voxels = sitk.GetArrayViewFromImage(image)
    low = float(voxels.min())
    if mask is not None:
        inside = sitk.GetArrayViewFromImage(mask) > 0
        low = float(voxels[inside].min())
        voxels = np.where(inside, voxels, low)
        if voxels.max() == low:
            voxels, low = inside, 0.0
    if voxels.max() == low:  # an image without contrast
        return np.asarray(ImageGeometry.from_image(image).center())
    index = []
    for axis in range(image.GetDimension()):
        others = tuple(n for n in range(voxels.ndim) if n != voxels.ndim - 1 - axis)
        weights = voxels.sum(axis=others, dtype=np.float64)
        weights -= low * (voxels.size / voxels.shape[voxels.ndim - 1 - axis])
        index.append(float(weights @ np.arange(len(weights)) / weights.sum()))
    return np.asarray(image.TransformContinuousIndexToPhysicalPoint(index))


def optimise(
    fixed: sitk.Image,
    moving: sitk.Image,
    method: str,
    options: AlignOptions,
    seed: int,
    progress: Progress,
    masks: Masks,
    near: bool = False,
) -> LinearAlignment:
    """Find a rigid or affine transform: a start, then rigid, similarity, affine, coarse to fine.

    What is kept is the best of all these and of the images as they lie, judged by one evaluation on
    the finest level, where mutual information is that of both ways (see :mod:`.two_ways`). A later
    part of the search has to be better than the ones before, and its determinant lies between 0.25
    and 4.

    Args:
        fixed: fixed image.
        moving: moving image.
        method: ``rigid`` or ``affine``.
        options: metric and iterations.
        seed: of the samples.
        progress: told about every iteration.
        masks: where the images are compared.
        near: look near the images as they lie, not for shifts and turns of any size.

    Raises:
        CancelledError: when the caller cancels.
    """
    stages = STAGES[: STAGES.index(method) + 1]
    with _one_thread():
        return _Search(fixed, moving, stages, options, seed, progress, masks).run(near)


def is_better(
    fixed: sitk.Image, moving: sitk.Image, shift: np.ndarray, seed: int, masks: Masks
) -> bool:
    """Whether images of any contrasts agree better after a shift ``(d,)`` mm than before it."""
    with _one_thread():
        pyramid = Pyramid(fixed, moving, masks, "mattes", seed)
        still = LinearMap.identity(len(shift))
        both = LinearMap.joined([still, LinearMap(still.matrix, torch.from_numpy(shift))])
        count = _JUDGED[len(shift)]
        samples = pyramid.samples(pyramid.levels - 1, count, smooth=False).covered_by(both)
        before, after = samples.score(both).tolist()
    return bool(after > before + _FOUND_GAIN * len(shift) / pyramid.voxels)


class _Search:
    """The search for one pair."""

    def __init__(
        self,
        fixed: sitk.Image,
        moving: sitk.Image,
        stages: Sequence[str],
        options: AlignOptions,
        seed: int,
        progress: Progress,
        masks: Masks,
    ) -> None:
        progress.report("align", 0.0, "resolutions")
        self.images, self.masks = (fixed, moving), masks
        metric = "mattes" if options.metric == "auto" else options.metric
        self.pyramid = Pyramid(fixed, moving, masks, metric, seed)
        self.frame: Frame = self.pyramid.frame
        self.stages, self.iterations, self.progress = stages, options.iterations, progress
        counts = _SAMPLES[self.frame.dimension]
        self.samples = [self.pyramid.samples(n, count) for n, count in enumerate(counts)]
        # Of the images in each other's place, where a size is looked for by mutual information.
        self.reverse: Pyramid | None = None
        if metric == "mattes" and len(stages) > 1:
            self.reverse = self.pyramid.exchanged(seed)
            self.back = self._way_back(counts[2])

    def run(self, near: bool) -> LinearAlignment:
        """Search and choose."""
        identity = LinearMap.identity(self.frame.dimension)
        starts = self._refined(identity, "rigid", 0, self.progress.part(0.05, 0.1))[None]
        if not near:
            others = self._starts(self.progress.part(0.1, 0.3))
            # Where shape and size differ much, the best starts of all may have a worse end.
            is_new = self.frame.distances(others, starts[0]) > self.pyramid.spacing(0)
            starts = LinearMap.concatenated(starts, others[is_new])
        paths = []
        steps = _steps(self.progress.part(0.3, 0.6), len(starts) * len(self.stages))
        for number in range(len(starts)):
            path = [starts[number]]
            for stage in self.stages:
                path.append(self._refined(path[-1], stage, 1, next(steps)))
            paths.append(path)
        best = self._best(paths)
        maps = {"none": identity, "start": best[0]}
        steps = _steps(self.progress.part(0.6, 0.9), len(self.stages))
        for base, stage in zip(best[1:], self.stages, strict=True):
            maps[stage] = self._refined(base, stage, 2, next(steps))
        self.progress.report("align", 0.9, "comparison")
        return self._kept(maps)

    def _starts(self, progress: Progress) -> LinearMap:
        # Where sizes may differ, rigid maps would be compared by how they hide that.
        stage = self.stages[:2][-1]
        unit = self.pyramid.spacing(0)
        check = _counted(progress, "start")
        middles = [np.asarray(ImageGeometry.from_image(i).center()) for i in self.images]
        masks = self.masks.fixed, self.masks.moving
        masses = [centre_of_mass(i, m) for i, m in zip(self.images, masks, strict=True)]
        pivots = [(middles[0], middles[1]), (masses[0], masses[1])]
        return find_starts(self.samples[0], self.frame, pivots, stage, unit, check)

    def _refined(self, base: LinearMap, stage: str, level: int, progress: Progress) -> LinearMap:
        samples: Samples | TwoWays = self.samples[level].covered_by(base[None])
        if self.reverse is not None and level == 2 and stage != "rigid":
            back = self.back.covered_by(base[None])
            samples = TwoWays(self.samples[level].covered_by(base[None]), back)
        unit = self.pyramid.spacing(level)
        check = _counted(progress, stage)
        return refine(samples, self.frame, base, stage, unit, self.iterations, check)

    def _best(self, paths: list[list[LinearMap]]) -> list[LinearMap]:
        """Return the path whose end is worth most."""
        ends = LinearMap.joined([path[-1] for path in paths])
        samples = self.samples[1].covered_by(ends)
        return paths[int(self._worth(samples, ends, samples.score(ends)).argmax())]

    def _worth(self, samples: Samples, maps: LinearMap, values: Tensor) -> Tensor:
        """Return the agreement of maps less the cost of their deviations, ``(K,)`` nats."""
        return values - _DEVIATION_COST * samples.most * self.frame.deviations(maps)

    def _way_back(self, count: int, smooth: bool = True) -> WayBack:
        assert self.reverse is not None
        samples = self.reverse.samples(2, count, smooth)
        return WayBack(samples, self.frame.center, self.reverse.frame.center)

    def _kept(self, maps: dict[str, LinearMap]) -> LinearAlignment:
        every = LinearMap.joined(list(maps.values()))
        count = _JUDGED[self.frame.dimension]
        samples = self.pyramid.samples(2, count, smooth=False).covered_by(every)
        scores = judged = samples.score(every)
        if self.reverse is not None:
            back = self._way_back(count, smooth=False).covered_by(every)
            judged = (scores + back.score(every)) / 2
        values = dict(zip(maps, scores.tolist(), strict=True))
        worth = dict(zip(maps, self._worth(samples, every, judged).tolist(), strict=True))
        kept, spent = "none", 0
        for name, found in maps.items():
            count = self.frame.count("rigid" if name == "start" else name) if name != "none" else 0
            gain = _FOUND_GAIN if kept == "none" else _REFINED_GAIN
            needed = gain * (count - spent) / self.pyramid.voxels
            valid = _DETERMINANTS[0] <= found.determinant <= _DETERMINANTS[1]
            if valid and worth[name] > worth[kept] + needed:
                kept, spent = name, count
        kind = kept if kept in STAGES else "rigid"
        transform = self.frame.transform(maps[kept], kind)
        if kept == "none":
            transform = sitk.Transform(self.frame.dimension, sitk.sitkIdentity)
        return LinearAlignment(transform, kept, values[kept], values["none"])


def _steps(progress: Progress, count: int) -> Iterator[Progress]:
    """Yield a progress for each of several steps that take about as long."""
    for number in range(count):
        yield progress.part(number / count, (number + 1) / count)


def _counted(progress: Progress, message: str) -> Callable[[], None]:
    """Return what to call with every evaluation: it tells the progress, and stops where asked."""
    count = 0

    def check() -> None:
        nonlocal count
        # Nobody knows how many there will be.
        progress.report("align", count / (count + _COUNTED), message)
        count += 1

    return check


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread, and compute gradients also where the caller turned them off.

    Several threads add up their parts in another order than one, and the last digits of the result
    would differ from computer to computer.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_num_threads(threads)
