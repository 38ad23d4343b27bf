"""The linear alignment beside Greedy's and ITK's, in random geometries and on real pairs.

    make bench-align        # or: python -m Testing.Benchmarks.alignment --cases 500

aligns images of an analytic object, whose alignment is known, in random geometries (see
``alignment_cases``): rigidly where nothing is stretched, else affinely. It prints for each method

- worse: how often the object's points end farther from their places than without registration, or
  the method fails; the aim is 0 for ours;
- off: how often they are off by more than 3 % of the object's diagonal;
- the least and the largest determinant of the linear part;
- the target registration error over the object's points in mm: median, 95th percentile, largest;
- the seconds of the processor, median and largest, with one thread, and the growth of the peak of
  memory while the cases were aligned.

``--data ../shared/data`` aligns the real pairs of that folder instead (see ``alignment_data``),
rigidly and affinely. Methods that are not installed are left out with a message (Greedy:
``pip install picsl-greedy``, Apache-2.0). Everything is written to ``--output``, too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from Testing.Benchmarks.alignment_cases import KINDS, linear_part, make_case, mean_error
from Testing.Benchmarks.alignment_data import RealPair, real_pairs
from Testing.Benchmarks.alignment_methods import METHODS, Align, require_greedy, unregistered
from training.machine import describe_machine, load_average, use_threads

_OFF = 0.03  # of the diagonal of the object
_OFTEN = 20  # pairs, after which what is known is written
_WIDTHS = {"det": 17, "worse": 7, "failed": 7, "off": 6}


@dataclass(frozen=True)
class Result:
    """Result of a method for one pair.

    Attributes:
        method: its name.
        case: seed, or group and name of the pair.
        stages: ``rigid`` or ``affine``.
        before, after: error in mm, or Dice.
        is_error: whether less is better.
        size: diagonal of the object in mm; NaN where it is not known.
        determinant: of the linear part that was found.
        seconds: of the processor.
        failure: why there is no transform, else None.
        description: of the pair.
    """

    method: str
    case: str
    stages: str
    before: float
    after: float
    is_error: bool
    size: float
    determinant: float
    seconds: float
    failure: str | None = None
    description: dict[str, Any] = field(default_factory=dict)

    @property
    def worse(self) -> bool:
        """Whether it did harm; a number that is not one did."""
        better = self.after <= self.before if self.is_error else self.after >= self.before
        return not better


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Benchmarks.alignment")
    parser.add_argument("--cases", type=int, default=500, help="random geometries")
    parser.add_argument("--first", type=int, default=0, help="seed of the first one")
    parser.add_argument("--data", type=Path, help="folder of real pairs, instead")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--output", type=Path, default=Path("results/alignment.json"))
    options = parser.parse_args(arguments)
    names = [name for name in options.methods if _is_there(name)]
    results: list[Result] = []
    memory: dict[str, float] = {}
    # A process for each method: its memory is its own, and a crash of one spares the others.
    pools = {name: ProcessPoolExecutor(1, get_context("spawn"), _prepare) for name in names}
    jobs = range(options.first, options.first + options.cases)
    if options.data:
        jobs = range(sum(1 for _ in real_pairs(options.data)))
    for count, job in enumerate(jobs, start=1):
        for name, pool in pools.items():
            found, memory[name] = pool.submit(_run, name, job, options.data).result()
            results += found
        if count % _OFTEN == 0:
            _write(options.output, results, memory)
    _write(options.output, results, memory)
    for pool in pools.values():
        pool.shutdown()
    if options.data:
        _print_real(results, names)
    else:
        _print_cases(results, names, memory)
    print(f"\nAll numbers: {options.output}")


def _is_there(name: str) -> bool:
    if name == "greedy":
        try:
            require_greedy()
        except ImportError as error:
            print(f"Left out: {error}")
            return False
    return True


_pairs: list[RealPair] | None = None
_idle = 0.0


def _prepare() -> None:
    """Prepare a process: one thread, and silence, for Greedy and ITK print from C++."""
    global _idle
    use_threads(1, 0)
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    _idle = _peak()


def _peak() -> float:
    """Return the peak of the memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run(name: str, number: int, folder: Path | None) -> tuple[list[Result], float]:
    """Return what a method does with a case of a seed, or with a real pair; MiB so far."""
    global _pairs
    if folder is None:
        return [_run_case(name, number)], _peak() - _idle
    if _pairs is None:
        _pairs = list(real_pairs(folder))
    pair = _pairs[number]
    return [_run_pair(name, pair, stages) for stages in ("rigid", "affine")], _peak() - _idle


