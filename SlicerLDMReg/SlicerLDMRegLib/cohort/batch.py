"""A batch of pairs that share images, registered one after the other in one process.

The process keeps its models, with what they have seen of images, from batch to batch. What became
of a pair is on the disk before the next one begins, so that nothing is lost with the process.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._memory import give_back
from .._printable import one_line
from ..errors import CancelledError, LDMRegError
from ..pipeline.request import RegistrationRequest
from .fingerprint import InputFiles, input_paths
from .folder import CohortFolder
from .records import is_current, read_record, write_record

__all__ = ["MOST_ENDS", "Batch", "Outcome", "batches_of", "register_batch", "register_batch_text"]

#: So often a process may end while it registers a pair, before the pair counts as the reason.
MOST_ENDS = 3
_LOOK_SECONDS = 1.0  # between two looks whether the run goes on


@dataclass(frozen=True)
class Batch:
    """Pairs for one process.

    Attributes:
        root: folder of the cohort.
        run: name of the run; when it is no longer the one of the folder, the batch stops.
        requests: of the pairs, as plain data, by name.
        digests: of their options, by name.
        threads: of the process.
        retries: so often a pair that failed is tried again.
        pictures: whether each pair gets its report with pictures.
    """

    root: str
    run: str
    requests: dict[str, dict[str, Any]]
    digests: dict[str, str]
    threads: int
    retries: int
    pictures: bool

    def to_json(self) -> str:
        """Return the batch as JSON."""
        return json.dumps(self.__dict__)

    @classmethod
    def from_json(cls, text: str) -> Batch:
        """Return the batch of a JSON text of :meth:`to_json`."""
        return cls(**json.loads(text))

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of the pairs."""
        return tuple(self.requests)


@dataclass(frozen=True)
class Outcome:
    """End of a pair in a run.

    Attributes:
        id: its name.
        status: ``done``; ``there``, for one that was done before; ``failed``; ``cancelled``.
        verdict: of its report.
        reason: why it failed.
    """

    id: str
    status: str
    verdict: str = ""
    reason: str = ""


@dataclass(frozen=True)
class _Pair:
    """The part of a :class:`.CohortPair` that :func:`.records.is_current` asks for."""

    id: str
    request: RegistrationRequest
    digest: str


# One registration at a time in a process, also where Dask gives it several threads.
_lock = threading.Lock()
_kept: dict[str, Any] = {}


def register_batch_text(text: str) -> str:
    """Register a batch in a process of Dask: :func:`register_batch`, with JSON in and out."""
    batch = Batch.from_json(text)
    told: Callable[[Outcome], None] | None = None
    try:
        from distributed import get_worker

        worker = get_worker()
    except (ImportError, ValueError):
        pass
    else:
        _stop_profiling(worker)

        def told(outcome: Outcome) -> None:
            worker.log_event(f"ldmreg-{batch.run}", {"outcome": outcome.__dict__})

    outcomes = register_batch(batch, told)
    return json.dumps([outcome.__dict__ for outcome in outcomes])


def register_batch(batch: Batch, told: Callable[[Outcome], None] | None = None) -> list[Outcome]:
    """Register the pairs of a batch that are not there yet; those that fail again at its end.

    Args:
        batch: the pairs.
        told: told what became of each pair.

    Returns:
        One outcome for each pair; nothing is raised for a pair that fails.
    """
    with _lock:
        folder = CohortFolder(Path(batch.root))
        files: InputFiles = _kept.setdefault("files", InputFiles())
        files.forget_times()
        run = _Run(batch, folder, files)
        outcomes: dict[str, Outcome] = {}
        waiting = list(batch.ids)
        for attempt in range(batch.retries + 1):
            failed = []
            for pair in waiting:
                last = attempt == batch.retries
                outcome = run.register(pair, attempt + 1, last)
                if outcome is None:
                    failed.append(pair)
                    continue
                outcomes[pair] = outcome
                if told is not None:
                    told(outcome)
            waiting = failed
        give_back()
        return [outcomes[pair] for pair in batch.ids]


def _stop_profiling(worker: Any) -> None:
    """End the profiler of a worker that others have started, and forget what it has seen.

    Of every second of work it keeps the stacks that it saw, up to 0.3 MiB, for 1,000 seconds.
    """
    if _kept.get("worker") is worker:
        return
    _kept["worker"] = worker

    def stop() -> None:
        for name in ("profile", "profile-cycle"):
            callback = getattr(worker, "periodic_callbacks", {}).get(name)
            if callback is not None:
                callback.stop()
        for name in ("profile_history", "profile_keys_history", "profile_keys"):
            found = getattr(worker, name, None)
            if found is not None:
                found.clear()

    worker.loop.add_callback(stop)


