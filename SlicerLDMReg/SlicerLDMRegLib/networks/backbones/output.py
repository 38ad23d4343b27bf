"""What a backbone hands to its head besides features."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["BackboneOutput"]


class BackboneOutput(NamedTuple):
    """Features, and a field that the backbone has found already.

    A backbone's forward returns either the features alone, as a tensor, or this.

    Attributes:
        features: ``(B, C2, *S / stride)``, what the head turns into a field.
        base: ``(B, 3, *S / stride)`` float32, a displacement (a velocity, where the network
            integrates one) in voxels of the images, the unit of the head's output, to which it is
            added; None: the head predicts the whole field.
    """

    features: Tensor
    base: Tensor | None = None
