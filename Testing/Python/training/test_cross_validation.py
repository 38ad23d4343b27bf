"""Folds by subject, small networks with one budget, and latents of another run or a model."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from SlicerLDMRegLib._weight_files import read_safetensors
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.model_store import find_model
from Testing.Python.training.layout_folders import write_camus, write_neurite
from Testing.Python.training.test_manifest_data import write_volumes
from Testing.Python.training.tiny_stages import write_cardiac_pairs
from training.cli import main
from training.config import CONFIGS, StageConfig, find_config
from training.datasets.layouts import DataSet, open_data_set
from training.datasets.layouts.splits import in_folds
from training.exhibits import EXHIBITS
from training.exhibits.run import Choices, adapted, latents
from training.exhibits.run import stages as stages_of

TABLE_1, TABLE_3 = EXHIBITS["ldm-morph-table-1"], EXHIBITS["ldm-morph-table-3"]
CARDIAC = {"camus-2ch": "cardiac-mr"}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cine MR of 16 patients, four of each group."""
    return write_cardiac_pairs(tmp_path_factory.mktemp("folds") / "data")


def folds_of(name: str, root: Path, folds: int, **options: Any) -> list[DataSet]:
    return [
        open_data_set(name, root, folds=folds, fold=fold, **options) for fold in range(1, folds + 1)
    ]


def test_every_pair_is_tested_once_and_never_trained_on_then(pairs: Path) -> None:
    whole = {p.name for p in open_data_set("cardiac-mr", pairs).pairs("all").pairings}
    tested: list[str] = []
    for data in folds_of("cardiac-mr", pairs, 3):
        parts = [set(data.subjects(split)) for split in ("train", "validation", "test")]
        assert all(parts) and not any(a & b for a in parts for b in parts if a is not b)
        assert len(set().union(*parts)) == 16
        tested += [pairing.name for pairing in data.pairings["test"]]
    assert sorted(tested) == sorted(whole) and len(tested) == 16


def test_each_fold_has_its_share_of_each_group(pairs: Path) -> None:
    for data in folds_of("cardiac-mr", pairs, 4):
        groups = sorted(subject.rsplit("-", 1)[0] for subject in data.subjects("test"))
        assert groups == ["SC-HF-I", "SC-HF-NI", "SC-HYP", "SC-N"]
        assert len(data.subjects("validation")) == 3


def test_other_layouts_and_manifests_have_folds(tmp_path: Path) -> None:
    camus = folds_of("camus-2ch", write_camus(tmp_path / "camus", patients=4), 2)
    assert [len(d.pairings["test"]) for d in camus] == [2, 2]
    # Pairs between subjects are made within each part.
    (tmp_path / "volumes").mkdir()
    manifest = write_volumes(tmp_path / "volumes")
    tested = []
    for data in folds_of("manifest", manifest, 2, size=[16, 16, 16], spacing=2.0):
        mine = set(data.subjects("test"))
        tested += sorted(mine)
        for split, own in data.pairings.items():
            assert all((set(p.subjects) <= mine) == (split == "test") for p in own)
    assert tested and len(tested) == len(set(tested))


