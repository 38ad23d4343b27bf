"""Configurations: every key at every depth is checked, and the nearest one is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from SlicerLDMRegLib.errors import InputError
from training.config import StageConfig, find_config, named_configs
from training.loop import learning_rate

REGISTRATION: dict[str, Any] = {
    "stage": "registration",
    "steps": 10,
    "batch_size": 1,
    "network": {"embed_dim": 8},
    "data": {"root": "data", "augment": {"flip": False}, "mixture": {"real": 1, "echo": 0.5}},
    "losses": {"beta": 0.6, "smoothness": 0.01, "latent_grad": True},
}
TEXTSCF: dict[str, Any] = {
    "stage": "textscf",
    "steps": 10,
    "batch_size": 1,
    "network": {"backbone_arguments": {"start_channels": 8}, "regions": 14},
    "data": {"root": "data", "set": "abdomen-ct", "options": {"halve": True}},
    "text": {"encoder": "one-hot", "template": "abdomen-ct"},
    "losses": {"dice": 1, "similarity": 1.0, "smoothness": 0.1},
}
BRAINS = {**TEXTSCF, "data": {"root": "data", "images": {"deformation": {"strength": 0.3}}}}


def load(folder: Path, values: dict[str, Any], *overrides: str) -> StageConfig:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return StageConfig.load(path, overrides)


@pytest.mark.parametrize("values", [REGISTRATION, TEXTSCF, BRAINS])
def test_good_configurations_are_read(tmp_path: Path, values: dict[str, Any]) -> None:
    config = load(tmp_path, values, "schedule=polynomial", "power=0.5", "amsgrad=true")
    assert (config.schedule, config.power, config.amsgrad) == ("polynomial", 0.5, True)


@pytest.mark.parametrize(
    ("values", "override", "message"),
    [
        # Each of these trained something else without a word.
        (REGISTRATION, "losses.lamda=0.01", "losses.lamda: .*; did you mean smoothness?"),
        (REGISTRATION, "losses.smothness=1", "did you mean smoothness?"),
        (REGISTRATION, "losses.dise=0.1", "losses.dise: .* did you mean dice?"),
        (REGISTRATION, "data.mixtrue.real=1", "data.mixtrue: .* did you mean mixture?"),
        (REGISTRATION, "data.augment.rotation=9", "data.augment.rotation: .*rotation_deg"),
        (REGISTRATION, "schedule=polynomal", "schedule: .*did you mean polynomial?"),
        (REGISTRATION, "schedule=poly", "expected one of constant, cosine, polynomial, got 'poly'"),
        (TEXTSCF, "text.sheme=btcv", "text.sheme: .*did you mean scheme?"),
        (TEXTSCF, "data.options.half=true", "data.options.half: .*did you mean halve?"),
        (TEXTSCF, "data.masks.perfct=1", "data.masks.perfct: .*did you mean perfect?"),
        (BRAINS, "data.images.deformation.strenght=1", "deformation.strenght: .*strength?"),
        (BRAINS, "data.images.contrast.t1=1", "data.images.contrast: .*contrasts?"),
        # These ended in an error later, or in one of Python.
        (REGISTRATION, "network.embed_dims=8", "network.embed_dims: .*did you mean embed_dim?"),
        (REGISTRATION, "network.depths=[1,1]", "network.depths: expected 4 values, got 2"),
        (TEXTSCF, "network.backbone=lkunet", "network.backbone: .*did you mean lku-net?"),
        (TEXTSCF, "network.backbone_arguments.channels=8", "backbone_arguments.channels"),
        (TEXTSCF, "network.filters=blend", "network.filters: .*did you mean blended?"),
        (TEXTSCF, "data.set=abdomen", "data.set: .*did you mean abdomen-ct?"),
        (TEXTSCF, "losses.dice_form=relased", "losses.dice_form: .*did you mean released?"),
        (TEXTSCF, "text.background=svd2", "text.background: .*did you mean svd?"),
        (REGISTRATION, "lr=0.1", "lr: .*did you mean learning_rate?"),
        (REGISTRATION, "epochs=9", "epochs: .*did you mean steps?"),
        (REGISTRATION, "learning_rate=1e-4", "learning_rate: expected a number, got '1e-4'; YAML"),
        (REGISTRATION, "batch_size=0", "batch_size: expected at least 1, got 0"),
        (REGISTRATION, "losses.beta=half", "losses.beta: expected a number, got 'half'"),
        (REGISTRATION, "losses.latent_grad=1", "latent_grad: expected true or false, got 1"),
        (REGISTRATION, "steps=10.5", "steps: expected an integer, got 10.5"),
        (REGISTRATION, "steps=true", "steps: expected an integer, got True"),
        (REGISTRATION, "losses=3", "losses: expected .*got 3"),
        (REGISTRATION, "data.mixture.mri=1", "data.mixture: expected one of real, .*got 'mri'"),
        (REGISTRATION, "stage=registraton", "stage: .*did you mean registration?"),
        (REGISTRATION, "text.encoder=minilm", "text.encoder: there is no such option"),
        (REGISTRATION, "steps.more=1", "steps is no section"),
    ],
)
def test_what_is_misspelt_is_told_with_the_nearest_name(
    tmp_path: Path, values: dict[str, Any], override: str, message: str
) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        load(tmp_path, values, override)


@pytest.mark.parametrize(
    ("values", "section", "name"),
    [
        (REGISTRATION, "losses", "latent_grad"),
        (REGISTRATION, "data", "root"),
        (TEXTSCF, "losses", "similarity"),
        (TEXTSCF, "text", "encoder"),
        (BRAINS, "data", "images"),
    ],
)
def test_what_is_missing_is_told(
    tmp_path: Path, values: dict[str, Any], section: str, name: str
) -> None:
    less = {k: v for k, v in values[section].items() if k != name}
    with pytest.raises(InputError, match=rf"{section}.{name}: expected this option"):
        load(tmp_path, {**values, section: less})


def test_a_configuration_changes_its_base_section_by_section(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(REGISTRATION))
    config = load(tmp_path, {"base": "base.yaml", "steps": 3, "losses": {"beta": 0.2}})
    assert config.steps == 3 and config.network == {"embed_dim": 8}
    assert config.losses == {"beta": 0.2, "smoothness": 0.01, "latent_grad": True}
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        load(tmp_path, {"base": "none.yaml"})


@pytest.mark.parametrize("name", named_configs())
def test_every_named_configuration_passes(name: str) -> None:
    config = StageConfig.load(find_config(name), ["data.root=data"])
    assert config.stage


def test_names_of_configurations_are_found(tmp_path: Path) -> None:
    assert find_config("textscf-brain-mr/textscf").name == "textscf.yaml"
    with pytest.raises(InputError, match=r"did you mean .*textscf-brain-mr/textscf"):
        find_config("textscf-brain/textscf")


def config(**options: Any) -> StageConfig:
    return StageConfig("ldm", 100, 1, {}, {}, learning_rate=1.0, **options)


def test_polynomial_schedule_is_that_of_the_paper() -> None:
    assert learning_rate(config(schedule="polynomial"), 0) == 1
    assert learning_rate(config(schedule="polynomial"), 50) == pytest.approx(0.5**0.9)
    assert learning_rate(config(schedule="polynomial", power=2.0), 75) == pytest.approx(1 / 16)
    by_epoch = config(schedule="polynomial", epoch_steps=20)
    assert learning_rate(by_epoch, 19) == 1
    assert learning_rate(by_epoch, 20) == learning_rate(by_epoch, 39) == pytest.approx(0.8**0.9)
    assert learning_rate(by_epoch, 99) == pytest.approx(0.2**0.9)
    assert learning_rate(config(schedule="polynomial"), 100) == 0
    assert learning_rate(config(), 99) == 1
