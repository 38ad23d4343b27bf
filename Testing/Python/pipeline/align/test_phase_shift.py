"""The translation at which two images correlate best."""

from __future__ import annotations

import pytest
import torch

from SlicerLDMRegLib.pipeline.align.phase_shift import best_agreements, best_shift


def spot(shape: tuple[int, ...], middle: tuple[float, ...]) -> torch.Tensor:
    places = torch.meshgrid(*[torch.arange(float(n)) for n in shape], indexing="ij")
    square = sum((p - m) ** 2 for p, m in zip(places, middle, strict=True))
    return torch.exp(-torch.as_tensor(square) / 18)[None, None]


@pytest.mark.parametrize(
    ("shape", "shift"),
    [((40, 48), (3.3, -7.6)), ((31, 30), (0.0, 0.45)), ((26, 24, 22), (-2.25, 0.8, 4.5))],
)
def test_parts_of_a_voxel_are_found_when_asked_for(
    shape: tuple[int, ...], shift: tuple[float, ...]
) -> None:
    middle = tuple(n / 2 for n in shape)
    fixed = spot(shape, middle)
    moving = spot(shape, tuple(m + s for m, s in zip(middle, shift, strict=True)))
    assert best_shift(moving, fixed, exact=True).flatten().tolist() == pytest.approx(shift, abs=0.1)
    whole = best_shift(moving, fixed).flatten()
    assert torch.equal(whole, whole.round())
    assert (whole - torch.tensor(shift)).abs().max() <= 0.501


def test_images_without_structure_stay() -> None:
    flat = torch.full((2, 1, 12, 10), 3.0)
    assert not best_shift(flat, flat, exact=True).any()


def test_several_images_agree_best_each_in_its_own_place() -> None:
    shape, shifts = (40, 36), [(4, -7), (-3, 2)]
    fixed = spot(shape, (20, 18))[0, 0]
    moving = torch.stack([spot(shape, (20 + y, 18 + x))[0, 0] for y, x in shifts])
    shown = torch.ones_like(moving)
    shown[1, :5] = 0
    found = best_agreements(fixed, moving, torch.ones_like(fixed), shown)
    assert [shift.tolist() for shift in found] == [[x, y] for y, x in shifts]
