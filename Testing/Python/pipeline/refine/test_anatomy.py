"""Refinement by the overlap of regions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import (
    gaussian_smooth,
    integrate,
    smallest_jacobian_determinant,
    warp,
)
from SlicerLDMRegLib.pipeline.options import RefineOptions
from SlicerLDMRegLib.pipeline.refine.instance_optimisation import refine_field

FAST = RefineOptions(iterations=(25, 20), similarity="mse", smoothness=0.05, anatomy=1.0)


def regions(*shape: int, classes: int, seed: int = 0, sigma: float = 3.0) -> torch.Tensor:
    """A volume cut into smooth regions, ``(1, 1, *shape)``."""
    noise = torch.randn((1, classes, *shape), generator=torch.Generator().manual_seed(seed))
    return gaussian_smooth(noise, sigma).argmax(1, keepdim=True)


def velocity(*shape: int, size: float, seed: int = 1) -> torch.Tensor:
    wide = [n + 12 for n in shape]
    noise = torch.randn((1, len(shape), *wide), generator=torch.Generator().manual_seed(seed))
    field = gaussian_smooth(noise, 4.0)[(..., *[slice(6, -6)] * len(shape))]
    return field * (size / field.abs().max())


def dice(a: torch.Tensor, b: torch.Tensor) -> float:
    values = [
        2.0 * float(((a == n) & (b == n)).sum() / ((a == n).sum() + (b == n).sum()))
        for n in range(1, int(b.max()) + 1)
    ]
    return sum(values) / len(values)


@pytest.mark.parametrize("shape", [(36, 32), (20, 24, 22)])
def test_recovers_a_known_warp_where_the_images_say_nothing(shape: tuple[int, ...]) -> None:
    moving = regions(*shape, classes=8)
    truth = integrate(velocity(*shape, size=3.5), 6)
    fixed = warp(moving, truth, "nearest")
    blank = torch.full((1, 1, *shape), 0.5)
    result = refine_field(blank, blank, options=FAST, anatomy=(moving, fixed))
    before, after = dice(moving, fixed), dice(warp(moving, result.displacement, "nearest"), fixed)
    assert before < 0.75
    assert after > 0.93
    inner = (..., *[slice(4, -4)] * len(shape))
    missed = (result.displacement - truth)[inner].square().sum(1).sqrt().mean()
    assert missed < 0.45 * truth[inner].square().sum(1).sqrt().mean()
    assert smallest_jacobian_determinant(result.displacement).min() > 0
    assert smallest_jacobian_determinant(result.inverse).min() > 0


def test_weight_zero_changes_nothing() -> None:
    shape = (20, 22)
    generator = torch.Generator().manual_seed(3)
    images = [gaussian_smooth(torch.rand((1, 1, *shape), generator=generator), 2.0) for _ in "ab"]
    labels = regions(*shape, classes=4), regions(*shape, classes=4, seed=5)
    options = replace(FAST, anatomy=0.0)
    plain = refine_field(*images, options=options)
    assert torch.equal(
        plain.velocity, refine_field(*images, options=options, anatomy=labels).velocity
    )
    led = refine_field(*images, options=FAST, anatomy=labels)
    assert not torch.equal(plain.velocity, led.velocity)
    # Without any region there is nothing to overlap.
    nothing = tuple(torch.zeros_like(t) for t in labels)
    assert torch.equal(
        plain.velocity, refine_field(*images, options=FAST, anatomy=nothing).velocity
    )


def test_regions_that_have_nothing_in_common_do_not_fold() -> None:
    shape = (16, 18, 14)
    blank = torch.zeros((1, 1, *shape))
    labels = [regions(*shape, classes=6, sigma=0.8, seed=seed) for seed in (0, 9)]
    options = replace(FAST, smoothness=0.0, sigma=0.6, learning_rate=1.0, anatomy=20.0)
    result = refine_field(blank, blank, options=options, anatomy=(labels[0], labels[1]))
    assert result.displacement.abs().max() > 0.5
    assert smallest_jacobian_determinant(result.displacement).min() > 0
    assert smallest_jacobian_determinant(result.inverse).min() > 0


def test_each_element_of_a_batch_has_its_own_regions() -> None:
    shape = (30, 28)
    moving = torch.cat([regions(*shape, classes=5, seed=seed) for seed in (0, 1)])
    truth = torch.cat([integrate(velocity(*shape, size=2.0, seed=seed), 6) for seed in (2, 3)])
    fixed = warp(moving, truth, "nearest")
    blank = torch.zeros((2, 1, *shape))
    result = refine_field(blank, blank, options=FAST, anatomy=(moving, fixed))
    warped = warp(moving, result.displacement, "nearest")
    for n in range(2):
        assert dice(warped[n], fixed[n]) > max(0.9, dice(moving[n], fixed[n]))


def test_region_maps_are_checked() -> None:
    image, labels = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16, dtype=torch.long)
    with pytest.raises(InputError, match="expected labels"):
        refine_field(image, image, options=FAST, anatomy=(labels, labels[..., 1:]))
    with pytest.raises(InputError, match="from -1"):
        refine_field(image, image, options=FAST, anatomy=(labels, -labels))
