"""Masks of the fixed and of the moving image: the voxels that are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..geometry import ImageGeometry
from ..intensity import IntensityMap
from ..resampling import coverage, resample, warp_image
from .prepare import image_batch
from .slices import SliceRange

__all__ = ["Masks", "as_mask", "fill_outside"]


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
        """The images that have a mask: ``"fixed"``, ``"moving"``."""
        return tuple(role for role in ("fixed", "moving") if getattr(self, role) is not None)

    @property
    def left_out(self) -> dict[str, dict[str, int]]:
        """By role, how many ``voxels`` its mask leaves out, and of how many (``of``)."""
        found = {}
        for role in self.roles:
            voxels = sitk.GetArrayViewFromImage(getattr(self, role))
            found[role] = {"voxels": int((voxels == 0).sum()), "of": int(voxels.size)}
        return found

    def inside(self, lattice: ImageGeometry, transform: sitk.Transform) -> np.ndarray:
        """Return where the images are compared, ``array_shape`` booleans, nearest neighbour.

        Args:
            lattice: in the frame of the fixed image.
            transform: fixed to moving points.
        """
        found = np.ones(lattice.array_shape, dtype=bool)
        for mask, map_ in ((self.fixed, None), (self.moving, transform)):
            if mask is not None:
                on = warp_image(mask, lattice, map_, labels=True)
                found &= sitk.GetArrayViewFromImage(on) > 0
        return found

    def fill(self, fixed: sitk.Image, moving: sitk.Image) -> tuple[sitk.Image, sitk.Image]:
        """Return both images with what the masks hide continued from around it, float32.

        It would else leak over the borders of the masks wherever an image is smoothed. An image
        without a mask comes back as it is.
        """
        return _filled_image(fixed, self.fixed), _filled_image(moving, self.moving)

    def intensities(
        self,
        fixed: sitk.Image,
        moving: sitk.Image,
        alignment: sitk.Transform,
        lower_percentile: float,
        upper_percentile: float,
    ) -> tuple[IntensityMap, IntensityMap]:
        """Return the maps of both images to [0, 1], by what is compared of them.

        A mask of one image chooses the voxels of both: a bright implant in one of them would else
        make the tissue of the two unlike.
        """
        low, high = lower_percentile, upper_percentile
        maps = (IntensityMap.from_image(image, low, high) for image in (fixed, moving))
        if not self.roles:
            return next(maps), next(maps)
        lattice = ImageGeometry.from_image(fixed)
        inside = self.inside(lattice, alignment) & coverage(moving, lattice, alignment).astype(bool)
        if not inside.any():
            return next(maps), next(maps)
        aligned = sitk.GetArrayFromImage(resample(moving, lattice, alignment))
        return (
            IntensityMap.from_values(sitk.GetArrayViewFromImage(fixed)[inside], low, high),
            IntensityMap.from_values(aligned[inside], low, high),
        )

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
        fixed, moving = (
            None if mask is None else image_batch(mask, lattice, transform, slices)
            for mask, transform in ((self.fixed, None), (self.moving, alignment))
        )
        return fixed, moving


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


def _filled_image(image: sitk.Image, mask: sitk.Image | None) -> sitk.Image:
    if mask is None:
        return image
    voxels, inside = (
        torch.from_numpy(sitk.GetArrayFromImage(i).astype(np.float32))[None, None]
        for i in (image, mask)
    )
    array = fill_outside(voxels, inside)[0, 0].numpy()
    return ImageGeometry.from_image(image).to_image(array)


def fill_outside(image: Tensor, mask: Tensor) -> Tensor:
    """Continue an image smoothly from where it is compared to where it is not.

    A voxel takes the mean of the known ones around it, of the smallest block that holds some, and
    blocks are interpolated.

    Args:
        image: ``(B, 1, *S)``.
        mask: ``(B, 1, *S)``, 0 or 1; 0 everywhere leaves nothing of the element.
    """
    return _filled(image * mask, mask)


def _filled(kept: Tensor, share: Tensor) -> Tensor:
    """Fill an image of which a share of each voxel is known; ``kept`` is image times share."""
    values = kept / share.clamp_min(1e-6)
    shape = kept.shape[2:]
    if bool((share > 0).all()) or max(shape) == 1:
        return values
    pool, mode = (F.avg_pool2d, "bilinear") if len(shape) == 2 else (F.avg_pool3d, "trilinear")
    block = [min(2, n) for n in shape]
    halves = (pool(t, block, ceil_mode=True) for t in (kept, share))
    around = F.interpolate(_filled(*halves), shape, mode=mode, align_corners=False)
    return torch.where(share > 0, values, around)
