"""Resolutions of a pair of images, from coarse to fine, and samples of each."""

from __future__ import annotations

import copy
import math

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from torch import Tensor

from ...functional._slice_sampling import both_slices, countable
from ...geometry import ImageGeometry
from ...intensity import IntensityMap
from ..masks import Masks
from .agreement import Samples
from .linear_map import Frame

__all__ = ["Pyramid"]

# Voxels of the fixed image on each level. The coarsest shows an object's main parts, and optima as
# wide as the distances of the starts; on the finest a voxel is finer than a deformation needs.
_VOXELS = {2: (28**2, 80**2, 200**2), 3: (14**3, 36**3, 80**3)}
_FEWEST = 4  # voxels along an axis of a level
# An outlier, as a metal implant, shall not set the contrast.
_PERCENTILES = (0.1, 99.9)
# How far a moving image goes on beyond its border, as a share of its size: what has slipped out of
# view by less is not lost at once. A twentieth is a voxel of the coarsest level.
_MARGIN = 0.05


class Pyramid:
    """A fixed and a moving image, of which each level has voxels of about one size in mm.

    Args:
        fixed: fixed image.
        moving: moving image, of the same dimension.
        masks: where the images are compared.
        metric: ``mattes`` or ``correlation``.
        seed: of the places of the samples.

    Attributes:
        frame: of the voxels of the fixed image that are compared.
        levels: their number.
    """

    def __init__(
        self, fixed: sitk.Image, moving: sitk.Image, masks: Masks, metric: str, seed: int
    ) -> None:
        self._metric = metric
        self._lattices = [ImageGeometry.from_image(image) for image in (fixed, moving)]
        self._masks = [
            None if mask is None else sitk.GetArrayViewFromImage(mask) > 0
            for mask in (masks.fixed, masks.moving)
        ]
        self._images = [
            _normalised(sitk.GetArrayViewFromImage(image), mask)
            for image, mask in zip((fixed, moving), self._masks, strict=True)
        ]
        self._begin(seed)

    def exchanged(self, seed: int) -> Pyramid:
        """Return the pyramid of the same images in each other's place."""
        other = copy.copy(self)
        other._lattices = self._lattices[::-1]
        other._masks = self._masks[::-1]
        other._images = self._images[::-1]
        other._begin(seed)
        return other

    def _begin(self, seed: int) -> None:
        """Find the frame of the fixed image."""
        self._pooled: dict[int, tuple[Tensor, Tensor, np.ndarray, Tensor | None]] = {}
        self._generator = np.random.default_rng(seed)
        mask = self._masks[0]
        self._places = None if mask is None else np.flatnonzero(mask)
        lattice = self._lattices[0]
        indices = self._draw(20_000)
        spacing = np.asarray(lattice.spacing)
        points = lattice.index_to_physical(indices)
        self.frame = Frame.of(points, lattice.direction_matrix, spacing)
        # Of what is compared; nearly that of the image where there is no mask.
        self._extent = (np.ptp(indices, axis=0) + 1) * spacing
        self.levels = len(_VOXELS[lattice.dimension])

    @property
    def voxels(self) -> int:
        """Voxels of the fixed image that are compared."""
        return self._images[0].size if self._places is None else len(self._places)

    def spacing(self, level: int) -> float:
        """Return the size of a voxel of a level in mm; 0 is the coarsest one."""
        spacing = self._lattices[0].spacing
        most = _VOXELS[len(spacing)][level]
        low, high = min(spacing), max(self._extent)
        for _ in range(40):
            middle = math.sqrt(low * high)
            counts = [
                max(1.0, e / max(s, middle)) for e, s in zip(self._extent, spacing, strict=True)
            ]
            low, high = (middle, high) if math.prod(counts) > most else (low, middle)
        return high

    def samples(self, level: int, count: int, smooth: bool = True) -> Samples:
        """Return samples of a level, at most one for a voxel of the fixed image.

        Each lies anywhere inside its voxel: on the lattice, the metric would have optima at every
        whole voxel.
        """
        spacing = self.spacing(level)
        blocks = [_block(lattice, spacing) for lattice in self._lattices]
        if level not in self._pooled:
            self._pooled[level] = self._pool(blocks)
        image, moving, margin, slices = self._pooled[level]
        indices = self._draw(min(count, self.voxels))
        fixed = _interpolated(image, _index(indices, blocks[0]))
        center = self.frame.center.numpy()
        points = self._lattices[0].index_to_physical(indices) - center
        inverse = np.linalg.inv(self._lattices[1].matrix) / blocks[1][:, None]
        offset = _index(self._lattices[1].physical_to_index(center), blocks[1]) + margin
        return Samples(
            torch.from_numpy(points.astype(np.float32)),
            fixed,
            moving,
            tuple(margin.tolist()),
            torch.from_numpy(inverse),
            torch.from_numpy(offset),
            self._metric,
            smooth=smooth,
            slices=slices,
        )

    def _pool(self, blocks: list[np.ndarray]) -> tuple[Tensor, Tensor, np.ndarray, Tensor | None]:
        """Return the images of a level: the fixed one, the moving one as :class:`.Samples` has it.

        The latter is its intensities and weights, their margin, and their slices.
        """
        fixed, moving = (
            _pooled(torch.from_numpy(image)[None, None], block)
            for image, block in zip(self._images, blocks, strict=True)
        )
        known = torch.ones_like(moving)
        if self._masks[1] is not None:
            mask = torch.from_numpy(self._masks[1].astype(np.float32))
            known = _pooled(mask[None, None], blocks[1])
        both, margin = _continued(moving, known)
        is_volume = both.ndim == 5 and countable(both.shape[2:])
        return fixed, both, margin, both_slices(both) if is_volume else None

    def _draw(self, count: int) -> np.ndarray:
        """Return continuous indices ``(count, d)`` of the fixed image, spread over its voxels."""
        generator, total = self._generator, self.voxels
        steps = np.arange(count) + (generator.random(count) if count < total else 0.5)
        flat = np.minimum((steps * (total / count)).astype(np.int64), total - 1)
        if self._places is not None:
            flat = self._places[flat]
        whole = np.stack(np.unravel_index(flat, self._images[0].shape)[::-1], axis=1)
        return np.asarray(whole + generator.uniform(-0.5, 0.5, whole.shape))


