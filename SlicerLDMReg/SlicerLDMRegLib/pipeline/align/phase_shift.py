"""Search for a translation at once, by the correlation of all translations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ...geometry import ImageGeometry
from ..masks import Masks
from ..prepare import PreparedPair, prepare_pair
from .agreement import correlation_information, information_of, weighted_correlation

__all__ = ["best_agreement", "best_agreements", "best_shift", "find_shift"]

_LONGEST_SIDE = {2: 128, 3: 64}
# A shift is taken when it explains much, and the images are then clearly alike.
_LEAST_GAIN, _LEAST_NCC = 0.15, 0.6
# And when a quarter of the fixed image and half of its variance still have a partner: an empty
# background may leave the view. Of two mirrored images, a shift by nearly all of their width left a
# rest of 3 % with a correlation of 0.98.
_LEAST_SHARE, _LEAST_VARIANCE_SHARE = 0.25, 0.5
_LEAST_VARIANCE = 1e-3  # of that of the whole image, below which nothing correlates


def find_shift(
    fixed: sitk.Image, moving: sitk.Image, masks: Masks | None = None
) -> sitk.TranslationTransform | None:
    """Return the translation that brings two images together, None when there is no clear one.

    It is meant for images of one contrast that show the whole of an object. Of all translations
    that leave a quarter of the fixed image and half of its variance covered it is that of the best
    agreement: the covered share of the variance times the information of the correlation (see
    :mod:`~SlicerLDMRegLib.pipeline.align.agreement`). It has to be better than none, and the
    correlation must rise by 0.15 or more, to 0.6 or more.

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
    pair = prepare_pair(fixed, moving, still, lattice, intensities)
    weights = _weights(pair, masks, still)
    voxels = best_agreement(pair.fixed[0, 0], pair.moving[0, 0], *weights)
    shift = sitk.TranslationTransform(geometry.dimension, (lattice.matrix @ voxels).tolist())
    before = _judged(pair, *weights)
    pair = prepare_pair(fixed, moving, shift, lattice, intensities)
    after = _judged(pair, *_weights(pair, masks, shift))
    clear = after.correlation >= max(_LEAST_NCC, before.correlation + _LEAST_GAIN)
    if clear and after.is_seen and after.agreement > before.agreement:
        return shift
    return None


def best_shift(
    moving: Tensor, fixed: Tensor, mask: Tensor | None = None, exact: bool = False
) -> Tensor:
    """Return the translation at which two images correlate best, of whole voxels.

    The correlation of all translations at once, by the Fourier transform of the images without
    their mean, zero outside.

    Args:
        moving: ``(B, 1, *S)``.
        fixed: likewise.
        mask: ``(B, 1, *S)``, 0 where the images are not compared.
        exact: to parts of a voxel, by the parabola through the neighbours along each axis.

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
    peaks = _places(flat, sizes)
    size = torch.tensor(sizes, device=peaks.device)
    found = torch.where(peaks >= size // 2, peaks - size, peaks).to(fixed.dtype)
    if exact:
        found = found + _to_the_top(correlation[:, 0], peaks)
    return found.reshape(*found.shape, *[1] * len(shape))


def _places(flat: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return the indices ``(B, d)`` of numbers ``(B,)`` of voxels of a lattice.

    As torch.unravel_index, which imports sympy for a check: 0.4 s of a first registration.
    """
    places = []
    for size in reversed(sizes):
        places.append(flat % size)
        flat = torch.div(flat, size, rounding_mode="floor")
    return torch.stack(places[::-1], dim=1)


def _to_the_top(correlation: Tensor, peaks: Tensor) -> Tensor:
    """Return the way from the largest voxels ``(B, d)`` to the tops, half a voxel at most."""
    batch = torch.arange(len(peaks), device=peaks.device)
    size = torch.tensor(correlation.shape[1:], device=peaks.device)
    ways = []
    for axis in range(peaks.shape[1]):
        step = torch.zeros_like(peaks)
        step[:, axis] = 1
        places = [((peaks + n * step) % size).unbind(1) for n in (-1, 0, 1)]
        before, at, after = (correlation[tuple([batch, *place])] for place in places)
        ways.append(0.5 * (after - before) / (2 * at - before - after).clamp_min(1e-12))
    return torch.stack(ways, dim=1).clamp(-0.5, 0.5).to(correlation.dtype)


@dataclass(frozen=True)
class _Judgement:
    is_seen: bool
    correlation: float
    agreement: float


