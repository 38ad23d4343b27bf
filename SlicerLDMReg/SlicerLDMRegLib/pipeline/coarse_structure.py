"""Structure of an image on a coarse lattice: what other contrasts have at the same places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
from torch import Tensor

from ..functional import local_deviation
from ..geometry import ImageGeometry
from ..linear_sampling import LinearSampler

__all__ = ["batch_of", "batches_of", "structure_on", "structures_on"]

_WIDTH = 1.0  # voxels, within which the deviation of an image is its structure


def structure_on(
    image: LinearSampler, lattice: ImageGeometry, transform: sitk.Transform | None
) -> Tensor:
    """Return the local deviation of an image on a lattice, as :func:`batch_of`.

    Args:
        image: smoothed as far as the lattice needs it.
        lattice: where to sample.
        transform: points of the lattice to those of the image; None: the same.
    """
    return structures_on(image, lattice, [transform])


def structures_on(
    image: LinearSampler, lattice: ImageGeometry, transforms: Sequence[sitk.Transform | None]
) -> Tensor:
    """Return the local deviation of an image under several transforms, as :func:`batches_of`."""
    return local_deviation(batches_of(image.on_all(lattice, transforms)), _WIDTH)


def batch_of(array: npt.NDArray[np.generic]) -> Tensor:
    """Return an array of a lattice, ``(1, 1, *S)`` float32 without axes of one voxel."""
    return batches_of(array[None])


def batches_of(arrays: npt.NDArray[np.generic]) -> Tensor:
    """Return arrays ``(N, *array_shape)`` as ``(N, 1, *S)`` float32 without axes of one voxel."""
    shape = [n for n in arrays.shape[1:] if n > 1]
    return torch.from_numpy(np.asarray(arrays, np.float32).reshape(len(arrays), 1, *shape))
