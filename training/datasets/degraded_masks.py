"""Imperfect region masks, simulated from the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from SlicerLDMRegLib.functional import warp
from SlicerLDMRegLib.networks import Regions

__all__ = ["degrade", "local_agreement"]


def degrade(labels: Tensor, options: Mapping[str, Any], rng: np.random.Generator) -> Regions:
    """Draw masks between perfect and none for a batch of label maps.

    A network trained on perfect masks only would trust a segmenter too much, and its filter for
    uncertain voxels would not be trained.

    Args:
        labels: ``(B, 1, *S)`` integers.
        options: ``none``: probability of no mask; ``perfect``: of the true mask with confidence 1;
            otherwise the borders of the regions move by ``shift`` voxels (standard deviation) and
            the confidence falls near them; ``drop``: probability that a region is unknown. Without
            options the masks are perfect.
        rng: source of randomness.
    """
    labels = labels.long()
    ones = torch.ones(labels.shape, device=labels.device)
    draw = rng.random()
    if draw < options.get("none", 0.0):
        return Regions(torch.zeros_like(labels), torch.zeros_like(ones))
    if not options or draw < options.get("none", 0.0) + options.get("perfect", 0.0):
        return Regions(labels, ones)
    shift = options.get("shift", 0.0)
    if shift:
        coarse = [max(2, n // 8) for n in labels.shape[2:]]
        noise = rng.standard_normal((labels.shape[0], 3, *coarse)).astype(np.float32) * shift
        field = F.interpolate(
            torch.from_numpy(noise).to(labels.device), size=labels.shape[2:], mode="trilinear"
        )
        # Eight bits suffice for all regions, and are warped faster than an int64.
        labels = warp(labels.to(torch.uint8), field, mode="nearest").long()
    confidence = local_agreement(labels)
    unknown = torch.from_numpy(rng.random(256) < options.get("drop", 0.0)).to(labels.device)
    unknown = unknown[labels]
    return Regions(labels.masked_fill(unknown, 0), confidence.masked_fill(unknown, 0.0))


def local_agreement(labels: Tensor) -> Tensor:
    """Return the share of a voxel and its six neighbours with its label, float32."""
    padded = F.pad(labels.float(), [1] * 6, mode="replicate")
    agree = torch.ones(labels.shape, device=labels.device)
    inner = slice(1, -1)
    for axis in range(3):
        for side in (slice(None, -2), slice(2, None)):
            window = [inner] * 3
            window[axis] = side
            agree += padded[(slice(None), slice(None), *window)] == labels
    return agree / 7
