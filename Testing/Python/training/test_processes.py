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
from Testing.Python.training.tiny_stages import STAGES, write_configs
from training.cli import main
from training.randomness import item_generators, item_noise, item_rngs
from training.stochastic_depth import StochasticDepth

# Sums in another order differ in the last bits of float32, and Adam scales each gradient, however
# small, to the size of a step. Measured after three steps: losses differ by 1e-6, weights by 0.002
# steps in the mean and 0.3 steps at most; with other draws in one process by 1e-2 and 0.5 steps.
LOSSES, MEAN_STEPS, MOST_STEPS = 2e-5, 0.02, 1.0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every stage trained for three steps by one process with the batch of two."""
    folder = write_configs(tmp_path_factory.mktemp("stages"))
    for stage in STAGES:
        one = arguments(folder, stage, stage, "batch_size=4")
        assert main(["train", *one, "--device", "cpu"]) == 0
    return folder


def arguments(folder: Path, stage: str, output: str, *overrides: str) -> list[str]:
    before = STAGES[stage]
    start = [] if before is None else ["--init", str(folder / before / "best.pt")]
    options = ["steps=3", "validate_every=3", "checkpoint=last", *overrides]
    changes = [part for option in options for part in ("--set", option)]
    return [str(folder / f"{stage}.yaml"), "--output", str(folder / output), *start, *changes]


def compare(one: Path, other: Path, rate: float) -> None:
    logs = [json.loads((run / "progress.jsonl").read_text()) for run in (one, other)]
    for name in ("loss", "l1", "generator", "discriminator", "dice_loss", "latents", "val_score"):
        if name in logs[0]:
            assert logs[1][name] == pytest.approx(logs[0][name], rel=LOSSES, abs=1e-6), name
    mine, yours = (torch.load(run / "best.pt", weights_only=True) for run in (one, other))
    apart = {k: (mine[k].float() - yours[k].float()).abs() / rate for k in mine}
    far = {k: (float(v.mean()), float(v.max())) for k, v in apart.items() if v.numel() > 1}
    print(one.name, max(far.values()), max(v[1] for v in far.values()))
    assert not {k: v for k, v in far.items() if v[0] > MEAN_STEPS or v[1] > MOST_STEPS}


@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_train_as_one(runs: Path, stage: str) -> None:
    two = [*arguments(runs, stage, f"{stage}-two"), "--devices", "2"]
    codes = train_forked({"argv": two, "processes": 2})
    assert codes == [0, 0], (runs / f"{stage}-two.log").read_text()[-3000:]
    rate = json.loads((runs / stage / "config.json").read_text())["learning_rate"]
    compare(runs / stage, runs / f"{stage}-two", rate)


def test_accumulated_batches_train_as_one(runs: Path) -> None:
    for stage in ("registration", "textscf"):
        parts = arguments(runs, stage, f"{stage}-parts", "accumulate=4", "batch_size=1")
        assert main(["train", *parts, "--device", "cpu"]) == 0
        rate = json.loads((runs / stage / "config.json").read_text())["learning_rate"]
        compare(runs / stage, runs / f"{stage}-parts", rate)


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
    depth.generators = None
    assert 0 < (network(x) > 0).float().mean() < 1
