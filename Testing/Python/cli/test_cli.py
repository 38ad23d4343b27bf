"""The command line: what it prints, its exit codes, and that bad input leaves nothing behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import (
    CancelledError,
    InputError,
    LDMRegError,
    ModelError,
    OutOfMemoryError,
)

PACKAGE_ROOT = Path(__file__).resolve().parents[3] / "SlicerLDMReg"
OUTPUTS = {
    "warped.nrrd",
    "transform.h5",
    "inverse.h5",
    "jacobian.nrrd",
    "folds.nrrd",
    "overview.png",
    "report.json",
    "report.html",
}


def disk(shift: float = 0.0, shape: tuple[int, int] = (48, 48)) -> np.ndarray:
    """A bright disk with a darker ring and a gradient: something to register."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    radius = np.hypot(y - shape[0] / 2, x - shape[1] / 2 - shift)
    image = 40 + x + 120 * (radius < 8) + 60 * (radius < 14)
    return image.astype(np.float32)


def write(path: Path, array: np.ndarray, spacing: float = 1.0) -> Path:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([spacing] * image.GetDimension())
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    return write(folder / "fixed.nrrd", disk()), write(folder / "moving.nrrd", disk(2.0))


def register(pair: tuple[Path, Path], output: Path, *more: str) -> int:
    fixed, moving = pair
    quick = ["--model", "none", "--refine-iterations", "8,4", "--device", "cpu"]
    arguments = ["--fixed", str(fixed), "--moving", str(moving), "--output", str(output)]
    return main(["register", *arguments, *quick, *more])


def one_error_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("ldmreg: error: ")
    return lines[0]


