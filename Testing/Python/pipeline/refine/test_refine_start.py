"""From where a refinement goes on: the network's field, or nothing.

Nothing is optimised here, so that the result is the start that was chosen.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from SlicerLDMRegLib.functional import gaussian_smooth, integrate, warp
from SlicerLDMRegLib.losses import smoothness
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.pipeline.align.phase_shift import best_shift
from SlicerLDMRegLib.pipeline.options import RefineOptions
from SlicerLDMRegLib.pipeline.refine.instance_optimisation import refine_field
from SlicerLDMRegLib.pipeline.refine.objective import ImagePair, Objective

STILL = RefineOptions(iterations=(0, 0), similarity="mse", smoothness=0.0, prior=0.0)


def noise(*shape: int, sigma: float, seed: int) -> Tensor:
    wide = [*shape[:2], *(n + 40 for n in shape[2:])]
    field = torch.randn(wide, generator=torch.Generator().manual_seed(seed))
    inner = (..., *[slice(20, -20)] * (len(shape) - 2))
    return gaussian_smooth(field, sigma)[inner]


@pytest.fixture(scope="module")
def truth() -> Tensor:
    field = noise(1, 2, 48, 40, sigma=5.0, seed=1)
    return field * (2.5 / field.abs().max())


@pytest.fixture(scope="module")
def images(truth: Tensor) -> tuple[Tensor, Tensor]:
    """Moving and fixed."""
    moving = noise(1, 1, 48, 40, sigma=3.0, seed=0)
    moving = (moving - moving.min()) / (moving.max() - moving.min())
    return moving, warp(moving, integrate(truth, 6))


@pytest.fixture(scope="module")
def pair(images: tuple[Tensor, Tensor]) -> ImagePair:
    return ImagePair(*images)


def field_of(ratio: float, truth: Tensor, pair: ImagePair) -> Tensor:
    """A part of the true velocity, or of its opposite, with that share of the loss of none."""
    loss = Objective(STILL)
    none = float(loss(0 * truth, pair))
    low, high = -1.0, 1.0  # the loss falls all the way
    for _ in range(40):
        middle = (low + high) / 2
        less = float(loss(middle * truth, pair)) < ratio * none
        low, high = (low, middle) if less else (middle, high)
    assert float(loss(high * truth, pair)) == pytest.approx(ratio * none, rel=0.01)
    return high * truth


def chosen(
    pair: ImagePair, start: Tensor, distance: float | None, options: RefineOptions = STILL
) -> str:
    """Which start the refinement takes."""
    distances = None if distance is None else torch.tensor([distance])
    prediction = FieldPrediction(integrate(start, 6), start, distances)
    found = refine_field(pair.moving, pair.fixed, prediction, options).velocity
    for name, expected in (("network", start), ("nothing", torch.zeros_like(start))):
        if torch.allclose(found, expected, atol=1e-6):
            return name
    return "neither"


@pytest.mark.parametrize(
    ("distance", "ratio", "expected"),
    [
        # Images that the network knows, or of which it cannot say: its field, unless none is
        # clearly better.
        (None, 0.7, "network"),
        (None, 1.05, "network"),
        (None, 1.25, "nothing"),
        (0.5, 1.05, "network"),
        (1.0, 1.05, "network"),
        (1.0, 1.25, "nothing"),
        # Images that it does not know: none, unless its field is far better.
        (1.01, 0.7, "nothing"),
        (1.5, 0.95, "nothing"),
        (3.0, 0.55, "nothing"),
        (3.0, 0.45, "network"),
        (1.5, 0.2, "network"),
    ],
)
def test_the_start_by_what_the_network_knows(
    truth: Tensor, pair: ImagePair, distance: float | None, ratio: float, expected: str
) -> None:
    assert chosen(pair, field_of(ratio, truth, pair), distance) == expected


def test_each_pair_of_a_batch_by_its_own_distance(truth: Tensor, pair: ImagePair) -> None:
    start = field_of(0.7, truth, pair).repeat(3, 1, 1, 1)
    moving, fixed = (t.repeat(3, 1, 1, 1) for t in (pair.moving, pair.fixed))
    prediction = FieldPrediction(integrate(start, 6), start, torch.tensor([3.0, 0.5, 3.0]))
    found = refine_field(moving, fixed, prediction, STILL).velocity
    assert [bool(v.any()) for v in found] == [False, True, False]


def test_a_trusted_field_is_where_the_regulariser_rests(truth: Tensor, pair: ImagePair) -> None:
    """It costs nothing to keep it and something to leave it, whatever ``smoothness`` says."""
    start = field_of(1.25, truth, pair)  # by the images alone none would be better
    loss = float(Objective(STILL)(start, pair))
    held = 2 * loss / float(smoothness(start))
    assert chosen(pair, start, 0.5, replace(STILL, prior=held)) == "network"
    assert chosen(pair, start, 0.5, replace(STILL, smoothness=held)) == "nothing"
    # A good one is not smoothed away either.
    good = field_of(0.5, truth, pair)
    rough = 2 * loss / float(smoothness(good))
    assert chosen(pair, good, 0.5, replace(STILL, prior=rough, smoothness=rough)) == "network"


def test_another_field_is_regularised_itself(truth: Tensor, pair: ImagePair) -> None:
    """On images that the network does not know, nothing is held to what it says."""
    start = field_of(0.3, truth, pair)
    none = float(Objective(STILL)(0 * start, pair))
    rough = none / float(smoothness(start))
    for distance in (None, 3.0):
        assert chosen(pair, start, distance, replace(STILL, prior=rough)) == "network"
        assert chosen(pair, start, distance, replace(STILL, smoothness=rough)) == "nothing"


def test_losses_below_zero_are_compared_as_losses_above(truth: Tensor, pair: ImagePair) -> None:
    """Of a local correlation the loss is negative: better is further below."""
    options = replace(STILL, similarity="lncc")
    loss = Objective(options)
    none, start = float(loss(0 * truth, pair)), 0.3 * truth
    value = float(loss(start, pair))
    assert value < none < 0
    assert value - none > 0.5 * none  # better, and not far better
    assert chosen(pair, start, 0.5, options) == "network"
    assert chosen(pair, start, 3.0, options) == "nothing"
    assert chosen(pair, -0.05 * truth, None, options) == "network"
    worse = -0.5 * truth
    assert float(loss(worse, pair)) > 0.85 * none
    assert chosen(pair, worse, None, options) == "nothing"


def test_nothing_begins_at_a_shift_that_is_clearly_better(pair: ImagePair) -> None:
    """No iteration at a coarse level finds a motion longer than what the images show."""
    fixed = noise(1, 1, 48, 40, sigma=1.5, seed=0)
    fixed = (fixed - fixed.min()) / (fixed.max() - fixed.min())
    moving = torch.roll(fixed, (10, -8), (2, 3))
    found = refine_field(moving, fixed, options=STILL)
    apart = found.velocity.mean((0, 2, 3)) - torch.tensor([10.0, -8.0])
    assert float(apart.abs().max()) < 1.1  # voxels of half the lattice, of which there are two
    assert float(found.velocity.std((2, 3)).max()) < 1e-4
    # What a shift explains only a little does not begin with one.
    assert not refine_field(pair.moving, pair.fixed, options=STILL).velocity.any()
    grainy = torch.roll(fixed, (2, -2), (2, 3))
    grainy = grainy + gaussian_smooth(4.0 * noise(1, 1, 48, 40, sigma=0.0, seed=3), 1.0)
    level = ImagePair(grainy, fixed).on((24, 20))
    assert best_shift(level.moving, level.fixed).any()
    assert not refine_field(grainy, fixed, options=STILL).velocity.any()


def test_what_stopped_it(pair: ImagePair) -> None:
    options = replace(STILL, iterations=(2, 1))
    done = refine_field(pair.moving, pair.fixed, options=options)
    assert (done.iterations, done.stopped_by) == (3, "iterations")
    late = refine_field(pair.moving, pair.fixed, options=replace(options, max_seconds=1e-9))
    assert (late.iterations, late.stopped_by) == (0, "time")


def test_the_loss_of_a_batch_in_chunks_is_the_mean_of_its_pairs() -> None:
    """On a CPU two images of this size go through together, then the third."""
    fixed = noise(3, 1, 360, 360, sigma=2.0, seed=0)
    moving = fixed * torch.tensor([1.0, 2.0, 9.0]).reshape(-1, 1, 1, 1)
    options = replace(STILL, iterations=(0,))
    whole = refine_field(moving, fixed, options=options)
    alone = [
        refine_field(moving[n : n + 1], fixed[n : n + 1], options=options).initial_loss
        for n in range(3)
    ]
    assert whole.initial_loss == pytest.approx(sum(alone) / 3, rel=1e-5)
    assert whole.final_loss == pytest.approx(sum(alone) / 3, rel=1e-5)


def test_every_chunk_of_a_batch_has_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock on which every look takes a second."""
    fixed = noise(2, 1, 512, 512, sigma=2.0, seed=0)
    seconds = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))
    options = replace(STILL, iterations=(100,), max_seconds=16.0)
    found = refine_field(fixed.roll(1, -1), fixed, options=options)
    first, second = (len(curve) - 1 for curve in found.losses)
    assert found.stopped_by == "time"
    assert 4 <= first <= 9
    assert 4 <= second <= 9
