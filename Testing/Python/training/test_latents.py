"""LDM-Morph's latents in training: noise drawn anew, their scale, and DDIM inversion instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

import itertools

from lightning_fabric import Fabric

from SlicerLDMRegLib._weight_files import read_safetensors
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.model_store import find_model
from SlicerLDMRegLib.networks.ldm_morph import LatentFeatures, LDMMorphConfig
from Testing.Python.training.test_finetune import write_model
from Testing.Python.training.tiny_stages import NETWORK, arguments, write_configs
from training.cli import main
from training.config import CONFIGS, StageConfig
from training.datasets.pairs import build_pairs
from training.exhibits.rehearsal import LDM_MORPH as SMALL
from training.export import main as export
from training.lineage import run_of
from training.stages import build_stage
from training.stages.latent_scale import inherited_scale, measured_scale
from training.stages.registration import RegistrationStage


def train(folder: Path, stage: str, output: str, *overrides: str, init: Path | None = None) -> int:
    options = ("steps=1", *overrides)
    return main(["train", *arguments(folder, stage, output, *options, init=init)])


def stage_of(stages: Path, *overrides: str, seed: int = 0) -> RegistrationStage:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.seed_everything(1, verbose=False)
    options = ["network.latent_scale=data", f"seed={seed}", *overrides]
    config = StageConfig.load(stages / "registration.yaml", options)
    stage = build_stage(config, fabric, stages / "ldm" / "best.pt")
    assert isinstance(stage, RegistrationStage)
    return stage


def features(stage: RegistrationStage, *items: int) -> torch.Tensor:
    """First level of the features of equal pairs, moving and fixed, ``(2, B, C, h, w)``."""
    image = torch.linspace(0, 1, 32 * 32).reshape(1, 1, 32, 32).expand(len(items), -1, -1, -1)
    (moving, fixed), _ = stage._features(image, image, torch.tensor(items))
    return torch.stack([moving[0], fixed[0]])


def test_noise_is_drawn_anew_for_each_pair_and_is_that_of_both_images(stages: Path) -> None:
    stage = stage_of(stages)
    found = features(stage, 0, 1, 7)
    assert torch.equal(found[0], found[1])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not torch.allclose(found[0, one], found[0, other], atol=1e-4)
    # As in a run that was resumed, or in the process that takes this item.
    torch.testing.assert_close(features(stage, 7, 0)[0], found[0][[2, 0]])
    assert not torch.allclose(features(stage_of(stages, seed=1), 0)[0, 0], found[0, 0], atol=1e-4)


def test_training_follows_the_noise_of_the_steps(stages: Path) -> None:
    """The map of one step was the map of all, and its features could be learned by heart."""
    stage = stage_of(stages)
    item = {**stage.stream[0], "item": torch.tensor(0)}
    batch = {k: v[None] for k, v in item.items()}
    seen = []
    noised = stage.model.latent_features.noised

    def spy(latent: torch.Tensor, *arguments: object, **named: object) -> torch.Tensor:
        seen.append(noised(latent, *arguments, **named) - latent)  # type: ignore[arg-type]
        return seen[-1] + latent

    stage.model.latent_features.noised = spy  # type: ignore[method-assign, assignment]
    from training.loop import Step

    for number in range(3):
        stage.step({**batch, "item": torch.tensor([number])}, Step(number))
    assert not any(torch.allclose(a, b, atol=1e-3) for a, b in itertools.pairwise(seen))


@pytest.mark.parametrize("noising", ["ddim", "none"])
def test_features_without_noise_are_trained_too(stages: Path, noising: str) -> None:
    stage = stage_of(stages, f"network.noising={noising}")
    found = features(stage, 0, 5)
    torch.testing.assert_close(found[0, 0], found[0, 1])
    if noising == "none":
        return
    output = f"trained-{noising}"
    options = [f"network.noising={noising}", "network.latent_scale=data"]
    assert train(stages, "registration", output, *options) == 0
    config = json.loads((stages / output / "config.json").read_text())
    assert config["network"]["noising"] == noising


def test_the_scale_is_measured_kept_and_inherited(stages: Path) -> None:
    config = json.loads((stages / "ldm" / "config.json").read_text())
    scale = config["network"]["latent_scale"]
    line = json.loads((stages / "ldm" / "progress.jsonl").read_text())
    assert scale != 1 and line["latent_std"] == pytest.approx(1, abs=0.3)
    assert float(torch.load(stages / "ldm" / "best.pt", weights_only=True)["latent_scale"]) == scale
    stage = stage_of(stages)
    assert stage.config.network["latent_scale"] == scale
    assert stage.model.config.latent_scale == scale
    latents = [
        stage.model.latent_features.encode(stage.stream[i]["fixed"][None]) for i in range(40)
    ]
    assert (scale * torch.cat(latents)).std().item() == pytest.approx(1, rel=0.1)
    assert train(stages, "registration", "scaled", "network.latent_scale=data") == 0
    stored = json.loads((stages / "scaled" / "config.json").read_text())
    assert stored["network"]["latent_scale"] == scale
    # A registration that goes on from another one, too.
    init = stages / "scaled" / "best.pt"
    more = ["network.latent_scale=data"]
    assert train(stages, "registration", "further", *more, init=init) == 0
    further = json.loads((stages / "further" / "config.json").read_text())
    assert further["network"]["latent_scale"] == scale


def test_the_diffusion_model_of_a_whole_model_is_trained_anew(stages: Path) -> None:
    """Its registration network is handed on, and the next stage goes on from it."""
    assert train(stages, "registration", "whole", "network.latent_scale=data") == 0
    whole = torch.load(stages / "whole" / "best.pt", weights_only=True)
    # Weights of which no run tells the scale: it is measured.
    init = stages / "whole.pt"
    torch.save({k: v for k, v in whole.items() if k != "latent_scale"}, init)
    more = ["network.latent_scale=data", "learning_rate=1.0e-9"]
    assert train(stages, "ldm", "again", *more, init=init) == 0
    again = torch.load(stages / "again" / "best.pt", weights_only=True)
    assert float(again.pop("latent_scale")) > 1
    assert set(again) == {k for k in whole if k != "latent_scale"}
    for name, value in again.items():
        torch.testing.assert_close(value, whole[name], atol=1e-6, rtol=0)
    init = stages / "again" / "best.pt"
    assert train(stages, "registration", "anew", *more, init=init) == 0
    anew = torch.load(stages / "anew" / "best.pt", weights_only=True)
    for name in (k for k in whole if k.startswith("registration.")):
        torch.testing.assert_close(anew[name], whole[name], atol=1e-6, rtol=0)


def test_another_scale_than_that_of_the_weights_is_refused(
    stages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(stages, "registration", "other", "network.latent_scale=2") == 2
    assert "network.latent_scale: expected that of" in capsys.readouterr().err
    assert train(stages, "registration", "other") == 2
    assert "got 1; set it to data" in capsys.readouterr().err
    untold = {
        k: v
        for k, v in torch.load(stages / "ldm" / "best.pt", weights_only=True).items()
        if k != "latent_scale"
    }
    torch.save(untold, tmp_path / "best.pt")
    more = ["network.latent_scale=data"]
    assert train(stages, "registration", "other", *more, init=tmp_path / "best.pt") == 2
    assert "does not tell the scale of its latents" in capsys.readouterr().err
    assert inherited_scale({}, tmp_path / "best.pt") == 1
    assert inherited_scale({"latent_scale": 3.0}, tmp_path / "best.pt") == 3
    with pytest.raises(InputError, match=r"network\.latent_scale: expected a number, got 'dta'"):
        StageConfig.load(stages / "registration.yaml", ["network.latent_scale=dta"])


def test_stages_go_on_from_a_model_on_generated_images_alone(tmp_path: Path) -> None:
    """No data set, no real image: as ldm-morph-echo was made from ldm-morph-cardiac-mr."""
    configs = write_configs(tmp_path, "ldm", "registration")
    model = write_model(tmp_path / "some-hearts", "ldm-morph", NETWORK)
    assert model.weights is not None
    for stage, init in (("ldm", model.weights_path), ("registration", None)):
        file = configs / f"{stage}.yaml"
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        config["data"] = {"mixture": {"apical": 1.0, "shapes": 0.5}, "size": 32}
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        assert train(configs, stage, stage, init=init) == 0
    before = read_safetensors(model.weights_path)
    after = torch.load(configs / "registration" / "best.pt", weights_only=True)
    encoder = [name for name in after if name.startswith("latent_features.encoder.")]
    assert encoder and all(torch.equal(after[name], before[name]) for name in encoder)
    lines = (configs / "registration" / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    assert "val_dice_3" in json.loads(lines[-1]), "generated pairs validate, with their labels"

    card_file = CONFIGS / "ldm-morph-cardiac-mr" / "card.yaml"
    text = card_file.read_text(encoding="utf-8").replace("[128, 128]", "[32, 32]")
    (tmp_path / "card.yaml").write_text(text, encoding="utf-8")
    export(
        [str(configs / "registration"), "--card", str(tmp_path / "card.yaml"),
         "--output", str(tmp_path / "exported")]
    )  # fmt: skip
    made = find_model(tmp_path / "exported").training["init"]
    assert made["training"]["stage"] == "ldm"
    assert made["init"]["model"] == "some-hearts"
    assert made["init"]["sha256"] == model.weights.sha256
    assert made["init"]["training"]["steps"] == 5


def test_weights_of_a_model_are_known_by_their_digest(tmp_path: Path) -> None:
    model = write_model(tmp_path / "some-hearts", "ldm-morph", NETWORK)
    weights = model.weights_path
    assert run_of(weights)["model"] == "some-hearts"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert run_of(weights) == {}
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes(weights.read_bytes())
    assert run_of(alone) == {}


def test_real_pairs_need_their_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data.root: expected the folder of the data set"):
        build_pairs({"mixture": {"real": 0.5, "apical": 0.5}}, 4, 0)
    with pytest.raises(InputError, match=r"data.scored: expected labels of \[1, 2, 3\], got \[4\]"):
        build_pairs({"mixture": {"apical": 1.0}, "scored": [4]}, 4, 0)


def test_the_scale_of_known_latents() -> None:
    stream = [{"fixed": torch.full((1, 4, 4), float(i)), "moving": torch.zeros(1, 4, 4)}
              for i in range(10)]  # fmt: skip
    values = torch.tensor([float(i) for i in range(10)] + [0.0] * 10, dtype=torch.float64)
    expected = 1 / (3 * values).repeat_interleave(16).std().item()
    assert measured_scale(lambda x: 3 * x + 7, stream, pairs=10) == pytest.approx(
        expected, rel=1e-3
    )  # type: ignore[arg-type]


def test_noise_has_the_same_part_in_scaled_latents_and_a_scale_of_one_changes_nothing() -> None:
    plain = LatentFeatures(LDMMorphConfig.from_dict(SMALL))
    scaled = LatentFeatures(LDMMorphConfig.from_dict({**SMALL, "latent_scale": 12.0}))
    latent = 0.083 * torch.randn(2, 1, 8, 8)
    alpha = plain.alphas_cumprod[1]
    noise = torch.randn(1, 8, 8)
    expected = alpha.sqrt() * latent + (1 - alpha).sqrt() * noise
    assert torch.equal(plain.noised(latent, noise=noise), expected)
    by_scale = alpha.sqrt() * (12.0 * latent) + (1 - alpha).sqrt() * noise
    torch.testing.assert_close(scaled.noised(latent, noise=noise), by_scale)
    for wrong in (0, -1, float("nan"), float("inf"), "1", True):
        with pytest.raises(ModelError, match="latent_scale must be a number above 0"):
            LDMMorphConfig.from_dict({"latent_scale": wrong})


@pytest.mark.parametrize("name", ["vqgan", "ldm", "registration", "registration-ddim"])
def test_the_bundled_recipe_scales_and_those_of_the_authors_do_not(name: str) -> None:
    config = StageConfig.load(CONFIGS / "ldm-morph-cardiac-mr" / f"{name}.yaml")
    assert config.network["latent_scale"] == "data"
    assert (config.network.get("noising") == "ddim") == name.endswith("ddim")
    if name != "registration-ddim":
        for variant in ("paper", "released"):
            path = CONFIGS / f"ldm-morph-{variant}" / f"{name}.yaml"
            assert StageConfig.load(path, ["data.root=x"]).network["latent_scale"] == 1
