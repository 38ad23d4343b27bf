"""Surface distances of label maps: HD95 and average symmetric surface distance.

The voxels (2D: pixels) around a lattice corner that belong to a mask give a code of 8 (4) bits. The
surface cuts the edges between a voxel inside and one outside in the middle, as marching cubes do,
and its area depends on the code and the spacing alone. It is the weight of a surface element in the
Hausdorff distance of the Learn2Reg challenge (Nikolov et al., JMIR 23(7):e26151, 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _monai
from ..errors import InputError
from ._arrays import Array, chosen_labels, label_pair

__all__ = ["SurfaceDistances", "hd95", "surface_distances"]

FloatArray = npt.NDArray[np.float64]
Box = tuple[slice, ...]

# Number of surface points above which a query uses threads: for these it takes some 30 ms on one
# core, next to which starting threads costs little. Not tuned.
_MANY_POINTS = 20_000
# What small label maps need no scipy for, whose import takes 0.2 s: as long as 2D images take in
# all. Pairs of points that are compared one by one, at some 10 ns each, and voxels that are sorted.
_FEW_PAIRS = 500_000
_FEW_VOXELS = 100_000


class SurfaceDistances(NamedTuple):
    """Distances of the surface elements of two masks, A and B, to the other surface.

    Attributes:
        a_to_b: distance of each element of A to the surface of B, ascending; infinite when B is
            empty.
        a_areas: area (2D: length) of these elements.
        b_to_a: distance of each element of B to the surface of A.
        b_areas: area (2D: length) of these elements.
    """

    a_to_b: FloatArray
    a_areas: FloatArray
    b_to_a: FloatArray
    b_areas: FloatArray

    def robust_hausdorff(self, percent: float = 95.0) -> float:
        """Return the larger of the two directed percentiles, weighted by area.

        Infinite when a mask is empty.
        """
        return max(
            _percentile(self.a_to_b, self.a_areas, percent),
            _percentile(self.b_to_a, self.b_areas, percent),
        )

    def mean(self) -> float:
        """Return the average symmetric surface distance, weighted by area; NaN when empty."""
        if not len(self.a_to_b) or not len(self.b_to_a):
            return float("nan")
        total = self.a_to_b @ self.a_areas + self.b_to_a @ self.b_areas
        return float(total / (self.a_areas.sum() + self.b_areas.sum()))


def surface_distances(
    a: npt.NDArray[Any], b: npt.NDArray[Any], spacing: Sequence[float]
) -> SurfaceDistances:
    """Measure the distances between the surfaces of two masks.

    Surface elements lie at the corners between voxels and are weighted by their area, so that
    neither slanted surfaces nor thin slices are overrepresented.

    Args:
        a: mask, 2D or 3D.
        b: mask of the same shape.
        spacing: voxel size along each array axis (z, y, x).

    Raises:
        InputError: for incompatible shapes or a wrong number of spacings.
    """
    a, b = np.asarray(a, dtype=bool), np.asarray(b, dtype=bool)
    sizes = _check_spacing(spacing, a.ndim)
    if a.shape != b.shape or a.ndim not in (2, 3):
        raise InputError(f"expected two 2D or 3D masks of one shape, got {a.shape}, {b.shape}")
    box = _boxes((a | b).astype(np.uint8)).get(1)
    if box is None:
        return SurfaceDistances(*(np.zeros(0) for _ in range(4)))
    return _distances(a[box], b[box], sizes)


def hd95(
    a: Array, b: Array, spacing: Sequence[float], labels: Iterable[int] | None = None
) -> dict[int, float]:
    """Return the 95 % Hausdorff distance of each label, in the unit of the spacing (mm).

    At least 95 % of the surface area of either label map lies within this distance of the other
    (Nikolov et al., JMIR 23(7):e26151, 2021).

    Args:
        a: label map.
        b: label map of the same shape.
        spacing: voxel size along each array axis (z, y, x): the reverse of ITK's order.
        labels: labels to report; default all labels of either map, without 0.

    Returns:
        Distance by label; NaN for a label missing in a map (its Dice is then 0 or NaN).

    Raises:
        InputError: for shapes that differ, labels that are not whole numbers from 0, or a spacing
            of another dimension.
    """
    a, b = label_pair(a, b)
    sizes = _check_spacing(spacing, a.ndim)
    result = {}
    boxes = [_boxes(values) for values in (a, b)]
    whole = tuple(slice(0, n) for n in a.shape)
    for label in chosen_labels(labels, a, b):
        own, other = (whole if label == 0 else found.get(label) for found in boxes)
        if own is None or other is None:
            result[label] = float("nan")
            continue
        # Only the bounding box of the label is measured.
        box = tuple(
            slice(min(s.start, t.start), max(s.stop, t.stop))
            for s, t in zip(own, other, strict=True)
        )
        distances = _distances(a[box] == label, b[box] == label, sizes)
        result[label] = distances.robust_hausdorff()
    return result


def neighbour_codes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return the code of each corner between voxels, and of those at the border.

    Args:
        mask: 2D or 3D.

    Returns:
        One longer than the mask along each axis; 0 where all voxels around are outside,
        ``2 ** 2 ** d - 1`` where all are inside, and surface elsewhere.
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    codes = np.zeros([size + 1 for size in mask.shape], np.uint8)
    for corner in product((0, 1), repeat=mask.ndim):
        window = tuple(slice(c, c + size + 1) for c, size in zip(corner, mask.shape, strict=True))
        codes = np.bitwise_or(codes << 1, padded[window], dtype=np.uint8)
    return codes


def element_areas(spacing: Sequence[float]) -> FloatArray:
    """Return the area (2D: length) of the surface element of each neighbour code.

    Args:
        spacing: voxel size along each array axis; 2 or 3 numbers.

    Returns:
        16 or 256 numbers in units of the spacing, squared in 3D, to the precision of float32.
    """
    areas, _ = _monai.get_code_to_measure_table(tuple(spacing), device="cpu")
    return np.asarray(areas, dtype=np.float64)


def _distances(
    a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_], sizes: Sequence[float]
) -> SurfaceDistances:
    """Measure two masks, at least one of them not empty."""
    areas = element_areas(sizes)
    codes = [neighbour_codes(mask) for mask in (a, b)]
    surfaces = [(code != 0) & (code != len(areas) - 1) for code in codes]
    points = [np.argwhere(surface) * np.asarray(sizes) for surface in surfaces]
    parts: list[FloatArray] = []
    for own, other in ((0, 1), (1, 0)):
        distances = _nearest(points[own], points[other])
        order = np.argsort(distances, kind="stable")
        parts += [distances[order], areas[codes[own][surfaces[own]]][order]]
    return SurfaceDistances(*parts)


def _nearest(points: FloatArray, others: FloatArray) -> FloatArray:
    """Return the distance of each point ``(N, d)`` to the nearest of others; infinite without."""
    if not len(points) or not len(others):
        return np.full(len(points), np.inf)
    if len(points) * len(others) <= _FEW_PAIRS:
        squares = sum(
            np.subtract.outer(points[:, axis], others[:, axis]) ** 2
            for axis in range(points.shape[1])
        )
        return np.asarray(np.sqrt(np.min(squares, axis=1)))
    from scipy.spatial import KDTree

    # A surface has few points: a k-d tree is faster than a distance map of the volume.
    tree = KDTree(others, balanced_tree=False, compact_nodes=False)
    workers = -1 if len(points) > _MANY_POINTS else 1
    return np.asarray(tree.query(points, workers=workers)[0])


def _boxes(labels: npt.NDArray[np.integer]) -> dict[int, Box]:
    """Return the bounding box of each label but 0."""
    if labels.size > _FEW_VOXELS:
        from scipy import ndimage

        found = ndimage.find_objects(labels.astype(np.int32, copy=False))
        return {number: box for number, box in enumerate(found, 1) if box is not None}
    index = np.nonzero(labels)
    values = labels[index]
    order = np.argsort(values, kind="stable")
    names, starts = np.unique(values[order], return_index=True)
    if not len(names):
        return {}
    low, high = (
        [edge.reduceat(along[order], starts).tolist() for along in index]
        for edge in (np.minimum, np.maximum)
    )
    return {
        int(name): tuple(slice(a[n], b[n] + 1) for a, b in zip(low, high, strict=True))
        for n, name in enumerate(names)
    }


def _check_spacing(spacing: Sequence[float], dimension: int) -> list[float]:
    sizes = [float(size) for size in spacing]
    if len(sizes) != dimension or min(sizes) <= 0:
        raise InputError(f"spacing: expected {dimension} positive numbers, got {tuple(sizes)}")
    return sizes


def _percentile(distances: FloatArray, areas: FloatArray, percent: float) -> float:
    if not len(distances):
        return float("inf")
    covered = np.cumsum(areas) / areas.sum()
    index = int(np.searchsorted(covered, percent / 100.0))
    return float(distances[min(index, len(distances) - 1)])
