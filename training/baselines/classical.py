"""Baselines without a network: identity and SimpleITK's demons."""

from __future__ import annotations

import time

import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField

from ..datasets.evaluation import EvaluationPair
from .method import Registered

__all__ = ["demons", "identity"]

_SHRINK_FACTORS = (4, 2, 1)  # of the resolution levels; not tuned


def identity(pair: EvaluationPair) -> Registered:
    """Return the identity transform."""
    return Registered(DisplacementField.identity(pair.lattice), 0.0)


def demons(pair: EvaluationPair) -> Registered:
    """Register with fast symmetric forces demons on three levels of 50 iterations each.

    The field is smoothed with a Gaussian of 1.5 voxels of its level after each iteration
    (Vercauteren et al., NeuroImage 45, 2009; ``FastSymmetricForcesDemonsRegistrationFilter``).
    """
    images = pair.images
    start = time.perf_counter()
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
    """Return the field on a finer lattice, with border padding."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(reference)
    resampler.SetOutputPixelType(field.GetPixelID())
    resampler.SetUseNearestNeighborExtrapolator(True)
    return resampler.Execute(field)


def _shrink(image: sitk.Image, factor: int) -> sitk.Image:
    if factor == 1:
        return image
    # This sigma is in mm; that of the demons above is in voxels.
    smooth = sitk.SmoothingRecursiveGaussian(image, [factor / 2 * s for s in image.GetSpacing()])
    return sitk.Shrink(smooth, [factor] * image.GetDimension())
