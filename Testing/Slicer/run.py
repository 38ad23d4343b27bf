"""Test the module in a given Slicer and compare with the host; see CONTRIBUTING.md.

``python -m Testing.Slicer.run --slicer /path/to/Slicer``, in the root of the repository. Plain
Python; the interpreter of ``--host-python`` must have the packages of the host.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .compare import differences
from .first_look import lines
from .job import OLDEST, REPORT
from .page import page

__all__ = ["main"]

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parents[1]
_MODULE = "SlicerLDMReg.py"
_NO_SLICER = """\
SLICER is not set. Name the executable of a 3D Slicer, 5.10 or newer:

    make test-slicer SLICER=/path/to/Slicer-5.10.0-linux-amd64/Slicer

`make test` tests the module without Slicer."""


class _Problem(Exception):
    """Why nothing could be tested."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, compare, and write results; 0 where all is well, 1 where not, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="Testing.Slicer.run", description=__doc__)
    parser.add_argument("--slicer", default="", help="executable of Slicer")
    parser.add_argument("--tree", default="", help="where the extension is installed; else source")
    parser.add_argument("--host-python", default=sys.executable, help="Python that has the host")
    parser.add_argument("--output", type=Path, default=_REPOSITORY / "results" / "slicer")
    parser.add_argument("--minutes", type=float, default=30.0, help="after which it is stopped")
    parser.add_argument("--no-self-tests", action="store_true", help="the scenario only")
    options = parser.parse_args(arguments)
    try:
        command = _slicer_command(options.slicer)
        module = _module_folder(options.tree)
    except _Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    shutil.rmtree(options.output, ignore_errors=True)
    seconds = 60 * options.minutes
    try:
        command += ["--additional-module-paths", str(module)]
        command += ["--python-script", str(_HERE / "in_slicer.py")]
        job = _job(module, self_tests=not options.no_self_tests)
        slicer = _run("slicer", command, job, options.output, seconds)
        _check_version(slicer["application"]["version"])
        # The host has all packages: it does without those that this Slicer lacks.
        missing = slicer["seen"].get("setup", {}).get("missing", [])
        job = _job(module, lacks=[re.split(r"[<>=!~ ]", name)[0] for name in missing])
        command = [options.host_python, str(_HERE / "in_host.py")]
        host = _run("host", command, job, options.output, seconds)
    except _Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    differing = differences(slicer["seen"], host["seen"])
    (options.output / "index.html").write_text(page(slicer, host, differing), "utf-8")
    return _conclude(slicer, host, differing, options.output)


def _slicer_command(name: str) -> list[str]:
    """Return the command that starts Slicer, on a display of its own where there is none."""
    if not name:
        raise _Problem(_NO_SLICER)
    path = Path(name).expanduser()
    found = shutil.which(name if path.name == name else str(path.absolute()))
    if found is None:
        raise _Problem(f"SLICER: expected the executable of Slicer, got {name}: none is there")
    command = [found, "--testing", "--no-splash"]
    on_linux = sys.platform.startswith("linux")
    if not on_linux or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return command
    server = shutil.which("xvfb-run")
    if server is None:
        raise _Problem("There is no display, and no xvfb-run to make one: sudo apt install xvfb")
    return [server, "-a", "-s", "-screen 0 1600x1200x24", *command]


def _module_folder(tree: str) -> Path:
    """Return the folder with the module: of the source, or of an installed tree."""
    if not tree:
        return _REPOSITORY / "SlicerLDMReg"
    root = Path(tree).expanduser().resolve()
    found = sorted(root.rglob(f"qt-scripted-modules/{_MODULE}")) or sorted(root.glob(_MODULE))
    if not found:
        raise _Problem(f"INSTALLED: expected a folder that holds {_MODULE}, got {tree}")
    return found[0].parent


def _job(module: Path, self_tests: bool = False, lacks: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "repository": str(_REPOSITORY),
        "module": str(module),
        "self_tests": self_tests,
        "lacks": list(lacks),
    }


def _run(
    name: str, command: Sequence[str], job: Mapping[str, Any], output: Path, seconds: float
) -> dict[str, Any]:
    """Let a process do a job, and read its report."""
    folder = output.resolve() / name
    folder.mkdir(parents=True)
    # Slicer's Python must not see the packages of this one.
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment["LDMREG_TEST_JOB"] = json.dumps({**job, "output": str(folder)})
    print(f"{name}: {' '.join(command)}", flush=True)
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status: object = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = f"{seconds / 60:g} minutes without an end"
        finally:
            _stop(process)
    report = folder / REPORT
    if not report.is_file():
        lines = (folder / "log.txt").read_text("utf-8", "replace").splitlines()[-25:]
        raise _Problem("\n".join([f"{name} ended without a report ({status}):", *lines]))
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    told["status"] = status
    return told


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and those that it has started."""
    if process.poll() is not None:
        return
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _check_version(version: Sequence[int]) -> None:
    if tuple(version) < OLDEST:
        told = ".".join(map(str, version))
        raise _Problem(f"SLICER: expected 5.10 or newer, got {told}; install a newer Slicer")


def _conclude(
    slicer: Mapping[str, Any], host: Mapping[str, Any], differing: Sequence[str], output: Path
) -> int:
    """Print what is wrong; the exit status."""
    wrong = [f"differs: {line}" for line in differing]
    for name, report in (("Slicer", slicer), ("the host", host)):
        for line in lines(report.get("first_look", {})):
            print(f"{name}: {line}")
        checks = [check for check, holds in report["checks"].items() if not holds]
        if "nothing is missing" in checks:
            checks.remove("nothing is missing")
            print(f"{name}: packages are missing; only the panel without them was tested")
        wrong += [f"{name}: not so: {check}" for check in checks]
        for test in report.get("self_tests", ()):
            said = f": {test['message']}" if test["outcome"] == "skipped" else ""
            print(f"{name}: {test['name']} {test['outcome']}{said}")
            if test["outcome"] == "failed":
                wrong.append(f"{name}: self-test {test['name']} failed")
        if report["error"]:
            wrong.append(f"{name}: {report['error'].strip().splitlines()[-1]}")
        elif report["status"] != 0 and not checks:
            wrong.append(f"{name}: ended with {report['status']}, see its log.txt")
    for line in wrong:
        print(line)
    print(f"{'FAILED' if wrong else 'Slicer and the host agree'}: {output / 'index.html'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
