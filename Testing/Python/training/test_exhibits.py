"""The exhibits: all of both papers, their printed figures, and each run from data to table."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.text import build_prompt, label_scheme
from Testing.Python.training.layout_folders import (
    write_abdomen,
    write_acdc,
    write_camus,
    write_echonet,
    write_lung,
    write_neurite,
)
from training.cli import main
from training.config import StageConfig, find_config
from training.exhibits import EXHIBITS, Exhibit
from training.exhibits.report import cells
from training.exhibits.run import Choices, adapted, described, methods

LDM_MORPH = [f"ldm-morph-{n}" for n in (
    "table-1", "table-2", "table-3", "figure-4", "figure-5", "figure-6", "figure-7",
    "figure-a8", "figure-a9", "figure-a10")]  # fmt: skip
TEXTSCF = [f"textscf-{n}" for n in (
    "table-1", "table-2", "table-3", "table-4", "table-5", "figure-3", "figure-4", "figure-5a",
    "figure-5b", "figure-6", "figure-7", "figure-8")]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("exhibits")
    camus = write_camus(root / "camus", patients=4)
    return {
        "camus-2ch": camus,
        "camus-4ch": camus,
        "echonet": write_echonet(root / "echonet"),
        "acdc": write_acdc(root / "acdc"),
        "oasis": write_neurite(root / "oasis", 4, (32, 32, 32)),
        "abdomen-ct": write_abdomen(root / "abdomen", shape=(32, 32, 32)),
        "lungs": write_lung(root / "lungs", cases=2),
        "runs": root / "runs",
    }


def test_all_exhibits_of_both_papers_are_there() -> None:
    assert list(EXHIBITS) == [*LDM_MORPH, *TEXTSCF]


def test_help_lists_every_exhibit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exhibit", "--help"]) == 0
    text = capsys.readouterr().out
    for name, exhibit in EXHIBITS.items():
        assert f"{name}" in text and exhibit.title.split(",")[0] in text


@pytest.mark.parametrize("exhibit", EXHIBITS.values(), ids=list(EXHIBITS))
def test_printed_figures_belong_to_rows_and_columns(exhibit: Exhibit) -> None:
    titles = [row.title for row in exhibit.rows]
    assert len(set(titles)) == len(titles)
    keys = {setting.key for setting in exhibit.settings}
    for (title, key), values in exhibit.printed.items():
        assert title in titles and key in keys, (title, key)
        assert len(values) == len(exhibit.quantities)
    for row in exhibit.rows:
        assert (row.method is None) != (row.recipe is None)
        if row.recipe is None:
            continue
        for setting in exhibit.settings:
            folders = set()
            for stage in row.recipe(setting.train):
                assert find_config(stage.config).is_file()
                assert stage.init is None or stage.init in folders
                folders.add(stage.folder)


@pytest.mark.parametrize(
    ("name", "row", "data_set", "quantity", "expected"),
    [
        ("ldm-morph-table-1", "Ours", "camus-2ch", "Avg. DSC", (0.882, 0.049)),
        ("ldm-morph-table-1", "SyN", "acdc", "Time (s)", 1.79),
        ("ldm-morph-table-2", "TransMatch", "camus-4ch", "det J ≤ 0 (%)", (1.066, 0.607)),
        ("ldm-morph-table-3", "+ LGCA", "echonet", "det J ≤ 0 (%)", 1.129),
        ("ldm-morph-figure-7", "beta 0.6", "acdc", "Avg. DSC", (0.850, 0.053)),
        ("textscf-table-1", "#7 a computerized tomography of, ada-002", "abdomen-ct", "Dice (%)",
         57.63),
        ("textscf-table-2", "LKU-Net", "oasis", "HD95 (mm)", 1.26),
        ("textscf-table-3", "LapIRN", "abdomen-ct", "SDlogJ", 1.73),
        ("textscf-table-4", "lung data, lung encoded", "abdomen-ct", "Dice (%)", 62.07),
        ("textscf-table-5", "SwinUnetr tiny", "abdomen-ct", "Accuracy (%)", 63.35),
        ("textscf-figure-7", "VoxelMorph + textSCF", "abdomen-ct", "Dice (%)", 52.77),
    ],
)  # fmt: skip
def test_printed_figures_are_those_of_the_papers(
    name: str, row: str, data_set: str, quantity: str, expected: Any
) -> None:
    exhibit = EXHIBITS[name]
    column = next(q for q in exhibit.quantities if q.title == quantity)
    assert exhibit.paper(row, data_set, column) == expected


def test_variants_of_one_network_share_the_stages_before() -> None:
    folders = {
        row.title: [stage.folder for stage in row.recipe("camus-2ch")]
        for row in EXHIBITS["ldm-morph-table-3"].rows
        if row.recipe is not None
    }
    assert len({tuple(own[:2]) for own in folders.values()}) == 1
    assert len({own[2] for own in folders.values()}) == len(folders)
    switches = {
        row.title: set(row.recipe("camus-2ch")[-1].overrides)
        for row in EXHIBITS["ldm-morph-table-3"].rows
        if row.recipe is not None
    }
    assert {"network.latent_stream=false", "losses.latent_grad=false"} < switches["lower stream"]
    assert "network.cross_attention=false" in switches["+ LDM-FE"]
    assert switches["+ LGCA"] - switches["+ latent loss"] == {"losses.latent_grad=false"}


#: An exhibit of each kind on generated data, and rows that keep it short; None: all.
RUNS: dict[str, tuple[list[str], list[str] | None]] = {
    "ldm-morph-table-1": (["camus-2ch"], [
        "Initial", "LDMM", "VoxelMorph", "TransMatch", "Ours"]),
    "ldm-morph-table-2": (["camus-2ch", "echonet"], ["Initial", "VoxelMorph"]),
    "ldm-morph-table-3": (["camus-2ch"], ["lower stream", "+ LDM-FE", "+ LGCA", "+ latent loss"]),
    "ldm-morph-figure-4": (["camus-2ch"], ["Initial", "VoxelMorph"]),
    "ldm-morph-figure-5": (["echonet"], ["Initial", "VoxelMorph"]),
    "ldm-morph-figure-6": (["camus-2ch", "echonet"], ["VoxelMorph"]),
    "ldm-morph-figure-7": (["camus-2ch"], ["beta 0.6"]),
    "ldm-morph-figure-a8": (["camus-2ch"], ["VoxelMorph"]),
    "ldm-morph-figure-a9": (["camus-4ch"], ["VoxelMorph"]),
    "ldm-morph-figure-a10": (["acdc"], ["Initial"]),
    "textscf-table-1": (["abdomen-ct"], [
        "#0 SCP", "#2 a photo of, CLIP", "#6 a computerized tomography of, ViT",
        "#7 a computerized tomography of, ada-002"]),
    "textscf-table-2": (["oasis"], ["Initial", "LapIRN", "textSCF (ours)", "textSCF, no masks"]),
    "textscf-table-3": (["abdomen-ct"], [
        "Initial", "VoxelMorph", "Fourier-Net", "textSCF (ours)", "textSCF, reference masks"]),
    "textscf-table-4": (["abdomen-ct"], None),
    "textscf-table-5": (["abdomen-ct"], None),
    "textscf-figure-3": (["abdomen-ct"], ["LKU-Net", "textSCF, reference masks"]),
    "textscf-figure-4": (["abdomen-ct"], ["LKU-Net", "textSCF, lambda 0.1",
                                          "textSCF, lambda 0.01, Int"]),
    "textscf-figure-5a": (["abdomen-ct"], ["width 128", "width 2048"]),
    "textscf-figure-5b": (["abdomen-ct"], ["textSCF, 8 channels", "LKU-Net, 32 channels"]),
    "textscf-figure-6": (["abdomen-ct"], None),
    "textscf-figure-7": (["abdomen-ct"], [
        "VoxelMorph", "VoxelMorph + textSCF, reference masks",
        "LapIRN + textSCF, reference masks"]),
    "textscf-figure-8": (["abdomen-ct"], ["textSCF, lambda 0.1", "textSCF, lambda 0.1, Int"]),
}  # fmt: skip


@pytest.mark.parametrize("name", EXHIBITS)
def test_an_exhibit_runs_from_its_data_to_its_table(
    name: str, data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets, rows = RUNS[name]
    arguments = ["exhibit", name, "--rehearse", "--one-process", "--device", "cpu"]
    arguments += ["--threads", "1"]
    arguments += ["--runs", str(data["runs"]), "--output", str(tmp_path)]
    for key in sets:
        arguments += ["--root", f"{key}={data[key]}"]
    arguments += [] if rows is None else ["--only", *rows]
    arguments += ["--lungs", str(data["lungs"])] if name == "textscf-table-4" else []
    assert main(arguments) == 0
    text = (tmp_path / "exhibit.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    assert text.startswith(f"# {name}: ") and "Rehearsal" in text
    exhibit = EXHIBITS[name]
    with (tmp_path / "exhibit.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    measured = {cell["method"] for cell in found if cell["ours"]}
    left_out = set(re.findall(r"^- (.*?): needs ", text, re.MULTILINE))
    wanted = {row.title for row in exhibit.rows} if rows is None else set(rows)
    assert measured | left_out == wanted and measured
    assert left_out <= {row.title for row in exhibit.rows if row.masks or row.method or "lung" in
                        row.title}  # fmt: skip
    printed = [cell for cell in found if cell["paper"]]
    assert bool(printed) == bool(exhibit.printed)
    assert (tmp_path / "exhibit.tex").read_text(encoding="utf-8").count(r"\toprule") == len(
        {cell["data"] for cell in found}
    )
    drawn = list(tmp_path.glob("*.png"))
    assert bool(drawn) == (exhibit.kind != "table")
    assert all(file.stat().st_size > 5000 for file in drawn)


def choices(data: dict[str, Path], *sets: str, **more: Any) -> Choices:
    roots = {key: data[key] for key in sets}
    return Choices(data["runs"], roots, rehearse=True, device="cpu", apart=False, **more)


def test_a_finished_run_is_taken_and_another_one_is_refused(
    data: dict[str, Path], tmp_path: Path
) -> None:
    exhibit = EXHIBITS["ldm-morph-table-1"]
    own = choices(data, "camus-2ch")
    own = Choices(**{**vars(own), "runs": tmp_path})
    found = adapted(exhibit, own)
    methods(found, found.settings[0], own, ["VoxelMorph"])
    weights = tmp_path / "rehearsal" / "camus-2ch" / "voxelmorph" / "best.pt"
    before = weights.stat().st_mtime_ns
    prepared, left_out = methods(found, found.settings[0], own, ["VoxelMorph"])
    assert weights.stat().st_mtime_ns == before and list(prepared) == ["VoxelMorph"]
    assert not left_out
    runs = {Path(run["run"]).name: run["finished"] for run in described(found, own)}
    assert runs["voxelmorph"] and not runs["transmorph"]
    other = Choices(**{**vars(own), "changes": {"baseline": ["learning_rate=0.5"]}})
    with pytest.raises(InputError, match=r"learning_rate 0\.5, got one with 0\.0001"):
        methods(found, found.settings[0], other, ["VoxelMorph"])


def test_the_row_of_ada_002_is_filled_from_the_file_that_is_given(
    data: dict[str, Path], tmp_path: Path
) -> None:
    row = "#7 a computerized tomography of, ada-002"
    base = ["exhibit", "textscf-table-1", "--rehearse", "--one-process", "--device", "cpu"]
    base += ["--threads", "1", "--root", f"abdomen-ct={data['abdomen-ct']}", "--only", row]
    base += ["--output", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    assert main(base) == 2, "no other row"
    config = StageConfig.load(find_config("textscf-abdomen-paper/textscf"), ["data.root=x"])
    words = label_scheme(config.text["scheme"])
    prompts = [build_prompt(config.text["template"], own["prompt"]) for own in words.values()]
    table = tmp_path / "ada 002.json"
    values = {prompt: [float(i == j) for j in range(1536)] for i, prompt in enumerate(prompts)}
    table.write_text(json.dumps(values), encoding="utf-8")
    assert main([*base, "--embeddings", str(table)]) == 0
    with (tmp_path / "out/exhibit.csv").open(encoding="utf-8") as file:
        cell = next(c for c in csv.DictReader(file) if c["method"] == row)
    assert float(cell["ours"]) > 0 and float(cell["paper"]) == 57.63
    run = next((tmp_path / "runs").rglob("config.json"))
    text = json.loads(run.read_text(encoding="utf-8"))["text"]
    assert text["encoder"] == f"table:{table}"
    # Another prompt's table is not taken for it.
    table.write_text(json.dumps({"a photo of a liver": [1.0] * 1536}), encoding="utf-8")
    with pytest.raises(InputError, match="expected the vector of"):
        exhibit = adapted(EXHIBITS["textscf-table-1"], choices(data, "abdomen-ct"))
        given = choices(data, "abdomen-ct", embeddings=table)
        methods(exhibit, exhibit.settings[0], replace(given, runs=tmp_path / "others"), [row])


def test_another_data_set_has_no_printed_figures_beside_it(data: dict[str, Path]) -> None:
    own = choices(data, "acdc", instead={"camus-2ch": "acdc"})
    found = adapted(EXHIBITS["ldm-morph-table-1"], own)
    assert [s.title for s in found.settings] == ["ACDC", "ACDC"]
    assert {key for _, key in found.printed} == {"camus-4ch", "echonet", "acdc"}
    assert not [c for c in cells(found, []) if c["paper"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ldm-morph-table-11"], "did you mean ldm-morph-table-1"),
        (["ldm-morph-table-1"], "expected the folder of a data set"),
        (["ldm-morph-table-1", "--root", "camus=x"], "expected one of camus-2ch"),
        (["ldm-morph-table-1", "--root", "camus-2ch"], "expected NAME=VALUE"),
        (["ldm-morph-table-1", "--only", "Mine"], "expected a row of Initial"),
        (["ldm-morph-table-1", "--set", "steps=3"], "expected STAGE.KEY=VALUE"),
        (["textscf-table-5", "--segmenter", "huge=x.pt"], "expected one of base, small, tiny"),
        ([], "an exhibit is needed"),
    ],
)
def test_wrong_use_is_told(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exhibit", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_plan_names_every_run_and_its_steps(
    data: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["exhibit", "ldm-morph-table-1", "--plan", "--runs", "nowhere"]
    assert main([*arguments, "--root", f"echonet={data['echonet']}",
                 "--set", "baseline.steps=5"]) == 0  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert any("ldm-morph/registration: ldm-morph-paper/registration-echonet" in x and
               x.endswith("447600 steps") for x in lines)  # fmt: skip
    assert any("/voxelmorph: baselines-camus/voxelmorph" in x and x.endswith(" 5 steps")
               for x in lines)  # fmt: skip


@pytest.mark.parametrize("exhibit", EXHIBITS.values(), ids=list(EXHIBITS))
def test_configurations_of_an_exhibit_pass_the_check(exhibit: Exhibit) -> None:
    for row in exhibit.rows:
        for setting in exhibit.settings:
            for stage in row.recipe(setting.train) if row.recipe else ():
                changes = [c.replace("LUNGS", "x") for c in stage.overrides]
                config = StageConfig.load(find_config(stage.config), ["data.root=x", *changes])
                assert config.data["set"] == setting.train


def test_the_json_holds_each_cell(data: dict[str, Path], tmp_path: Path) -> None:
    arguments = [
        "exhibit",
        "ldm-morph-table-1",
        "--rehearse",
        "--one-process",
        "--threads",
        "1",
        "--output",
    ]
    arguments += [str(tmp_path), "--only", "Initial", "--root", f"camus-4ch={data['camus-4ch']}"]
    arguments += ["--latents", "ldm-morph-echo", "--set", "baseline.steps=7"]
    assert main(arguments) == 0
    told = (tmp_path / "exhibit.md").read_text(encoding="utf-8").split("What differs:")[1]
    assert "autoencoder and the diffusion model of ldm-morph-echo (--latents)" in told
    assert "- baseline: steps=7 (--set).\n" in told
    stored = json.loads((tmp_path / "exhibit.json").read_text(encoding="utf-8"))
    (dice,) = (
        c for c in stored["cells"] if c["method"] == "Initial" and c["quantity"] == "Avg. DSC"
    )
    assert dice["paper"] == 0.764 and 0 < dice["ours"] < 1 and dice["pairs"] == 1
