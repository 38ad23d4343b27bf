from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from SlicerLDMRegLib.errors import CancelledError, InputError
from SlicerLDMRegLib.functional import (
    gaussian_smooth,
    integrate,
    inverse_consistency,
    smallest_jacobian_determinant,
    warp,
)
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.pipeline.align.phase_shift import best_shift
from SlicerLDMRegLib.pipeline.options import RefineOptions
from SlicerLDMRegLib.pipeline.progress import Progress
from SlicerLDMRegLib.pipeline.refine.instance_optimisation import refine_field
from SlicerLDMRegLib.pipeline.refine.similarity_choice import choose_similarity

FAST = RefineOptions(iterations=(20, 20, 10), similarity="mse", smoothness=0.01)


def texture(*shape: int, sigma: float = 3.0, seed: int = 0) -> torch.Tensor:
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    smooth = gaussian_smooth(noise, sigma)
    return (smooth - smooth.min()) / (smooth.max() - smooth.min())


def velocity(*shape: int, size: float, seed: int = 1, sigma: float = 5.0) -> torch.Tensor:
    """A smooth field with its largest motion anywhere, not only at the border."""
    margin = int(2 * sigma)
    wide = [*shape[:2], *(n + 2 * margin for n in shape[2:])]
    noise = torch.randn(wide, generator=torch.Generator().manual_seed(seed))
    inner = (..., *[slice(margin, -margin)] * (len(shape) - 2))
    field = gaussian_smooth(noise, sigma)[inner]
    return field * (size / field.abs().amax(tuple(range(1, field.ndim)), keepdim=True))


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Moving, fixed, and the displacement between them."""
    moving = texture(2, 1, 48, 40)
    truth = integrate(velocity(2, 2, 48, 40, size=3.5), 7)
    return moving, warp(moving, truth), truth


@pytest.mark.parametrize("similarity", ["mse", "lncc", "mind", "auto"])
def test_recovers_a_known_deformation(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor], similarity: str
) -> None:
    moving, fixed, truth = pair
    result = refine_field(moving, fixed, options=replace(FAST, similarity=similarity))
    inner = (..., slice(8, -8), slice(8, -8))
    before = truth[inner].square().sum(1).sqrt().mean()
    after = (result.displacement - truth)[inner].square().sum(1).sqrt().mean()
    assert after < 0.4 * before
    assert result.final_loss < result.initial_loss
    assert result.similarity == ("mse" if similarity == "auto" else similarity)
    assert result.iterations == 50
    assert [len(curve) for curve in result.losses] == [21, 21, 11]


def test_field_is_the_exponential_and_its_inverse_fits(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    result = refine_field(pair[0], pair[1], options=FAST)
    torch.testing.assert_close(result.displacement, integrate(result.velocity, 6))
    error = inverse_consistency(result.displacement, result.inverse)
    assert error[:, 6:-6, 6:-6].mean() < 0.05


def test_3d() -> None:
    moving = texture(1, 1, 20, 24, 22)
    truth = integrate(velocity(1, 3, 20, 24, 22, size=2.0, sigma=4.0), 6)
    fixed = warp(moving, truth)
    result = refine_field(moving, fixed, options=replace(FAST, iterations=(20, 10)))
    error = (warp(moving, result.displacement) - fixed).abs().mean()
    assert error < 0.35 * (moving - fixed).abs().mean()
    assert smallest_jacobian_determinant(result.displacement).min() > 0


def test_batch_equals_one_by_one(pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    moving, fixed, _ = pair
    together = refine_field(moving, fixed, options=FAST)
    for n in range(2):
        alone = refine_field(moving[n : n + 1], fixed[n : n + 1], options=FAST)
        torch.testing.assert_close(
            together.displacement[n], alone.displacement[0], atol=2e-2, rtol=0
        )


def test_chunks_do_not_change_the_result(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    moving, fixed, _ = pair
    whole = refine_field(moving, fixed, options=FAST)
    monkeypatch.setitem(
        __import__("sys").modules[refine_field.__module__]._CHUNK_VOXELS, "cpu", moving[0].numel()
    )
    parts = refine_field(moving, fixed, options=FAST)
    torch.testing.assert_close(parts.displacement, whole.displacement, atol=2e-2, rtol=0)
    assert parts.iterations == whole.iterations
    assert len(parts.losses) == 6


def test_same_bits_every_time(pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    first, second = (refine_field(pair[0], pair[1], options=FAST) for _ in range(2))
    assert torch.equal(first.displacement, second.displacement)
    assert torch.equal(first.inverse, second.inverse)


def test_good_field_is_refined_and_not_thrown_away(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    moving, fixed, truth = pair
    for initial in (truth, FieldPrediction(truth, velocity(2, 2, 48, 40, size=3.5))):
        result = refine_field(moving, fixed, initial, replace(FAST, iterations=(5, 5, 5)))
        assert result.final_loss <= result.initial_loss
        inner = (..., slice(8, -8), slice(8, -8))
        assert (result.displacement - truth)[inner].abs().mean() < 0.2


def test_without_iterations_the_field_stays(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    moving, fixed, _ = pair
    known = velocity(2, 2, 48, 40, size=3.5)
    prediction = FieldPrediction(integrate(known, 7), known)
    result = refine_field(moving, fixed, prediction, replace(FAST, iterations=(0,)))
    torch.testing.assert_close(result.velocity, known)
    assert result.iterations == 0


def test_bad_field_does_no_harm(pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    moving, fixed, _ = pair
    wrong = integrate(velocity(2, 2, 48, 40, size=12.0, seed=9, sigma=4.0), 7)
    alone = refine_field(moving, fixed, options=FAST)
    result = refine_field(moving, fixed, wrong, FAST)
    assert result.initial_loss > alone.initial_loss
    assert result.final_loss < 1.2 * alone.final_loss


def test_large_shift_is_found_at_once() -> None:
    large = texture(1, 1, 64, 96, sigma=2.0)
    ramp = torch.linspace(-1, 1, 64)
    window = torch.exp(-8 * (ramp[:, None].square() + ramp.square()))
    moving, fixed = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    spot = (window * large[..., :64])[..., 12:52, 12:52]
    fixed[..., 4:44, 20:60] = spot
    moving[..., 22:62, 3:43] = spot
    shift = best_shift(moving, fixed)
    assert shift.flatten().tolist() == [18.0, -17.0]
    result = refine_field(moving, fixed, options=FAST)
    error = (warp(moving, result.displacement) - fixed).abs().mean()
    assert error < 0.1 * (moving - fixed).abs().mean()


def test_adversarial_pair_has_no_folds() -> None:
    """Noise that has nothing to do with other noise, and nothing that keeps the field smooth."""
    moving, fixed = texture(1, 1, 40, 40, sigma=0.6), texture(1, 1, 40, 40, sigma=0.6, seed=5)
    options = RefineOptions(
        iterations=(10, 10, 40), similarity="mse", smoothness=0.0, sigma=0.6, learning_rate=1.0
    )
    result = refine_field(moving, fixed, options=options)
    assert smallest_jacobian_determinant(result.displacement).min() > 0
    assert smallest_jacobian_determinant(result.inverse).min() > 0
    assert result.displacement.abs().max() > 0.5


def test_mask_keeps_what_is_not_there_out(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    moving, fixed, truth = (t[:1] for t in pair)
    mask = torch.ones_like(fixed)
    mask[..., :14] = 0
    broken = moving.clone()
    broken[..., :10] = 0.0
    result = refine_field(broken, fixed, options=FAST, mask=mask)
    inner = (..., slice(8, -8), slice(18, -8))
    masked = (result.displacement - truth)[inner].abs().mean()
    open_ = (refine_field(broken, fixed, options=FAST).displacement - truth)[inner].abs().mean()
    assert masked < 0.8
    assert masked < open_


def test_time_limit(pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    options = replace(FAST, iterations=(20000, 20000), max_seconds=0.3)
    result = refine_field(pair[0], pair[1], options=options)
    assert result.stopped_by == "time"
    assert result.final_loss <= result.initial_loss


def test_progress_and_cancel(pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    fractions: list[float] = []
    progress = Progress(
        lambda stage, fraction, message: fractions.append(fraction), lambda: len(fractions) >= 7
    )
    with pytest.raises(CancelledError):
        refine_field(pair[0], pair[1], options=FAST, progress=progress)
    assert fractions == pytest.approx(np.arange(1, 8) / 50)


def test_shapes_must_agree(pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(InputError, match="one shape"):
        refine_field(pair[0], pair[1][..., 1:])
    with pytest.raises(InputError, match="expected a field"):
        refine_field(pair[0], pair[1], pair[2][..., 1:])


def test_similarity_by_the_images() -> None:
    image = texture(1, 1, 48, 48)
    assert choose_similarity(image, warp(image, velocity(1, 2, 48, 48, size=2.0))) == "mse"
    assert choose_similarity(image, 1 - image) == "lncc"
    assert choose_similarity(image, image.sqrt()) == "lncc"
    half = torch.ones_like(image)
    half[..., 24:] = 0
    assert choose_similarity(torch.where(half > 0, image, 0.9), image, half) == "mse"


@pytest.mark.parametrize("transposed", [False, True])
def test_similarity_by_all_columns_and_rows_of_many_slices(transposed: bool) -> None:
    """Every fourth pixel, in the order of storage, would be those of every fourth column."""
    fixed = texture(13, 1, 256, 256)
    moving = 1 - fixed
    moving[..., ::4] = fixed[..., ::4]
    if transposed:
        moving, fixed = moving.mT.contiguous(), fixed.mT.contiguous()
    assert choose_similarity(moving, fixed) == "lncc"
    assert choose_similarity(fixed.clone(), fixed) == "mse"


def test_similarity_of_more_pixels_than_torch_takes_quantiles_of() -> None:
    image = torch.rand(1, 1, 4100, 4100, generator=torch.Generator().manual_seed(0))
    assert choose_similarity(image, image) == "mse"
    assert choose_similarity(image, image.square()) == "lncc"


def test_trusted_field_is_held(pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    """Two like pairs, of which the network knows the first: its field stays nearer."""
    moving, fixed, _ = (t[:1].repeat(2, 1, 1, 1) for t in pair)
    known = velocity(1, 2, 48, 40, size=2.0, seed=4).repeat(2, 1, 1, 1)
    prediction = FieldPrediction(integrate(known, 6), known, torch.tensor([0.5, 3.0]))
    result = refine_field(moving, fixed, prediction, replace(FAST, prior=20.0))
    change = (result.velocity - known).square().flatten(1).mean(1).sqrt()
    assert change[0] < 0.5 * change[1]
