"""The three training stages end to end on a tiny network, resuming, and the export."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.functional import jacobian_determinant, warp
from SlicerLDMRegLib.model_store import ModelCard, load_network, verify
from SlicerLDMRegLib.model_store.verify import sha256_of
from Testing.Python.training.tiny_stages import write_configs
from training.config import StageConfig
from training.datasets.augment import AugmentOptions, Pair, augment
from training.datasets.pairs import PairStream, to_tensors
from training.export import main as export
from training.loop import expected_end, learning_rate
from training.panels import image_panel, label_colours, registration_panel
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
    events = EventAccumulator(str(whole), size_guidance={"images": 0})
    events.Reload()
    assert [e.step for e in events.Images("registration")] == [2, 4]
    assert (events.Images("registration")[0].width, events.Images("registration")[0].height) == (
        *(5 * 32, 32),
    )
    assert [e.step for e in events.Scalars("val_dice_1")] == [2, 4]
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
    training = verify(configs / "model").training
    assert training["steps"] == 4
    # The weights, and back to the first training those that each stage began with.
    assert training["weights"]["sha256"] == sha256_of(whole / "best.pt")
    assert training["weights"]["step"] in (2, 4)
    ldm, vqgan = training["init"], training["init"]["init"]
    for entry, stage in ((ldm, "ldm"), (vqgan, "vqgan")):
        assert entry["sha256"] == sha256_of(configs / stage / "best.pt")
        assert entry["training"]["stage"] == stage and entry["training"]["steps"] >= entry["step"]
    assert vqgan["init"] is None and str(configs) not in json.dumps([ldm["file"], vqgan["file"]])
    assert "path" not in ldm and "path" not in vqgan
    (whole / "best.pt").write_bytes((configs / "ldm" / "best.pt").read_bytes())
    with pytest.raises(ModelError, match="expected the file that the run wrote"):
        export([str(whole), "--card", str(card), "--output", str(configs / "other")])
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


@pytest.mark.parametrize("config", sorted(CARD.parents[1].glob("*/card.yaml")), ids=str)
def test_a_bundled_card_and_its_configuration_agree_or_the_card_says_what_came_before(
    config: Path,
) -> None:
    """segment-brain-mr said 2,000 steps beside a configuration of 8,000, and no more."""
    card = ModelCard.from_folder(CARD.parents[3] / "Resources" / "Models" / config.parent.name)
    stage = card.training["stage"]
    recipe = StageConfig.load(config.with_name(f"{stage}.yaml"))
    if recipe.steps != card.training["steps"]:
        assert card.training["init"]["training"]["steps"] > 0
        assert f"{card.training['init']['training']['steps']:,} steps" in card.description
    if card.id == "segment-brain-mr":
        assert card.training["init"]["training"]["steps"] == 5500
    if card.id == "textscf-brain-mr":
        assert card.training["init"]["training"]["steps"] == 750


def test_the_expected_end_counts_the_steps_of_this_process_alone() -> None:
    since = 100, time.perf_counter() - 50  # ten steps in 50 s
    left = (expected_end(since, 110, 130) - datetime.now()).total_seconds()
    assert left == pytest.approx(100, abs=2)
    assert (expected_end(since, 130, 130) - datetime.now()).total_seconds() < 1


def test_panels_show_images_side_by_side_and_folds_in_green() -> None:
    volume = torch.rand(7, 6, 8)
    panel = image_panel(volume, torch.ones(6, 4), torch.rand(3, 6, 2))
    assert panel.shape == (3, 6, 14) and torch.equal(panel[0, :, :8], volume[3])
    field = torch.zeros(2, 8, 8)
    field[1] = -3.0 * torch.arange(8.0)  # mirrored along the rows
    shown = registration_panel(*torch.rand(3, 8, 8), field)
    assert shown.shape == (3, 8, 40) and shown.min() >= 0 and shown.max() <= 1
    assert torch.allclose(shown[:, :, 32:], torch.tensor([0, 0.7, 0]).view(3, 1, 1))
    white = registration_panel(*torch.rand(3, 8, 8), torch.zeros(2, 8, 8))[:, :, 32:]
    assert torch.equal(white, torch.ones(3, 8, 8)), "nothing is moved"
    colours = label_colours(torch.arange(6).view(1, 2, 3))
    assert torch.equal(colours[:, 0, 0], torch.zeros(3))
    assert len({tuple(c.tolist()) for c in colours.flatten(1).T}) == 6


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
