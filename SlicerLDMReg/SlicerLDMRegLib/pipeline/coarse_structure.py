"""Structure of an image on a coarse lattice: what other contrasts have at the same places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
from torch import Tensor

from ..functional import local_deviation
from ..geometry import ImageGeometry
from ..linear_sampling import LinearSampler

__all__ = ["batch_of", "structure_on"]

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
    return local_deviation(batch_of(image.on(lattice, transform)), _WIDTH)


def batch_of(array: npt.NDArray[np.generic]) -> Tensor:
    """Return an array of a lattice, ``(1, 1, *S)`` float32 without axes of one voxel."""
    shape = [n for n in array.shape if n > 1]
    return torch.from_numpy(np.asarray(array, np.float32).reshape(1, 1, *shape))
