"""Images on other lattices: linear interpolation, smoothed before where the lattice is coarser."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .geometry import ImageGeometry

__all__ = ["antialiased", "coverage", "resample"]


def resample(
    image: sitk.Image,
    lattice: ImageGeometry,
    transform: sitk.Transform,
    outside: float | None = None,
) -> sitk.Image:
    """Return an image on a lattice, float32, linear.

    Args:
        image: scalar image.
        lattice: where it goes.
        transform: points of the lattice to points of the image.
        outside: value where the image is not defined; None: its border is repeated.
    """
    resampler = _resampler(lattice, transform)
    if outside is None:
        resampler.SetUseNearestNeighborExtrapolator(True)
    else:
        resampler.SetDefaultPixelValue(outside)
    resampler.SetOutputPixelType(sitk.sitkFloat32)
    return resampler.Execute(image)


def coverage(image: sitk.Image, lattice: ImageGeometry, transform: sitk.Transform) -> np.ndarray:
    """Return 1 at the voxels of a lattice that the transform maps into an image, else 0, uint8."""
    ones = ImageGeometry.from_image(image).empty_image() + 1
    resampler = _resampler(lattice, transform)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    return np.asarray(sitk.GetArrayFromImage(resampler.Execute(ones)))


def antialiased(
    image: sitk.Image, lattice: ImageGeometry, through: int | None = None
) -> sitk.Image:
    """Smooth an image as far as a coarser lattice needs it; never through the slices."""
    geometry = ImageGeometry.from_image(image)
    # How many mm of the lattice's spacing apply along each axis of the image.
    cosines = np.abs(geometry.direction_matrix.T @ lattice.direction_matrix)
    sampled = [0.0 if axis == through else s for axis, s in enumerate(lattice.spacing)]
    along = np.sqrt(cosines**2 @ np.square(sampled))
    variances = []
    for spacing, target in zip(geometry.spacing, along, strict=True):
        # The Gaussian that takes the image's own blur of half a voxel to half a lattice voxel.
        ratio = target / spacing
        variances.append(0.25 * (ratio**2 - 1) * spacing**2 if ratio > 1.05 else 0.0)
    if not any(variances):
        return image
    smoother = sitk.DiscreteGaussianImageFilter()
    smoother.SetVariance(variances)
    smoother.SetMaximumKernelWidth(256)
    smoother.SetUseImageSpacing(True)
    return smoother.Execute(sitk.Cast(image, sitk.sitkFloat32))


def _resampler(lattice: ImageGeometry, transform: sitk.Transform) -> sitk.ResampleImageFilter:
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(lattice.size)
    resampler.SetOutputSpacing(lattice.spacing)
    resampler.SetOutputOrigin(lattice.origin)
    resampler.SetOutputDirection(lattice.direction)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetTransform(transform)
    return resampler
