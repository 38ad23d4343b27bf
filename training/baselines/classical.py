"""No registration, and SimpleITK's demons."""

from __future__ import annotations

import time

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField

from .method import Registered, pixel_lattice

__all__ = ["demons", "identity"]

_SHRINK_FACTORS = (4, 2, 1)


def identity(fixed: np.ndarray, moving: np.ndarray) -> Registered:
    """Leave the moving image where it is."""
    return Registered(DisplacementField.identity(pixel_lattice(fixed.shape)), 0.0)


def demons(fixed: np.ndarray, moving: np.ndarray) -> Registered:
    """Register with fast symmetric forces demons on three levels of 50 iterations each.

    The field is smoothed with a Gaussian of 1.5 voxels of its level after each iteration
    (Vercauteren et al., NeuroImage 45, 2009; ``FastSymmetricForcesDemonsRegistrationFilter``).
    """
    start = time.perf_counter()
    images = [sitk.GetImageFromArray(image.astype(np.float32)) for image in (fixed, moving)]
    field = sitk.Image()
    for factor in _SHRINK_FACTORS:
        level = [_shrink(image, factor) for image in images]
        filter_ = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        filter_.SetNumberOfIterations(50)
        filter_.SetSmoothDisplacementField(True)
        filter_.SetStandardDeviations(1.5)
        if factor == _SHRINK_FACTORS[0]:
            field = filter_.Execute(*level)
        else:
            field = filter_.Execute(*level, _on_lattice(field, level[0]))
    seconds = time.perf_counter() - start
    return Registered(DisplacementField.from_image(field), seconds)


def _on_lattice(field: sitk.Image, reference: sitk.Image) -> sitk.Image:
    """The field on a finer lattice; beyond its outer voxels, which lie further inside, as there."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(reference)
    resampler.SetOutputPixelType(field.GetPixelID())
    resampler.SetUseNearestNeighborExtrapolator(True)
    return resampler.Execute(field)


def _shrink(image: sitk.Image, factor: int) -> sitk.Image:
    if factor == 1:
        return image
    smooth = sitk.SmoothingRecursiveGaussian(image, factor / 2)
    return sitk.Shrink(smooth, [factor] * image.GetDimension())
