"""Time of one registration in a new process, with and without packages that it does not need.

    make bench-start        # or: python -m Testing.Benchmarks.cold_start --runs 20

registers the cardiac sample pair by ``ldmreg register``, as ``make demo`` does, in an environment
with all packages for development (``.venv``) and in one with those alone that are needed
(``.venv-runtime``), each time in a new process. The environments take turns, so that all of them
meet the rest of the machine's work. ``--library`` adds other checkouts, in both environments.

It prints the medians, with the quartiles, of the time, of the time of the processors and of the
peak memory, and the number of modules that were imported; then, for each library, the ratio of the
two environments. Where others compute on this machine, the time of the processors says more.

Aim: with all packages for development at most 1.5 times as long as without them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

_HERE = Path(__file__).resolve().parents[2]
_AIM = 1.5
_SAMPLES = _HERE / "Resources" / "SampleData"
_DEMO = [
    "register",
    "--quiet",
    *(f"--fixed={_SAMPLES}/cardiac_fixed.nrrd", f"--moving={_SAMPLES}/cardiac_moving.nrrd"),
    f"--fixed-labels={_SAMPLES}/cardiac_fixed_labels.nrrd",
    f"--moving-labels={_SAMPLES}/cardiac_moving_labels.nrrd",
]
# A run that tells what it imported, and which versions.
_LOOK = """
import json, sys
from importlib import metadata
from SlicerLDMRegLib.cli import main
code = main(sys.argv[1:])
names = ("torch", "monai", "numpy", "scipy", "SimpleITK", "matplotlib")
print(json.dumps({
    "modules": sorted(sys.modules),
    "installed": len(list(metadata.distributions())),
    "versions": {"python": sys.version.split()[0], **{n: metadata.version(n) for n in names}},
}))
sys.exit(code)
"""


@dataclass
class Side:
    """A checkout of the library in an environment, and what its runs gave.

    Attributes:
        library: folder that holds ``SlicerLDMReg/SlicerLDMRegLib``.
        environment: its name.
        python: its interpreter.
        modules: names of all modules that a run imports.
        versions: of Python and the packages that matter.
        installed: number of installed packages.
        dice: of the registration.
        seconds, processor, memory: of each run: time, time of the processors, peak in MB.
    """

    library: Path
    environment: str
    python: Path
    modules: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    installed: int = 0
    dice: float = float("nan")
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def warm_up(self) -> None:
        """Run once, so that files are compiled and cached, and note what is imported."""
        with tempfile.TemporaryDirectory() as folder:
            command = [str(self.python), "-c", _LOOK, *_DEMO, f"--output={folder}/results"]
            done = subprocess.run(
                command, env=self._variables(), cwd=folder, capture_output=True, text=True
            )
            self._check(done.returncode, done.stderr)
            seen = json.loads(done.stdout.splitlines()[-1])
            report = json.loads(Path(folder, "results", "report.json").read_text("utf-8"))
        self.modules, self.versions = seen["modules"], seen["versions"]
        self.installed = seen["installed"]
        self.dice = report["metrics"]["after"]["dice_mean"]

    def run(self) -> None:
        """Run once, and note what it took."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
            command = [str(self.python), "-m", "SlicerLDMRegLib", *_DEMO]
            began = time.perf_counter()
            process = subprocess.Popen(
                [*command, f"--output={folder}/results"],
                env=self._variables(),
                cwd=folder,  # python -m would take a library that lies in the present one
                stderr=errors,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            self._check(process.returncode, errors.read())
        self.seconds.append(seconds)
        self.processor.append(usage.ru_utime + usage.ru_stime)
        # Bytes on macOS, else kB.
        self.memory.append(usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))

    def _variables(self) -> dict[str, str]:
        # With PYTHONDONTWRITEBYTECODE, every run would compile all it imports.
        variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {**variables, "PYTHONPATH": str(self.library / "SlicerLDMReg")}

    def _check(self, code: int, errors: str) -> None:
        if code:
            sys.exit(f"{self.library} in {self.environment}: ended with {code}\n{errors.strip()}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write ``cold_start.json``."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Benchmarks.cold_start")
    parser.add_argument("--runs", type=int, default=20, help="of each environment and library")
    parser.add_argument("--developer", type=Path, default=Path(".venv"), metavar="VENV")
    parser.add_argument("--runtime", type=Path, default=Path(".venv-runtime"), metavar="VENV")
    parser.add_argument(
        "--library",
        type=Path,
        action="append",
        default=[],
        metavar="CHECKOUT",
        help="another checkout to measure beside this one; may be repeated",
    )
    parser.add_argument("--output", type=Path, default=Path("results/start"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    libraries = [_HERE, *(path.resolve() for path in options.library)]
    venvs = {"developer": options.developer, "runtime": options.runtime}
    sides = []
    for library in libraries:
        if not (library / "SlicerLDMReg" / "SlicerLDMRegLib").is_dir():
            parser.error(f"--library {library}: expected a checkout, with SlicerLDMReg in it")
        for name, venv in venvs.items():
            # Not resolved: it is the link in bin that makes it this environment.
            sides.append(Side(library, name, venv.absolute() / "bin" / "python"))
    missing = [side.python for side in sides if not side.python.is_file()]
    if missing:
        parser.error(f"{missing[0]} is missing; `make bench-start` makes it")
    before = os.getloadavg()
    measure(sides, options.runs)
    after = os.getloadavg()
    summary = {
        "host": _host(),
        "load": {"before": before, "after": after},
        "ratios": ratios(sides),
        "sides": [asdict(side) for side in sides],
    }
    target = options.output / "cold_start.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(summary, indent=1, default=str) + "\n", encoding="utf-8")
    print(_table(sides), _ratio_lines(sides), sep="\n")
    print(f"{_host()}; load {before[0]:.1f} before, {after[0]:.1f} after; {target}")


def measure(sides: Sequence[Side], runs: int) -> None:
    """Warm every side up, then let them take turns, each round in another order."""
    for side in sides:
        side.warm_up()
    for number in range(runs):
        print(f"round {number + 1} of {runs}", file=sys.stderr)
        first = number % len(sides)
        for side in (*sides[first:], *sides[:first]):
            side.run()


def ratios(sides: Iterable[Side]) -> dict[str, dict[str, float]]:
    """Return, by library, the developer's over the runtime's environment, of the medians."""
    found: dict[str, dict[str, float]] = {}
    by_name = {(str(side.library), side.environment): side for side in sides}
    for library in dict.fromkeys(library for library, _ in by_name):
        developer, runtime = by_name[library, "developer"], by_name[library, "runtime"]
        found[library] = {
            name: statistics.median(getattr(developer, name))
            / statistics.median(getattr(runtime, name))
            for name in ("seconds", "processor", "memory")
        }
    return found


def _ratio_lines(sides: Sequence[Side]) -> str:
    lines = []
    for library, ratio in ratios(sides).items():
        verdict = "within" if ratio["seconds"] <= _AIM else "above"
        lines.append(
            f"{library}: developer / runtime: time {ratio['seconds']:.2f} ({verdict} the {_AIM:g} "
            f"aimed at), processors {ratio['processor']:.2f}, memory {ratio['memory']:.2f}"
        )
    return "\n".join(lines)


def _table(sides: Sequence[Side]) -> str:
    lines = [f"median of {len(sides[0].seconds)} runs [quartiles]"]
    for side in sides:
        lines += [
            f"\n{side.library}, {side.environment} environment ({side.installed} packages)",
            f"  time        {_spread(side.seconds, 's')}",
            f"  processors  {_spread(side.processor, 's')}",
            f"  peak memory {_spread(side.memory, 'MB', 0)}",
            f"  modules     {len(side.modules)}: {_largest(side.modules)}",
            f"  versions    {', '.join(f'{k} {v}' for k, v in side.versions.items())}",
            f"  Dice after  {side.dice:.4f}",
        ]
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else 3 * values
    )
    return f"{middle:.{digits}f} {unit} [{low:.{digits}f} to {high:.{digits}f}]"


def _largest(modules: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for name in modules:
        package = name.partition(".")[0]
        counts[package] = counts.get(package, 0) + 1
    most = sorted(counts.items(), key=lambda item: -item[1])[:8]
    return ", ".join(f"{name} {count}" for name, count in most)


def _host() -> str:
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        found = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = found[0].partition(":")[2].strip() if found else name
    return f"{os.cpu_count()} processors {name}, {platform.platform()}"


if __name__ == "__main__":
    main()
