"""The command ``ldmreg-train``: help, errors in one line, and what it says of data sets."""

from __future__ import annotations

import re
import runpy
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from Testing.Python.training.layout_folders import (
    write_abdomen,
    write_camus,
    write_image,
    write_sunnybrook,
)
from training.cli import COMMANDS, main

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: ldmreg-train {name} ")
    assert re.search(rf"\n +ldmreg-train {name} \S", text), "an example"


@pytest.mark.parametrize("module", ["train", "evaluate", "export"])
def test_the_modules_still_are_programs(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as stop, pytest.warns(RuntimeWarning):
        runpy.run_module(f"training.{module}", run_name="__main__")
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m training.{module} ")


def test_entry_point_is_installed_with_the_training_alone() -> None:
    text = (REPOSITORY / "training" / "pyproject.toml").read_text()
    module, _, function = re.search(r'^ldmreg-train = "(.*)"$', text, re.M)[1].partition(":")
    assert getattr(import_module(module), function) is main
    assert "ldmreg-train" not in (REPOSITORY / "pyproject.toml").read_text()
    assert "-e './training[baselines]'" in (REPOSITORY / "Makefile").read_text()


def test_usage_errors_name_the_nearest_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["trian"]) == 2
    assert "got 'trian'; did you mean train?" in capsys.readouterr().err
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "check", "none"], "none: expected a folder, got none"),
        (["data", "check", "."], "expected the files of a known data set"),
        (["data", "check", ".", "--as", "acdc"], None),
        (["train", "ldm-morph-cardiac/vqgan", "--output", "run"], "did you mean ldm-morph"),
        (["evaluate", "--data", "oasis", "--output", "out"], "pass --root"),
        (["evaluate", "--data", "oasis", "--root", ".", "--output", "out"], "got none of them"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    message: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code = main(arguments)
    told = capsys.readouterr()
    if message is None:
        assert code == 1 and "training: there is no folder" in told.out
        return
    assert code == 2
    lines = [line for line in told.err.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("ldmreg-train: error: ")
    assert message in lines[0]


def test_check_tells_pairs_missing_and_damaged_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_camus(tmp_path)
    folder = root / "database_nifti"
    assert main(["data", "check", str(root)]) == 0
    text = capsys.readouterr().out
    assert text.count("all files are there and can be read") == 2
    assert re.search(r"train +4 +4 +4 +400", text) and "1 left ventricle (scored)" in text
    (folder / "patient0004" / "patient0004_2CH_ES.nii.gz").unlink()
    labels = np.full((90, 70), 7, np.uint8)
    write_image(folder / "patient0001" / "patient0001_2CH_ED_gt.nii.gz", labels, (0.3, 0.15))
    assert main(["data", "check", str(root), "--as", "camus-2ch"]) == 1
    text = capsys.readouterr().out
    assert "missing: 1\n    patient0004: there is no file" in text
    assert "damaged: 1\n    patient0001_ED" in text and "got 7 (6300 voxels)" in text
    assert main(["data", "check", str(root), "--as", "camus-2ch", "--quick"]) == 1
    assert "damaged" not in capsys.readouterr().out


def test_check_finds_an_image_of_another_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_abdomen(tmp_path)
    for folder, kind in (("imagesTr", np.int16), ("labelsTr", np.uint8)):
        file = root / folder / "AbdomenCTCT_0003_0000.nii.gz"
        array = np.indices((24, 20, 30))[0] % 13
        write_image(file, array.astype(kind), (2, 2, 2))
    assert main(["data", "check", str(root)]) == 1
    assert "0003_0000: expected (28, 20, 24) voxels as of the others" in capsys.readouterr().out


def test_pairs_are_made_of_the_sunnybrook_originals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_sunnybrook(tmp_path / "originals", ("SC-N-2", "SC-N-3", "SC-HYP-7"))
    output = tmp_path / "pairs"
    assert main(["data", "cardiac-mr", str(root), "--output", str(output)]) == 0
    assert "6 pairs of 3 patients" in capsys.readouterr().out
    assert len(list(output.glob("SC-N-02_s*.npz"))) == 2


def test_layouts_are_listed_with_their_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "layouts"]) == 0
    text = capsys.readouterr().out
    assert "camus-2ch: CAMUS" in text and "7460 train pairs" in text
    assert all(len(line) <= 100 for line in text.splitlines())
