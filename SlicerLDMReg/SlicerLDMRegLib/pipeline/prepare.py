"""Images as tensors: [0, 1] on an isotropic lattice in the frame of the fixed image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ..geometry import ImageGeometry
from ..intensity import IntensityMap
from ..lattice import anatomical_lattice, fitted_lattice, isotropic_lattice
from ..model_store import Grid
from ..resampling import antialiased, coverage, resample
from .slices import SliceRange, to_batch

__all__ = [
    "IntensityMap",
    "PreparedPair",
    "coverage",
    "image_batch",
    "model_lattice",
    "network_lattice",
    "prepare_pair",
    "refinement_lattice",
    "resample",
]

# Bounds of time and memory. At half the resolution a million voxels had (generated brains of 2 mm),
# the refinement lost 0.07 Dice.
_LONGEST_SIDE_2D = 256
_MOST_VOXELS_3D = 1_000_000


@dataclass(frozen=True)
class PreparedPair:
    """Both images on one lattice, ready for a network or the refinement.

    Attributes:
        moving: ``(B, 1, *S)`` in [0, 1], B slices, or 1 for the whole image.
        fixed: likewise.
        moving_mask: ``(B, 1, *S)``, 1 where the aligned moving image is defined, else 0.
        fixed_mask: likewise for the fixed image; 0 where the lattice was padded.
        view: that of the moving image on the lattice with one voxel more on every registered side,
            ``(B, 1, *S + 2)``.
        lattice: the lattice in the frame of the fixed image; with slices it is 3D, and the slices
            are those of the fixed image.
        slices: the slices that the batch consists of, None for the whole image.
    """

    moving: Tensor
    fixed: Tensor
    moving_mask: Tensor
    fixed_mask: Tensor
    view: Tensor
    lattice: ImageGeometry
    slices: SliceRange | None

    @property
    def mask(self) -> Tensor:
        """1 where both images are defined, ``(B, 1, *S)``."""
        return self.moving_mask * self.fixed_mask

    def black_outside(self) -> tuple[Tensor, Tensor]:
        """Return moving and fixed image with 0 where they are not defined, as networks know it."""
        return self.moving * self.moving_mask, self.fixed * self.fixed_mask


def model_lattice(fixed: sitk.Image, grid: Grid, slices: SliceRange | None = None) -> ImageGeometry:
    """Return the lattice of a model for a fixed image.

    A grid with a spacing and an orientation has its place in the patient however the file is
    stored, see :func:`~SlicerLDMRegLib.lattice.anatomical_lattice`; one with a spacing alone runs
    along the axes of the image, centred; any other is fitted to the image, see
    :func:`network_lattice`. The first two do not cover all of a large image.

    Args:
        fixed: fixed image.
        grid: of the model's card.
        slices: the slices of a volume that a 2D model registers.
    """
    geometry = ImageGeometry.from_image(fixed)
    if grid.spacing is None or slices is not None:
        return network_lattice(geometry, grid.size, grid.divisor, slices)
    if grid.orientation is not None and geometry.dimension == 3:
        return anatomical_lattice(
            fixed, grid.size, grid.spacing, grid.orientation, anchor=grid.anchor
        )
    spacings = np.full(geometry.dimension, grid.spacing)
    start = geometry.direction_matrix @ ((np.asarray(grid.size) - 1) / 2 * spacings)
    origin = tuple((np.asarray(geometry.center()) - start).tolist())
    return ImageGeometry(grid.size, tuple(spacings.tolist()), origin, geometry.direction)


def network_lattice(
    fixed: ImageGeometry,
    size: Sequence[int],
    divisor: int = 1,
    slices: SliceRange | None = None,
) -> ImageGeometry:
    """Return the lattice of a network for a fixed image.

    It is isotropic, keeps the aspect of the image, fits into ``size`` along the longest side and is
    padded to multiples of ``divisor``; an image that has this lattice already is not resampled.

    Args:
        fixed: lattice of the fixed image.
        size: the network's grid, along x, y(, z) of the registered dimensions.
        divisor: each size becomes a multiple of it.
        slices: register these slices of a 3D image: the grid is 2D, in the plane of the slices.
    """
    return fitted_lattice(fixed, size, divisor, _kept(slices))


def refinement_lattice(fixed: ImageGeometry, slices: SliceRange | None = None) -> ImageGeometry:
    """Return the isotropic lattice on which a field is optimised.

    In 2D and for slices: the smallest spacing of the image, at most 256 pixels on the longer side.
    In 3D: likewise, and coarser as far as needed for a million voxels, so that memory and time are
    bounded for volumes of any size. (The velocity of a large volume has half of that.)
    """
    axes = _axes(fixed, slices)
    extents = [fixed.size[a] * fixed.spacing[a] for a in axes]
    spacing = min(fixed.spacing[a] for a in axes)
    if len(axes) == 2:
        spacing = max(spacing, max(extents) / _LONGEST_SIDE_2D)
    else:
        volume = math.prod(extents)
        spacing = max(spacing, (volume / _MOST_VOXELS_3D) ** (1 / 3))
    return isotropic_lattice(fixed, spacing, 1, _kept(slices))


def prepare_pair(
    fixed: sitk.Image,
    moving: sitk.Image,
    alignment: sitk.Transform,
    lattice: ImageGeometry,
    intensities: tuple[IntensityMap, IntensityMap],
    slices: SliceRange | None = None,
) -> PreparedPair:
    """Bring both images onto a lattice.

    Each image is interpolated once, and smoothed before where the lattice is coarser than it.

    Args:
        fixed: fixed image.
        moving: moving image on its own lattice.
        alignment: fixed points to moving points.
        lattice: see :func:`network_lattice`.
        intensities: the maps of the fixed and of the moving image.
        slices: the slices of the fixed image that make up the lattice.
    """
    axes = _axes(lattice, slices)
    start = [-1 if axis in axes else 0 for axis in range(lattice.dimension)]
    wider = lattice.crop(start, [n - 2 * a for n, a in zip(lattice.size, start, strict=True)])
    view = _batch(coverage(moving, wider, alignment), slices)
    return PreparedPair(
        moving=image_batch(moving, lattice, alignment, slices, intensities[1]),
        fixed=image_batch(fixed, lattice, None, slices, intensities[0]),
        moving_mask=_without_border(view),
        fixed_mask=_batch(coverage(fixed, lattice), slices),
        view=view,
        lattice=lattice,
        slices=slices,
    )


def image_batch(
    image: sitk.Image,
    lattice: ImageGeometry,
    transform: sitk.Transform | None,
    slices: SliceRange | None,
    intensity: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> Tensor:
    """Return an image on a lattice, ``(B, 1, *S)`` float32, smoothed where that is coarser.

    Args:
        image: beyond it, it goes on as it is at the border.
        lattice: see :func:`network_lattice`.
        transform: points of the lattice to points of the image; None: they are the same.
        slices: those that the lattice consists of, None for a whole image.
        intensity: map of the values.
    """
    smooth = antialiased(image, lattice, None if slices is None else slices.axis)
    # A copy: a view into an image that nobody holds any more reads freed memory.
    array = intensity(sitk.GetArrayFromImage(resample(smooth, lattice, transform)))
    return _batch(array, slices)


def _axes(fixed: ImageGeometry, slices: SliceRange | None) -> list[int]:
    return [a for a in range(fixed.dimension) if slices is None or a != slices.axis]


def _kept(slices: SliceRange | None) -> tuple[int, int, int] | None:
    return None if slices is None else (slices.axis, slices.start, slices.count)


def _without_border(batch: Tensor) -> Tensor:
    for axis in range(2, batch.ndim):
        batch = batch.narrow(axis, 1, batch.shape[axis] - 2)
    return batch.contiguous()


def _batch(array: np.ndarray, slices: SliceRange | None) -> Tensor:
    batch = array[None] if slices is None else to_batch(array, slices.axis)
    return torch.from_numpy(np.ascontiguousarray(batch, dtype=np.float32))[:, None]