def _run_case(name: str, seed: int) -> Result:
    case = make_case(seed)
    stages = "affine" if case.kind in ("similarity", "affine") else "rigid"
    arguments = case.fixed, case.moving, stages, case.metric
    found, seconds, failure = _aligned(METHODS[name], *arguments)
    nothing = float("nan")
    return Result(
        method=name,
        case=str(seed),
        stages=stages,
        before=mean_error(unregistered(*arguments), case),
        after=nothing if found is None else mean_error(found, case),
        is_error=True,
        size=float(np.linalg.norm(np.ptp(case.points, axis=0))),
        determinant=nothing if found is None else float(np.linalg.det(linear_part(found))),
        seconds=seconds,
        failure=failure,
        description=case.description,
    )


def _run_pair(name: str, pair: RealPair, stages: str) -> Result:
    arguments = pair.fixed, pair.moving, stages, "mattes"
    found, seconds, failure = _aligned(METHODS[name], *arguments)
    nothing = float("nan")
    return Result(
        method=name,
        case=f"{pair.group}: {pair.name}",
        stages=stages,
        before=pair.measure(unregistered(*arguments)),
        after=nothing if found is None else pair.measure(found),
        is_error=pair.is_error,
        size=nothing,
        determinant=nothing if found is None else float(np.linalg.det(linear_part(found))),
        seconds=seconds,
        failure=failure,
        description={"group": pair.group},
    )


def _aligned(
    method: Align, fixed: sitk.Image, moving: sitk.Image, stages: str, metric: str
) -> tuple[sitk.Transform | None, float, str | None]:
    """Return the transform or None, seconds of the processor, and why there is none."""
    began = time.process_time()
    try:
        found = method(fixed, moving, stages, metric)
    except Exception as error:  # a method that fails is a result of this comparison
        return None, time.process_time() - began, str(error).strip().splitlines()[-1]
    return found, time.process_time() - began, None


def _print_cases(results: list[Result], names: list[str], memory: dict[str, float]) -> None:
    columns = ("worse", "failed", "off", "det", "median mm", "95 %", "worst", "s", "most", "MiB")
    print(f"{'':22}{'n':>5}" + "".join(f"{c:>{_WIDTHS.get(c, 10)}}" for c in columns))
    for kind in ("all", *KINDS):
        for name in names:
            own = [r for r in results if r.method == name]
            rows = [r for r in own if kind in ("all", r.description["kind"])]
            if rows:
                end = f"{memory[name]:10.0f}" if kind == "all" else ""
                print(f"{kind:12}{name:10}{len(rows):5}{_line(rows)}{end}")


def _line(rows: list[Result]) -> str:
    errors = np.array([r.after for r in rows])
    known = errors[np.isfinite(errors)]
    if not known.size:
        return f"{len(rows):7}{len(rows):7}"
    seconds = [r.seconds for r in rows]
    off = sum(not r.after <= _OFF * r.size for r in rows)
    return (
        f"{sum(r.worse for r in rows):7}{sum(r.failure is not None for r in rows):7}{off:6}"
        f"{_extremes(rows):>17}{np.median(known):10.3f}{np.percentile(known, 95):10.2f}"
        f"{known.max():10.2f}{np.median(seconds):10.2f}{max(seconds):10.2f}"
    )


def _extremes(rows: list[Result]) -> str:
    determinants = [r.determinant for r in rows if np.isfinite(r.determinant)]
    return f"{min(determinants):.3g}..{max(determinants):.3g}" if determinants else "none"


def _print_real(results: list[Result], names: list[str]) -> None:
    print(
        f"{'':22}{'method':9}{'stage':8}{'n':>4}{'before':>9}{'after':>9}{'worst':>9}{'worse':>7}"
        f"{'det':>17}{'s':>7}"
    )
    for group in dict.fromkeys(r.description["group"] for r in results):
        for name in names:
            for stages in ("rigid", "affine"):
                chosen = name, stages, group
                rows = [
                    r for r in results if (r.method, r.stages, r.description["group"]) == chosen
                ]
                is_error = rows[0].is_error
                after = np.array([r.after for r in rows])
                print(
                    f"{group + (' mm' if is_error else ' Dice'):22}{name:9}{stages:8}{len(rows):4}"
                    f"{np.mean([r.before for r in rows]):9.3f}{np.nanmean(after):9.3f}"
                    f"{np.nanmax(after) if is_error else np.nanmin(after):9.3f}"
                    f"{sum(r.worse for r in rows):7}{_extremes(rows):>17}"
                    f"{np.median([r.seconds for r in rows]):7.2f}"
                )


def _write(path: Path, results: list[Result], memory: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {
        "machine": describe_machine(),
        "load": load_average(),
        "memory_mib": memory,
        "results": [asdict(r) for r in results],
    }
    path.write_text(json.dumps(plain, indent=1))


if __name__ == "__main__":
    main()
