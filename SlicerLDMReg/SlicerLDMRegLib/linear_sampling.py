"""Samples of an image under many linear maps, without ITK's start of threads for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
import torch.nn.functional as F

from .geometry import ImageGeometry
from .resampling import index_maps, resample

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
        return np.asarray(self.on_all(lattice, [transform])[0])

    def on_all(
        self, lattice: ImageGeometry, transforms: Sequence[sitk.Transform | None]
    ) -> npt.NDArray[np.float32]:
        """Return the image under several transforms, ``(N, *array_shape)``; see :meth:`on`.

        Linear ones are sampled together: on a coarse lattice most of the time of one goes into
        the calls.
        """
        found = np.empty((len(transforms), *lattice.array_shape), np.float32)
        linear = []
        for n, transform in enumerate(transforms):
            if transform is None or transform.IsLinear():
                linear.append(n)
            else:
                there = resample(self.image, lattice, transform)
                found[n] = sitk.GetArrayViewFromImage(there)
        if linear:
            maps = index_maps(self._geometry, lattice, [transforms[n] for n in linear])
            found[linear] = self._sampled(lattice, *maps)
        return found

    def _sampled(
        self, lattice: ImageGeometry, first: np.ndarray, each: np.ndarray
    ) -> npt.NDArray[np.float32]:
        """Return the image at the indices that :func:`.index_maps` tells."""
        several, count = len(first), len(self._voxels.shape) - 2
        origins, steps = torch.from_numpy(first), torch.from_numpy(each)
        grid = torch.zeros(several, *lattice.array_shape, count)
        places = [torch.arange(n, dtype=torch.float64) for n in lattice.size]
        ones = [1] * lattice.dimension
        for channel, axis in enumerate(self._axes):
            half = (self._geometry.size[axis] - 1) / 2
            index = origins[:, axis].reshape(-1, *ones)
            for along, place in enumerate(places):
                shape = [-1 if a == along else 1 for a in range(lattice.dimension)][::-1]
                index = index + steps[:, axis, along].reshape(-1, *ones) * place.reshape(shape)
            grid[..., channel] = index / half - 1
        points = grid if count == lattice.dimension else grid.reshape(several, -1, 1, count)
        voxels = self._voxels.expand(several, *self._voxels.shape[1:])
        values = F.grid_sample(voxels, points, padding_mode="border", align_corners=True)
        return np.asarray(values.reshape(several, *lattice.array_shape).numpy())
