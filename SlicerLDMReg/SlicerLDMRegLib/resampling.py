"""Images on other lattices: as what they are, or linear, smoothed where the lattice is coarser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from ._slabs import parts
from .geometry import ImageGeometry

__all__ = [
    "antialiased", "coarsened", "coverage", "coverages", "index_maps", "resample", "warp_image",
]  # fmt: skip

_BLOCKS = 1.5  # blocks that fit into a voxel of the coarse lattice, along each axis, at least
_ROUNDED = 1e-6  # voxels, by which what lies on the border of an image may miss it


def warp_image(
    image: sitk.Image,
    lattice: ImageGeometry,
    transform: sitk.Transform | None = None,
    *,
    labels: bool = False,
) -> sitk.Image:
    """Return an image on a lattice with its own pixel type, as users get to see it.

    Whole numbers are interpolated in float64 and rounded to the nearest, halves to the even one,
    so that an image loses nothing on average. (ITK cuts the fraction off: half an intensity is
    lost, and a mask shrinks.) Above 2**53 float64 itself is exact to its last digit only.

    Args:
        image: scalar image, or one of several components.
        lattice: where it goes.
        transform: points of the lattice to points of the image; None: they are the same.
        labels: take the nearest voxel as it is, bit for bit, instead of interpolating linearly.

    Returns:
        Where ``image`` is not defined, its darkest value, which stands for air. 0, the background,
        for labels.
    """
    voxels = sitk.GetArrayViewFromImage(image)
    if labels:
        return _nearest(image, voxels, lattice, transform)
    outside = _darkest(voxels)
    if voxels.dtype.kind not in "iu":
        return _resampled(image, lattice, transform, sitk.sitkLinear, outside)
    several = _is_vector(image)
    real = sitk.sitkVectorFloat64 if several else sitk.sitkFloat64
    low, high = _limits(voxels.dtype)
    warped = np.empty(_array_shape(image, lattice), voxels.dtype)
    # Slab by slab: a large volume in float64 would be larger than a field.
    for part in parts(len(warped), warped[0].size):
        start, size = [0] * lattice.dimension, list(lattice.size)
        start[-1], size[-1] = part.start, part.stop - part.start
        cut = lattice.crop(start, size)
        slab = _resampled(image, cut, transform, sitk.sitkLinear, outside, real)
        values = np.rint(sitk.GetArrayViewFromImage(slab))
        warped[part] = np.clip(values, low, high, out=values).reshape(warped[part].shape)
    return lattice.to_image(warped, is_vector=several)


def resample(
    image: sitk.Image,
    lattice: ImageGeometry,
    transform: sitk.Transform | None = None,
    outside: float | None = None,
) -> sitk.Image:
    """Return an image on a lattice, float32, linear.

    Args:
        image: scalar image.
        lattice: where it goes.
        transform: points of the lattice to points of the image; None: they are the same.
        outside: value where the image is not defined; None: its border is repeated.
    """
    return _resampled(image, lattice, transform, sitk.sitkLinear, outside, sitk.sitkFloat32)


def coverage(
    image: sitk.Image, lattice: ImageGeometry, transform: sitk.Transform | None = None
) -> np.ndarray:
    """Return 1 at the voxels of a lattice that the transform maps into an image, else 0, uint8."""
    return np.asarray(coverages(image, lattice, [transform])[0])


def coverages(
    image: sitk.Image, lattice: ImageGeometry, transforms: Sequence[sitk.Transform | None]
) -> np.ndarray:
    """Return the coverage under several transforms, ``(N, *array_shape)``; see :func:`coverage`."""
    own = ImageGeometry.from_image(image)
    found = np.ones((len(transforms), *lattice.array_shape), np.uint8)
    linear = []
    for n, transform in enumerate(transforms):
        if transform is None or transform.IsLinear():
            linear.append(n)
        else:
            ones = own.empty_image() + 1
            inside = _resampled(ones, lattice, transform, sitk.sitkNearestNeighbor)
            found[n] = sitk.GetArrayViewFromImage(inside)
    if linear:
        # Of a linear map the indices are known; an image of ones can be a thousand times the
        # lattice.
        maps = index_maps(own, lattice, [transforms[n] for n in linear])
        found[linear] = _covered(own.size, lattice, *maps)
    return found


def _covered(
    size: Sequence[int], lattice: ImageGeometry, origins: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """Return where indices, as :func:`index_maps` tells them, lie in an image of a size."""
    several, ones = len(origins), [1] * lattice.dimension
    covered = np.ones((several, *lattice.array_shape), bool)
    places = np.ogrid[tuple(slice(0, n) for n in lattice.array_shape)][::-1]
    for axis, length in enumerate(size):
        index = origins[:, axis].reshape(-1, *ones)
        for along, place in enumerate(places):
            step = steps[:, axis, along]
            if step.any():
                index = index + step.reshape(-1, *ones) * place
        covered &= (index > -0.5 - _ROUNDED) & (index < length - 0.5 + _ROUNDED)
    return covered


def index_maps(
    image: ImageGeometry, lattice: ImageGeometry, transforms: Sequence[sitk.Transform | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of an image at the points of a lattice, which linear maps tell whole.

    Args:
        image: whose indices.
        lattice: whose voxels are mapped.
        transforms: N of the lattice's points to the image's, all linear; None: they are the same.

    Returns:
        The index at the first voxel, ``(N, d)``, and its steps, ``(N, d, d)``: of each index along
        each axis of the lattice.
    """
    lengths = np.maximum(np.asarray(lattice.size) - 1, 1).astype(float)
    ends = np.vstack([np.zeros(lattice.dimension), np.diag(lengths)])
    corners = lattice.index_to_physical(ends)
    points = corners.tolist()
    places = [
        corners if t is None else [t.TransformPoint(point) for point in points] for t in transforms
    ]
    indices = image.physical_to_index(np.asarray(places))
    steps = (indices[:, 1:] - indices[:, :1]).swapaxes(1, 2) / lengths
    return indices[:, 0], steps


