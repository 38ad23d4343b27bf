"""Uncertainty of a registration: a map in mm, and numbers of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry
from ..resampling import resample
from .field_batch import FieldBatch
from .refine.field_spread import CALIBRATION
from .regions.structure_features import batch_on_lattice

__all__ = ["uncertainty_image", "uncertainty_numbers"]


def uncertainty_image(spread: FieldBatch, output: ImageGeometry) -> sitk.Image:
    """Return the error to expect at each voxel, the root mean square in mm, float32.

    Args:
        spread: standard deviation of the field, ``(B, 1, *S)`` in voxels of its isotropic lattice;
            see :func:`.field_spread`.
        output: lattice of the result.
    """
    slices = spread.slices
    axes = [a for a in range(output.dimension) if slices is None or a != slices.axis]
    size = spread.lattice.spacing[axes[0]]
    factor = CALIBRATION[len(axes)] * size
    values = batch_on_lattice(spread.values, spread.lattice, output, slices)[:, 0].cpu().numpy()
    array = values[0] if slices is None else np.moveaxis(values, 0, 2 - slices.axis)
    return output.to_image((factor * np.ascontiguousarray(array)).astype(np.float32))


def uncertainty_numbers(uncertainty: sitk.Image, fixed: sitk.Image) -> dict[str, Any]:
    """Return its median and 95th percentile where the fixed image is brighter than its background.

    Args:
        uncertainty: map of :func:`uncertainty_image`.
        fixed: the fixed image, on this or another lattice of the same space.
    """
    values = sitk.GetArrayViewFromImage(uncertainty)
    image = resample(fixed, ImageGeometry.from_image(uncertainty))
    shown = sitk.GetArrayViewFromImage(image)
    if shown.min() < shown.max():
        bright = sitk.GetArrayFromImage(sitk.OtsuThreshold(image, 0, 1)) > 0
        values = values[bright] if bright.any() else values
    return {
        "uncertainty_median_mm": float(np.median(values)),
        "uncertainty_p95_mm": float(np.percentile(values, 95)),
    }
