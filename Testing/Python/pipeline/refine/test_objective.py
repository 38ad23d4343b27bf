"""What a refinement minimises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from SlicerLDMRegLib.functional import gaussian_smooth, integrate, resize, warp
from SlicerLDMRegLib.pipeline.options import RefineOptions
from SlicerLDMRegLib.pipeline.refine.objective import ImagePair, Objective, velocity_shape


def noise(*shape: int, sigma: float, seed: int) -> Tensor:
    wide = [*shape[:2], *(n + 40 for n in shape[2:])]
    field = torch.randn(wide, generator=torch.Generator().manual_seed(seed))
    inner = (..., *[slice(20, -20)] * (len(shape) - 2))
    return gaussian_smooth(field, sigma)[inner]


def velocity(*shape: int, size: float) -> Tensor:
    field = noise(1, len(shape), *shape, sigma=5.0, seed=1)
    return field * (size / field.abs().max())


def pair_of(*shape: int) -> tuple[ImagePair, Tensor]:
    """Two images, and the velocity between them."""
    moving = noise(1, 1, *shape, sigma=2.5, seed=0)
    moving = (moving - moving.min()) / (moving.max() - moving.min())
    field = velocity(*shape, size=2.5)
    return ImagePair(moving, warp(moving, integrate(field, 6))), field


@pytest.mark.parametrize("shape", [(48, 40), (128, 128), (24, 26, 28), (40, 40, 40)])
def test_similarities_have_one_scale(shape: tuple[int, ...]) -> None:
    """So that one smoothness suits all of them: a deformation brings about as much of each."""
    pair, field = pair_of(*shape)
    gains = []
    for similarity in ("mse", "lncc", "mind"):
        loss = Objective(RefineOptions(similarity=similarity, smoothness=0.0))
        gains.append(float(loss(0 * field, pair) - loss(field, pair)))
    assert min(gains) > 0
    assert max(gains) < 4 * min(gains)


def test_a_velocity_on_half_the_lattice_is_integrated_as_precisely() -> None:
    """On half the lattice the steps are half as long, and one squaring less is enough."""
    shape = (40, 40, 40)
    pair, _ = pair_of(*shape)
    lattice = velocity_shape(shape)
    assert lattice == (20, 20, 20)
    coarse = velocity(*lattice, size=6.0)
    loss = Objective(RefineOptions(similarity="mse", smoothness=0.0))
    exact = resize(integrate(coarse, 10), shape, displacement=True)
    assert float(loss(coarse, pair)) == pytest.approx(float(loss.of(exact, coarse, pair)), rel=2e-3)


@pytest.mark.parametrize("shape", [(12, 30), (17, 11)])
def test_labels_of_a_level_are_the_nearest(shape: tuple[int, int]) -> None:
    rows, columns = (torch.arange(n) for n in (47, 41))
    labels = (100 * rows[:, None] + columns)[None, None]
    image = torch.rand(1, 1, 47, 41)
    found = ImagePair(image, image, moving_regions=labels, fixed_regions=labels).on(shape)
    places = [np.rint(np.linspace(0, n - 1, m)) for n, m in zip((47, 41), shape, strict=True)]
    expected = 100 * places[0][:, None] + places[1]
    for level in (found.moving_regions, found.fixed_regions):
        assert level is not None
        np.testing.assert_array_equal(level[0, 0].numpy(), expected)


@pytest.mark.parametrize("shape", [(40, 36), (20, 22, 24)])
def test_a_displacement_out_of_view_loses(shape: tuple[int, ...]) -> None:
    """The border of an image, which goes on beyond it, is like itself: a cut-off would pay."""
    d = len(shape)
    stripes = noise(1, 1, 1, *shape[1:], sigma=2.0, seed=4).expand(1, 1, *shape)
    image = (
        stripes if d == 3 else noise(1, 1, *shape, sigma=2.0, seed=4)[:, :, :1].expand(1, 1, *shape)
    )
    view = torch.nn.functional.pad(torch.ones_like(image), [1] * (2 * d))
    loss = Objective(RefineOptions(similarity="lncc", smoothness=0.0))
    out = torch.zeros(1, d, *shape)
    out[:, 0] = shape[0] / 2  # along the stripes: half of the partners lie beyond the border
    free, told = ImagePair(image, image), ImagePair(image, image, view=view)
    none = float(loss.of(0 * out, 0 * out, told))
    assert none == pytest.approx(float(loss.of(0 * out, 0 * out, free)), abs=1e-6)
    assert float(loss.of(out, 0 * out, free)) == pytest.approx(none, abs=1e-4)
    assert float(loss.of(out, 0 * out, told)) == pytest.approx(0.6 * none, rel=0.05)
    # Where the moving image goes on beyond the lattice, nothing is lost.
    beyond = torch.ones_like(view)
    assert float(loss.of(out, 0 * out, ImagePair(image, image, view=beyond))) == pytest.approx(
        none, abs=1e-4
    )
    level = told.on([n // 2 for n in shape])
    assert level.view is not None
    assert level.view.shape[2:] == tuple(n // 2 + 2 for n in shape)
