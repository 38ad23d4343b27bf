"""Fields with known properties, for the tests of the functional core."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from SlicerLDMRegLib.functional import gaussian_smooth, identity_grid


@pytest.fixture(params=[(15, 22), (9, 12, 14)], ids=["2d", "3d"])
def shape(request: pytest.FixtureRequest) -> tuple[int, ...]:
    """A lattice with another length along every axis, so that swapped axes show."""
    return request.param


def _centre(shape: Sequence[int]) -> Tensor:
    return (torch.tensor(shape).double() - 1).reshape(-1, *[1] * len(shape)) / 2


@pytest.fixture
def affine_displacement() -> Callable[[Tensor, Sequence[int]], Tensor]:
    """Displacement ``(1, d, *shape)`` of the map ``c + A (x - c)`` about the lattice's centre c."""

    def make(matrix: Tensor, shape: Sequence[int]) -> Tensor:
        offset = identity_grid(shape, dtype=torch.float64) - _centre(shape)
        return (torch.einsum("ij,j...->i...", matrix.double(), offset) - offset)[None].float()

    return make


@pytest.fixture
def smooth_velocity() -> Callable[..., Tensor]:
    """Smooth random velocity ``(1, d, *shape)`` that is zero at the border, in voxels."""

    def make(shape: Sequence[int], largest: float, sigma: float = 3.0, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(1, len(shape), *shape, generator=generator)
        grid = identity_grid(shape)
        last = 2 * _centre(shape).float()
        ramp = (torch.minimum(grid, last - grid) / 5).clamp(0, 1)
        taper = (ramp**2 * (3 - 2 * ramp)).prod(0)
        velocity = gaussian_smooth(noise, sigma) * taper
        return velocity * (largest / velocity.abs().max())

    return make