class _Run:
    """Registers the pairs of a batch."""

    def __init__(self, batch: Batch, folder: CohortFolder, files: InputFiles) -> None:
        self._batch, self._folder, self._files = batch, folder, files
        self._looked, self._goes_on = -_LOOK_SECONDS, True

    def register(self, name: str, attempt: int, last: bool) -> Outcome | None:
        """Register a pair; None when it failed and is to be tried again."""
        if self._stopped():
            return Outcome(name, "cancelled")
        try:
            request = RegistrationRequest.from_dict(self._batch.requests[name])
            pair: Any = _Pair(name, request, self._batch.digests[name])
            record = read_record(self._folder, name)
            if is_current(self._folder, pair, record, self._files, self._batch.pictures):
                assert record is not None
                return Outcome(name, "there", str(record.get("verdict", "")))
            ends = self._begin(name)
            if ends > MOST_ENDS:
                raise LDMRegError(
                    f"the process that registered it ended {ends} times without a word, mostly "
                    "for want of memory; use smaller images, or fewer workers"
                )
            verdict = self._done(pair, attempt)
        except CancelledError:
            self._end(name)
            return Outcome(name, "cancelled")
        except Exception as error:
            self._end(name)
            if not last and not self._is_final(error):
                return None
            return self._failed(name, error, attempt)
        self._end(name)
        return Outcome(name, "done", verdict)

    def _done(self, pair: _Pair, attempt: int) -> str:
        """Register, write the record, return the verdict."""
        from ..pipeline import Progress
        from ..pipeline.device import memory_errors
        from ..pipeline.output_folder import OWN_FILES, check_output
        from ..report import judge

        folder = check_output(pair.request)
        assert folder is not None
        inputs = self._files.describe(input_paths(pair.request))
        begin = time.time()
        runner = _runner(self._batch.threads)
        before = runner.cache.work
        result = runner.run(
            replace(pair.request, output=None), Progress(should_cancel=self._stopped)
        )
        with memory_errors("the results"):
            result.save(folder, pair.request.share, self._batch.pictures)
        from .summary import row_of_metrics

        verdict = judge(result.metrics)
        model = result.provenance.get("model")
        memory = result.provenance.get("memory")
        write_record(
            self._folder,
            pair.id,
            {
                "status": "done",
                "request": pair.digest,
                "inputs": inputs,
                "attempts": attempt,
                "finished": time.time(),
                "took": time.time() - begin,
                "verdict": verdict.status,
                "findings": verdict.findings if verdict.status != "good" else [],
                "model": model.get("id") if isinstance(model, dict) else None,
                "results": result.provenance.get("results"),
                "work": _difference(before, runner.cache.work),
                "files": [name for name in OWN_FILES if (folder / name).exists()],
                "numbers": row_of_metrics(
                    result.metrics, result.timings, memory if isinstance(memory, dict) else {}
                ),
            },
        )
        return verdict.status

    def _failed(self, name: str, error: Exception, attempt: int) -> Outcome:
        known = isinstance(error, LDMRegError)
        reason = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        reason = one_line(reason)
        values = {
            "status": "failed",
            "request": self._batch.digests[name],
            "attempts": attempt,
            "finished": time.time(),
            "kind": type(error).__name__,
            "reason": reason,
        }
        write_record(self._folder, name, values)
        return Outcome(name, "failed", reason=reason)

    def _begin(self, name: str) -> int:
        """Count that a pair is begun; return how often it was before, and never ended."""
        file = self._folder.begun(name)
        try:
            before = int(file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            before = 0
        file.write_text(str(before + 1), encoding="ascii")
        return before

    def _end(self, name: str) -> None:
        self._folder.begun(name).unlink(missing_ok=True)

    def _stopped(self) -> bool:
        """Whether the run was cancelled; the disk is asked once a second."""
        now = time.monotonic()
        if self._goes_on and now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._goes_on = self._folder.current_run() == self._batch.run
        return not self._goes_on

    @staticmethod
    def _is_final(error: Exception) -> bool:
        """Whether another try would be in vain: processes have ended at it before."""
        return type(error) is LDMRegError


def _runner(threads: int) -> Any:
    """Return the runner of this process, which keeps its models."""
    if "runner" not in _kept:
        import SimpleITK as sitk
        import torch

        from ..pipeline import Runner

        _kept["runner"] = Runner()
        _kept["set_threads"] = (
            torch.set_num_threads,
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads,
        )
    for set_threads in _kept["set_threads"]:
        set_threads(threads)
    return _kept["runner"]


def _difference(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> dict[str, list[int]]:
    """Return by kind what was asked for and computed meanwhile."""
    found = {}
    for name, (asked, computed) in after.items():
        since = before.get(name, (0, 0))
        if asked - since[0] > 0:
            found[name] = [asked - since[0], computed - since[1]]
    return found


def batches_of(names: Sequence[tuple[str, str]], most: int, workers: int) -> list[list[str]]:
    """Return names of pairs in batches; those with one fixed image stay together.

    Args:
        names: name of the pair and of its fixed image, in order.
        most: pairs in a batch.
        workers: number of processes; each gets several batches, so that all end together.
    """
    size = max(1, min(most, len(names) // (4 * max(1, workers))))
    found: list[list[str]] = []
    last = None
    for name, fixed in names:
        if not found or len(found[-1]) >= size or (fixed != last and len(found[-1]) > size // 2):
            found.append([])
        found[-1].append(name)
        last = fixed
    return found
