from __future__ import annotations

import torch

from SlicerLDMRegLib.functional import gaussian_smooth, integrate, smallest_jacobian_determinant
from SlicerLDMRegLib.pipeline.refine.diffeomorphic import (
    DETERMINANT_FLOOR,
    squarings_for,
    unfold,
)


def rough(*shape: int, sigma: float, size: float, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    smooth = gaussian_smooth(noise, sigma)
    return smooth * (size / smooth.abs().max())


def test_field_without_folds_comes_back_as_it_is() -> None:
    velocity = rough(2, 2, 24, 20, sigma=3.0, size=2.0)
    found, displacement, _ = unfold(velocity)
    assert torch.equal(found, velocity)
    assert torch.equal(displacement, integrate(velocity, 6))


def test_adversarial_velocities_end_without_folds() -> None:
    for seed, (shape, sigma, size) in enumerate(
        [((2, 2, 24, 20), 0.5, 6.0), ((1, 2, 32, 32), 1.0, 12.0), ((1, 3, 10, 12, 9), 0.7, 4.0)]
    ):
        velocity = rough(*shape, sigma=sigma, size=size, seed=seed)
        assert smallest_jacobian_determinant(integrate(velocity, 6)).min() < 0
        found, displacement, _ = unfold(velocity)
        assert smallest_jacobian_determinant(displacement).min() >= DETERMINANT_FLOOR
        assert smallest_jacobian_determinant(integrate(-found, 6)).min() > 0


def test_repair_is_local_and_keeps_other_elements() -> None:
    good = rough(1, 2, 48, 48, sigma=4.0, size=2.0)
    bad = good.clone()
    bad[..., 8:12, 8:12] += rough(1, 2, 4, 4, sigma=0.0, size=5.0)
    found, _, _ = unfold(torch.cat([good, bad]))
    assert torch.equal(found[0], good[0])
    assert (found[1] - bad[0]).abs()[:, 8:12, 8:12].max() > 0.5
    assert (found[1] - bad[0]).abs()[:, 36:, 36:].max() < 1e-3


def test_repair_stays_local_while_the_caller_rejects_the_same_fold() -> None:
    """Only what is rejected without a fold to be seen is smoothed everywhere."""
    velocity = rough(1, 2, 48, 48, sigma=4.0, size=2.0)
    velocity[..., 8:12, 8:12] += rough(1, 2, 4, 4, sigma=0.0, size=5.0)

    def accept(displacement: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        folded = (
            smallest_jacobian_determinant(t) < DETERMINANT_FLOOR for t in (displacement, inverse)
        )
        return ~torch.stack([t.flatten(1).any(1) for t in folded]).any(0)

    found, _, _ = unfold(velocity, accept=accept)
    assert torch.equal(found, unfold(velocity)[0])
    assert (found - velocity).abs()[..., 36:, 36:].max() < 1e-3


def test_the_first_step_of_an_integration_is_below_half_a_voxel() -> None:
    for largest, expected in ((0.0, 6), (3.0, 6), (32.0, 6), (33.0, 7), (100.0, 8)):
        velocity = torch.zeros(1, 2, 9, 9)
        velocity[0, 1, 4, 4] = -largest
        assert squarings_for(velocity) == expected
        assert largest / 2 ** squarings_for(velocity) <= 0.5
    assert squarings_for(torch.full((1, 2, 9, 9), 3.0), least=1) == 3


def test_caller_can_ask_for_more() -> None:
    velocity = rough(2, 2, 20, 20, sigma=2.0, size=3.0)
    limit = 2.0

    def accept(displacement: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        return displacement.flatten(1).abs().amax(1) < limit

    _, displacement, _ = unfold(velocity, accept=accept)
    assert displacement.abs().max() < limit
