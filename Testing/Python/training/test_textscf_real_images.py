"""textSCF trained on real images: the images themselves, any label scheme, both forms of Dice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from lightning_fabric import Fabric

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import identity_grid, warp
from SlicerLDMRegLib.losses import mse
from SlicerLDMRegLib.model_store import load_network
from Testing.Python.training.layout_folders import write_abdomen
from training.cli import main
from training.config import StageConfig
from training.datasets.volumes import build_pairs, region_embeddings, region_scheme
from training.export import export
from training.loop import Step
from training.released_dice import released_dice_loss
from training.stages import build_stage
from training.stages.field_scores import mean_dice
from training.stages.textscf import TextSCFStage

NETWORK = {
    "backbone_arguments": {"start_channels": 2},
    "regions": 14,
    "text_channels": 14,
    "hidden_channels": 4,
}
CARD = {
    "id": "textscf-organs",
    "title": "Organs",
    "use": "Tests",
    "grid": {"size": [16, 16, 32], "divisor": 16, "spacing": 4.0, "orientation": "LPS"},
    "training_data": [{"name": "Generated", "licence": "CC0"}],
}


@pytest.fixture(scope="module")
def abdomen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_abdomen(tmp_path_factory.mktemp("abdomen"), shape=(64, 32, 32))


@pytest.fixture
def config(abdomen: Path, tmp_path: Path) -> Path:
    values: dict[str, Any] = {
        "stage": "textscf",
        "steps": 2,
        "batch_size": 1,
        "validate_every": 2,
        "network": NETWORK,
        "data": {"set": "abdomen-ct", "root": str(abdomen), "options": {"halve": True}},
        "text": {"encoder": "one-hot", "template": "abdomen-ct"},
        "losses": {"dice": 1.0, "similarity": 1.0, "smoothness": 0.1, "voxels": "all"},
    }
    path = tmp_path / "textscf.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def stage_of(config: Path, *overrides: str) -> TextSCFStage:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.seed_everything(0, verbose=False)
    stage = build_stage(StageConfig.load(config, overrides), fabric, None)
    assert isinstance(stage, TextSCFStage)
    return stage


def batch_of(stage: TextSCFStage) -> dict[str, torch.Tensor]:
    return {k: v[None] for k, v in {**stage.stream[0], "item": torch.tensor(0)}.items()}


def displacement(stage: TextSCFStage, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    network = stage.model.module.network.eval()
    with torch.no_grad():
        found = network(
            batch["moving"], batch["fixed"], regions=stage._regions(batch["fixed_labels"])
        )
    return found.displacement


def test_losses_are_those_of_the_images_and_of_all_labels(config: Path) -> None:
    for form in ("present", "released"):
        stage = stage_of(config, "learning_rate=0.0", f"losses.dice_form={form}")
        batch = batch_of(stage)
        assert set(batch) == {"moving", "fixed", "moving_labels", "fixed_labels", "item"}
        u = displacement(stage, batch)
        log = stage.step(batch, Step(0))
        assert log["similarity"] == pytest.approx(
            float(mse(warp(batch["moving"], u), batch["fixed"]))
        )
        moving, fixed = (
            F.one_hot(batch[f"{name}_labels"][:, 0].long(), 14).movedim(-1, 1).float()
            for name in ("moving", "fixed")
        )
        if form == "released":
            warped = warp(moving, u, padding="zeros")
            total = (warped**2 + fixed**2).flatten(2).sum(2)
        else:
            warped = warp(moving, u)
            total = (warped + fixed).flatten(2).sum(2)
        dice = 2 * (warped * fixed).flatten(2).sum(2) / (total + 1e-5)
        counted = total > 0
        expected = dice.mean() if form == "released" else dice[:, 1:][counted[:, 1:]].mean()
        assert log["dice_loss"] == pytest.approx(1 - float(expected), abs=1e-4)


def test_released_dice_counts_background_and_absent_labels() -> None:
    labels = torch.zeros(1, 1, 4, 4, 4, dtype=torch.uint8)
    labels[..., :2] = 1
    points = identity_grid((4, 4, 4))[None].requires_grad_()
    assert released_dice_loss(labels, labels, points, 2).item() == pytest.approx(0, abs=1e-6)
    # Of four labels two are nowhere.
    assert released_dice_loss(labels, labels, points, 4).item() == pytest.approx(0.5, abs=1e-6)
    moved = points + torch.tensor([0, 0, 0.3]).view(1, 3, 1, 1, 1)
    loss = released_dice_loss(labels, labels, moved, 2)
    (gradient,) = torch.autograd.grad(loss, points)
    step = 1e-2
    change = [
        float(released_dice_loss(labels, labels, moved.detach() + sign * step * axis, 2))
        for sign in (1, -1)
        for axis in [torch.tensor([0, 0, 1.0]).view(1, 3, 1, 1, 1)]
    ]
    assert float(gradient[:, 2].sum()) == pytest.approx(
        (change[0] - change[1]) / (2 * step), rel=0.02
    )
    with pytest.raises(ValueError, match="2 or more"):
        released_dice_loss(labels, labels, points, 1)


def test_validation_is_measured_at_the_whole_resolution(config: Path) -> None:
    stage = stage_of(config)
    pair = stage.validation[0]
    assert pair["fixed"].shape == (1, 32, 16, 16)
    assert pair["full_fixed_labels"].shape == (1, 64, 32, 32)
    constant = torch.zeros(1, 3, 16, 8, 8)
    constant[:, 0] = 2.0  # voxels of the half lattice along z: 4 of the whole
    network = stage.model.module.network
    network.field = lambda *_, **__: constant
    scores = stage.validate()
    expected = []
    for item in stage.validation:
        u = torch.zeros(1, 3, 64, 32, 32)
        u[:, 0] = 4.0
        warped = warp(item["full_moving_labels"][None], u, mode="nearest").long()
        expected.append(mean_dice(warped, item["full_fixed_labels"][None].long(), 14))
    assert scores["dice"] == pytest.approx(np.mean(expected))


def test_a_run_becomes_a_model_with_the_names_of_its_labels(config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = ["train", str(config), "--output", str(run), "--device", "cpu"]
    assert main([*arguments, "--set", "losses.dice_form=released"]) == 0
    log = [json.loads(line) for line in (run / "progress.jsonl").read_text().splitlines()]
    assert 0 < log[-1]["val_dice"] < 1
    card = tmp_path / "card.yaml"
    card.write_text(yaml.safe_dump(CARD))
    model = export(run, card, tmp_path / "model", None, "float32")
    assert model.label_names[6] == "liver" and len(model.label_names) == 13
    assert load_network(model).uses_regions


def test_any_scheme_gives_the_rows_of_the_table(abdomen: Path) -> None:
    data = {"set": "abdomen-ct", "root": str(abdomen)}
    few = {"scheme": {1: "spleen", 6: "liver", 40: "heart"}, "encoder": "one-hot"}
    with pytest.raises(InputError, match=r"text.scheme: expected the labels of .*\[2, 3, 4, 5, 7"):
        build_pairs(data, 3, 0, few)
    rest = [n for n in range(1, 14) if n not in (1, 6)]
    pairs = build_pairs({**data, "exclude": rest}, 3, 0, few)
    assert pairs.numbers == (1, 6, 40)
    # Row 2 is the liver; what is excluded is background.
    whole = build_pairs(data, 3, 0, {})
    one, other = pairs.stream[1]["fixed_labels"], whole.stream[1]["fixed_labels"]
    assert torch.equal(one == 2, other == 6) and set(one.unique().tolist()) == {0, 2}
    table = region_embeddings({**few, "template": "photo", "background": "svd"}, (16, 16, 16))
    assert table.shape == (4, 4)


def test_schemes_that_do_not_fit_are_refused(config: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"network.regions: expected 14, .* got 36"):
        stage_of(config, "network.regions=36", "network.text_channels=36")
    with pytest.raises(InputError, match="label scheme: expected one of"):
        stage_of(config, "text.scheme=organs")
    brains = {"root": str(tmp_path), "images": {}}
    with pytest.raises(InputError, match=r"expected freesurfer35, .* got 13 other labels"):
        build_pairs(brains, 1, 0, {"scheme": "btcv"})
    assert list(region_scheme({"scheme": "msd-hippocampus"})) == [1, 2]
    with pytest.raises(InputError, match="expected 3D images for textSCF, got 2D"):
        cardiac = tmp_path / "cardiac"
        cardiac.mkdir()
        for group in ("HF-I", "HF-NI", "HYP", "N"):
            for patient in range(1, 5):
                image = np.arange(64, dtype=np.uint8).reshape(8, 8)
                arrays = {k: image for k in ("fixed", "moving", "fixed_seg", "moving_seg")}
                np.savez(cardiac / f"SC-{group}-{patient:02}_s05.npz", **arrays)
        build_pairs({"set": "cardiac-mr", "root": str(cardiac)}, 1, 0)


def test_labels_outside_of_the_classes_are_no_others() -> None:
    a = torch.tensor([0, 1, 2])
    assert mean_dice(a, a, 3) == 1
    with pytest.raises(InputError, match="expected 0 to 2 of the scheme, got 9"):
        mean_dice(torch.tensor([0, 1, 9]), a, 3)
    assert mean_dice(a, torch.tensor([0, 1, 1]), 3, (2,)) == 0
