"""The three training stages end to end on a tiny network, resuming, and the export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from SlicerLDMRegLib.functional import jacobian_determinant, warp
from SlicerLDMRegLib.model_store import load_network, verify
from Testing.Python.training.tiny_stages import write_configs
from training.config import StageConfig
from training.datasets.augment import AugmentOptions, Pair, augment
from training.datasets.pairs import PairStream, to_tensors
from training.export import main as export
from training.loop import learning_rate
from training.synthesis.phantoms import generate_pair
from training.train import main as train

CARD = Path(__file__).parents[3] / "training" / "configs" / "ldm-morph-cardiac-mr" / "card.yaml"


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    return write_configs(tmp_path, "vqgan", "ldm", "registration")


def run(configs: Path, stage: str, output: str, init: str | None = None, *more: str) -> Path:
    arguments = [str(configs / f"{stage}.yaml"), "--output", str(configs / output)]
    if init is not None:
        arguments += ["--init", str(configs / init / "best.pt")]
    train([*arguments, "--device", "cpu", *more])
    return configs / output


def test_stages_resume_exactly_and_export(configs: Path) -> None:
    run(configs, "vqgan", "vqgan")
    log = [json.loads(line) for line in (configs / "vqgan/progress.jsonl").read_text().splitlines()]
    assert "discriminator" not in log[0]
    assert log[-1]["discriminator"] > 0
    run(configs, "ldm", "ldm", "vqgan")
    encoder = torch.load(configs / "vqgan/best.pt", weights_only=True)
    after = torch.load(configs / "ldm/best.pt", weights_only=True)
    name = "encoder.to_codebook.weight"
    assert torch.equal(encoder[name], after[name]), "the first stage is frozen in the second"

    whole = run(configs, "registration", "registration", "ldm")
    run(configs, "registration", "parts", "ldm", "--set", "steps=2")
    with pytest.raises(SystemExit):
        run(configs, "registration", "parts", "ldm")
    parts = run(configs, "registration", "parts", "ldm", "--resume")
    a, b = (torch.load(p / "last.ckpt", weights_only=True) for p in (whole, parts))
    assert a["progress"]["step"] == b["progress"]["step"] == 4
    for key, value in a["model"].items():
        assert torch.equal(value, b["model"][key]), key

    card = configs / "card.yaml"
    values = yaml.safe_load(CARD.read_text(encoding="utf-8"))
    values["grid"] = {"size": [32, 32]}
    card.write_text(yaml.safe_dump(values), encoding="utf-8")
    export([str(whole), "--card", str(card), "--output", str(configs / "model")])
    assert verify(configs / "model").training["steps"] == 4
    network = load_network(configs / "model")
    pair = to_tensors(Pair(*_arrays(5)))
    field = network(pair["moving"][None], pair["fixed"][None]).displacement
    assert field.shape == (1, 2, 32, 32)
    assert (jacobian_determinant(field) > 0).all()


def _arrays(seed: int) -> list[np.ndarray]:
    p = generate_pair("cardiac", seed, 32)
    return [p.fixed, p.moving, p.fixed_labels, p.moving_labels]


def test_latent_term_changes_training_only_with_its_gradient(configs: Path) -> None:
    """Without its gradient the weight of the latent term has no effect, as in the released code."""
    run(configs, "vqgan", "vqgan", None, "--set", "steps=2")
    run(configs, "ldm", "ldm", "vqgan")
    weights = {}
    for grad in ("true", "false"):
        folder = run(
            configs,
            "registration",
            f"grad-{grad}",
            "ldm",
            *("--set", f"losses.latent_grad={grad}", "--set", "steps=2"),
        )
        weights[grad] = torch.load(folder / "best.pt", weights_only=True)
    name = "registration.decoder.head.weight"
    assert not torch.equal(weights["true"][name], weights["false"][name])


def test_stream_items_depend_on_seed_and_index_alone() -> None:
    streams = [PairStream([], {"cardiac": 1, "echo": 1}, 10, seed, size=32) for seed in (1, 1, 2)]
    first, again, other = (s.pair(3) for s in streams)
    assert np.array_equal(first.fixed, again.fixed)
    assert not np.array_equal(first.fixed, other.fixed)
    assert not np.array_equal(first.fixed, streams[0].pair(4).fixed)


def test_augmentation_moves_images_and_labels_together() -> None:
    pair = Pair(*_arrays(1))
    pair.fixed = (pair.fixed_labels > 0).astype(np.float32)
    options = AugmentOptions(gamma=0, gamma_difference=0, noise=0, swap=False)
    for seed in range(5):
        out = augment(pair, np.random.default_rng(seed), options)
        assert np.mean((out.fixed > 0.5) != (out.fixed_labels > 0)) < 0.02


def test_one_hot_labels_follow_the_warp() -> None:
    tensors = to_tensors(Pair(*_arrays(2)))
    assert tensors["fixed_labels"].shape == (3, 32, 32)
    assert torch.equal(tensors["fixed_labels"].sum(0) > 0, torch.tensor(_arrays(2)[2] > 0))
    warped = warp(tensors["moving_labels"][None], torch.zeros(1, 2, 32, 32))
    torch.testing.assert_close(warped[0], tensors["moving_labels"])


def test_schedule_rises_then_falls_to_zero() -> None:
    config = StageConfig(
        "ldm", 100, 1, {}, {}, learning_rate=1.0, warmup_steps=10, schedule="cosine"
    )
    assert learning_rate(config, 0) == pytest.approx(0.1)
    assert learning_rate(config, 10) == pytest.approx(1.0)
    assert learning_rate(config, 55) == pytest.approx(0.5)
    assert learning_rate(config, 100) == pytest.approx(0.0)


def test_unknown_options_are_refused(configs: Path) -> None:
    with pytest.raises(ValueError, match="colour: there is no such option"):
        StageConfig.load(configs / "ldm.yaml", ["colour=red"])
    with pytest.raises(ValueError, match="key=value"):
        StageConfig.load(configs / "ldm.yaml", ["steps"])
