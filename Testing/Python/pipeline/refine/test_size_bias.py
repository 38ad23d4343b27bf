"""The size of what is registered onto itself, with other noise: it must stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from SlicerLDMRegLib.functional import jacobian_determinant
from SlicerLDMRegLib.pipeline import RefineOptions, refine_field

RADIUS = {2: 16.0, 3: 9.0}
SIZE = {2: 64, 3: 32}


def distance(dimension: int) -> torch.Tensor:
    axes = [torch.arange(SIZE[dimension]) - (SIZE[dimension] - 1) / 2] * dimension
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(0).sqrt()


def ball(dimension: int, noise: float, seed: int) -> torch.Tensor:
    """A ball with a darker core, both with smooth edges, ``(1, 1, *S)`` in about [0, 1]."""
    r, outer = distance(dimension), RADIUS[dimension]
    image = torch.sigmoid((outer - r) / 0.8) - 0.6 * torch.sigmoid((outer / 2 - r) / 0.8)
    generator = torch.Generator().manual_seed(seed)
    return (image + noise * torch.randn(image.shape, generator=generator))[None, None]


def determinant(dimension: int, noise: float, similarity: str, seed: int = 0) -> float:
    """Geometric mean inside of the ball, of the map between two images of it."""
    fixed, moving = (ball(dimension, noise, n if noise else 0) for n in (2 * seed, 2 * seed + 1))
    options = RefineOptions(similarity=similarity, iterations=(20, 20, 20))
    field = refine_field(moving, fixed, options=options).displacement
    inside = jacobian_determinant(field)[0][distance(dimension) < RADIUS[dimension]]
    return float(np.exp(np.log(inside.numpy()).mean()))


@pytest.mark.parametrize(
    ("dimension", "noise", "similarity"),
    [
        (2, 0.01, "lncc"),
        (2, 0.03, "lncc"),
        (3, 0.02, "lncc"),
        (3, 0.05, "mind"),
        (3, 0.02, "mind-lncc"),
    ],
)
def test_noise_neither_shrinks_nor_widens(dimension: int, noise: float, similarity: str) -> None:
    seeds = range(2 if dimension == 2 else 1)
    found = [determinant(dimension, noise, similarity, seed) for seed in seeds]
    assert np.mean(found) == pytest.approx(1, abs=0.015)


@pytest.mark.parametrize("similarity", ["lncc", "mind", "mind-lncc", "mse"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_an_image_stays_on_itself(dimension: int, similarity: str) -> None:
    # Also at its faint edges, whose variance is below what counts as contrast.
    image = ball(dimension, 0.0, 0)
    options = RefineOptions(similarity=similarity, iterations=(6, 5))
    assert refine_field(image, image, options=options).displacement.abs().max() < 0.01