def antialiased(
    image: sitk.Image, lattice: ImageGeometry, through: int | None = None
) -> sitk.Image:
    """Smooth an image as far as a coarser lattice needs it; never through the slices."""
    geometry = ImageGeometry.from_image(image)
    along = _spacing_along(geometry, lattice, through)
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


def coarsened(image: sitk.Image, lattice: ImageGeometry, through: int | None = None) -> sitk.Image:
    """Return about what :func:`antialiased` does, of a much finer image on means of blocks.

    To look at images from afar: of a large image it takes a tenth of the time.
    """
    geometry = ImageGeometry.from_image(image)
    ratios = _spacing_along(geometry, lattice, through) / np.asarray(geometry.spacing)
    blocks = [max(1, min(n, int(r / _BLOCKS))) for n, r in zip(geometry.size, ratios, strict=True)]
    if max(blocks) > 1:
        image = sitk.BinShrink(sitk.Cast(image, sitk.sitkFloat32), blocks)
    return antialiased(image, lattice, through)


def _spacing_along(image: ImageGeometry, lattice: ImageGeometry, through: int | None) -> np.ndarray:
    """Return the spacing of a lattice along each axis of an image, mm; 0 through the slices."""
    cosines = np.abs(image.direction_matrix.T @ lattice.direction_matrix)
    sampled = [0.0 if axis == through else s for axis, s in enumerate(lattice.spacing)]
    return np.asarray(np.sqrt(cosines**2 @ np.square(sampled)))


def _nearest(
    image: sitk.Image, voxels: np.ndarray, lattice: ImageGeometry, transform: sitk.Transform | None
) -> sitk.Image:
    """Return the nearest voxels, 0 outside."""
    if voxels.dtype.kind not in "iu" or voxels.dtype.itemsize < 8:
        return _resampled(image, lattice, transform, sitk.sitkNearestNeighbor)
    # ITK passes every value through float64, which holds 53 bits: here go two halves of 32.
    halves = np.ascontiguousarray(voxels).view(np.uint32)
    own = ImageGeometry.from_image(image)
    split = own.to_image(halves.reshape(*own.array_shape, -1), is_vector=True)
    found = sitk.GetArrayFromImage(_nearest(split, halves, lattice, transform))
    whole = found.view(voxels.dtype).reshape(_array_shape(image, lattice))
    return lattice.to_image(whole, is_vector=_is_vector(image))


def _is_vector(image: sitk.Image) -> bool:
    return "vector" in image.GetPixelIDTypeAsString()


def _array_shape(image: sitk.Image, lattice: ImageGeometry) -> tuple[int, ...]:
    """Return the shape of the array of an image on a lattice."""
    components = (image.GetNumberOfComponentsPerPixel(),) if _is_vector(image) else ()
    return (*lattice.array_shape, *components)


def _darkest(voxels: np.ndarray) -> float:
    """Return the least finite value, 0 without any."""
    least = float(voxels.min())
    if np.isfinite(least):
        return least
    finite = voxels[np.isfinite(voxels)]
    return float(finite.min()) if finite.size else 0.0


def _limits(dtype: np.dtype) -> tuple[float, float]:
    """Return the range of an integer type in float64, in which the limits of 64 bits round up."""
    info = np.iinfo(dtype)
    high = float(info.max)
    return float(info.min), high if high <= info.max else float(np.nextafter(high, 0))


def _resampled(
    image: sitk.Image,
    lattice: ImageGeometry,
    transform: sitk.Transform | None,
    interpolator: int = sitk.sitkLinear,
    outside: float | None = 0.0,
    pixel_type: int = sitk.sitkUnknown,
) -> sitk.Image:
    """Return an image on a lattice; outside None repeats its border, its own type is "unknown"."""
    return sitk.Resample(
        image,
        lattice.size,
        transform or sitk.Transform(lattice.dimension, sitk.sitkIdentity),
        interpolator,
        lattice.origin,
        lattice.spacing,
        lattice.direction,
        outside or 0.0,
        pixel_type,
        outside is None,
    )
