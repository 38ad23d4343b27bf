"""Samples of an image under many linear maps, without ITK's start of threads for each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
import torch.nn.functional as F

from .geometry import ImageGeometry
from .resampling import index_map, resample

__all__ = ["LinearSampler"]


class LinearSampler:
    """Linear samples of one image, whose border is repeated.

    Args:
        image: scalar image.
    """

    def __init__(self, image: sitk.Image) -> None:
        self.image = image
        self._geometry = ImageGeometry.from_image(image)
        # Axes of one voxel have no positions along them.
        self._axes = [a for a, n in enumerate(self._geometry.size) if n > 1]
        array = np.asarray(sitk.GetArrayViewFromImage(image), np.float32)
        shape = [n for n in array.shape if n > 1]
        shape = [1] * (2 - len(shape)) + shape
        self._voxels = torch.from_numpy(array.reshape(1, 1, *shape).copy())

    def on(
        self, lattice: ImageGeometry, transform: sitk.Transform | None = None
    ) -> npt.NDArray[np.float32]:
        """Return the image on a lattice, ``array_shape``, as :func:`.resample` does to rounding.

        Args:
            lattice: where it goes.
            transform: points of the lattice to points of the image; None: they are the same. One
                that is not linear is left to :func:`.resample`.
        """
        if transform is not None and not transform.IsLinear():
            return np.asarray(sitk.GetArrayFromImage(resample(self.image, lattice, transform)))
        origin, steps = index_map(self._geometry, lattice, transform)
        count = len(self._voxels.shape) - 2
        grid = torch.zeros(*lattice.array_shape, count)
        places = [torch.arange(n, dtype=torch.float64) for n in lattice.size]
        for channel, axis in enumerate(self._axes):
            half = (self._geometry.size[axis] - 1) / 2
            index = torch.full((), origin[axis], dtype=torch.float64)
            for along, place in enumerate(places):
                shape = [-1 if a == along else 1 for a in range(lattice.dimension)][::-1]
                index = index + (steps[axis, along] * place).reshape(shape)
            grid[..., channel] = index / half - 1
        points = grid[None] if count == lattice.dimension else grid.reshape(1, -1, 1, count)
        values = F.grid_sample(self._voxels, points, padding_mode="border", align_corners=True)
        return np.asarray(values.reshape(lattice.array_shape).numpy())
