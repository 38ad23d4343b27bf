"""Segmenters of 2D images: images of which a part is drawn, their loss, and the stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

import yaml

from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.losses import segmentation_loss
from SlicerLDMRegLib.model_store import build_segmenter
from SlicerLDMRegLib.networks import build_network
from Testing.Python.training.tiny_stages import write_cardiac_pairs
from training.config import StageConfig
from training.datasets.augment import AugmentOptions, Pair, augment
from training.datasets.structure_images import (
    UNKNOWN,
    StructureImages,
    build_structure_images,
    heart_images,
)
from training.evaluate_segmenter import main as evaluate
from training.export import main as export
from training.train import main as train

NETWORK = {"spatial_dims": 2, "classes": 5, "features": [4, 4, 8, 8, 8, 4], "patch": 2}


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cardiac_pairs(tmp_path_factory.mktemp("hearts") / "data")


def data(root: Path, **more: Any) -> dict[str, Any]:
    mixture = {"real": 0.5, "cardiac": 0.25, "echo": 0.25}
    return {"set": "cardiac-mr", "root": str(root), "mixture": mixture, "size": 32, **more}


def test_what_was_not_drawn_is_unknown(hearts: Path) -> None:
    options = AugmentOptions.from_config("none")
    for kind, expected in (
        ("real", {1, UNKNOWN}),
        ("cardiac", {0, 1, 2, 3}),
        ("echo", {0, 1, 2, 4}),
        ("apical", {0, 1, 2, 3, 4}),
    ):
        stream, _ = build_structure_images(
            {**data(hearts), "mixture": {kind: 1.0}, "augment": "none", "pool": 3}, 20, 1
        )
        found = {int(n) for i in range(20) for n in stream[i]["labels"].unique()}
        assert found == expected, kind
        assert stream[0]["image"].shape == stream[0]["labels"].shape == (1, 32, 32)
    with pytest.raises(InputError, match="asks for real pairs"):
        StructureImages([], {"real": 1.0}, 1, 0, options)


def test_items_depend_on_seed_and_number_alone(hearts: Path) -> None:
    settings = data(hearts, augment={"elastic": 0.05, "bias": 0.3}, pool=4)
    first, again, other = (build_structure_images(settings, 9, seed)[0] for seed in (1, 1, 2))
    again[0]  # another order
    for name in ("image", "labels"):
        assert torch.equal(first[5][name], again[5][name])
    assert not torch.equal(first[5]["image"], other[5]["image"])
    assert not torch.equal(first[5]["image"], first[6]["image"])


def test_validation_images_have_both_phases_and_both_kinds(hearts: Path) -> None:
    validation = build_structure_images(data(hearts), 1, 0)[1]
    assert len(validation) == 2 * 4 + 2 * (6 + 6)  # 4 patients, and 6 pairs of each kind
    assert sum(bool((item["labels"] == UNKNOWN).any()) for item in validation) == 8
    unseen = heart_images(hearts, "test", pairs=2)
    assert [len(images) for images in unseen.values()] == [2 * 6, 4, 4, 4]
    assert unseen["Cine MR (left ventricle)"][0].drawn == (1,)
    assert list(heart_images(hearts / "absent", kinds=("apical", "shapes"), pairs=1)) == [
        "Generated apical views"
    ]


def test_a_mixture_without_real_images_needs_no_data_set() -> None:
    settings = {"mixture": {"apical": 1.0, "shapes": 0.5}, "size": 32, "pool": 3}
    stream, validation = build_structure_images(settings, 12, 1)
    found = {int(n) for i in range(12) for n in stream[i]["labels"].unique()}
    assert found == {0, 1, 2, 3, 4}
    assert len(validation) == 2 * 6, "of shapes nothing is a structure"
    with pytest.raises(InputError, match=r"data.set, data.root: expected a data set"):
        build_structure_images({**settings, "mixture": {"real": 1.0}}, 1, 1)


@pytest.mark.parametrize("part", ["elastic", "bias"])
def test_elastic_deformation_moves_labels_along_and_a_bias_field_does_not(part: str) -> None:
    labels = np.zeros((64, 64), np.uint8)
    labels[20:44, 18:40] = 1
    image = 0.2 + 0.8 * labels.astype(np.float32)
    still = AugmentOptions.from_config("none")
    out = augment(
        Pair(image, image, labels, labels),
        np.random.default_rng(4),
        AugmentOptions(**{**still.__dict__, part: 0.05}),
    )
    assert np.array_equal(out.fixed_labels, labels) == (part == "bias")
    assert np.abs(out.fixed - image).max() > 0.02
    threshold = 0.5 * (
        out.fixed[out.fixed_labels == 1].mean() + out.fixed[out.fixed_labels == 0].mean()
    )
    assert ((out.fixed > threshold) != (out.fixed_labels == 1)).mean() < 0.02


def test_unknown_pixels_are_only_known_not_to_be_what_was_drawn() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 4, 6, 6, generator=generator, requires_grad=True)
    labels = torch.full((1, 1, 6, 6), UNKNOWN)
    labels[..., :3] = 2
    loss = segmentation_loss(logits, labels, UNKNOWN)
    # As if there were two classes: the one that was drawn, and all others together.
    p = logits.softmax(1)
    two = torch.stack([1 - p[:, 2], p[:, 2]], 1).log()
    expected = segmentation_loss(two, (labels == 2).long())
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    # Which of the others an unknown pixel is makes no difference.
    loss.backward()
    assert logits.grad is not None
    other = logits.detach().clone()
    other[:, 0, :, 3:], other[:, 1, :, 3:] = logits[:, 1, :, 3:], logits[:, 0, :, 3:]
    assert float(segmentation_loss(other, labels, UNKNOWN)) == pytest.approx(loss.item(), abs=1e-5)
    # Where everything is known nothing changes; where nothing was drawn there is no loss.
    known = torch.randint(0, 4, (1, 1, 6, 6), generator=generator)
    assert torch.equal(segmentation_loss(logits, known, UNKNOWN), segmentation_loss(logits, known))
    assert float(segmentation_loss(logits, torch.full_like(labels, UNKNOWN), UNKNOWN)) == 0.0


def test_a_2d_network() -> None:
    network = build_network("unet", NETWORK)
    assert network.spatial_dims == 2
    assert network(torch.rand(2, 1, 64, 32)).shape == (2, 5, 64, 32)
    assert build_network("unet", {"classes": 2, "features": [4] * 6}).spatial_dims == 3
    with pytest.raises(ModelError, match="spatial_dims must be 2 or 3"):
        build_network("unet", {**NETWORK, "spatial_dims": 4})


def test_the_stage_trains_exports_and_is_measured(hearts: Path, tmp_path: Path) -> None:
    config = {
        "stage": "segmentation",
        "network": NETWORK,
        "steps": 4,
        "batch_size": 2,
        "validate_every": 2,
        "ema_decay": 0.9,
        "data": data(hearts, augment={"elastic": 0.03, "bias": 0.2}, pool=4),
    }
    file = tmp_path / "segmentation.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    place = [str(file), "--device", "cpu", "--output"]
    train([*place, str(tmp_path / "whole")])
    lines = (tmp_path / "whole" / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    assert 0 < json.loads(lines[-1])["val_dice"] < 1
    recipe = StageConfig.load(file)
    assert recipe.network["spatial_dims"] == 2
    card = Path(__file__).parents[3] / "training" / "configs" / "segment-heart-2d" / "card.yaml"
    text = card.read_text(encoding="utf-8").replace("size: [128, 128]", "size: [32, 32]")
    (tmp_path / "card.yaml").write_text(text, encoding="utf-8")
    folder = tmp_path / "segment-heart-2d"
    export(
        [str(tmp_path / "whole"), "--card", str(tmp_path / "card.yaml"), "--output", str(folder)]
    )
    assert build_segmenter(folder).names[4] == "left atrium"
    evaluate([str(folder), "--output", str(tmp_path / "out"), "--root", str(hearts)])
    table = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert "Cine MR (left ventricle)" in table and "Generated echo" in table
