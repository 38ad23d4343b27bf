"""The spread of a refined field over other ways to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from SlicerLDMRegLib.errors import CancelledError
from SlicerLDMRegLib.functional import gaussian_smooth, integrate, warp
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.pipeline.options import RefineOptions
from SlicerLDMRegLib.pipeline.progress import Progress
from SlicerLDMRegLib.pipeline.refine.field_spread import Member, field_spread, members_of
from SlicerLDMRegLib.pipeline.refine.instance_optimisation import refine_field

OPTIONS = RefineOptions(iterations=(15, 15), similarity="mse", smoothness=0.02)


def texture(*shape: int, seed: int = 0, sigma: float = 1.5) -> torch.Tensor:
    noise = torch.randn((1, 1, *shape), generator=torch.Generator().manual_seed(seed))
    image = gaussian_smooth(noise, sigma)
    return (image - image.min()) / (image.max() - image.min())


def shifted(shape: tuple[int, ...], size: float = 1.5) -> torch.Tensor:
    """A bump of motion along the first axis and half of it along the last, in the middle."""
    grid = torch.meshgrid(*[torch.linspace(-2, 2, n) for n in shape], indexing="ij")
    bump = size * torch.exp(-sum(g.square() for g in grid))
    return torch.stack([bump, *[bump * 0] * (len(shape) - 2), 0.5 * bump])[None]


def pair(*shape: int, seed: int = 0) -> dict[str, Any]:
    moving = texture(*shape, seed=seed)
    fixed = warp(moving, integrate(shifted(shape), 6))
    return {"moving": moving, "fixed": fixed, "initial": None, "options": OPTIONS}


@pytest.mark.parametrize("shape", [(36, 32), (20, 22, 18)])
@pytest.mark.parametrize("started", [False, True])
def test_other_ways_lead_to_the_same_field_where_the_images_decide(
    shape: tuple[int, ...], started: bool
) -> None:
    arguments = pair(*shape)
    if started:
        velocity = 0.8 * shifted(shape)
        arguments["initial"] = FieldPrediction(integrate(velocity, 6), velocity)
    field = refine_field(**arguments).displacement
    assert field.abs().max() > 0.8
    for member in members_of(OPTIONS, len(shape), predicted=started):
        spread = field_spread(field, arguments, [member])
        assert spread.shape == (1, 1, *shape)
        inner = spread[(..., *[slice(3, -3)] * len(shape))]
        # A flipped axis or a wrong direction would differ by twice the motion, 2.3 after the root.
        assert inner.max() < 0.6, member.name


def test_nothing_else_to_choose_is_no_spread() -> None:
    arguments = pair(32, 32)
    field = refine_field(**arguments).displacement
    assert field_spread(field, arguments, [Member("the same"), Member("again")]).max() < 1e-3


def test_the_spread_is_the_standard_deviation() -> None:
    arguments = pair(32, 32)
    fields = [refine_field(**arguments).displacement]
    members = [Member("soft", {"smoothness": 0.001}), Member("stiff", {"smoothness": 1.0})]
    for member in members:
        options = replace(OPTIONS, **member.options)
        fields.append(refine_field(**{**arguments, "options": options}).displacement)
    expected = torch.stack(fields).var(0).sum(1, keepdim=True).sqrt()
    spread = field_spread(fields[0], arguments, members)
    assert expected.max() > 0.1
    assert (spread - expected).abs().max() < 1e-3


def test_it_is_larger_where_the_images_show_nothing() -> None:
    arguments = pair(40, 40)
    for name in ("moving", "fixed"):
        arguments[name] = arguments[name].clone()
        arguments[name][..., 20:] = 0.5
    field = refine_field(**arguments).displacement
    spread = field_spread(field, arguments, members_of(OPTIONS, 2, predicted=False))
    assert spread[..., 20:30].mean() > 1.5 * spread[..., 8:18].mean()


def test_masks_regions_and_features_go_along() -> None:
    arguments = pair(32, 30)
    half = torch.ones(1, 1, 32, 30)
    half[..., :12] = 0
    labels = (arguments["moving"] > 0.5).long()
    arguments |= {
        "options": RefineOptions(iterations=(10, 10), similarity="mse", anatomy=0.1),
        "mask": torch.ones(1, 1, 32, 30),
        "masks": (half, None),
        "view": torch.ones(1, 1, 34, 32),
        "anatomy": (labels, warp(labels.float(), shifted((32, 30)), "nearest").long()),
        "features": (arguments["moving"], arguments["fixed"]),
    }
    field = refine_field(**arguments).displacement
    seen = half[..., 14:-3]
    for member in members_of(arguments["options"], 2, predicted=False):
        spread = field_spread(field, arguments, [member])[..., 14:-3]
        assert float((spread * seen).max()) < 0.8, member.name


def test_points_are_not_mirrored_and_a_cancel_is_heard() -> None:
    names = [m.name for m in members_of(OPTIONS, 2, predicted=True, points=True)]
    assert not any(word in name for name in names for word in ("mirror", "exchange"))
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 5

    arguments = pair(32, 32)
    field = torch.zeros(1, 2, 32, 32)
    with pytest.raises(CancelledError):
        field_spread(field, arguments, [Member("the same")], Progress(None, stop))
    assert len(asked) < 12
