"""Two processes train as one with twice the batch, and so does one that accumulates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from monai.networks.layers.drop_path import DropPath
from torch import nn

from Testing.Python.training.forked_training import train_forked
from Testing.Python.training.tiny_stages import STAGES, arguments
from training.cli import main
from training.randomness import item_generators, item_noise, item_rngs
from training.stochastic_depth import StochasticDepth

# Sums in another order differ in the last bits of float32, and Adam scales each gradient, however
# small, to the size of a step: where the true gradient is zero, as of the bias of an attention's
# keys, its sign is chance. Measured after three steps: losses differ by 1e-6, weights by 0.0001 to
# 0.002 steps in the mean (single ones by a whole step).
LOSSES, MEAN_STEPS = 2e-5, 0.01


OPTIONS = ("steps=3", "validate_every=3", "checkpoint=last")


def options_of(stage: str) -> list[str]:
    return [*OPTIONS, *(["network.latent_scale=data"] if stage in ("ldm", "registration") else [])]


@pytest.fixture(scope="module")
def runs(stages: Path) -> Path:
    """Every stage trained for three steps by one process with the batch of two."""
    for stage in STAGES:
        one = arguments(stages, stage, f"{stage}-one", *options_of(stage), "batch_size=4")
        assert main(["train", *one]) == 0
    return stages


def compare(one: Path, other: Path, rate: float) -> None:
    logs = [json.loads((run / "progress.jsonl").read_text()) for run in (one, other)]
    for name in ("loss", "l1", "generator", "discriminator", "dice_loss", "latents", "val_score"):
        if name in logs[0]:
            assert logs[1][name] == pytest.approx(logs[0][name], rel=LOSSES, abs=1e-6), name
    mine, yours = (torch.load(run / "best.pt", weights_only=True) for run in (one, other))
    apart = {k: (mine[k].float() - yours[k].float()).abs() / rate for k in mine}
    steps = torch.cat([v.flatten() for v in apart.values()])
    print(one.name, "apart by", float(steps.mean()), "steps, at most", float(steps.max()))
    assert float(steps.mean()) < MEAN_STEPS


def rate_of(run: Path) -> float:
    rate: float = json.loads((run / "config.json").read_text())["learning_rate"]
    return rate


@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_train_as_one(runs: Path, stage: str) -> None:
    two = [*arguments(runs, stage, f"{stage}-two", *options_of(stage)), "--devices", "2"]
    codes = train_forked({"argv": two, "processes": 2})
    assert codes == [0, 0], (runs / f"{stage}-two.log").read_text(encoding="utf-8")[-3000:]
    one = runs / f"{stage}-one"
    compare(one, runs / f"{stage}-two", rate_of(one))


def test_accumulated_batches_train_as_one(runs: Path) -> None:
    more = ["accumulate=4", "batch_size=1"]
    parts = arguments(runs, "registration", "accumulated", *options_of("registration"), *more)
    assert main(["train", *parts]) == 0
    one = runs / "registration-one"
    compare(one, runs / "accumulated", rate_of(one))


def test_random_numbers_follow_from_seed_item_and_purpose_alone() -> None:
    whole = item_noise((2, 3), item_generators(5, [10, 11, 12, 13], 0))
    assert torch.equal(whole[[1, 3]], item_noise((2, 3), item_generators(5, [11, 13], 0)))
    assert torch.equal(whole[2:], item_noise((2, 3), item_generators(5, torch.tensor([12, 13]), 0)))
    for seed, item, purpose in ((6, 10, 0), (5, 14, 0), (5, 10, 1)):
        other = item_noise((2, 3), item_generators(seed, [item], purpose))
        assert not any(torch.equal(other[0], noise) for noise in whole)
    assert [r.integers(1 << 40) for r in item_rngs(1, [3, 4], 0)] == [
        item_rngs(1, [item], 0)[0].integers(1 << 40) for item in (3, 4)
    ]


def test_stochastic_depth_draws_by_item_and_keeps_the_mean() -> None:
    network = nn.Sequential(nn.Identity(), nn.Sequential(DropPath(0.4)), DropPath(0.25))
    depth = StochasticDepth(network)
    assert not any(isinstance(m, DropPath) for m in network.modules())
    x = torch.ones(2000, 3)
    depth.generators = item_generators(0, range(2000), 0)
    y = network.train()(x)
    kept = (y > 0).float().mean().item()
    assert kept == pytest.approx(0.6 * 0.75, abs=0.04)
    assert y[y > 0].unique().item() == pytest.approx(1 / (0.6 * 0.75))
    depth.generators = item_generators(0, range(1500, 1510), 0)
    assert torch.equal(network(x[:10]), y[1500:1510])
    assert torch.equal(network.eval()(x), x)
    network.train()
    with pytest.raises(ValueError, match="expected 10 items, got a batch of 3"):
        network(x[:3])
    # A batch of both images of each item: every item goes on drawing by itself.
    depth.generators = item_generators(0, range(4), 0)
    both = network(torch.ones(8, 3))
    depth.generators = item_generators(0, [2], 0)
    assert torch.equal(network(torch.ones(2, 3)), both[[2, 6]])
    depth.generators = None
    assert 0 < (network(x) > 0).float().mean() < 1
