"""``make test-slicer`` with a stand-in for Slicer's executable."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from Testing.Slicer.first_look import MOST_CLICKS
from Testing.Slicer.run import main

from .conftest import REPOSITORY, program

Said = pytest.CaptureFixture[str]


def _reports(output: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    slicer, host = ((output / name / "report.json").read_text() for name in ("slicer", "host"))
    return json.loads(slicer), json.loads(host)


@pytest.mark.slow
def test_the_installed_tree_in_slicer_and_in_the_host(
    running_host: Any, built: Any, stand_in: Path, tmp_path: Path, capfd: Said
) -> None:
    pytest.importorskip("torch")
    output = tmp_path / "output"
    status = main(
        ["--slicer", str(stand_in), "--tree", str(built.install), "--output", str(output)]
    )
    said = capfd.readouterr().out
    assert status == 0, said
    assert "Slicer and the host agree" in said
    slicer, host = _reports(output)
    assert {test["outcome"] for test in slicer["self_tests"]} == {"passed"}
    assert not host["self_tests"]
    for report in (slicer, host):
        assert all(report["checks"].values())
        ways = [row for row in report["first_look"].values() if "clicks" in row]
        assert [row["clicks"] for row in ways] == [3, 3, 3] and MOST_CLICKS == 4
        assert all(0 < row["computed"] < row["seconds"] for row in ways)
        assert len(report["pictures"]) == 12
        assert report["seen"]["result"]["dice"]["after"] == pytest.approx(0.980, abs=0.015)
    text = (output / "index.html").read_text()
    assert "<p>None.</p>" in text
    assert text.count("<img ") == 24


@pytest.mark.slow
def test_without_torch(
    running_host: Any, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Said
) -> None:
    monkeypatch.setenv("STAND_IN_LACKS", "torch monai")
    status = main(["--slicer", str(stand_in), "--output", str(tmp_path / "output")])
    said = capfd.readouterr().out
    assert status == 0, said
    assert "packages are missing; only the panel without them was tested" in said
    assert "test_register_the_sample_pair skipped: needs torch" in said
    slicer, host = _reports(tmp_path / "output")
    for report in (slicer, host):
        assert report["seen"]["setup"]["missing"] == ["torch>=2.8", "monai>=1.6"]
        assert "PyTorch" in report["seen"]["setup"]["text"]
        assert "result" not in report["seen"]
        steps = {"open the module", "load the sample Cardiac", "load the sample Brain"}
        assert set(report["first_look"]) == steps
        assert all(
            0 < row["blocked"] <= row["seconds"] + 1 for row in report["first_look"].values()
        )
    assert "Slicer: load the sample Brain: " in said


def test_an_older_slicer(
    running_host: Any, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Said
) -> None:
    monkeypatch.setenv("STAND_IN_VERSION", "5.8")
    assert main(["--slicer", str(stand_in), "--output", str(tmp_path / "output")]) == 1
    assert "SLICER: expected 5.10 or newer, got 5.8" in capfd.readouterr().err


def test_make_without_slicer() -> None:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    done = subprocess.run(
        ["make", "-s", "test-slicer", "SLICER="], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("SLICER is not set. Name the executable of a 3D Slicer")
    assert "make test-slicer SLICER=/path/to/" in done.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--slicer", "no-such-slicer"], "got no-such-slicer: none is there"),
        (["--slicer", "./Slicer"], "got ./Slicer: none is there"),
        (["--slicer", "sh", "--tree", "."], "expected a folder that holds SlicerLDMReg.py, got ."),
    ],
)
def test_wrong_arguments(
    options: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Said,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(options) == 2
    assert expected in capsys.readouterr().err


def test_a_display_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    slicer = str(program(tmp_path / "Slicer", "exit 0"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--slicer", slicer]) == 2
    assert "There is no display, and no xvfb-run to make one" in capsys.readouterr().err
    program(tmp_path / "xvfb-run", 'echo "started with $*" >&2; exit 3')
    assert main(["--slicer", slicer, "--output", str(tmp_path / "output")]) == 1
    said = capsys.readouterr().err
    assert "slicer ended without a report (3):" in said
    assert f"screen 0 1600x1200x24 {slicer} --testing --no-splash --additional-module-p" in said


def test_a_slicer_that_hangs_is_stopped_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    alive = tmp_path / "alive"
    script = f'(while :; do touch "{alive}"; sleep 0.05; done) & echo "hangs"; sleep 600'
    slicer = program(tmp_path / "Slicer", script)
    options = ["--minutes", "0.03", "--output", str(tmp_path / "output")]
    assert main(["--slicer", str(slicer), *options]) == 1
    said = capsys.readouterr().err
    assert "0.03 minutes without an end" in said and "hangs" in said
    alive.unlink()
    time.sleep(0.5)
    assert not alive.exists()
