"""One run over a cohort: what is missing or changed is registered, everything else stays."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._version import __version__
from ..errors import InputError
from ..manifest import PairsManifest, write_manifest
from .batch import Batch, Outcome, batches_of
from .clusters import Cluster, local_cluster, running_scheduler, slurm_cluster
from .engine import run_here, run_on_cluster
from .fingerprint import InputFiles
from .folder import CohortFolder
from .plan import CohortPair, CohortPlan
from .processes import default_workers, threads_of_worker
from .records import is_current, read_record
from .summary import WORST, worst
from .totals import Totals

__all__ = ["PAIRS", "Means", "run_cohort"]

#: Table of all pairs in the folder of a cohort, as they are registered.
PAIRS = "pairs.csv"
_MOST_IN_BATCH = 16
_TELL_SECONDS = 2.0


@dataclass(frozen=True)
class Means:
    """Means to compute a cohort.

    Attributes:
        workers: processes on this computer; 0: this one; None: by GPUs, cores and memory.
        scheduler: address of a scheduler of Dask that runs already.
        slurm: configuration of a cluster of SLURM.
        threads: of each process; None: the cores by the number of processes.
        retries: so often a pair that failed is tried again.
        dashboard: address of Dask's dashboard for processes on this computer; None: none.
        pictures: ``all``: each pair has its report with pictures; ``worst``: those that need a look
            most, which are registered once more for it; ``none``: no pair.
        verbose: whether messages of Dask are shown.
    """

    workers: int | None = None
    scheduler: str | None = None
    slurm: Path | None = None
    threads: int | None = None
    retries: int = 1
    dashboard: str | None = None
    pictures: str = "all"
    verbose: bool = False

    def __post_init__(self) -> None:
        given = [n for n in ("workers", "scheduler", "slurm") if getattr(self, n) is not None]
        if len(given) > 1:
            names = " and ".join(f"--{name}" for name in given)
            raise InputError(f"{names} exclude each other; give one of them")
        if self.pictures not in ("all", "worst", "none"):
            raise InputError(f"--pictures: expected all, worst or none, got {self.pictures}")
        for name, least, most in (("workers", 0, 1024), ("threads", 1, 1024), ("retries", 0, 100)):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InputError(
                    f"--{name}: expected an integer from {least} to {most}, got {value}"
                )


def run_cohort(
    plan: CohortPlan,
    folder: CohortFolder,
    means: Means,
    *,
    look: Callable[[Totals], None] = lambda totals: None,
    note: Callable[[str], None] = lambda text: None,
) -> Totals:
    """Register the pairs of a plan that are missing or changed.

    Args:
        plan: the pairs.
        folder: where results and records go; it was prepared.
        means: what computes.
        look: shown the counts, again and again.
        note: told what happens to the cluster.

    Returns:
        The counts at the end. Pairs that failed do not end a run.

    Raises:
        InputError: when another run is writing, or the cluster cannot be used.
        KeyboardInterrupt: after Ctrl-C; what was complete stays.
    """
    share = plan.pairs[0].request.share
    with folder.running() as name:
        _write_plan(plan, folder, share)
        files = InputFiles()
        missing = [
            pair
            for pair in plan.pairs
            if not is_current(
                folder, pair, read_record(folder, pair.id), files, means.pictures == "all"
            )
        ]
        totals = Totals(len(plan.pairs), len(plan.pairs) - len(missing))
        watch = _Watch(totals, folder, look)
        watch.tick(now=True)
        try:
            _Work(plan, folder, name, means, watch, note).do(missing)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(
                f"{totals.done} of {totals.every} pairs are complete; the same command goes on"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                folder.run_file.unlink(missing_ok=True)  # processes elsewhere end, too
            left = (p.id for p in missing if totals.outcomes.get(p.id, _NONE).status != "done")
            folder.end_broken(left)
    look(totals)
    return totals


_NONE = Outcome("", "")


class _Work:
    """The work of one run, and its engine."""

    def __init__(
        self,
        plan: CohortPlan,
        folder: CohortFolder,
        name: str,
        means: Means,
        watch: _Watch,
        note: Callable[[str], None],
    ) -> None:
        self._plan, self._folder, self._name = plan, folder, name
        self._means, self._watch, self._note = means, watch, note
        self._device = plan.pairs[0].request.device

    def do(self, missing: Sequence[CohortPair]) -> None:
        """Register what is missing; then draw what needs a look most, where nothing was drawn."""
        drawing = self._means.pictures == "worst"
        if not missing and not (drawing and self._undrawn()):
            return
        outside = self._means.scheduler is not None or self._means.slurm is not None
        workers = self._means.workers
        if workers is None and not outside:
            workers = min(default_workers(self._device), len(missing) or 1)
        threads = self._means.threads or threads_of_worker(1 if outside else workers or 1)
        with self._engine(workers) as register:
            # Elsewhere their number may change; batches are small enough for some.
            register(self._batches(missing, threads, workers or 16, self._means.pictures == "all"))
            if drawing:
                register(self._batches(self._undrawn(), threads, workers or 16, True))

    @contextmanager
    def _engine(self, workers: int | None) -> Iterator[Callable[[Sequence[Batch]], None]]:
        if workers == 0:
            yield lambda batches: run_here(batches, self._watch.told)
            return
        with _cluster(self._means, workers or 1, self._device) as cluster:
            yield lambda batches: run_on_cluster(
                batches, cluster, self._watch.told, self._watch.tick, self._note
            )

    def _batches(
        self, pairs: Sequence[CohortPair], threads: int, workers: int, pictures: bool
    ) -> list[Batch]:
        by_id = {pair.id: pair for pair in pairs}
        names = [(pair.id, str(pair.request.fixed)) for pair in pairs]
        return [
            Batch(
                root=str(self._folder.root),
                run=self._name,
                requests={pair: _plain(by_id[pair]) for pair in part},
                digests={pair: by_id[pair].digest for pair in part},
                threads=threads,
                retries=self._means.retries,
                pictures=pictures,
            )
            for part in batches_of(names, _MOST_IN_BATCH, workers)
        ]

    def _undrawn(self) -> list[CohortPair]:
        """Return the pairs that need a look most, as far as they have no pictures."""
        rows = [
            {"id": pair.id, "status": record.get("status"), "verdict": record.get("verdict"),
             "quality": (record.get("numbers") or {}).get("quality")}
            for pair in self._plan.pairs
            if (record := read_record(self._folder, pair.id)) is not None
        ]  # fmt: skip
        names = {str(row["id"]) for row in worst(rows, WORST)}
        return [
            pair
            for pair in self._plan.pairs
            if pair.id in names and not (self._folder.results(pair.id) / "report.html").exists()
        ]


@contextmanager
def _cluster(means: Means, workers: int, device: str) -> Iterator[Cluster]:
    if means.scheduler is not None:
        with running_scheduler(means.scheduler, means.verbose) as cluster:
            yield cluster
    elif means.slurm is not None:
        with slurm_cluster(means.slurm, means.verbose) as cluster:
            yield cluster
    else:
        with local_cluster(workers, device, means.dashboard, means.verbose) as cluster:
            yield cluster


def _plain(pair: CohortPair) -> dict[str, Any]:
    """Return a request as plain data that holds in any process: its paths are absolute."""
    from ..pipeline.provenance import describe_request

    plain = describe_request(pair.request) | {"output": pair.request.output}
    del plain["in_memory"]  # what a manifest names is in files
    return plain


def _write_plan(plan: CohortPlan, folder: CohortFolder, share: bool) -> None:
    entries = tuple(replace(pair.entry, id=pair.id) for pair in plan.pairs)
    write_manifest(PairsManifest(entries), folder.root / PAIRS, share=share)
    request = plan.pairs[0].request.to_dict()
    of_pairs = ("fixed", "moving", "output", "initial_transform")
    options = {
        name: value
        for name, value in request.items()
        if name not in of_pairs and not name.startswith(("fixed_", "moving_"))
    }
    folder.describe(
        {
            "format": 1,
            "ldmreg_version": __version__,
            "source": str(plan.source),
            "pairing": plan.pairing,
            "pairs": len(plan.pairs),
            "template": None if plan.template is None else str(plan.template),
            "options": options,
            "begun": time.time(),
        },
        share,
    )


class _Watch:
    """Counts outcomes, shows them, and tells those who look from outside."""

    def __init__(
        self, totals: Totals, folder: CohortFolder, look: Callable[[Totals], None]
    ) -> None:
        self._totals, self._folder, self._look = totals, folder, look
        self._last = 0.0

    def told(self, outcome: Outcome) -> None:
        if self._totals.add(outcome):
            self.tick()

    def tick(self, now: bool = False) -> None:
        self._look(self._totals)
        if now or time.monotonic() - self._last > _TELL_SECONDS:
            self._last = time.monotonic()
            self._folder.tell(**self._totals.plain())