@pytest.mark.parametrize(
    ("folds", "fold", "message"),
    [
        (1, 1, "expected 2 to 16 for 16 subjects"),
        (17, 1, "expected 2 to 16"),
        (3, 0, "fold: expected 1 to 3, got 0"),
        (3, 4, "fold: expected 1 to 3, got 4"),
        (3, None, "folds and fold: expected both, got 3 and None"),
    ],
)
def test_folds_that_do_not_fit_are_refused(
    pairs: Path, folds: int, fold: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        open_data_set("cardiac-mr", pairs, folds=folds, fold=fold)


def test_pairs_of_two_subjects_have_no_folds(tmp_path: Path) -> None:
    root = write_neurite(tmp_path / "oasis", 4, (32, 32, 32))
    with pytest.raises(InputError, match="folds are of pairs of one subject each"):
        open_data_set("oasis", root, folds=2, fold=1)


def test_folds_do_not_depend_on_the_order_of_the_subjects() -> None:
    subjects = [f"p{i}" for i in range(9)]
    assert in_folds(subjects, 3, 2) == in_folds(subjects[::-1], 3, 2)


def choices(root: Path, **more: Any) -> Choices:
    own = Choices(Path("runs"), {"cardiac-mr": root}, instead=CARDIAC, compact=True)
    return replace(own, **more)


def test_small_networks_have_one_budget(pairs: Path) -> None:
    own = choices(pairs, folds=3, fold=2)
    exhibit = adapted(TABLE_1, own)
    budgets = {}
    for row in (*exhibit.rows, *adapted(TABLE_3, own).rows):
        for stage, folder, changes in stages_of(row, exhibit.settings[0], own):
            assert stage.config.startswith("compact/")
            assert folder.parts[:4] == ("runs", "compact", "cardiac-mr", "fold-2-of-3")
            config = StageConfig.load(find_config(stage.config), ["data.root=x", *changes])
            assert config.data["options"] == {"folds": 3, "fold": 2}
            if config.stage in ("baseline", "registration"):
                augment = config.data["augment"]
                budgets[str(folder)] = (
                    config.steps, config.batch_size, config.accumulate, config.learning_rate,
                    config.schedule, config.validate_every, json.dumps(augment),
                )  # fmt: skip
    assert len(budgets) == 8 + 6 and len(set(budgets.values())) == 1


def test_all_networks_of_the_paper_have_a_small_configuration() -> None:
    for folder in ("baselines-camus", "ldm-morph-released"):
        names = {file.name for file in (CONFIGS / folder).glob("*.yaml")}
        assert names and all((CONFIGS / "compact" / name).is_file() for name in names)


def test_what_has_no_small_configuration_is_told(pairs: Path) -> None:
    own = choices(pairs, instead={"abdomen-ct": "cardiac-mr"})
    exhibit = EXHIBITS["textscf-table-3"]
    row = next(r for r in exhibit.rows if r.title == "textSCF, no masks")
    with pytest.raises(InputError, match="--compact: there is no small configuration of textscf"):
        stages_of(row, exhibit.settings[0], own)


def run(pairs: Path, output: Path, rows: list[str], *more: str) -> str:
    arguments = ["exhibit", "ldm-morph-table-1", "--instead", "camus-2ch=cardiac-mr", "--compact"]
    arguments += ["--root", f"cardiac-mr={pairs}", "--one-process", "--threads", "1"]
    arguments += ["--device", "cpu", "--rehearse", "--runs", str(output / "runs")]
    arguments += ["--output", str(output / "table"), "--only", *rows, *more]
    assert main(arguments) == 0
    return (output / "table" / "exhibit.md").read_text(encoding="utf-8")


def test_an_exhibit_is_cross_validated(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["Initial", "VoxelMorph"]
    text = run(pairs, tmp_path, rows, "--cross-validate", "2", "--limit", "2")
    assert "4 pairs tested in 2 of 2 folds by subject" in text
    assert "Small networks and a small budget" in text
    runs = tmp_path / "runs" / "rehearsal" / "compact" / "cardiac-mr"
    for fold in (1, 2):
        config = json.loads((runs / f"fold-{fold}-of-2/voxelmorph/config.json").read_text())
        assert config["data"]["options"] == {"folds": 2, "fold": fold}
    with (tmp_path / "table/camus-2ch/results.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    first = {p.name for p in folds_of("cardiac-mr", pairs, 2)[0].pairings["test"]}
    for method in ("Initial", "VoxelMorph"):
        measured = [row["pair"] for row in found if row["method"] == method]
        assert len(set(measured)) == len(measured) == 4
        assert sum(name in first for name in measured) == 2
    # What is trained is taken the next time.
    files = {file: file.stat().st_mtime_ns for file in runs.rglob("best.pt")}
    assert len(files) == 2
    capsys.readouterr()
    run(pairs, tmp_path, rows, "--cross-validate", "2", "--limit", "1")
    assert "training" not in capsys.readouterr().out
    assert files == {file: file.stat().st_mtime_ns for file in files}


def test_latents_of_a_run_replace_the_first_two_stages(
    stages: Path, pairs: Path, tmp_path: Path
) -> None:
    run(pairs, tmp_path, ["Ours"], "--latents", str(stages / "ldm"))
    runs = tmp_path / "runs/rehearsal/compact/cardiac-mr/ldm-morph"
    assert [folder.name for folder in runs.iterdir()] == ["registration"]
    record = json.loads((runs / "registration/lineage.json").read_text())["init"]
    assert Path(record["path"]) == (stages / "ldm/best.pt").resolve()


def test_latents_of_a_model_are_its_weights(tmp_path: Path) -> None:
    file = latents("ldm-morph-cardiac-mr", tmp_path)
    card = find_model("ldm-morph-cardiac-mr")
    stored = read_safetensors(card.weights_path)
    found = torch.load(file, weights_only=True)
    assert float(found.pop("latent_scale")) == card.network.get("latent_scale", 1.0)
    wanted = {k for k in stored if k.startswith("latent_features.")}
    assert {f"latent_features.{k}" for k in found} == wanted
    assert all(torch.equal(v, stored[f"latent_features.{k}"].float()) for k, v in found.items())
    before = file.stat().st_mtime_ns
    assert latents("ldm-morph-cardiac-mr", tmp_path) == file
    assert file.stat().st_mtime_ns == before
    with pytest.raises(InputError, match="expected a model of ldm-morph, got textscf-brain-mr"):
        latents("textscf-brain-mr", tmp_path)