def _normalised(voxels: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return an image in [0, 1] by the intensities inside a mask, float32."""
    inside = voxels.reshape(-1) if mask is None else voxels[mask]
    return IntensityMap.from_values(inside, *_PERCENTILES)(voxels)


def _block(lattice: ImageGeometry, spacing: float) -> np.ndarray:
    """Return how many voxels along i, j(, k) become one of about a spacing in mm."""
    ratio = np.round(spacing / np.asarray(lattice.spacing))
    most = np.asarray(lattice.size) // _FEWEST
    return np.maximum(1, np.minimum(ratio, most)).astype(np.int64)


def _index(index: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return an index of an image as one of the means over blocks."""
    return np.asarray((index - (block - 1) / 2) / block)


def _pooled(image: Tensor, block: np.ndarray) -> Tensor:
    """Return the means ``(1, 1, *S)`` over blocks; the last ones are of what is left."""
    if block.max() == 1:
        return image
    size = block[::-1].tolist()
    pool = F.avg_pool2d if len(size) == 2 else F.avg_pool3d
    return pool(image, size, ceil_mode=True, count_include_pad=False)


def _interpolated(image: Tensor, indices: np.ndarray) -> Tensor:
    """Return the values ``(N,)`` of an image ``(1, 1, *S)`` at indices ``(N, d)`` in i, j(, k)."""
    size = np.asarray(image.shape[:1:-1])
    grid = torch.from_numpy(((2 * indices + 1) / size - 1).astype(np.float32))
    grid = grid.reshape(1, -1, *[1] * (len(size) - 1), len(size))
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False).flatten()


def _continued(image: Tensor, known: Tensor) -> tuple[Tensor, np.ndarray]:
    """Return ``(1, 2, *S)`` intensities times weights and weights, with a margin, and the margin.

    The outermost voxels are 0, so that a repeated border is nothing.

    Args:
        image: ``(1, 1, *S)``.
        known: weights inside the image.
    """
    size = np.asarray(image.shape[:1:-1])
    margin = np.maximum(1, np.round(_MARGIN * size)).astype(np.int64)
    both = torch.cat([image, known], dim=1)
    both = F.pad(both, np.repeat(margin, 2).tolist(), mode="replicate")
    for axis, (n, m) in enumerate(zip(size.tolist(), margin.tolist(), strict=True)):
        index = torch.arange(-m, n + m)
        # The outer half of a voxel at the border lies between it and the first one beyond.
        beyond = torch.maximum(-index, index - (n - 1)).clamp_min(1) - 1
        fall = 1 - beyond / m
        both[:, 1:] *= fall.reshape(-1, *[1] * axis)
    both[:, :1] *= both[:, 1:]
    return F.pad(both, [1] * (2 * len(size))), margin + 1
