"""Labels on the lattice of an image, from probabilities on a network's lattice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry
from ..resampling import resample
from .segmentation import ReportsProgress

__all__ = ["most_likely_labels"]

_VOXELS_AT_ONCE = 4_000_000


def most_likely_labels(
    probabilities: np.ndarray,
    lattice: ImageGeometry,
    numbers: Sequence[int],
    target: ImageGeometry,
    progress: ReportsProgress | None = None,
) -> tuple[sitk.Image, sitk.Image]:
    """Return the most likely label of every voxel of a target lattice, and its probability.

    The probabilities are interpolated linearly, and the largest one is taken after that: borders
    between structures are smooth, and run where both are equally likely. The N probabilities never
    exist on the target lattice together, which may have a hundred times the voxels: they are taken
    one after the other, keeping the largest so far. Those of N classes add up to 1, so the largest
    is at least 1/N: a class is looked at only where it reaches that, which is a small box for most.

    Args:
        probabilities: ``(N, *lattice.array_shape)``, class 0 is the background.
        lattice: where they are.
        numbers: label number of each class; the first is 0.
        target: the lattice of the labels; where it is outside of ``lattice`` there is background.
        progress: told after each class.

    Returns:
        Labels (the smallest unsigned integers that hold the numbers) and probabilities (float32).
    """
    best = np.zeros(target.array_shape, np.float32)
    labels = np.zeros(target.array_shape, np.min_scalar_type(max(numbers)))
    # A little less, since probabilities of 16 bits do not add up to 1 exactly.
    least = 0.99 / len(numbers)
    whole = np.stack([np.zeros(target.dimension, int), target.size], axis=1)
    for row, number in enumerate(numbers):
        outside = 1.0 if row == 0 else 0.0
        box = whole if row == 0 else _target_box(probabilities[row] >= least, lattice, target)
        if box is None:
            continue
        source = lattice.to_image(probabilities[row].astype(np.float32))
        for start, size in _parts(box):
            part = resample(source, target.crop(start, size), outside=outside)
            values = sitk.GetArrayFromImage(part)
            where = tuple(slice(s, s + n) for s, n in zip(start[::-1], size[::-1], strict=True))
            better = values > best[where]
            best[where][better] = values[better]
            labels[where][better] = number
        if progress is not None:
            progress.report("segment", (row + 1) / len(numbers), "labels")
    return target.to_image(labels), target.to_image(best)


def _target_box(
    likely: np.ndarray, lattice: ImageGeometry, target: ImageGeometry
) -> np.ndarray | None:
    """Return first and one-after-last index (d, 2) of the target that can see marked voxels."""
    found = np.argwhere(likely)[:, ::-1]
    if not len(found):
        return None
    # One more voxel on each side: linear interpolation reaches that far.
    low, high = found.min(axis=0) - 1, found.max(axis=0) + 1
    ends = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), axis=-1)
    indices = target.physical_to_index(
        lattice.index_to_physical(ends.reshape(-1, lattice.dimension))
    )
    start = np.clip(np.floor(indices.min(axis=0)).astype(int), 0, target.size)
    stop = np.clip(np.ceil(indices.max(axis=0)).astype(int) + 1, 0, target.size)
    return None if (stop <= start).any() else np.stack([start, stop], axis=1)


def _parts(box: np.ndarray) -> Iterator[tuple[list[int], list[int]]]:
    """Cut a box into slabs of a bounded number of voxels; start and size of each, i, j(, k)."""
    start, size = box[:, 0].tolist(), (box[:, 1] - box[:, 0]).tolist()
    step = max(1, _VOXELS_AT_ONCE // max(1, int(np.prod(size[:-1]))))
    for first in range(start[-1], start[-1] + size[-1], step):
        count = min(step, start[-1] + size[-1] - first)
        yield [*start[:-1], first], [*size[:-1], count]
