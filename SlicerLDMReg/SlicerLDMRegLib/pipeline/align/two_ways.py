"""Agreement of two images under a linear map and under its inverse.

The mutual information of one way counts the voxels of the fixed image. A map that makes a small
object of the moving image cover more of them raises the entropy of what it brings, and at a noisy
or blurred edge that is worth more than the misfit: balls came out up to 28 % too large in volume.
The way back, on the voxels of the moving image, has the same bias in the other direction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .agreement import Samples
from .linear_map import LinearMap

__all__ = ["TwoWays", "WayBack"]


@dataclass(frozen=True)
class WayBack:
    """Samples of the moving image, for the inverses of maps of the fixed image.

    Attributes:
        samples: of the moving image, whose partners are looked for in the fixed one.
        center: of the frame of the maps, ``(d,)`` mm.
        own_center: of the frame of the samples, ``(d,)`` mm.
    """

    samples: Samples
    center: Tensor
    own_center: Tensor

    def covered_by(self, maps: LinearMap) -> WayBack:
        """See :meth:`.Samples.covered_by`."""
        return replace(self, samples=self.samples.covered_by(self.inverse(maps)))

    def agreement(self, maps: LinearMap) -> Tensor:
        """See :meth:`.Samples.agreement`; ``maps`` are those of the way there."""
        return self.samples.agreement(self.inverse(maps))

    def score(self, maps: LinearMap) -> Tensor:
        """See :meth:`.Samples.score`; ``maps`` are those of the way there."""
        return self.samples.score(self.inverse(maps))

    def inverse(self, maps: LinearMap) -> LinearMap:
        """Return the inverses of several maps, about the center of the samples."""
        matrix = torch.linalg.inv(maps.matrix)
        way = self.own_center - self.center - maps.shift
        shift = (matrix @ way[..., None])[..., 0] + self.center - self.own_center
        return LinearMap(matrix, shift)


@dataclass(frozen=True)
class TwoWays:
    """The mean agreement of both ways.

    Attributes:
        there: samples of the fixed image.
        back: samples of the moving image.
    """

    there: Samples
    back: WayBack

    def agreement(self, maps: LinearMap) -> Tensor:
        """See :meth:`.Samples.agreement`."""
        return (self.there.agreement(maps) + self.back.agreement(maps)) / 2
