"""Where the images are compared: masks of the fixed and of the moving image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ..errors import InputError
from ..functional import gaussian_smooth
from ..geometry import ImageGeometry
from ..resampling import antialiased, resample
from .slices import SliceRange, to_batch

__all__ = ["Masks", "as_mask", "fill_outside"]

# Widths of the Gaussians that continue an image, in voxels, and the share of known voxels under one
# of them from which it is used.
_WIDTHS = (16.0, 8.0, 4.0, 2.0, 1.0)
_ENOUGH = 0.1


@dataclass(frozen=True)
class Masks:
    """The masks of a registration.

    Attributes:
        fixed: 1 where the images are compared, else 0, uint8, on the lattice of the fixed image;
            None: everywhere.
        moving: likewise for the moving image; what it hides moves with the image.
    """

    fixed: sitk.Image | None = None
    moving: sitk.Image | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """Which of the images have a mask: ``"fixed"``, ``"moving"``."""
        return tuple(role for role in ("fixed", "moving") if getattr(self, role) is not None)

    def inside(self, lattice: ImageGeometry, transform: sitk.Transform) -> np.ndarray:
        """Return where the images are compared, ``array_shape`` booleans, nearest neighbour.

        Args:
            lattice: in the frame of the fixed image.
            transform: fixed to moving points.
        """
        found = np.ones(lattice.array_shape, dtype=bool)
        identity = sitk.Transform(lattice.dimension, sitk.sitkIdentity)
        reference = lattice.empty_image()
        for mask, map_ in ((self.fixed, identity), (self.moving, transform)):
            if mask is not None:
                on = sitk.Resample(mask, reference, map_, sitk.sitkNearestNeighbor, 0.0)
                found &= sitk.GetArrayViewFromImage(on) > 0
        return found

    def weights(
        self, lattice: ImageGeometry, alignment: sitk.Transform, slices: SliceRange | None = None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the weights of the fixed and of the moving image on a lattice.

        Args:
            lattice: of the prepared images.
            alignment: fixed to moving points.
            slices: those that the lattice consists of, None for whole images.

        Returns:
            ``(B, 1, *S)`` from 0 to 1 each, None for an image without a mask. Beyond an image its
            mask goes on as it is at the border.
        """
        identity = sitk.Transform(lattice.dimension, sitk.sitkIdentity)
        through = None if slices is None else slices.axis

        def tensor(mask: sitk.Image | None, transform: sitk.Transform) -> Tensor | None:
            if mask is None:
                return None
            smooth = antialiased(mask, lattice, through)
            array = sitk.GetArrayFromImage(resample(smooth, lattice, transform))
            batch = array[None] if slices is None else to_batch(array, slices.axis)
            return torch.from_numpy(np.ascontiguousarray(batch))[:, None]

        return tensor(self.fixed, identity), tensor(self.moving, alignment)


def as_mask(labels: sitk.Image, role: str) -> sitk.Image:
    """Return a label map as a mask, 1 where it is not 0, uint8.

    Raises:
        InputError: when it is 0 everywhere.
    """
    mask = labels != 0
    if not sitk.GetArrayViewFromImage(mask).any():
        raise InputError(
            f"{role}: all voxels are 0, so that nothing would be compared; "
            "mark what shall be compared with 1, or leave the mask out"
        )
    return mask


def fill_outside(image: Tensor, weights: Tensor) -> Tensor:
    """Continue an image smoothly from where it is compared to where it is not.

    What a mask hides would else leak over its border, where coarse levels are smoothed.

    Args:
        image: ``(B, 1, *S)``.
        weights: ``(B, 1, *S)`` from 0 to 1; 0 everywhere leaves nothing of the element.
    """
    axes = tuple(range(2, image.ndim))
    known = (weights > 0.5 * weights.amax(axes, keepdim=True)).to(image.dtype)
    kept = image * known
    filled = kept.sum(axes, keepdim=True) / known.sum(axes, keepdim=True).clamp_min(1.0)
    for width in _WIDTHS:
        share = gaussian_smooth(known, width)
        near = gaussian_smooth(kept, width) / share.clamp_min(1e-6)
        filled = torch.lerp(filled.expand_as(near), near, (share / _ENOUGH).clamp_max(1.0))
    return torch.where(known > 0, image, filled)
