"""The papers' recipes: what they say, where paper and released code differ, and that they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from lightning_fabric import Fabric

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import warp
from Testing.Python.training.layout_folders import write_acdc, write_camus
from training.cli import main
from training.config import CONFIGS, StageConfig, find_config
from training.datasets.augment import Pair
from training.datasets.pairs import build_pairs, to_tensors
from training.exhibits.rehearsal import LDM_MORPH as SMALL
from training.stages import build_stage
from training.stages.registration import RegistrationStage

SHORT = {"steps": 1, "validate_every": 1, "workers": 0}


def flat(values: dict[str, Any], place: str = "") -> dict[str, Any]:
    result = {}
    for name, value in values.items():
        own = (
            flat(value, f"{place}{name}.") if isinstance(value, dict) else {f"{place}{name}": value}
        )
        result |= own
    return result


def recipe(name: str) -> dict[str, Any]:
    values = StageConfig.load(find_config(name), ["data.root=data"]).to_dict()
    return {k: v for k, v in flat(values).items() if k != "title"}


@pytest.mark.parametrize(
    ("paper", "released", "differences"),
    [
        ("ldm-morph-paper/vqgan", "ldm-morph-released/vqgan", set()),
        ("ldm-morph-paper/ldm", "ldm-morph-released/ldm", {"ema_decay"}),
        (
            "ldm-morph-paper/registration",
            "ldm-morph-released/registration",
            {"losses.latent_grad"},
        ),
        (
            "textscf-oasis-paper/textscf",
            "textscf-oasis-released/textscf",
            {"steps", "text.background", "losses.dice_form", "network.filters"}
            | {"network.functions", "network.padding"},
        ),
        (
            "textscf-abdomen-paper/textscf",
            "textscf-abdomen-paper/plain",
            {"network.filters"},
        ),
    ],
)
def test_paper_and_released_code_differ_where_it_is_known(
    paper: str, released: str, differences: set[str]
) -> None:
    one, other = recipe(paper), recipe(released)
    found = {name for name in {*one, *other} if one.get(name) != other.get(name)}
    if paper.startswith("ldm"):
        differences = differences | {"network.noising", "network.lgca_second"}
    assert found == differences


def test_recipes_have_the_numbers_of_the_papers() -> None:
    camus = recipe("ldm-morph-paper/registration")
    assert (camus["steps"], camus["batch_size"], camus["learning_rate"]) == (60 * 400, 1, 1e-4)
    assert (camus["losses.beta"], camus["losses.smoothness"]) == (0.6, 0.01)
    autoencoder = recipe("ldm-morph-paper/vqgan")
    assert autoencoder["losses.discriminator_start"] == 40001
    assert autoencoder["learning_rate"] == pytest.approx(4.5e-6 * 10 * 2)
    abdomen = recipe("textscf-abdomen-paper/textscf")
    assert (abdomen["steps"], abdomen["epoch_steps"]) == (100 * 380, 380)
    assert (abdomen["schedule"], abdomen["power"], abdomen["amsgrad"]) == ("polynomial", 0.9, True)
    assert recipe("textscf-oasis-paper/textscf")["steps"] == 700 * 394
    assert recipe("textscf-oasis-released/textscf")["steps"] == 501 * 394
    assert recipe("textscf-oasis-paper/textscf")["network.backbone_arguments.start_channels"] == 64


@pytest.fixture(scope="module")
def camus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_camus(tmp_path_factory.mktemp("camus"))


def shrunk(folder: Path, name: str, root: Path, **changes: Any) -> Path:
    """A recipe with a small network and one step, for generated data."""
    values = {"base": str(CONFIGS / f"{name}.yaml"), **SHORT, "network": SMALL, "batch_size": 1}
    values |= {"data": {"root": str(root)}, **changes}
    path = folder / f"{name.replace('/', '-')}.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_ldm_morph_is_trained_on_camus(variant: str, camus: Path, tmp_path: Path) -> None:
    before = None
    for stage in ("vqgan", "ldm", "registration"):
        losses = {"discriminator_start": 0, "discriminator_channels": 4}
        more = {"losses": losses} if stage == "vqgan" else {}
        path = shrunk(tmp_path, f"ldm-morph-{variant}/{stage}", camus, **more)
        arguments = ["train", str(path), "--output", str(tmp_path / stage), "--device", "cpu"]
        arguments += [] if before is None else ["--init", str(before)]
        assert main(arguments) == 0
        before = tmp_path / stage / "best.pt"
    stored = json.loads((tmp_path / "registration" / "config.json").read_text())
    assert stored["network"]["noising"] == {"paper": "ddim", "released": "seeded"}[variant]
    record = json.loads((tmp_path / "registration" / "progress.jsonl").read_text())
    assert 0 < record["val_dice"] < 1 and record["val_mse"] > 0


def stage_of(path: Path, init: Path, *overrides: str) -> RegistrationStage:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.seed_everything(0, verbose=False)
    stage = build_stage(StageConfig.load(path, overrides), fabric, init)
    assert isinstance(stage, RegistrationStage)
    return stage


def test_validation_scores_the_labels_of_the_paper_or_those_that_are_named(tmp_path: Path) -> None:
    acdc = write_acdc(tmp_path / "acdc")
    path = shrunk(tmp_path, "ldm-morph-paper/registration-acdc", acdc)
    from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig

    network = LDMMorph(LDMMorphConfig.from_dict(SMALL))
    torch.save(network.latent_features.state_dict(), tmp_path / "init.pt")
    dice = {}
    for name, override in (
        ("paper", "seed=0"),
        ("left", "data.scored=[3]"),
        ("right", "data.scored=[1]"),
    ):
        stage = stage_of(path, tmp_path / "init.pt", override)
        stage.model.registration.module.requires_grad_(False)
        dice[name] = stage.validate()["dice"]
        # An untrained network moves nothing: the Dice is that of the labels as they are.
        v = stage.validation
        labels = {"paper": (2, 3), "left": (3,), "right": (1,)}[name]
        expected = []
        for moving, fixed in zip(v["moving_labels"], v["fixed_labels"], strict=True):
            own = [2 * (moving[n - 1] * fixed[n - 1]).sum() / (moving[n - 1] + fixed[n - 1]).sum()
                   for n in labels]  # fmt: skip
            expected.append(float(np.mean(own)))
        assert dice[name] == pytest.approx(np.mean(expected), abs=0.02)
    assert dice["right"] > 0.95 > dice["left"]
    with pytest.raises(InputError, match=r"data.scored: expected labels of \[1, 2, 3\], got \[4\]"):
        stage_of(path, tmp_path / "init.pt", "data.scored=[4]")


@pytest.mark.parametrize(("label", "classes"), [(9, 3), (4, 3), (2, 1), (255, 3), (3, 2)])
def test_a_label_outside_of_the_scheme_is_no_other_label(label: int, classes: int) -> None:
    image = np.zeros((8, 8), np.float32)
    labels = np.zeros((8, 8), np.uint8)
    good = labels.copy()
    labels[2, 3] = label
    for pair in (Pair(image, image, labels, good), Pair(image, image, good, labels)):
        with pytest.raises(
            InputError, match=rf"expected 0 to {classes} of the scheme, got {label}"
        ):
            to_tensors(pair, classes)
    assert to_tensors(Pair(image, image, labels, good), label)["fixed_labels"][label - 1].sum() == 1


def test_pairs_of_a_data_set_are_drawn_and_not_changed_without_augmentation(camus: Path) -> None:
    data = {"set": "camus-2ch", "root": str(camus), "augment": "none"}
    pairs = build_pairs(data, 40, 0)
    assert (pairs.classes, pairs.scored, len(pairs.validation)) == (3, (1,), 1)
    real = [p.fixed for p in pairs.stream.real]
    drawn = [pairs.stream.pair(i).fixed for i in range(40)]
    seen = {next(k for k, r in enumerate(real) if np.array_equal(d, r)) for d in drawn}
    assert seen == {0, 1, 2, 3}
    item = pairs.stream[0]
    assert item["fixed_labels"].shape == (3, 128, 128)
    warped = warp(item["moving_labels"][None], torch.zeros(1, 2, 128, 128))
    torch.testing.assert_close(warped[0], item["moving_labels"])
    mixed = build_pairs({**data, "mixture": {"real": 1, "shapes": 1}}, 20, 0)
    assert all(mixed.stream[i]["fixed_labels"].shape[0] == 3 for i in range(6))
