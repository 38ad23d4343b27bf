"""Output of a backbone with a field of its own, as LapIRN's."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["BackboneOutput"]


class BackboneOutput(NamedTuple):
    """Features of a backbone with the field that it predicts itself.

    Other backbones return the features alone, as a tensor.

    Attributes:
        features: ``(B, C2, *S / stride)``, input of the head.
        base: ``(B, 3, *S / stride)`` float32, a displacement (a velocity, if the network integrates
            one) in voxels of the images, added to the output of the head; None: the head predicts
            the whole field.
    """

    features: Tensor
    base: Tensor | None = None
