"""Images of any size for networks that need multiples of a number."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from SlicerLDMRegLib.networks import FieldPrediction

from .field_network import FieldNetwork

__all__ = ["padded_prediction"]


def padded_prediction(network: FieldNetwork, moving: Tensor, fixed: Tensor) -> FieldPrediction:
    """Return the prediction for images of any size.

    They are repeated at their ends up to a multiple of the divisor, and the field is cropped again.

    Args:
        network: of a baseline.
        moving: ``(B, 1, *S)`` in [0, 1].
        fixed: of the same shape.
    """
    size = fixed.shape[2:]
    missing = [-n % network.divisor for n in size]
    if not any(missing):
        found: FieldPrediction = network(moving, fixed)
        return found
    margins = [w for m in reversed(missing) for w in (0, m)]
    padded = (F.pad(image, margins, mode="replicate") for image in (moving, fixed))
    own = (..., *(slice(0, n) for n in size))
    found = network(*padded)
    velocity = None if found.velocity is None else found.velocity[own]
    return FieldPrediction(found.displacement[own], velocity)
