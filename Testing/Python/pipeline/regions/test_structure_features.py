"""Probabilities of structures as images that the refinement brings onto each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from SlicerLDMRegLib.functional import gaussian_smooth, integrate, warp
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.options import RefineOptions
from SlicerLDMRegLib.pipeline.refine.instance_optimisation import refine_field
from SlicerLDMRegLib.pipeline.regions.structure_features import (
    batch_on_lattice,
    coded_features,
    structure_features,
)
from SlicerLDMRegLib.pipeline.slices import SliceRange


def disc(size: int, centre: float, radius: float) -> torch.Tensor:
    """A soft disc, ``(1, 1, size, size)`` from 0 to 1."""
    y, x = torch.meshgrid(*[torch.arange(size, dtype=torch.float32)] * 2, indexing="ij")
    distance = ((y - centre).square() + (x - centre).square()).sqrt()
    return torch.sigmoid((radius - distance) / 0.7)[None, None]


def loss(moving: torch.Tensor, fixed: torch.Tensor) -> float:
    return float((moving - fixed).square().sum(1).flatten(1).mean())


def test_the_loss_is_the_weight_times_one_minus_dice_whatever_the_size_of_the_image() -> None:
    for size in (40, 80):
        centre = size / 2
        a = torch.cat([disc(size, centre, 9), disc(size, centre + 6, 4)], 1)
        b = torch.cat([disc(size, centre + 2, 8), disc(size, centre + 3, 4)], 1)
        dice = float(2 * (a * b).sum() / (a.square() + b.square()).sum())
        assert 0.3 < dice < 0.9
        assert loss(*structure_features(a, b, 0.7)) == pytest.approx(0.7 * (1 - dice), rel=1e-3)


def test_a_structure_that_only_one_image_has_does_not_count() -> None:
    both = disc(40, 20, 8)
    a = torch.cat([both, disc(40, 12, 5)], 1)
    b = torch.cat([both, 1e-3 * disc(40, 12, 5)], 1)
    moving, fixed = structure_features(a, b, 1.0)
    assert not moving[:, 1].any() and not fixed[:, 1].any()
    assert loss(moving, fixed) == pytest.approx(0.0, abs=1e-6)
    assert moving[:, 0].max() > 0


def test_a_structure_that_is_elsewhere_in_the_other_image_does_not_count() -> None:
    """A segmenter took the right ventricle of an echo for the left one, in one of two frames."""
    both = disc(60, 30, 9)
    for shift, counts in ((6, True), (22, False)):
        a = torch.cat([both, disc(60, 16, 7)], 1)
        b = torch.cat([both, disc(60, 16 + shift, 7)], 1)
        moving, fixed = structure_features(a, b, 1.0)
        assert bool(moving[:, 1].any()) == bool(fixed[:, 1].any()) == counts
        assert moving[:, 0].any()


def test_unknown_images_and_images_without_structures_have_no_features() -> None:
    a = torch.cat([disc(40, 20, 8)] * 2)
    moving, fixed = structure_features(a, a, 1.0, known=torch.tensor([True, False]))
    assert moving[0].any() and not moving[1].any() and not fixed[1].any()
    nothing = torch.full((1, 3, 40, 40), 1e-3)
    assert not structure_features(nothing, nothing, 1.0)[0].any()


def test_codes_tell_structures_apart_and_respect_the_confidence() -> None:
    noise = torch.randn((1, 30, 24, 24, 24), generator=torch.Generator().manual_seed(0))
    fixed = gaussian_smooth(noise, 2.0).argmax(1, keepdim=True)
    moving = torch.roll(fixed, 2, 4)
    assert int(fixed.max()) > 20
    wrong = float(((fixed != moving) & ((fixed > 0) | (moving > 0))).sum())
    total = float((fixed > 0).sum() + (moving > 0).sum())
    first, second = coded_features((moving, None), (fixed, None), 1.0)
    assert first.shape == (1, 12, 24, 24, 24)
    # One minus Dice of all structures together, up to the correlation of the codes.
    assert loss(first, second) == pytest.approx(2 * wrong / total, rel=0.15)
    assert loss(first, first) == 0
    # Where nobody is sure, nothing pulls.
    doubt = torch.ones(fixed.shape)
    doubt[..., :12] = 0.0
    first, second = coded_features((moving, doubt), (fixed, doubt), 1.0)
    assert not first[..., :12].any() and not second[..., :12].any()
    assert second[..., 12:].any()


def test_background_and_structures_of_one_image_have_no_code() -> None:
    fixed = torch.zeros(1, 1, 20, 20, 20, dtype=torch.int64)
    moving = fixed.clone()
    fixed[..., 5:15] = moving[..., 6:16] = 1
    moving[:, :, :4] = 2
    first, second = coded_features((moving, None), (fixed, None), 1.0)
    assert not second[..., :5].any()
    assert not first[:, :, :4, :, :5].any()


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_refinement_follows_the_features_where_the_images_say_nothing(weight: float) -> None:
    moving, fixed = disc(40, 19, 7), disc(40, 21, 9)
    blank = torch.full((1, 1, 40, 40), 0.5)
    options = RefineOptions(iterations=(25, 20), similarity="mse")
    features = structure_features(moving, fixed, weight) if weight else None
    field = refine_field(blank, blank, options=options, features=features).displacement
    after = warp(moving, field)
    dice = float(2 * (after * fixed).sum() / (after.square() + fixed.square()).sum())
    assert (dice > 0.98) == bool(weight)


def test_features_on_half_the_lattice_lead_to_the_same_place() -> None:
    shape = (40, 44, 40)
    noise = torch.randn((1, 6, *shape), generator=torch.Generator().manual_seed(3))
    moving = gaussian_smooth(noise, 4.0).argmax(1, keepdim=True)
    grid = torch.meshgrid(*[torch.linspace(-2, 2, n) for n in shape], indexing="ij")
    velocity = torch.zeros(1, 3, *shape)
    velocity[:, 2] = 2.5 * torch.exp(-sum(g.square() for g in grid))
    fixed = warp(moving.float(), integrate(velocity, 6), "nearest").long()
    features = coded_features((moving, None), (fixed, None), 1.0)
    assert features[0].shape[2:] == (20, 22, 20)
    blank = torch.full((1, 1, *shape), 0.5)
    options = RefineOptions(iterations=(20, 10), similarity="mse")
    field = refine_field(blank, blank, options=options, features=features).displacement
    before = float((moving == fixed).float().mean())
    after = float((warp(moving.float(), field, "nearest").long() == fixed).float().mean())
    assert 1 - after < 0.5 * (1 - before)


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
def test_a_batch_goes_to_another_lattice(axis: int | None) -> None:
    """A value that is linear in space stays what it is."""
    angle = np.deg2rad(20)
    turned = (np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1)
    start = ImageGeometry((12, 14, 10), (2.0, 2.0, 2.0), (5.0, -3.0, 8.0), turned)
    size, step = [21, 25, 17], 1.0
    if axis is not None:
        size[axis], spacing = start.size[axis], [step] * 3
        spacing[axis] = 2.0
    else:
        spacing = [step] * 3
    origin = start.index_to_physical([1.0 if a != axis else 0.0 for a in range(3)])
    target = ImageGeometry(tuple(size), tuple(spacing), tuple(origin.tolist()), turned)
    slices = None if axis is None else SliceRange(axis, 0, start.size[axis])

    def values(lattice: ImageGeometry) -> torch.Tensor:
        array = (lattice.points() @ np.array([0.3, -0.2, 0.5])).astype(np.float32)
        batch = array[None] if axis is None else np.moveaxis(array, 2 - axis, 0)
        return torch.from_numpy(np.ascontiguousarray(batch))[:, None]

    found = batch_on_lattice(values(start), start, target, slices)
    expected = values(target)
    assert found.shape == expected.shape
    # Beyond the last voxel centre of the coarser lattice the border is repeated.
    inner = (..., *[slice(0, -6)] * (found.ndim - 2))
    assert (found - expected)[inner].abs().max() < 1e-3
