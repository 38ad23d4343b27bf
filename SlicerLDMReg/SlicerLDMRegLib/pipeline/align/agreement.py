"""Agreement of two images under a linear map: their information about each other, a voxel.

The agreement is ``share * information``: the share of the fixed image that the moving image covers,
times what a covered voxel tells about its partner on average, in nats. A voxel that has no partner
tells nothing: an image that is moved out of view until a rest of it fits well loses.

With mutual information the share is that of the voxels: an empty background takes as much from the
average as it adds to the share. A correlation does not count how much there is to be known, so that
the share is there that of the variance of the fixed image, in which an empty background counts
little, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ...functional._slice_sampling import sample_slices
from .linear_map import LinearMap

__all__ = [
    "Samples",
    "correlation_information",
    "information_of",
    "mutual_information",
    "share_of_variance",
    "weighted_correlation",
]

# Identical images would else have an infinite information: 3.5 nats at most.
_MOST_SQUARED_CORRELATION = 0.999
_MOST_BINS, _FEWEST_BINS, _BORDER_BINS = 28, 4, 2
_ENTROPY_OF_CORRELATION = 1.1
_CHUNK = 400_000  # samples at a time, of many maps


@dataclass(frozen=True)
class Samples:
    """Samples of a fixed image, and the moving image in which maps look for their partners.

    Attributes:
        points: ``(N, d)`` mm from the center of the frame, float32.
        fixed: ``(N,)`` intensities in [0, 1].
        moving: ``(1, 2, *S)``: intensities in [0, 1] times weights, weights. Beyond the image they
            go on for ``margin`` voxels, of which the first is whole, with weights that fall to 0;
            the outermost ones are 0.
        margin: voxels along i, j(, k).
        matrix: mm to indices of ``moving``, ``(d, d)`` float64.
        offset: index of the center of the frame, ``(d,)`` float64.
        metric: ``mattes`` or ``correlation``.
        weights: ``(N,)`` of the samples; None: all are 1.
        slices: of ``moving``, as a volume is sampled sooner; None: of an image of 2D, or too large.
        smooth: whether the histogram of Mattes' metric is smooth, as a descent needs it. Where it
            is not, no image tells more about another one than this itself does.
    """

    points: Tensor
    fixed: Tensor
    moving: Tensor
    margin: tuple[int, ...]
    matrix: Tensor
    offset: Tensor
    metric: str
    weights: Tensor | None = None
    smooth: bool = True
    slices: Tensor | None = None

    def first(self, count: int) -> Samples:
        """Return about so many of the samples, evenly chosen."""
        step = max(1, len(self.points) // count)
        return replace(self, points=self.points[::step], fixed=self.fixed[::step])

    def covered_by(self, maps: LinearMap) -> Samples:
        """Return them weighted by whether one of the maps brings a partner from the image itself.

        While these weights stay, no map wins or loses a little by what enters or leaves the moving
        image at its border.
        """
        sizes = torch.tensor(self.moving.shape[:1:-1])
        margin = torch.tensor(self.margin)
        with torch.no_grad():
            index = (self._grid(maps) + 1) * sizes / 2 - 0.5
            # A voxel reaches half its size beyond its center.
            inside = (index - margin + 1.5).minimum(sizes - margin - index + 0.5).clamp(0, 1)
            return replace(self, weights=inside.prod(-1).amax(0))

    @property
    def most(self) -> float:
        """The information in a sample, in nats: the entropy of the fixed image.

        With the metric ``correlation`` it is that of a partner whose correlation is 0.943, for the
        intensities are not counted there: a fifth of it is a correlation of 0.6.
        """
        if self.metric == "correlation":
            return _ENTROPY_OF_CORRELATION
        ones = torch.ones(1, len(self.fixed))
        return float(mutual_information(self.fixed, self.fixed[None], ones))

    def agreement(self, maps: LinearMap) -> Tensor:
        """Return ``(K,)`` nats per sample for K maps; differentiable."""
        product, weights = self._seen(maps)
        moving = product / weights.clamp_min(1e-4)
        if self.weights is not None:
            weights = weights * self.weights
        if self.metric == "correlation":
            information = correlation_information(self.fixed, moving, weights)
            return share_of_variance(self.fixed, weights) * information
        information = mutual_information(self.fixed, moving, weights, self.smooth)
        return weights.mean(dim=1) * information

    @torch.no_grad()
    def score(self, maps: LinearMap) -> Tensor:
        """Return the same for many maps, in chunks and without a gradient."""
        step = max(1, _CHUNK // len(self.points))
        parts = [self.agreement(maps[n : n + step]) for n in range(0, len(maps), step)]
        return torch.cat(parts)

    def _seen(self, maps: LinearMap) -> Tensor:
        """Return intensities times weights, and weights, of the partners, ``(2, K, N)``."""
        if self.slices is not None:
            matrices, shifts = self._index_map(maps)
            index = matrices.float() @ self.points.T + shifts.float()[..., None]
            # From i, j, k to the axes of the array, and all maps one after the other.
            index = index.flip(1).transpose(0, 1).reshape(1, 3, -1, 1, 1)
            seen = sample_slices(self.moving, index, slices=self.slices)
        else:
            grid = self._grid(maps)
            grid = grid.reshape(1, *grid.shape[:2], *[1] * (grid.shape[-1] - 2), grid.shape[-1])
            seen = F.grid_sample(self.moving, grid, padding_mode="zeros", align_corners=False)
        return seen.reshape(2, len(maps), -1)

    def _index_map(self, maps: LinearMap) -> tuple[Tensor, Tensor]:
        """Return the linear parts ``(K, d, d)`` and shifts ``(K, d)`` from points to indices."""
        return self.matrix @ maps.matrix, maps.shift @ self.matrix.T + self.offset

    def _grid(self, maps: LinearMap) -> Tensor:
        """Return where the samples go, ``(K, N, d)`` in the coordinates of ``grid_sample``."""
        scale = 2 / torch.tensor(self.moving.shape[:1:-1], dtype=torch.float64)
        matrices, shifts = self._index_map(maps)
        matrices, shifts = scale[:, None] * matrices, scale * (shifts + 0.5) - 1
        return self.points @ matrices.float().mT + shifts.float()[:, None]


def mutual_information(
    fixed: Tensor, moving: Tensor, weights: Tensor, smooth: bool = True
) -> Tensor:
    """Return Mattes' mutual information of a fixed and K moving images, ``(K,)`` nats.

    The joint histogram has whole samples along the fixed intensities and cubic B-splines along the
    moving ones, 28 x 28 bins at most: few samples have fewer, five or more for a cell on average,
    for else every pair of images would tell all about each other.

    Args:
        fixed: ``(N,)`` in [0, 1].
        moving: ``(K, N)`` likewise.
        weights: ``(K, N)`` of the samples.
        smooth: False puts whole samples along the moving intensities, too.
    """
    count, number = moving.shape
    inner = min(_MOST_BINS, max(_FEWEST_BINS, int((number / 5) ** 0.5)))
    bins = inner + 2 * _BORDER_BINS
    row = (fixed * inner).long().clamp(0, inner - 1) + _BORDER_BINS
    image = torch.arange(count)[:, None] * bins
    first = (image + row) * bins + _BORDER_BINS
    moving = moving.clamp(0, 1)
    if smooth:
        position = moving * (inner - 1)
        lower = position.detach().floor()
        u = position - lower
        v = 1 - u
        spline = [v**3, 4 - 3 * u * u * (1 + v), 4 - 3 * v * v * (1 + u), u**3]
        shares = torch.stack(spline) * (weights / 6)
        cells = first + lower.long() + torch.arange(-1, 3)[:, None, None]
    else:
        shares, cells = weights, first + (moving * inner).long().clamp_max(inner - 1)
    joint = torch.zeros(count * bins * bins).index_add(0, cells.flatten(), shares.flatten())
    joint = joint.reshape(count, bins, bins)
    joint = joint / joint.sum((1, 2), keepdim=True).clamp_min(1e-6)
    return _entropy(joint.sum(1)) + _entropy(joint.sum(2)) - _entropy(joint.flatten(1))


def correlation_information(fixed: Tensor, moving: Tensor, weights: Tensor) -> Tensor:
    """Return ``-log(1 - r^2) / 2`` with the sign of the correlation r, ``(K,)`` nats.

    It is the mutual information of two Gaussian variables with this correlation, so that both
    metrics have one scale.

    Args:
        fixed: ``(N,)``.
        moving: ``(K, N)``.
        weights: ``(K, N)`` of the samples.
    """
    return information_of(weighted_correlation(fixed, moving, weights))


def weighted_correlation(fixed: Tensor, moving: Tensor, weights: Tensor) -> Tensor:
    """Return Pearson's correlation, ``(K,)``; 0 where an image is constant; arguments as above."""
    weights = weights / weights.sum(1, keepdim=True).clamp_min(1e-6)
    a = fixed - (weights * fixed).sum(1, keepdim=True)
    b = moving - (weights * moving).sum(1, keepdim=True)
    squares = (weights * a * a).sum(1) * (weights * b * b).sum(1)
    return (weights * a * b).sum(1) / (squares + 1e-10).sqrt()


def share_of_variance(fixed: Tensor, weights: Tensor) -> Tensor:
    """Return the share of the variance of a fixed image that has a partner, ``(K,)``.

    Args:
        fixed: ``(N,)``.
        weights: ``(K, N)`` of the partners, in [0, 1].
    """
    variance = (fixed - fixed.mean()).square()
    return weights @ variance / variance.sum().clamp_min(1e-10)


def information_of(correlation: Tensor) -> Tensor:
    """Return the information in nats that goes with correlations, with their sign."""
    square = _MOST_SQUARED_CORRELATION * correlation.square()
    return -0.5 * torch.sign(correlation) * torch.log1p(-square)


def _entropy(shares: Tensor) -> Tensor:
    return -(shares * (shares + 1e-12).log()).sum(1)
