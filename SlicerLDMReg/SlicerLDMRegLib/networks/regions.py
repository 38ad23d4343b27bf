"""Region map of the fixed image, input of a text-guided network."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Regions"]


class Regions(NamedTuple):
    """Region of each voxel of the fixed image, and its confidence.

    Attributes:
        labels: ``(B, 1, *S)`` int64 rows of the filter table; row 0 is background.
        confidence: ``(B, 1, *S)`` in [0, 1], the probability of the label; None: 1 everywhere.
        filters: ``(N, C, d)``, filter table; None: the network's own.
    """

    labels: Tensor
    confidence: Tensor | None = None
    filters: Tensor | None = None
