"""Distance of an image to the training images of a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...functional._precision import autocast_disabled

__all__ = ["Familiarity"]

#: Quantile of the distances of the training images that becomes distance 1, the limit of a familiar
#: image. A smaller value calls more images unfamiliar, whose prediction refinement does not hold.
#: Not tuned.
_SHARE = 0.99


class Familiarity(nn.Module):
    """Distance of an image to the training images, in the space of its diffusion features.

    The first feature level is summarised by the mean and standard deviation of each channel. The
    distance is the squared Mahalanobis distance along the principal directions of the training
    summaries, plus the squared residual across them relative to its training mean. It is scaled so
    that 99 % of the training images lie below 1.

    Args:
        channels: channels of the first feature level of one image.
        directions: number of principal directions.
    """

    mean: Tensor
    basis: Tensor
    scale: Tensor
    residual: Tensor
    limit: Tensor

    def __init__(self, channels: int, directions: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2 * channels))
        self.register_buffer("basis", torch.zeros(directions, 2 * channels))
        self.register_buffer("scale", torch.ones(directions))
        self.register_buffer("residual", torch.ones(()))
        self.register_buffer("limit", torch.ones(()))

    @staticmethod
    def summary(features: Tensor) -> Tensor:
        """Return mean and standard deviation, ``(B, 2 C)``, of features ``(B, C, h, w)``."""
        flat = features.float().flatten(2)
        return torch.cat([flat.mean(2), flat.std(2)], dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the distances ``(B,)`` of features ``(B, C, h, w)``; up to 1: familiar."""
        # Half precision is too coarse for distances in units of small deviations.
        with autocast_disabled(features):
            return self._raw(self.summary(features)) / self.limit

    def _raw(self, summaries: Tensor) -> Tensor:
        centred = summaries - self.mean
        along = centred @ self.basis.T
        across = (centred - along @ self.basis).square().sum(1) / self.residual
        return (along / self.scale).square().sum(1) + len(self.basis) * across

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Fit to the features ``(N, C, h, w)`` of the training images."""
        summaries = self.summary(features)
        directions = len(self.basis)
        if len(summaries) <= 2 * directions:
            raise ValueError(f"expected more than {2 * directions} images, got {len(summaries)}")
        self.mean.copy_(summaries.mean(0))
        centred = summaries - self.mean
        _, values, vectors = torch.linalg.svd(centred, full_matrices=False)
        self.basis.copy_(vectors[:directions])
        self.scale.copy_(values[:directions] / len(summaries) ** 0.5)
        across = centred - (centred @ self.basis.T) @ self.basis
        self.residual.copy_(across.square().sum(1).mean())
        self.limit.fill_(1.0)
        self.limit.copy_(self._raw(summaries).quantile(_SHARE))