def _weights(pair: PreparedPair, masks: Masks, transform: sitk.Transform) -> tuple[Tensor, Tensor]:
    """Return the weights of the voxels of the fixed and of the moving image, ``(*S)``."""
    weights = []
    own = masks.weights(pair.lattice, transform)
    for inside, mask in zip((pair.fixed_mask, pair.moving_mask), own, strict=True):
        weights.append((inside if mask is None else inside * mask)[0, 0])
    return weights[0], weights[1]


def _judged(pair: PreparedPair, fixed: Tensor, moving: Tensor) -> _Judgement:
    both = fixed * moving
    images = pair.fixed.flatten(), pair.moving.flatten()[None]
    deviation = pair.fixed[0, 0] - (pair.fixed[0, 0] * fixed).sum() / fixed.sum().clamp_min(1e-6)
    variance = deviation.square() * fixed
    share = float((variance * moving).sum() / variance.sum().clamp_min(1e-10))
    r, information = (
        float(measure(*images, both.flatten()[None])[0])
        for measure in (weighted_correlation, correlation_information)
    )
    seen = float(both.sum() / fixed.sum().clamp_min(1e-6)) >= _LEAST_SHARE
    return _Judgement(seen and share >= _LEAST_VARIANCE_SHARE, r, share * information)


def best_agreement(fixed: Tensor, moving: Tensor, seen: Tensor, shown: Tensor) -> np.ndarray:
    """Return the translation of whole voxels at which two images agree best, in x, y(, z).

    Sums over what both images show, for all translations at once, by the Fourier transform.

    Args:
        fixed: ``(*S)``.
        moving: likewise.
        seen: weights of the fixed image.
        shown: weights of the moving image.

    Returns:
        ``fixed(x)`` is like ``moving(x + shift)``; a quarter of the fixed image and half of its
        variance stay in view.
    """
    return best_agreements(fixed, moving[None], seen, shown[None])[0]


def best_agreements(fixed: Tensor, moving: Tensor, seen: Tensor, shown: Tensor) -> list[np.ndarray]:
    """Return :func:`best_agreement` for several moving images, ``(N, *S)``, and their weights."""
    # Twice the size: translations must not come in again from the other side.
    sizes = [2 * n for n in fixed.shape]

    def sums(one: Tensor, other: Tensor) -> Tensor:
        return torch.fft.irfftn(one * other.conj(), s=sizes)

    own = _Spectra.of(fixed, seen, sizes)
    least = _LEAST_VARIANCE * own.variance
    shifts = []
    for image, weights in zip(moving, shown, strict=True):
        other = _Spectra.of(image, weights, sizes)
        count = sums(other.ones, own.ones).clamp_min(1e-6)
        means = [sums(other.ones, own.firsts) / count, sums(other.firsts, own.ones) / count]
        squares = sums(other.ones, own.squares)
        variances = [
            squares / count - means[0] ** 2,
            sums(other.squares, own.ones) / count - means[1] ** 2,
        ]
        product = sums(other.firsts, own.firsts) / count - means[0] * means[1]
        known = (variances[0] > least) & (variances[1] > _LEAST_VARIANCE * other.variance)
        root = (variances[0] * variances[1]).clamp_min(1e-12).sqrt()
        r = torch.where(known, product / root, 0.0).clamp(-1, 1)
        share = squares / own.variance / own.count.clamp_min(1e-6)
        kept = (count >= _LEAST_SHARE * own.count) & (share >= _LEAST_VARIANCE_SHARE)
        agreement = torch.where(kept, share * information_of(r), -torch.inf)
        flat = int(agreement.argmax())
        shift = []
        for size, n in zip(reversed(sizes), reversed(fixed.shape), strict=True):
            step = flat % size
            shift.append(step - size if step >= n else step)
            flat //= size
        shifts.append(np.asarray(shift, dtype=np.float64))
    return shifts


@dataclass(frozen=True)
class _Spectra:
    """Fourier transforms of the weights of an image, and of it and its square with these.

    Attributes:
        ones, firsts, squares: the transforms.
        count: sum of the weights.
        variance: weighted one of the image.
    """

    ones: Tensor
    firsts: Tensor
    squares: Tensor
    count: Tensor
    variance: Tensor

    @classmethod
    def of(cls, image: Tensor, weights: Tensor, sizes: Sequence[int]) -> _Spectra:
        """Transform an image ``(*S)``, made larger to ``sizes`` by zeros."""
        whole = weights.sum().clamp_min(1e-6)
        deviation = image.double() - (image * weights).sum().double() / whole
        own = weights.double()
        first = deviation * own
        second = deviation * first
        ones, firsts, squares = (torch.fft.rfftn(t, s=sizes) for t in (own, first, second))
        variance = (second.sum() / whole).clamp_min(1e-6)
        return cls(ones, firsts, squares, own.sum(), variance)
