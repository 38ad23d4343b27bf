"""Find a translation at once, by the correlation of all translations."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ... import metrics
from ...geometry import ImageGeometry
from ..masks import Masks
from ..prepare import PreparedPair, prepare_pair

__all__ = ["best_shift", "find_shift"]

_LONGEST_SIDE = {2: 128, 3: 64}
# A shift is taken when it explains much, and the images are then clearly alike.
_LEAST_GAIN, _LEAST_NCC = 0.15, 0.6


def find_shift(
    fixed: sitk.Image, moving: sitk.Image, masks: Masks | None = None
) -> sitk.TranslationTransform | None:
    """Return the translation that brings two images together, None when there is no clear one.

    It is meant for images of one contrast that show the whole of an object: the correlation must
    rise by 0.15 or more, to 0.6 or more.

    Args:
        fixed: fixed image.
        moving: moving image; both may lie anywhere.
        masks: where the images are compared.

    Returns:
        fixed to moving points, precise to a voxel of a lattice of 128 (in 3D 64) along each axis.
    """
    geometry = ImageGeometry.from_image(fixed)
    most = _LONGEST_SIDE[geometry.dimension]
    lattice = geometry.resampled(size=[min(n, most) for n in geometry.size])
    still = sitk.TranslationTransform(geometry.dimension)
    masks = masks or Masks()
    intensities = masks.intensities(fixed, moving, still, 0.5, 99.5)
    before = prepare_pair(fixed, moving, still, lattice, intensities)
    compared = _compared(before, masks, still)
    voxels = best_shift(before.moving, before.fixed, compared).flatten().double().numpy()
    vector = lattice.matrix @ voxels[::-1]
    shift = sitk.TranslationTransform(geometry.dimension, vector.tolist())
    after = prepare_pair(fixed, moving, shift, lattice, intensities)
    values = [
        _correlation(before, compared),
        _correlation(after, _compared(after, masks, shift)),
    ]
    if values[1] < max(_LEAST_NCC, values[0] + _LEAST_GAIN):
        return None
    return shift


def best_shift(moving: Tensor, fixed: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the translation of whole voxels at which two images correlate best.

    The correlation of all translations at once, by the Fourier transform of the images without
    their mean, zero outside.

    Args:
        moving: ``(B, 1, *S)``.
        fixed: likewise.
        mask: ``(B, 1, *S)``, 0 where the images shall not be compared.

    Returns:
        ``(B, d, 1, ...)`` in voxels: ``fixed(x)`` is like ``moving(x + shift)``.
    """
    shape = fixed.shape[2:]
    weight = torch.ones_like(fixed) if mask is None else mask
    axes = tuple(range(2, fixed.ndim))
    total = weight.sum(axes, keepdim=True).clamp_min(1e-6)
    images = [(t - (t * weight).sum(axes, keepdim=True) / total) * weight for t in (moving, fixed)]
    # Twice the size: translations must not come in again from the other side.
    sizes = [2 * n for n in shape]
    spectra = [torch.fft.rfftn(t, s=sizes, dim=axes) for t in images]
    correlation = torch.fft.irfftn(spectra[0] * spectra[1].conj(), s=sizes, dim=axes)
    flat = correlation.flatten(1).argmax(1)
    shift = []
    for size in reversed(sizes):
        step = flat % size
        shift.append(torch.where(step >= size // 2, step - size, step))
        flat = torch.div(flat, size, rounding_mode="floor")
    found = torch.stack(shift[::-1], dim=1).to(fixed.dtype)
    return found.reshape(*found.shape, *[1] * len(shape))


def _compared(pair: PreparedPair, masks: Masks, transform: sitk.Transform) -> Tensor:
    """Return the weights of the voxels in a comparison, ``(1, 1, *S)``."""
    weights = pair.mask
    for own in masks.weights(pair.lattice, transform):
        weights = weights if own is None else weights * own
    return weights


def _correlation(pair: PreparedPair, weights: Tensor) -> float:
    inside = weights > 0.5
    if not inside.any():
        return -1.0
    value = metrics.ncc(pair.fixed[inside].numpy(), pair.moving[inside].numpy())
    return value if np.isfinite(value) else -1.0
