"""Where an optimisation begins: similarity, initial velocity, and a shift found at once."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError
from ..functional import logarithm
from ..losses import ncc
from ..networks import FieldPrediction

__all__ = ["best_shift", "choose_similarity", "initial_velocity"]

_MOST_SAMPLES = 200_000
_LIKE_NCC, _LIKE_HISTOGRAM = 0.4, 0.035


def choose_similarity(moving: Tensor, fixed: Tensor, mask: Tensor | None = None) -> str:
    """Return ``"mse"`` for images of like intensities, else ``"lncc"``.

    Like intensities: the images correlate, and their histograms agree, as those of two frames of
    one scan do. A local correlation copes with other contrasts and with a bias field.
    """
    inside = None if mask is None else mask.flatten() > 0.5
    a, b = (t.flatten() if inside is None else t.flatten()[inside] for t in (moving, fixed))
    stride = max(1, len(a) // _MOST_SAMPLES)
    a, b = a[::stride].float(), b[::stride].float()
    if len(a) == 0:
        return "mse"
    levels = torch.linspace(0.02, 0.98, 49, device=a.device)
    distance = float((a.quantile(levels) - b.quantile(levels)).abs().mean())
    correlation = -float(ncc(a[None, None, None], b[None, None, None]))
    return "mse" if correlation >= _LIKE_NCC and distance <= _LIKE_HISTOGRAM else "lncc"


def initial_velocity(initial: FieldPrediction | Tensor | None, like: Tensor) -> Tensor | None:
    """Return the velocity of a prediction or of a displacement; None for None.

    Raises:
        InputError: when the field is not on the lattice of ``like``.
    """
    if initial is None:
        return None
    if isinstance(initial, Tensor):
        field, known = initial, None
    else:
        field, known = initial.displacement, initial.velocity
    expected = (len(like), like.ndim - 2, *like.shape[2:])
    if tuple(field.shape) != expected:
        raise InputError(f"refine: expected a field {expected}, got {tuple(field.shape)}")
    if known is not None:
        return known.detach().to(like.device)
    with torch.no_grad():
        return logarithm(field.detach().to(like.device), smoothing=0.5)


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
