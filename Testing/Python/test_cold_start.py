"""The benchmark of the start, with libraries that do nothing but note that they ran."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from Testing.Benchmarks import cold_start

ENVIRONMENT = Path(sys.prefix)
REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not (ENVIRONMENT / "bin" / "python").is_file(), reason="Python runs outside an environment"
)


def checkout(folder: Path, work: str = "") -> Path:
    """Make a library whose registration notes its name and its process in ``runs.txt``."""
    package = folder / "SlicerLDMReg" / "SlicerLDMRegLib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("from .cli import main\nraise SystemExit(main())\n")
    code = f"""
    import json, os, sys
    from pathlib import Path
    def main(arguments=None):
        arguments = sys.argv[1:] if arguments is None else arguments
        given = dict(a[2:].split("=") for a in arguments if "=" in a)
        assert arguments[0] == "register" and Path(given["fixed-labels"]).is_file(), arguments
        {work or "pass"}
        with open({str(folder.parent / "runs.txt")!r}, "a") as runs:
            print({folder.name!r}, os.getpid(), file=runs)
        output = Path(given["output"])
        output.mkdir()
        report = {{"metrics": {{"after": {{"dice_mean": 1}}}}}}
        (output / "report.json").write_text(json.dumps(report))
    """
    (package / "cli.py").write_text(textwrap.dedent(code))
    return folder


def measure(*arguments: str) -> None:
    here = f"{ENVIRONMENT}"
    cold_start.main([f"--developer={here}", f"--runtime={here}", *arguments])


def test_sides_take_turns_in_new_processes_and_all_is_written(tmp_path: Path) -> None:
    new = checkout(tmp_path / "new")
    old = checkout(tmp_path / "old", "import wave; main.kept = bytearray(b'x') * 200_000_000")
    arguments = ["--runs=3", f"--library={old}", f"--output={tmp_path / 'out'}"]
    arguments += [f"--developer={ENVIRONMENT}", f"--runtime={ENVIRONMENT}"]
    # In a process of its own: the peak of a child begins with that of the process that starts it,
    # and the tests need more memory than what is measured here.
    code = f"""
    from pathlib import Path
    from Testing.Benchmarks import cold_start
    cold_start._HERE = Path({str(new)!r})
    cold_start.main({arguments!r})
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    runs = [line.split() for line in (tmp_path / "runs.txt").read_text().splitlines()]
    assert len({pid for _, pid in runs}) == len(runs) == 4 + 3 * 4
    # After the four that warm up; each round begins with another side.
    names = [name for name, _ in runs[4:]]
    assert names[:4] == ["new", "new", "old", "old"]
    assert names[4:8] == ["new", "old", "old", "new"]
    assert names[8:] == ["old", "old", "new", "new"]
    written = json.loads((tmp_path / "out" / "cold_start.json").read_text())
    sides = {(Path(s["library"]).name, s["environment"]): s for s in written["sides"]}
    assert set(sides) == {(a, b) for a in ("new", "old") for b in ("developer", "runtime")}
    for (library, _), side in sides.items():
        assert [len(side[name]) for name in ("seconds", "processor", "memory")] == [3, 3, 3]
        assert ("wave" in side["modules"]) == (library == "old")
        assert side["versions"]["python"] == sys.version.split()[0] and side["dice"] == 1
    (light, heavy) = (min(sides[name, "runtime"]["memory"]) for name in ("new", "old"))
    assert 150 < heavy - light < 250
    shown = ran.stdout
    assert shown.count("developer / runtime: time") == 2 and "peak memory" in shown


def test_ratios_are_those_of_the_medians() -> None:
    def side(environment: str, *seconds: float) -> cold_start.Side:
        values = {"seconds": [*seconds], "processor": [2.0], "memory": [50.0]}
        return cold_start.Side(Path("here"), environment, Path("python"), **values)

    found = cold_start.ratios([side("developer", 3, 9, 4), side("runtime", 2, 1, 30)])
    assert found == {"here": {"seconds": 2.0, "processor": 1.0, "memory": 1.0}}


def test_what_cannot_be_measured_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        measure(f"--library={tmp_path}")
    assert "expected a checkout, with SlicerLDMReg in it" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cold_start.main([f"--developer={ENVIRONMENT}", f"--runtime={tmp_path}"])
    assert f"{tmp_path}/bin/python is missing; `make bench-start`" in capsys.readouterr().err
    broken = checkout(tmp_path / "broken", "sys.exit('it cannot')")
    monkeypatch.setattr(cold_start, "_HERE", broken)
    with pytest.raises(SystemExit, match=r"broken in developer: ended with 1\nit cannot"):
        measure("--runs=1", f"--output={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()
