"""``ldmreg check``: what is wrong with an installation, in one line."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import LDMRegError
from SlicerLDMRegLib.model_store import store
from SlicerLDMRegLib.pipeline import Runner, installation_check
from SlicerLDMRegLib.pipeline.installation_check import (
    check_request,
    check_summary,
    installation_problems,
)
from SlicerLDMRegLib.resources import bundled_models_dir

MODEL = "ldm-morph-cardiac-mr"


@pytest.fixture(autouse=True)
def _own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDMREG_MODELS", str(tmp_path / "models"))


def only_problem(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that the command says, which has failed."""
    assert main(["check"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert installation_problems() == []
    assert main(["check", "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("all is well: two small images were registered in ") and err == ""
    assert f"torch {importlib.metadata.version('torch')}" in out and " on cpu" in out


def test_a_missing_and_an_old_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "torch":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.3.0" if name == "monai" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert installation_problems()[:2] == [
        "packages are missing: torch>=2.8; install them",
        "packages are too old: monai 1.3.0 (needed: 1.6 or newer); update them",
    ]
    assert "packages are missing: torch>=2.8" in only_problem(capsys)


def test_a_build_by_hand_is_new_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "10.9.0a0+git1234")
    assert installation_problems() == []


@pytest.mark.parametrize(
    ("variable", "what"), [("LDMREG_MODELS", "models"), ("TMPDIR", "temporary files")]
)
def test_a_folder_that_cannot_be_written(
    variable: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    if variable == "TMPDIR":
        monkeypatch.setattr(
            installation_check.tempfile, "gettempdir", lambda: str(tmp_path / "file")
        )
    else:
        monkeypatch.setenv(variable, str(tmp_path / "file" / "models"))
    (problem,) = installation_problems()
    assert f"written to {tmp_path / 'file'}, the folder of {what} (Not a directory)" in problem
    assert variable in problem


def test_too_little_memory_and_disk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installation_check, "available_memory", lambda: 200_000_000)
    assert "200 MB of memory are free, 600 MB are needed" in only_problem(capsys)
    usage = shutil.disk_usage("/")._replace(free=5_000_000)
    monkeypatch.setattr(installation_check.shutil, "disk_usage", lambda folder: usage)
    assert "has 5 MB left, 100 MB are needed; make room" in only_problem(capsys)


def test_a_damaged_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(bundled_models_dir() / MODEL, tmp_path / "models" / MODEL)
    metadata = tmp_path / "models" / MODEL / "metadata.json"
    content = json.loads(metadata.read_text())
    content["ldmreg"]["grid"] = 3
    metadata.write_text(json.dumps(content))
    assert "grid" in only_problem(capsys)


def test_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shipped").mkdir()
    monkeypatch.setattr(store, "bundled_models_dir", lambda: tmp_path / "shipped")
    assert installation_problems() == ["no model for registration is installed; reinstall LDMReg"]
    assert check_request().model == "none"


def test_wrong_numbers_are_told() -> None:
    """A library that computes nonsense does not raise."""
    pytest.importorskip("torch")
    result = Runner().run(replace(check_request("cpu"), model="none"))
    assert "1.2 s" in check_summary(result, 1.2)
    spoilt = {**result.metrics, "after": {**result.metrics["before"]}}
    with pytest.raises(LDMRegError, match="computes wrongly"):
        check_summary(replace(result, metrics=spoilt), 1.2)
    spoilt["after"]["mse"] = float("nan")
    with pytest.raises(LDMRegError, match="computes wrongly"):
        check_summary(replace(result, metrics=spoilt), 1.2)


def test_it_looks_without_the_packages_that_may_be_missing(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'monai', 'einops', 'matplotlib', 'jinja2', 'tqdm', 'safetensors'):\n"
        "    sys.modules[name] = None\n"
        "from SlicerLDMRegLib.pipeline.installation_check import installation_problems\n"
        "print(installation_problems())\n"
    )
    done: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
