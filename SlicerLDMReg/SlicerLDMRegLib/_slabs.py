"""Large lattices part by part: the temporary arrays of a whole would be larger than a field."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from .geometry import ImageGeometry

__all__ = ["affine", "parts", "slabs"]

FloatArray = npt.NDArray[np.float64]

_VOXELS_AT_ONCE = 2**20


def parts(count: int, voxels: int) -> Iterator[slice]:
    """Cut ``count`` planes of some voxels into slabs of a bounded number of voxels."""
    thickness = max(1, _VOXELS_AT_ONCE // max(1, voxels))
    for start in range(0, count, thickness):
        yield slice(start, min(count, start + thickness))


def slabs(geometry: ImageGeometry) -> Iterator[tuple[slice, FloatArray]]:
    """Yield slices along the first array axis, and the physical points of their voxels."""
    shape = geometry.array_shape
    for part in parts(shape[0], int(np.prod(shape[1:]))):
        start, size = [0] * geometry.dimension, list(geometry.size)
        start[-1], size[-1] = part.start, part.stop - part.start
        yield part, geometry.crop(start, size).points()


def affine(transform: sitk.Transform) -> tuple[FloatArray, FloatArray]:
    """Return matrix and offset of a linear transform."""
    dimension = transform.GetDimension()
    offset = np.array(transform.TransformPoint([0.0] * dimension))
    columns = [transform.TransformPoint(axis) - offset for axis in np.eye(dimension).tolist()]
    return np.stack(columns, axis=1), offset
