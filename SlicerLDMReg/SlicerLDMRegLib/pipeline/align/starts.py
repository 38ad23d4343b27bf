"""Starts of the search for a linear map, for images that are turned in any way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from .agreement import Samples
from .descent import refine_together
from .linear_map import Frame, LinearMap

__all__ = ["best_apart", "find_starts", "rotations"]

# No rotation is farther than 27 degrees (in 3D) or 4 degrees (in 2D) from one of these.
_ROTATIONS = {2: 48, 3: 600}
# How the turned maps are sifted: how many go on, which differ by how many voxels (root mean
# square), how many samples judge and improve them, in how many iterations. Descents of three voxels
# and more end in the same optimum. Where the images overlap in part, the first value of the right
# one was as low as the hundredth of all, so that many have to descend a little: all 63 of 300
# random geometries that are turned by up to 180 degrees were found so, in 0.3 s (0.1 s in 2D).
_SIEVE = {
    2: ((48, 1.5, 500, 6), (8, 1.5, 1500, 12)),
    3: ((250, 1.5, 500, 6), (32, 1.5, 1000, 8), (8, 1.5, 2000, 16)),
}
# How many turned maps are gone on with, if they are not far worse than the best plain one.
_TURNED, _FAR_WORSE = 2, 0.7


def rotations(dimension: int) -> np.ndarray:
    """Return rotations that are spread evenly over all there are, ``(K, d, d)``.

    In 3D they are those of a super-Fibonacci spiral (Alexa, CVPR 2022).
    """
    count = _ROTATIONS[dimension]
    if dimension == 2:
        angles = 2 * np.pi * np.arange(count) / count
        c, s = np.cos(angles), np.sin(angles)
        return np.stack([c, -s, s, c], axis=1).reshape(-1, 2, 2)
    steps = np.arange(count) + 0.5
    outer, inner = np.sqrt(steps / count), np.sqrt(1 - steps / count)
    # The square root of 2, and the root of x^4 = x + 4.
    a, b = 2 * np.pi * steps / 2**0.5, 2 * np.pi * steps / 1.533751168755204288118041
    x, y, z, w = inner * np.sin(a), inner * np.cos(a), outer * np.sin(b), outer * np.cos(b)
    # SciPy could do it, but nothing else here needs its second to be loaded.
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def find_starts(
    samples: Samples,
    frame: Frame,
    pivots: Sequence[tuple[np.ndarray, np.ndarray]],
    stage: str,
    unit: float,
    check: Callable[[], None],
) -> LinearMap:
    """Return rigid maps near which the best map may lie: one without a turn, then turned ones.

    Without a turn: the coordinates of the images, or one of the pivots, whichever leads farthest.
    Turned: the best of all rotations about the pivots that lead somewhere else.

    Args:
        samples: of a coarse level.
        frame: of the maps.
        pivots: points of the fixed image and where they go, mm: middles, centres of mass.
        stage: ``rigid``, or ``similarity`` where the sizes may differ.
        unit: size of a voxel of the level, mm.
        check: called with every evaluation; it may raise.

    Returns:
        One to three maps; a size that was found is left out.
    """
    dimension = frame.dimension
    sieve = _SIEVE[dimension]
    turns = rotations(dimension)
    maps = LinearMap.concatenated(*[frame.about(turns, *pivot) for pivot in pivots])
    values = samples.first(sieve[0][2]).score(maps)
    for count, apart, number, iterations in sieve:
        maps = best_apart(maps, values, frame, count, apart * unit)
        few = samples.first(number)
        maps, values = refine_together(few, frame, maps, stage, unit, iterations, check)
    *_, number, iterations = sieve[-1]
    eye = np.eye(dimension)[None]
    plain = [LinearMap.identity(dimension)[None], *(frame.about(eye, *p) for p in pivots)]
    straight, _ = refine_together(
        samples.first(number), frame, LinearMap.concatenated(*plain), stage, unit, iterations, check
    )
    values, least = samples.score(maps), samples.score(straight)
    best = straight[least.argmax()][None]
    good = values > _FAR_WORSE * least.max()
    others = best_apart(maps[good], values[good], frame, _TURNED, unit, best)
    found = LinearMap.concatenated(best, others)
    size = torch.linalg.det(found.matrix) ** (1 / dimension)
    return LinearMap(found.matrix / size[:, None, None], found.shift)


def best_apart(
    maps: LinearMap,
    values: Tensor,
    frame: Frame,
    count: int,
    apart: float,
    others: LinearMap | None = None,
) -> LinearMap:
    """Return the best maps of which no two are alike, best first.

    Args:
        maps: K maps.
        values: ``(K,)``, the larger the better.
        frame: of the maps.
        count: how many at most.
        apart: least distance of two of them, mm.
        others: maps that none of them is like either.
    """
    free = torch.ones(len(maps), dtype=torch.bool)
    if others is not None:
        for n in range(len(others)):
            free &= frame.distances(maps, others[n]) > apart
    chosen: list[int] = []
    for number in values.argsort(descending=True, stable=True).tolist():
        if len(chosen) == count:
            break
        if free[number]:
            chosen.append(number)
            free &= frame.distances(maps, maps[number]) > apart
    return maps[torch.tensor(chosen, dtype=torch.long)]
