"""Computation on large lattices slab by slab, so that temporary arrays stay small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from .geometry import ImageGeometry

__all__ = ["affine", "lattice_coordinates", "parts", "slabs"]

FloatArray = npt.NDArray[np.float64]

# Voxels in a slab: 24 MB of float64 points in 3D. Larger slabs need more memory, smaller ones more
# calls. Not tuned.
_VOXELS_AT_ONCE = 2**20


def parts(count: int, voxels: int) -> Iterator[slice]:
    """Cut ``count`` planes of ``voxels`` voxels each into slabs of a bounded size."""
    thickness = max(1, _VOXELS_AT_ONCE // max(1, voxels))
    for start in range(0, count, thickness):
        yield slice(start, min(count, start + thickness))


def slabs(geometry: ImageGeometry) -> Iterator[tuple[slice, FloatArray]]:
    """Yield slabs along the first array axis and the physical points of their voxels (LPS mm)."""
    shape = geometry.array_shape
    for part in parts(shape[0], int(np.prod(shape[1:]))):
        start, size = [0] * geometry.dimension, list(geometry.size)
        start[-1], size[-1] = part.start, part.stop - part.start
        yield part, geometry.crop(start, size).points()


def lattice_coordinates(source: ImageGeometry, target: ImageGeometry, part: slice) -> FloatArray:
    """Return the voxel centres of one lattice as continuous indices of another.

    Args:
        source: lattice of the returned indices.
        target: lattice of the voxels.
        part: slab of ``target`` along its first array axis.

    Returns:
        ``(d, n, *array_shape[1:])``, component i along array axis i of ``source``.
    """
    start = source.physical_to_index(target.origin)[::-1]
    steps = (np.linalg.inv(source.matrix) @ target.matrix)[::-1, ::-1]
    axes = [np.arange(n, dtype=np.float64) for n in target.array_shape]
    axes[0] = axes[0][part]
    coordinates = np.empty((target.dimension, *map(len, axes)))
    for own, along, first in zip(coordinates, steps, start, strict=True):
        own[...] = first
        for axis, (step, index) in enumerate(zip(along, axes, strict=True)):
            own += (step * index).reshape(-1, *[1] * (target.dimension - 1 - axis))
    return coordinates


def affine(transform: sitk.Transform) -> tuple[FloatArray, FloatArray]:
    """Return the matrix ``(d, d)`` and the offset ``(d,)`` in mm of a linear transform."""
    dimension = transform.GetDimension()
    offset = np.array(transform.TransformPoint([0.0] * dimension))
    columns = [transform.TransformPoint(axis) - offset for axis in np.eye(dimension).tolist()]
    return np.stack(columns, axis=1), offset
