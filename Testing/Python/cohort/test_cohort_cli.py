"""The command ``ldmreg cohort``: what it prints, its exit codes, bad usage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from SlicerLDMRegLib.cli import main

from .conftest import QUICK_OPTIONS

HERE = [*QUICK_OPTIONS, "--workers", "0", "--threads", "1", "--device", "cpu", "--pictures", "none"]


def test_a_cohort_from_the_shell(
    pairs_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "study"
    command = ["cohort", str(pairs_table), "--output", str(output), *HERE]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{output / 'report.html'}: 4 of 4 pairs registered; ")
    assert out.rstrip().endswith("4 of them now") and err == ""
    assert main(["cohort", "status", str(output)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("nothing is running")
    # One pair cannot be read any more; the others are there.
    (tmp_path / "scans/i03.nrrd").write_bytes(b"NRRD0004\n")
    assert main(command) == 8
    out, err = capsys.readouterr()
    assert "3 of 4 pairs registered" in out and "1 failed; 1 of them now" in out
    assert err.startswith("ldmreg: warning: scans_i03_to_scans_i00 failed: ") and "i03" in err
    assert main(["cohort", "status", str(output), "--json"]) == 8
    status = json.loads(capsys.readouterr().out)
    assert (status["done"], status["failed"], status["running"]) == (3, 1, False)
    (output / "report.html").unlink()
    assert main(["cohort", "report", str(output)]) == 8
    assert (output / "report.html").exists()
    assert main([*command, "--quiet"]) == 8
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and "failed" in err  # of the report above


def test_strict_tells_the_worst_verdict(
    pairs_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "study"
    command = ["cohort", str(pairs_table), "--output", str(output), *HERE, "--json"]
    assert main(command) == 0
    counts = json.loads(capsys.readouterr().out)
    expected = 6 if counts["bad"] else 5 if counts["check"] else 0
    assert main([*command, "--strict"]) == expected
    # Turned round, a label map is another structure, which nothing can register.
    text = pairs_table.read_text().replace("scans/i01_labels.nrrd", "scans/i00.nrrd")
    pairs_table.write_text(text.replace("fixed_labels,moving_labels", "fixed_mask,remark"))
    main([*command, "--strict"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["pairs.csv"], "name a folder for the results with --output"),
        (["status"], "cohort status: name the output folder"),
        (["report"], "cohort report: name the output folder"),
        (
            ["pairs.csv", "more.csv", "--output", "study"],
            "expected one manifest, got pairs.csv and",
        ),
        (["none.csv", "--output", "study"], "there is no file"),
        (["status", "."], "expected the output folder of ldmreg cohort"),
        (["pairs.csv", "--output", "study", "--pairs", "first"], "leave --pairs out"),
        (["pairs.csv", "--output", "study", "--workers", "-2"], "--workers: expected an integer"),
        (["pairs.csv", "--output", "study", "--model", "nobody"], "nobody"),
        (["pairs.csv", "--output", "study", "--align", "twist"], "--align: expected"),
        (["pairs.csv", "--output", "scans"], "holds files that are not of a cohort"),
        (["pairs.csv", "--output", "study", "--slurm", "x.yaml"], "SLURM: x.yaml cannot be read"),
        (["pairs.csv", "--output", "s", "--slurm", "x", "--workers", "1"], "exclude each other"),
    ],
)
def test_bad_usage_is_one_line_and_writes_nothing(
    pairs_table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["cohort", *arguments]) in (2, 3)
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and told in err
    assert not (tmp_path / "study/report.html").exists()


def test_a_manifest_with_faults_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("fixed,moving,fixed_lables\na.nrrd,b.nrrd,c.nrrd\n")
    assert main(["cohort", str(table), "--output", str(tmp_path / "study")]) == 2
    err = capsys.readouterr().err
    assert "column fixed_lables" in err and "meant to be fixed_labels" in err
    assert "2 files are not there: row 2, column fixed: " in err
    assert not (tmp_path / "study").exists()


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cohort", "--help"]) == 0
    out = capsys.readouterr().out
    assert "ldmreg cohort status DIR" in out and "--pairs to:sub-01_T1w" in out
