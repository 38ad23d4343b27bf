"""Outputs of the shell: told before anything is computed, whole, private; Ctrl-C in every stage."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.cli.console import ProgressBar, run_safely
from SlicerLDMRegLib.errors import CancelledError, InputError
from SlicerLDMRegLib.model_store import Grid, ModelCard, write_model_folder
from SlicerLDMRegLib.model_store.folder import check_outside
from SlicerLDMRegLib.pipeline import Progress, Runner, register

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions and signals of POSIX")
STAGES = ("read", "align", "refine", "output", "measure", "save")


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Arguments with two small images."""
    y, x = np.mgrid[:40, :40]
    arguments = []
    for role, shift in (("fixed", 0), ("moving", 2)):
        radius = np.hypot(y - 20, x - 20 - shift)
        image = (40 + x + 120 * (radius < 8) + 60 * (radius < 14)).astype(np.float32)
        path = tmp_path / f"{role}.nrrd"
        sitk.WriteImage(sitk.GetImageFromArray(image), str(path))
        arguments += [f"--{role}", str(path)]
    return [*arguments, "--model", "none", "--device", "cpu", "--refine-iterations", "4"]


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be computed."""

    def run(self: Runner, *_: Any) -> None:
        raise AssertionError("it was computed")

    monkeypatch.setattr(Runner, "run", run)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ldmreg: error: ")
    return line


@pytest.mark.parametrize("stage", STAGES)
def test_ctrl_c_in_every_stage_is_a_cancel(
    images: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stage: str,
) -> None:
    seen = []

    def interrupt(self: ProgressBar, name: str, fraction: float, message: str) -> None:
        seen.append(name)
        if name == stage and seen.count(name) > (stage in ("align", "refine")):
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "__call__", interrupt)
    before = sorted(tmp_path.rglob("*"))
    arguments = [*images, "--align", "rigid", "--output", str(tmp_path / "out")]
    assert main(["register", *arguments]) == 130
    assert seen[-1] == stage
    assert told(capsys).endswith("cancelled; nothing was written")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, CancelledError])
def test_the_console_gets_what_interrupted_the_alignment(error: type[BaseException]) -> None:
    image = np.random.default_rng(0).random((24, 24))
    count = 0

    def interrupt(stage: str, fraction: float, message: str) -> None:
        nonlocal count
        count += stage == "align"
        if count > 1:
            raise error("enough")

    with pytest.raises(error):
        register(image, image.T, model="none", align="rigid", progress=Progress(interrupt))


@POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_library_that_turns_an_interruption_into_an_error(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = getattr(signal, name)
    # A shell lets what runs in its background ignore some signals.
    inherited = signal.signal(number, signal.SIG_DFL)

    def command(arguments: argparse.Namespace) -> int:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt as error:
            raise RuntimeError("There was an error executing the Python Callable.") from error
        raise AssertionError("not interrupted")

    try:
        assert run_safely(command, argparse.Namespace()) == 130
        assert told(capsys).endswith("cancelled; nothing was written")
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, inherited)


def test_an_interruption_after_the_results_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    def command(arguments: argparse.Namespace) -> int:
        raise KeyboardInterrupt("/x/results was written before")

    assert run_safely(command, argparse.Namespace()) == 130
    assert told(capsys).endswith("cancelled; /x/results was written before")


@POSIX
@pytest.mark.parametrize(("share", "mask"), [(False, 0o022), (True, 0o022), (True, 0o027)])
def test_results_are_for_their_owner_alone(
    images: list[str], tmp_path: Path, share: bool, mask: int
) -> None:
    before = os.umask(mask)
    try:
        output = tmp_path / "out"
        arguments = [*images, "--output", str(output), *(["--share"] if share else [])]
        assert main(["register", *arguments, "--quiet"]) == 0
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in output.iterdir()}
    folder = stat.S_IMODE(output.stat().st_mode)
    assert modes == {0o666 & ~mask if share else 0o600}
    assert folder == (0o777 & ~mask if share else 0o700)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("x" * 256, "256 bytes"),
        ("\u00fc" * 130, "260 bytes"),
        ("/".join(["x" * 200] * 25), "too long"),
        ("fixed.nrrd", "is a file"),
        ("fixed.nrrd/results", "is a file"),
    ],
)
def test_a_place_that_cannot_be_is_told_first(
    images: list[str],
    tmp_path: Path,
    idle: None,
    capsys: pytest.CaptureFixture[str],
    output: str,
    reason: str,
) -> None:
    assert main(["register", *images, "--output", str(tmp_path / output)]) == 2
    assert reason in told(capsys)


def test_a_full_disk_is_told_before_computing(
    images: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=500_000))
    stages = []
    monkeypatch.setattr(ProgressBar, "__call__", lambda self, stage, *_: stages.append(stage))
    assert main(["register", *images, "--output", str(tmp_path / "out")]) == 2
    assert "MB are needed in" in told(capsys)
    assert "refine" not in stages and not (tmp_path / "out").exists()


def test_a_result_is_no_input_of_what_replaces_it(
    images: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(["register", *images, "--output", str(output), "--quiet"]) == 0
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    (tmp_path / "link").symlink_to(output)
    for inputs, place in (
        (["--fixed", f"{output}/warped.nrrd"], output),
        (["--moving", f"{output}/../out/jacobian.nrrd"], output),
        (["--initial-transform", f"{output}/transform.h5"], tmp_path / "link"),
        (["--fixed-labels", f"{tmp_path}/link/folds.nrrd"], output),
        (["--moving-mask", f"{output}/folds.nrrd"], output),
    ):
        assert main(["register", *images, *inputs, "--output", str(place)]) == 2
        assert "holds the input" in told(capsys)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before
    # Beside it, all of them may be used.
    again = ["--initial-transform", f"{output}/transform.h5", "--output", str(tmp_path / "second")]
    assert main(["register", *images, *again, "--quiet"]) == 0


def test_a_segmentation_does_not_replace_its_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "image.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 4, 4), np.uint8)), str(image))
    (tmp_path / "link.nrrd").symlink_to(image)
    series, model = tmp_path / "series", tmp_path / "model"
    series.mkdir()
    model.mkdir()
    before = image.read_bytes()
    for source, output in (
        (image, image),
        (f"{image}#grey", image),
        (image, tmp_path / "series" / ".." / "image.nrrd"),
        (image, tmp_path / "link.nrrd"),
        (series, series / "labels.nrrd"),
        (image, model / "labels.nrrd"),
    ):
        arguments = ["segment", str(source), "--model", str(model), "--output", str(output)]
        assert main(arguments) == 2
        assert "is, or lies in, an input" in told(capsys)
    assert image.read_bytes() == before and not list(series.iterdir())


def test_sources_of_a_model_are_not_replaced_by_it(tmp_path: Path) -> None:
    card = ModelCard("tiny", "Tiny", "ldm-morph", 2, {}, Grid((32, 32), 32), "nothing")
    folder = tmp_path / "tiny"
    write_model_folder(folder, card, {"w": torch.ones(3)}, "CC0")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    pack = ["models", "pack", str(folder), "--url", "https://example.org/a.zip", "--output"]
    for place in (folder / "model.safetensors", folder / "docs" / "a.zip", folder):
        assert main([*pack, str(place)]) == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert main([*pack, str(tmp_path / "tiny.zip")]) == 0
    check_outside(folder, [tmp_path / "tiny.zip"])
    for source in (folder, folder / "model.safetensors", folder / ".." / "tiny" / "x.pt"):
        with pytest.raises(InputError, match="would replace"):
            check_outside(folder, [source])
