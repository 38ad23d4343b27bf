"""Start of an optimisation: the similarity that suits the images, and the initial velocity."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...functional import logarithm, resize
from ...losses import ncc
from ...networks import FieldPrediction
from .objective import velocity_shape

__all__ = ["choose_similarity", "initial_velocity", "stationary_velocity"]

# Correlation from which, and mean difference of quantiles up to which, two images count as frames
# of one scan. Of 60 pairs of end-systole and end-diastole in cine MR (Sunnybrook) 90 % pass, their
# correlations being 0.76 to 0.96; of 60 pairs of two patients 3 % do (-0.04 to 0.50).
_LIKE_NCC, _LIKE_HISTOGRAM = 0.4, 0.035


def choose_similarity(moving: Tensor, fixed: Tensor, mask: Tensor | None = None) -> str:
    """Return ``"mse"`` for 2D images of like intensities, else ``"lncc"``.

    Like intensities: the images correlate, and their histograms agree, as those of two frames of
    one scan do. A local correlation copes with other contrasts and with a bias field. Volumes are
    mostly of two people or of two days: there it is the better one for like intensities, too.
    """
    if moving.ndim == 5:
        return "lncc"
    inside = None if mask is None else mask.flatten() > 0.5
    a, b = (t.flatten() if inside is None else t.flatten()[inside] for t in (moving, fixed))
    if len(a) == 0:
        return "mse"
    a, b = a.float(), b.float()
    distance = float((_quantiles(a) - _quantiles(b)).abs().mean())
    correlation = -float(ncc(a[None, None, None], b[None, None, None]))
    return "mse" if correlation >= _LIKE_NCC and distance <= _LIKE_HISTOGRAM else "lncc"


def _quantiles(values: Tensor) -> Tensor:
    """Return 49 quantiles, as ``Tensor.quantile`` does, which refuses large tensors."""
    places = torch.linspace(0.02, 0.98, 49) * (len(values) - 1)
    ordered = torch.from_numpy(np.sort(values.cpu().numpy()))  # in a tenth of torch's time
    below, above = ordered[places.floor().long()], ordered[places.ceil().long()]
    return below.lerp(above, places.frac())


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
    return stationary_velocity(field.detach().to(like.device))


@torch.no_grad()
def stationary_velocity(displacement: Tensor) -> Tensor:
    """Return a velocity whose exponential is close to a displacement, ``(B, d, *S)`` in voxels.

    That of a large volume is found on half its lattice, in an eighth of the time.
    """
    shape = displacement.shape[2:]
    lattice = velocity_shape(shape)
    velocity = logarithm(resize(displacement, lattice, displacement=True), smoothing=0.5)
    return resize(velocity, shape, displacement=True)