def run_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT), **environment},
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["models", "list"], ["register", "--help"]]
)
def test_quick_commands_do_not_import_heavy_packages(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from SlicerLDMRegLib.cli import main\n"
        f"code = main({arguments!r})\n"
        "heavy = {'torch', 'monai', 'matplotlib', 'SimpleITK'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)\n"
    )
    done = run_process("-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_module_is_the_program_and_prints_its_version() -> None:
    from SlicerLDMRegLib import __version__

    done = run_process("-m", "SlicerLDMRegLib", "--version")
    assert (done.returncode, done.stdout) == (0, f"ldmreg {__version__}\n")


@pytest.mark.parametrize("command", ["register", "models", "import-checkpoint"])
def test_help_has_examples_that_parse(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from SlicerLDMRegLib.cli.parser import build_parser

    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    examples = text[text.index("example") :].replace("\\\n", " ").splitlines()
    found = [
        shlex.split(line.split("(")[0]) for line in examples if line.strip().startswith("ldmreg")
    ]
    assert found
    for words in found:
        assert build_parser().parse_args(words[1:]).run is not None


def test_bad_usage_is_one_line_that_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["register", "--fixed", "a.nrrd"]) == 2
    assert "--moving, --output; see ldmreg register --help" in one_error_line(capsys)
    assert main(["register", "--fixd", "a.nrrd"]) == 2
    one_error_line(capsys)


def test_no_command_prints_the_help_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "commands:" in captured.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("a\nb"), 2),
        (ModelError("m"), 3),
        (OutOfMemoryError("o"), 4),
        (MemoryError(), 4),
        (CancelledError("c"), 130),
        (KeyboardInterrupt(), 130),
        (LDMRegError("l"), 1),
        (ZeroDivisionError("z"), 1),
    ],
)
def test_every_error_has_its_exit_code_and_one_line(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    from SlicerLDMRegLib.cli.console import run_safely

    def fail(arguments: argparse.Namespace) -> int:
        raise error

    assert run_safely(fail, argparse.Namespace()) == code
    one_error_line(capsys)


def test_registers_writes_every_output_and_prints_a_summary(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [
        write(tmp_path / f"{n}.nrrd", (disk(s) > 150).astype(np.uint8))
        for n, s in (("fl", 0.0), ("ml", 2.0))
    ]
    output = tmp_path / "deep" / "results"
    more = ["--fixed-labels", str(labels[0]), "--moving-labels", str(labels[1])]
    assert register(pair, output, *more) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    first = captured.out.splitlines()[0]
    assert str(output) in first
    assert all(word in first for word in ("NCC", "Dice", "Folds 0", "Seconds"))
    assert {p.name for p in output.iterdir()} == OUTPUTS | {"warped_labels.nrrd"}
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    assert report["metrics"]["after"]["ncc"] > report["metrics"]["before"]["ncc"]


def test_labels_without_a_counterpart_are_told(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = write(tmp_path / "empty.nrrd", np.zeros((48, 48), np.uint8))
    disks = write(tmp_path / "disks.nrrd", (disk() > 0.5).astype(np.uint8))
    labels = ["--fixed-labels", str(empty), "--moving-labels", str(disks)]
    assert register(pair, tmp_path / "out", *labels) == 0
    assert "look closer" in (out := capsys.readouterr().out)
    assert "same numbers and are not empty" in out


def test_json_prints_the_report_and_quiet_prints_nothing(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert register(pair, tmp_path / "a", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "a" / "report.json").read_text(encoding="utf-8"))
    assert register(pair, tmp_path / "b", "--quiet") == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_strict_exits_by_the_verdict_and_writes_all_the_same(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    noise = write(tmp_path / "noise.nrrd", np.random.default_rng(0).normal(size=(48, 48)))
    codes = {}
    for name, moving in (("same", pair[1]), ("noise", noise)):
        output = tmp_path / name
        arguments = ["register", "--fixed", str(pair[0]), "--moving", str(moving), "--output",
                     str(output), "--model", "none", "--refine-iterations", "20,20"]  # fmt: skip
        assert main(arguments) == 0
        codes[name] = main([*arguments, "--strict", "--quiet"])
        status = json.loads((output / "report.json").read_text())["verdict"]["status"]
        assert codes[name] == {"good": 0, "check": 5, "bad": 6}[status]
    assert codes["same"] == 0
    assert codes["noise"] in (5, 6)


def test_verbose_names_the_stages_on_stderr(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert register(pair, tmp_path / "out", "--verbose") == 0
    assert "refine" in capsys.readouterr().err


def _rgb(path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (48, 48, 3)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(path))
    return path


def _text(path: Path) -> Path:
    path.write_text("not an image", encoding="utf-8")
    return path


def _with_nan(path: Path) -> Path:
    array = disk()
    array[3, 4] = np.nan
    return write(path, array)


def _far_away(path: Path) -> Path:
    image = sitk.GetImageFromArray(disk())
    image.SetOrigin((1e4, 1e4))
    sitk.WriteImage(image, str(path))
    return path


BAD_MOVING = {
    "missing": lambda folder: folder / "missing.nrrd",
    "not an image": lambda folder: _text(folder / "bad.nrrd"),
    "RGB": lambda folder: _rgb(folder / "rgb.png"),
    "4D": lambda folder: write(folder / "4d.nii.gz", np.zeros((3, 9, 9, 9), np.float32)),
    "NaN": lambda folder: _with_nan(folder / "nan.nrrd"),
    "constant": lambda folder: write(folder / "constant.nrrd", np.full((48, 48), 7.0)),
    "other dimension": lambda folder: write(folder / "3d.nrrd", np.stack([disk()] * 12)),
}


@pytest.mark.parametrize("kind", BAD_MOVING)
def test_bad_image_is_one_line_and_nothing_is_written(
    kind: str, pair: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = BAD_MOVING[kind](tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert register((pair[0], bad), tmp_path / "out") == 2
    line = one_error_line(capfd)
    assert kind == "other dimension" or bad.name in line
    assert sorted(tmp_path.rglob("*")) == before


def test_no_overlap_labels_elsewhere_and_bad_options(
    pair: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    far = _far_away(tmp_path / "far.nrrd")
    small = write(tmp_path / "small.nrrd", np.ones((9, 9), np.uint8))
    whole = write(tmp_path / "whole.nrrd", np.ones((48, 48), np.uint8))
    before = sorted(tmp_path.rglob("*"))
    labels = ["--fixed-labels", str(small), "--moving-labels", str(whole)]
    attempts: list[tuple[Path, list[str]]] = [
        (far, ["--align", "none"]),
        (pair[1], labels),
        (pair[1], ["--slices", "k:3"]),
        (pair[1], ["--slices", "sideways"]),
        (pair[1], ["--align", "sideways"]),
        (pair[1], ["--device", "abacus"]),
        (pair[1], ["--precision", "int1"]),
        (pair[1], ["--seed", "-1"]),
        (pair[1], ["--max-seconds", "nan"]),
        (pair[1], ["--max-seconds", "-3"]),
        (pair[1], ["--refine-smoothness", "-1"]),
        (pair[1], ["--refine-similarity", "charm"]),
        (pair[1], ["--refine-iterations", "many"]),
        (pair[1], ["--no-refine", "--max-seconds", "3"]),
        (pair[1], ["--initial-transform", str(tmp_path / "missing.h5")]),
        (pair[1], ["--fixed-landmarks", str(tmp_path / "missing.csv")]),
    ]
    for moving, options in attempts:
        code = register((pair[0], moving), tmp_path / "out", *options)
        assert code == 2, options
        one_error_line(capfd)
        assert sorted(tmp_path.rglob("*")) == before, options


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--align", "sideways"], "--align: expected auto, none"),
        (["--slices", "k:3"], "--slices: the fixed image is 2D"),
        (["--device", "abacus"], "--device: expected auto"),
        (["--seed", "-1"], "--seed: expected"),
        (["--max-seconds", "-3"], "--max-seconds: expected"),
        (["--refine-iterations", "many"], "--refine-iterations: expected"),
        (["--refine", "--no-diffeomorphic"], "use --no-refine, or leave"),
        (["--model", "textscf-brain-mr"], "the images are 2D"),
    ],
)
def test_an_option_is_named_as_it_is_typed(
    pair: tuple[Path, Path],
    tmp_path: Path,
    options: list[str],
    named: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert register(pair, tmp_path / "out", *options) == 2
    assert named in one_error_line(capfd)


def test_an_option_that_helps_is_named_as_it_is_typed(
    pair: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    far = _far_away(tmp_path / "far.nrrd")
    assert register((pair[0], far), tmp_path / "out") == 2
    assert "use --align center or rigid, or correct" in one_error_line(capfd)


def test_the_root_is_no_place_for_results(
    pair: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert register(pair, Path("/")) == 2
    assert "output: / " in one_error_line(capfd)


def test_unknown_model_and_output_that_is_a_file(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed, moving = map(str, pair)
    arguments = ["register", "--fixed", fixed, "--moving", moving]
    assert main([*arguments, "--output", str(tmp_path / "out"), "--model", "no-such-model"]) == 3
    assert "no-such-model" in one_error_line(capsys)
    assert not (tmp_path / "out").exists()
    assert main([*arguments, "--output", fixed]) == 2
    assert "is a file" in one_error_line(capsys)
    assert main([*arguments, "--output", fixed + "/deeper"]) == 2
    one_error_line(capsys)


def test_interrupt_while_running_leaves_nothing(
    pair: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from SlicerLDMRegLib.cli.console import ProgressBar

    def interrupt(self: ProgressBar, stage: str, fraction: float, message: str) -> None:
        if fraction > 0.4:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "__call__", interrupt)
    before = sorted(tmp_path.rglob("*"))
    assert register(pair, tmp_path / "out") == 130
    assert "nothing was written" in one_error_line(capsys)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_process_with_130_and_leaves_nothing(
    number: signal.Signals, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    arguments = ["--fixed", str(pair[0]), "--moving", str(pair[1]), "--model", "none"]
    arguments += ["--output", str(tmp_path / "out"), "--refine-iterations", "100000", "--verbose"]
    process = subprocess.Popen(
        [sys.executable, "-m", "SlicerLDMRegLib", "register", *arguments],
        env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background lets its children ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "refine" in line:
                process.send_signal(number)
                break
        out, rest = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, "".join(lines) + rest
    assert out == ""
    assert rest.splitlines()[-1] == "ldmreg: error: cancelled; nothing was written"
    assert sorted(tmp_path.rglob("*")) == before


def test_progress_bar_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from SlicerLDMRegLib.cli.console import ProgressBar

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with ProgressBar() as bar:
            bar("predict", 0.5, "")
        assert ("predict" in stream.getvalue()) == drawn
        assert ("50%" in stream.getvalue()) == drawn


def test_a_reader_that_stops_reading_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    from SlicerLDMRegLib.cli.console import run_safely

    def broken(arguments: argparse.Namespace) -> int:
        raise BrokenPipeError

    stdout = sys.stdout
    try:
        assert run_safely(broken, argparse.Namespace()) == 0
    finally:
        sys.stdout = stdout
    assert capsys.readouterr().err == ""
