"""Cohorts of small pairs: memory of the workers, and the bits where processes are killed.

    python -m Testing.Prove.cohort memory --pairs 300
    python -m Testing.Prove.cohort faults --pairs 1000

``memory`` registers generated pairs with one worker of Dask, and tells how its private memory
grows: the slope, in KiB a pair, over the second half of the pairs. ``faults`` registers them on a
scheduler of its own, which is killed once, with workers that are killed as often as is said: every
pair has to be there once, with the bits of a run in one process without faults. With ``--folder`` a
proof that was ended goes on with what is there: one fault more.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from SlicerLDMRegLib.cohort import CohortFolder, Means, Totals, make_plan, run_cohort

from .dask_processes import DaskProcesses, bits_of, image_table, resident_mib, worker_pids

__all__ = ["Faults", "Growth", "faults", "growth", "some"]

#: A registration of a small image that takes a moment.
QUICK: dict[str, Any] = {"model": "none", "refine": "3,2", "device": "cpu", "align": "none"}
#: The least that is a registration.
QUICKEST: dict[str, Any] = {**QUICK, "refine": False, "align": "center"}
# A worker that was mended grew by 10 KiB a pair and less over its second hundred pairs, one that
# was not by 200 to 400.
_MOST_KIB = 60.0


@dataclass
class Growth:
    """Memory of a worker.

    Attributes:
        pairs: that were registered.
        mib: pairs that were done, and the worker's private resident MiB then.
        seconds: all of it.
    """

    pairs: int
    mib: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def slope_kib(self) -> float:
        """KiB a pair over the second half of the pairs, by least squares; NaN with too few."""
        points = np.array([point for point in self.mib if point[0] >= self.pairs / 2])
        if len(points) < 2 or np.ptp(points[:, 0]) == 0:
            return float("nan")
        return 1024 * float(np.polyfit(points[:, 0], points[:, 1], 1)[0])

    @property
    def is_bad(self) -> bool:
        """Whether the memory grows."""
        return not self.slope_kib <= _MOST_KIB


def growth(pairs: int, pictures: bool = False) -> Growth:
    """Register generated pairs with one worker of Dask, and measure its memory."""
    began, seen = time.perf_counter(), dict[int, float]()
    with tempfile.TemporaryDirectory() as name:
        plan, folder = _plan(Path(name), pairs, QUICK)

        def look(totals: Totals) -> None:
            # Between two batches the worker is not in the middle of a registration.
            for pid in worker_pids(os.getpid()):
                seen.setdefault(totals.done, resident_mib(pid))

        means = Means(workers=1, threads=1, pictures="all" if pictures else "none")
        totals = run_cohort(plan, folder, means, look=look)
        if totals.failed:
            raise RuntimeError(f"{totals.failed} of {totals.every} pairs failed")
    return Growth(totals.done, sorted(seen.items()), time.perf_counter() - began)


@dataclass
class Faults:
    """What came of a cohort whose processes were killed.

    Attributes:
        pairs: of the cohort.
        done: pairs that are there, each once.
        changed: of these, with other bits than without faults.
        workers, scheduler: how often they were killed.
        notes: what was told of the cluster.
        seconds: of the run without faults, and of that with them.
    """

    pairs: int
    done: int
    changed: int
    workers: int
    scheduler: int
    notes: list[str]
    seconds: tuple[float, float]

    @property
    def is_bad(self) -> bool:
        """Whether something must not be."""
        return self.done != self.pairs or self.changed > 0 or self.scheduler != 1


def faults(pairs: int, workers: int = 2, kills: int = 3, folder: Path | None = None) -> Faults:
    """Register a cohort on a scheduler that is killed once, on workers that are killed, too.

    Args:
        pairs: number of pairs.
        workers: of Dask.
        kills: of workers.
        folder: for images and results, which are kept there; None: they are removed.
    """
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory()) if folder is None else folder
        began = time.perf_counter()
        plan, plain = _plan(Path(name), pairs, QUICKEST, "plain")
        run_cohort(plan, plain, Means(workers=0, threads=1, pictures="none"))
        expected = bits_of(plain)
        between = time.perf_counter()
        plan, study = _plan(Path(name), pairs, QUICKEST, "faults")
        place = Path(name) / "dask"
        place.mkdir(exist_ok=True)
        dask, notes = DaskProcesses(place, workers), list[str]()
        due = [(len(plan.pairs) * (n + 1) // (kills + 2), "worker") for n in range(kills)]
        due.append((len(plan.pairs) * (kills + 1) // (kills + 2), "scheduler"))
        killed: list[str] = []

        def look(totals: Totals) -> None:
            if due and totals.done >= due[0][0]:
                what = due.pop(0)[1]
                killed.append(what)
                if what == "scheduler":
                    dask.kill_scheduler()
                else:
                    dask.workers[len(killed) % workers].kill()

        try:
            means = Means(scheduler=dask.address, threads=1, pictures="none")
            run_cohort(plan, study, means, look=look, note=notes.append)
        finally:
            dask.end()
        found = bits_of(study)
        return Faults(
            len(expected),
            len(found.keys() & expected.keys()),
            sum(found.get(pair) != bits for pair, bits in expected.items()),
            killed.count("worker"),
            killed.count("scheduler"),
            notes,
            (between - began, time.perf_counter() - between),
        )


def _plan(root: Path, pairs: int, options: dict[str, Any], study: str = "study") -> Any:
    """Return the plan of the first so many pairs of generated images, and the cohort's folder."""
    from dataclasses import replace

    table = image_table(root / "images", pairs)
    folder = CohortFolder(root / study)
    plan = make_plan(table, folder, options, pairing="all-to-all")
    folder.prepare(share=False)
    return replace(plan, pairs=plan.pairs[:pairs]), folder


def main() -> int:
    """Print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Prove.cohort")
    parser.add_argument("what", choices=("memory", "faults"))
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--pictures", action="store_true", help="memory: each with its report")
    parser.add_argument("--workers", type=int, default=2, help="faults: number of workers")
    parser.add_argument("--kills", type=int, default=3, help="faults: of workers")
    parser.add_argument("--folder", type=Path, help="faults: keeps the results, and goes on there")
    arguments = parser.parse_args()
    if arguments.what == "memory":
        grown = growth(arguments.pairs, arguments.pictures)
        print(
            f"{grown.pairs} pairs in {grown.seconds:.0f} s: {grown.slope_kib:.0f} KiB a pair over "
            "the second half; pairs and MiB "
            + ", ".join(f"{n}: {mib:.0f}" for n, mib in some(grown.mib))
        )
        return int(grown.is_bad)
    found = faults(arguments.pairs, arguments.workers, arguments.kills, arguments.folder)
    print(
        f"{found.pairs} pairs, {found.seconds[0]:.0f} s in one process without faults, "
        f"{found.seconds[1]:.0f} s with {arguments.workers} workers, of which {found.workers} were "
        f"killed, and the scheduler {found.scheduler} time: {found.done} there once, "
        f"{found.changed} with other bits"
    )
    for note in found.notes:
        print(f"  {note}")
    return int(found.is_bad)


def some(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return about ten of many points."""
    return points[:: max(1, len(points) // 10)]


if __name__ == "__main__":
    sys.exit(main())
