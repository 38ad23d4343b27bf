"""Models adapted to pairs of a user: weights, card, place, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from SlicerLDMRegLib._weight_files import read_safetensors
from SlicerLDMRegLib.model_store import (
    Grid,
    Intensity,
    ModelCard,
    find_model,
    list_models,
    load_network,
    write_model_folder,
)
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.text import label_scheme
from Testing.Python.training.test_manifest_data import write_hearts, write_volumes
from Testing.Python.training.test_recipes import SMALL
from training.cli import main

TEXTSCF = {
    "backbone_arguments": {"start_channels": 2},
    "regions": 3,
    "text_channels": 3,
    "hidden_channels": 4,
}


def write_model(folder: Path, method: str, network: dict[str, Any], **card: Any) -> ModelCard:
    torch.manual_seed(0)
    state = build_network(method, network).state_dict()
    two = method == "ldm-morph"
    grid = Grid((32, 32), 32) if two else Grid((16, 16, 16), 16, 2.0, "LPS")
    stage = {"stage": "registration" if two else "textscf", "batch_size": 1, "network": network}
    losses = {"beta": 0.6, "smoothness": 0.01, "dice": 0.1, "latent_grad": True}
    if not two:
        losses = {"dice": 1.0, "similarity": 1.0, "smoothness": 0.1, "structures": 0.1}
        stage["text"] = {"encoder": "minilm", "template": "photo", "background": "svd"}
    training = {**stage, "steps": 5, "losses": losses, "data": {"root": "gone"}, "stages": []}
    if two:
        training["adapted_from"] = {"id": "older-hearts"}
    values: dict[str, Any] = {
        "id": folder.name, "title": "Untrained", "method": method, "spatial_dims": 2 if two else 3,
        "network": network, "grid": grid, "use": "Tests", "training": training,
        "intensity": Intensity("minmax", 1.0, 99.0),
    }  # fmt: skip
    values |= card
    return write_model_folder(folder, ModelCard(**values), state, "CC0", dtype="float32")


@pytest.fixture
def hearts(tmp_path: Path) -> Path:
    return write_hearts(tmp_path / "hearts") / "manifest.csv"


@pytest.fixture
def balls(tmp_path: Path) -> Path:
    (tmp_path / "balls").mkdir()
    return write_volumes(tmp_path / "balls")


@pytest.fixture
def ldm_morph(tmp_path: Path) -> ModelCard:
    network = {**SMALL, "familiarity_directions": 4}
    return write_model(tmp_path / "some-hearts", "ldm-morph", network)


@pytest.fixture
def textscf(tmp_path: Path) -> ModelCard:
    scheme = label_scheme({1: "ball", 5: "cube"})
    text = {"encoder": "minilm", "template": "photo", "background": "svd"}
    return write_model(tmp_path / "some-balls", "textscf", TEXTSCF, label_scheme=scheme, text=text)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of models, and a working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LDMREG_MODELS", str(tmp_path / "store"))
    return tmp_path / "store"


def adapt(card: ModelCard, manifest: Path, *more: str) -> int:
    assert card.folder is not None
    return main(["finetune", str(card.folder), str(manifest), "--device", "cpu", *more])


def test_a_2d_model_is_adapted_and_listed(hearts: Path, ldm_morph: ModelCard, store: Path) -> None:
    assert adapt(ldm_morph, hearts, "--steps", "2", "--rate", "0.001") == 0
    assert "some-hearts-adapted" in [card.id for card in list_models()]
    card = find_model("some-hearts-adapted", "registration")
    assert card.folder == store / "some-hearts-adapted" and card.grid == ldm_morph.grid
    assert card.training["steps"] == 2 and card.training["data"]["set"] == "manifest"
    assert card.training["adapted_from"]["id"] == "some-hearts"
    assert card.training["adapted_from"]["sha256"] == ldm_morph.weights.sha256
    assert card.training_data[-1].name == "Images of the user, train pairs 2, validation pairs 1"
    before, after = (read_safetensors(c.weights_path) for c in (ldm_morph, card))
    frozen = [k for k in before if k.startswith("latent_features.")]
    assert frozen and all(torch.equal(before[k], after[k]) for k in frozen)
    trained = [k for k in before if k.startswith("registration.")]
    assert not all(torch.equal(before[k], after[k]) for k in trained)
    # They began with those of the model: two steps of Adam go no further than this.
    assert all(torch.allclose(before[k], after[k], atol=4e-3, rtol=0) for k in trained)
    assert not torch.equal(before["familiarity.mean"], after["familiarity.mean"])
    # What the model itself was adapted from is named, too.
    assert card.training["adapted_from"]["adapted_from"] == {"id": "older-hearts"}
    load_network(card)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_3d_model_is_adapted_with_and_without_labels(
    balls: Path, textscf: ModelCard, store: Path, labelled: bool
) -> None:
    if not labelled:
        lines = [line.split(",") for line in balls.read_text().splitlines()]
        kept = [",".join(line[0:1] + line[-2:]) for line in lines]
        balls.write_text("\n".join(kept) + "\n")
    assert (
        adapt(textscf, balls, "--steps", "2", "--output", str(store / "mine"), "--id", "mine") == 0
    )
    card = find_model("mine", "registration")
    assert card.label_scheme == textscf.label_scheme and card.text == textscf.text
    assert card.training["losses"]["dice"] == (1.0 if labelled else 0.0)
    before, after = (read_safetensors(c.weights_path) for c in (textscf, card))
    # No text encoder is needed: the embeddings are the model's.
    assert torch.equal(before["embeddings"], after["embeddings"])
    changed = {k for k in before if not torch.equal(before[k], after[k])}
    assert any(k.startswith("backbone.") for k in changed)
    assert any(k.startswith("function.") for k in changed) == labelled
    network = load_network(card)
    moving, fixed = torch.rand(2, 1, 1, 16, 16, 16)
    assert torch.isfinite(network(moving, fixed).displacement).all()


def test_labels_of_other_names_are_refused(
    balls: Path, textscf: ModelCard, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = balls.read_text()
    for old, new, message in (
        ('""1"": ""ball""', '""1"": ""cube""', "for 1 'ball', got 'cube'"),
        ('""1"": ""ball""', '""2"": ""ball""', "for 2 a label that it knows, got 'ball'"),
    ):
        balls.write_text(text.replace(old, new))
        assert adapt(textscf, balls) == 2
        assert message in capsys.readouterr().err
    assert not store.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--steps", "0"], 2, "--steps: expected at least 1"),
        (["--set", "losses.lamda=1"], 2, "losses.lamda: .*smoothness"),
        (["--id", "Not Good"], 3, "lower-case words"),
        (["--output", "."], 2, "is there already; pass --overwrite"),
    ],
)
def test_usage_errors_are_told_before_anything_is_trained(
    hearts: Path,
    ldm_morph: ModelCard,
    store: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    assert adapt(ldm_morph, hearts, *arguments) == code
    told = capsys.readouterr().err
    assert re.search(message, told), told
    assert not store.exists() and not Path("runs").exists()


def test_models_and_images_that_do_not_fit_are_refused(
    balls: Path,
    hearts: Path,
    ldm_morph: ModelCard,
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert adapt(ldm_morph, balls) == 2
    assert "expected 2D images for some-hearts, got 3D" in capsys.readouterr().err
    imported = write_model(tmp_path / "imported", "ldm-morph", SMALL, training={})
    assert adapt(imported, hearts) == 3
    assert "expected a registration model that tells how it was trained" in capsys.readouterr().err
    assert adapt(ldm_morph, tmp_path / "none.csv") == 2
    assert "there is no file" in capsys.readouterr().err
