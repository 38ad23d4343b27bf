"""Options, counts and progress that the commands over many pairs have in common."""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._printable import one_line
from .registration_options import over_preset, prompts_by_label, refinement

if TYPE_CHECKING:
    from ..cohort import Means, Totals

__all__ = [
    "Display",
    "add_means",
    "clock",
    "counted",
    "expected_end",
    "means_of",
    "shared_options",
]

_LINE_SECONDS = 30.0  # between two lines of progress where there is no terminal


def add_means(parser: argparse.ArgumentParser) -> None:
    """Add the options of what computes."""
    where = parser.add_argument_group("what computes")
    where.add_argument("--workers", type=int, metavar="N", help=(
        "processes on this computer; 0: this one, without Dask (default: one for each GPU, else as "
        "many as cores and memory allow)"))  # fmt: skip
    where.add_argument("--threads", type=int, metavar="N", help=(
        "of each process (default: the cores by the processes); the last bits of a result depend "
        "on it"))  # fmt: skip
    where.add_argument("--scheduler", metavar="ADDRESS", help=(
        "a scheduler of Dask that is running, such as tcp://node1:8786, whose workers see the same "
        "folders"))  # fmt: skip
    where.add_argument("--slurm", metavar="FILE", help=(
        "YAML: jobs, cores, memory and what else dask_jobqueue.SLURMCluster takes"))  # fmt: skip
    where.add_argument("--dashboard", metavar="ADDRESS", help=(
        "show Dask's dashboard at an address such as :8787 (needs bokeh)"))  # fmt: skip
    where.add_argument("--pictures", default="all", metavar="WHICH", help=(
        "all (default): each pair gets its report with pictures; worst: only the pairs that need a "
        "look most, which are registered once more for it; none: no pair. Small images are done "
        "several times faster without"))  # fmt: skip
    where.add_argument("--retries", type=int, default=1, metavar="N", help=(
        "so often a pair that failed is tried again (default 1)"))  # fmt: skip


def means_of(arguments: argparse.Namespace) -> Means:
    """Return what computes."""
    from ..cohort import Means

    return Means(
        workers=arguments.workers,
        scheduler=arguments.scheduler,
        slurm=None if arguments.slurm is None else Path(arguments.slurm),
        threads=arguments.threads,
        retries=arguments.retries,
        dashboard=arguments.dashboard,
        pictures=arguments.pictures,
        verbose=arguments.verbose,
    )


def shared_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of the requests that all pairs have in common."""
    names = ("model", "device", "precision", "align", "diffeomorphic", "seed", "slices",
             "uncertainty", "fixed_segmentation", "label_names", "segmenter", "share")  # fmt: skip
    values = {name: getattr(arguments, name) for name in names}
    values |= {"refine": refinement(arguments), "prompts": prompts_by_label(arguments.prompts)}
    return over_preset(arguments, values)


def counted(counts: Mapping[str, int]) -> str:
    """Return counts of pairs by status and verdict in words."""
    every = sum(counts.get(name, 0) for name in ("done", "failed", "missing"))
    parts = [f"{counts.get('done', 0):,} of {every:,} pairs registered"]
    verdicts = [f"{n} {counts[n]:,}" for n in ("good", "check", "bad") if counts.get(n)]
    if verdicts:
        parts.append(", ".join(verdicts))
    parts += [f"{counts[name]:,} {name}" for name in ("failed", "missing") if counts.get(name)]
    return "; ".join(parts)


def expected_end(rate: float | None, end: float | None) -> str:
    """Return in words how fast a run is, in pairs a second, and when it ends; else nothing."""
    if rate is None or end is None:
        return ""
    speed = f"{rate:.1f} pairs/s" if rate >= 0.1 else f"{rate * 3600:.0f} pairs/h"
    return f", {speed}, ends about {clock(end)}"


def clock(seconds: float) -> str:
    """Return the local time of seconds since the epoch, to the minute."""
    return datetime.datetime.fromtimestamp(seconds).isoformat(sep=" ", timespec="minutes")


class Display:
    """Progress of a cohort: a bar on a terminal, else a line now and then."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._quiet = arguments.quiet or arguments.json
        self._bar: Any = None
        self._terminal = not arguments.quiet and sys.stderr.isatty()
        self._last = time.monotonic()

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def look(self, totals: Totals) -> None:
        """Show counts."""
        if self._terminal:
            self._show(totals)
        elif not self._quiet and time.monotonic() - self._last > _LINE_SECONDS:
            self._last = time.monotonic()
            verdicts = dict(totals.verdicts)
            counts = {"done": totals.done, "failed": totals.failed, "missing": totals.left}
            text = f"{counted({**verdicts, **counts})}{expected_end(totals.rate, totals.end)}"
            print(f"ldmreg: {text}", file=sys.stderr)

    def note(self, text: str, loud: bool = True) -> None:
        """Tell what happens, in a line of its own."""
        if loud and not self._quiet:
            if self._bar is not None:
                self._bar.clear()
            print(one_line(f"ldmreg: {text}"), file=sys.stderr)

    def _show(self, totals: Totals) -> None:
        if self._bar is None:
            from tqdm import tqdm

            stream = getattr(sys.stderr, "unsafe", sys.stderr)
            layout = "{percentage:3.0f}% |{bar}| {desc}"
            self._bar = tqdm(
                total=totals.every, bar_format=layout, leave=False, miniters=0, file=stream
            )
        verdicts = " ".join(f"{v} {n}" for v, n in sorted(totals.verdicts.items()))
        failed = f", failed {totals.failed}" if totals.failed else ""
        expected = expected_end(totals.rate, totals.end)
        text = f"{totals.done}/{totals.every} {verdicts}{failed}{expected}"
        self._bar.set_description_str(text, refresh=False)
        self._bar.update(totals.done + totals.failed - self._bar.n)
        self._bar.refresh()
