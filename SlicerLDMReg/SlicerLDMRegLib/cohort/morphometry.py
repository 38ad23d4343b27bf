"""Deformation-based morphometry: where the subjects of one group are larger than those of another.

The determinant of the map from the template to a subject tells how much larger the subject is
there; its logarithm is smoothed and compared voxel by voxel with Student's t-test. The p values are
corrected for the number of voxels by permutation: each is the share of permutations of the groups
whose largest \\|t\\| of all voxels is as large as the voxel's (Nichols and Holmes 2002), so a map
without any true difference has a voxel below 0.05 in one study out of twenty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..geometry import ImageGeometry

__all__ = ["Comparison", "compare_groups", "log_determinants"]

# A fold has no logarithm; it counts as a thousandth of the volume.
_LEAST = 1e-3
_FWHM = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian, in standard deviations
_FEWEST = 2  # subjects of a group
_CHUNK = 20_000_000  # numbers that are held for some permutations of some voxels


@dataclass(frozen=True)
class Comparison:
    """Comparison of two groups, voxel by voxel.

    Attributes:
        difference: mean of the first group minus that of the second, ``array_shape``.
        t: Student's t of it, equal variances; 0 where all subjects are the same.
        p: two-sided p value of a single voxel.
        corrected: two-sided p value, corrected for all voxels by permutation.
        counts: subjects of each group.
        permutations: number of permutations, the true grouping among them.
    """

    difference: np.ndarray
    t: np.ndarray
    p: np.ndarray
    corrected: np.ndarray
    counts: tuple[int, int]
    permutations: int


def log_determinants(paths: Iterable[Path], fwhm_mm: float) -> tuple[np.ndarray, ImageGeometry]:
    """Read maps of the Jacobian determinant as smoothed logarithms.

    Args:
        paths: of ``jacobian.nrrd`` on one lattice.
        fwhm_mm: width at half height of the Gaussian, in mm; 0: not smoothed.

    Returns:
        ``(N, *array_shape)`` float32, and the lattice.

    Raises:
        InputError: when one cannot be read, or lies on another lattice.
    """
    maps = []
    geometry: ImageGeometry | None = None
    for path in paths:
        try:
            image = sitk.ReadImage(str(path), sitk.sitkFloat32)
        except RuntimeError as error:
            raise InputError(f"morphometry: {path} cannot be read") from error
        lattice = ImageGeometry.from_image(image)
        geometry = geometry or lattice
        if not geometry.matches(lattice):
            raise InputError(f"morphometry: {path} lies on another lattice than the others")
        image = sitk.Log(sitk.Maximum(image, _LEAST))
        if fwhm_mm > 0:
            # Along an axis of less than four voxels the recursive filter cannot go.
            smoother = sitk.DiscreteGaussianImageFilter()
            smoother.SetVariance((fwhm_mm / _FWHM) ** 2)
            smoother.SetMaximumKernelWidth(512)
            smoother.SetUseImageSpacing(True)
            image = smoother.Execute(image)
        maps.append(sitk.GetArrayFromImage(image))
    if geometry is None:
        raise InputError("morphometry: there are no maps to compare")
    return np.stack(maps), geometry


def compare_groups(
    maps: np.ndarray,
    first: Sequence[bool],
    permutations: int = 1000,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Comparison:
    """Compare two groups of maps, voxel by voxel.

    Args:
        maps: ``(N, *shape)``.
        first: for each map, whether it is of the first group.
        permutations: of the groups, the true ones among them; the least p value is its reciprocal.
        seed: of the permutations.
        tick: called now and then.

    Raises:
        InputError: with less than two maps in a group.

    Example:
        >>> import numpy as np
        >>> maps = np.random.default_rng(0).normal(size=(20, 8, 8))
        >>> maps[:10, 2, 3] += 5
        >>> found = compare_groups(maps, [True] * 10 + [False] * 10)
        >>> np.argwhere(found.corrected < 0.01).tolist()
        [[2, 3]]
    """
    from scipy import stats

    group = np.asarray(first, bool)
    counts = int(group.sum()), int((~group).sum())
    if len(group) != len(maps) or min(counts) < _FEWEST:
        raise InputError(
            f"morphometry: expected at least {_FEWEST} subjects in each group, got "
            f"{counts[0]} and {counts[1]}"
        )
    generator = np.random.default_rng(seed)
    labels = np.stack([group, *(generator.permutation(group) for _ in range(permutations - 1))])
    flat = maps.reshape(len(maps), -1)
    t, p, difference = (np.full(flat.shape[1], value) for value in (0.0, 1.0, 0.0))
    largest = np.zeros(len(labels))
    wide = max(1, _CHUNK // max(len(maps), 100))
    for begin in range(0, flat.shape[1], wide):
        part = slice(begin, begin + wide)
        values = flat[:, part].astype(np.float64)
        difference[part] = values[group].mean(axis=0) - values[~group].mean(axis=0)
        # Where nothing varies there is nothing to tell.
        varies = np.ptp(values, axis=0) > 0
        values = values[:, varies]
        if values.shape[1]:
            found = stats.ttest_ind(values[group], values[~group], axis=0)
            t[part][varies], p[part][varies] = found.statistic, found.pvalue
            _raise_largest(largest, values, labels, tick)
    # The true grouping counts itself, whatever the rounding.
    order = np.sort(largest * (1 + 1e-9))
    as_large = len(order) - np.searchsorted(order, np.abs(t), side="left")
    corrected = np.maximum(as_large, 1) / len(order)
    shape = maps.shape[1:]
    return Comparison(
        difference.reshape(shape),
        t.reshape(shape),
        p.reshape(shape),
        corrected.reshape(shape),
        counts,
        len(order),
    )


def _raise_largest(
    largest: np.ndarray, values: np.ndarray, labels: np.ndarray, tick: Callable[[], None]
) -> None:
    """Raise the largest \\|t\\| of each grouping to that of some more voxels.

    Args:
        largest: of each grouping, changed in place.
        values: ``(N, voxels)``.
        labels: ``(groupings, N)``, whether a map is of the first group.
        tick: called now and then.
    """
    n = int(labels[0].sum())
    m = len(values) - n
    part = values - values.mean(axis=0)
    squares = (part**2).sum(axis=0)
    tall = max(1, _CHUNK // part.shape[1])
    for top in range(0, len(labels), tall):
        tick()
        # The sum of all is 0, so that of the second group is the negative one.
        sums = labels[top : top + tall].astype(np.float64) @ part
        within = np.maximum(squares - sums**2 * (1 / n + 1 / m), np.finfo(float).tiny)
        t = np.abs(sums) * np.sqrt((1 / n + 1 / m) * (n + m - 2) / within)
        largest[top : top + tall] = np.maximum(largest[top : top + tall], t.max(axis=1))
