"""Anatomical regions of the fixed image, as a network takes them."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Regions"]


class Regions(NamedTuple):
    """Which region each voxel of the fixed image belongs to, and how sure that is.

    Attributes:
        labels: ``(B, 1, *S)`` int64 rows of the filter table; row 0 is background.
        confidence: ``(B, 1, *S)`` in [0, 1], the probability of the label; None: 1 everywhere.
        filters: ``(N, C, d)``, the filters of the rows; None: the table of the network.
    """

    labels: Tensor
    confidence: Tensor | None = None
    filters: Tensor | None = None
