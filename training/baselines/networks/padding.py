"""Images of any size for networks that need multiples of a number."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from SlicerLDMRegLib.networks import FieldPrediction

from .field_network import FieldNetwork

__all__ = ["padded", "padded_prediction"]


def padded(image: Tensor, divisor: int) -> Tensor:
    """Return an image or label map ``(B, C, *S)``, repeated at its ends up to multiples."""
    missing = [-n % divisor for n in image.shape[2:]]
    if not any(missing):
        return image
    margins = [w for m in reversed(missing) for w in (0, m)]
    # PyTorch repeats floating numbers alone; label numbers are exact in them.
    return F.pad(image.float(), margins, mode="replicate").to(image.dtype)


def padded_prediction(network: FieldNetwork, moving: Tensor, fixed: Tensor) -> FieldPrediction:
    """Return the prediction for images of any size.

    They are repeated at their ends up to a multiple of the divisor, and the field is cropped again.

    Args:
        network: of a baseline.
        moving: ``(B, 1, *S)`` in [0, 1].
        fixed: of the same shape.
    """
    size = fixed.shape[2:]
    own = (..., *(slice(0, n) for n in size))
    found: FieldPrediction = network(*(padded(t, network.divisor) for t in (moving, fixed)))
    velocity = None if found.velocity is None else found.velocity[own]
    return FieldPrediction(found.displacement[own], velocity)
