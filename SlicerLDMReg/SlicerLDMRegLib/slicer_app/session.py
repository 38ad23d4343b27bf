"""A registration from the panel: computed by the worker, written into the scene when it succeeds.

Nothing here waits. A timer calls :meth:`RegistrationSession.poll`, which does a piece of the work
and calls back; in between, the application is alive.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from slicer.i18n import tr as _

from ..errors import CancelledError, InputError, LDMRegError
from ..worker.client import WorkerClient
from ..worker.errors import describe_error, restore_error
from ..worker.job import Job
from .computation import Computation
from .finished import Computed, FinishedRun, finish_frames, finish_images
from .plan import Extent, RegistrationPlan
from .results import ResultPreparation
from .sequences import SequencePreparation
from .steps import Steps

__all__ = ["RegistrationSession", "worker_client"]

# Seconds of work in one poll: what takes longer is a piece of its own.
_SLICE = 0.03
# Seconds in which the threads of this process may do what needs Python's lock: Slicer keeps it
# while its window waits for the user.
_SHARE = 0.01
# Fraction of a run when the worker is done with it.
_COMPUTED = 0.95
_CLOSE_SECONDS = 1.0

Progress = Callable[[str, float, str], object]
Log = Callable[[str, str], object]
T = TypeVar("T")


def worker_client() -> WorkerClient:
    """Return a client whose worker runs in Slicer's Python."""
    return WorkerClient([shutil.which("PythonSlicer") or sys.executable])


@dataclass(eq=False)
class _Run:
    """What is going on."""

    plan: RegistrationPlan
    on_progress: Progress
    on_done: Callable[[FinishedRun], object]
    on_error: Callable[[LDMRegError], object]
    on_log: Log
    steps: Generator[bool, None, FinishedRun] | None = None
    job: Job | None = None
    cancelled: CancelledError | None = None


class RegistrationSession:
    """Runs one plan at a time in the worker, which stays with its models for the next one.

    All callbacks come from :meth:`poll`. The scene is changed once, at the end of a run that
    succeeds; a run that fails or is cancelled, or whose inputs are removed, changes nothing.

    Args:
        client_factory: makes the client of the worker, when it is first needed.
        timer: calls :meth:`poll` while something is going on: anything with ``start``, ``stop`` and
            a signal ``timeout``, such as a QTimer with an interval of 20 ms; None: the caller does.

    Attributes:
        last: the last run that succeeded, until it is reverted.
    """

    def __init__(
        self,
        client_factory: Callable[[], WorkerClient] = worker_client,
        timer: Any = None,
    ) -> None:
        self.last: FinishedRun | None = None
        self._client_factory = client_factory
        self._client: WorkerClient | None = None
        self._timer = timer
        self._run: _Run | None = None
        self._polling = False
        if timer is not None:
            timer.timeout.connect(self.poll)

    @property
    def running(self) -> bool:
        """Whether there is a run that has neither succeeded nor failed."""
        return self._run is not None

    @property
    def worker_pid(self) -> int | None:
        """Of the worker, while there is one."""
        return None if self._client is None else self._client.pid

    def start(
        self,
        plan: RegistrationPlan,
        on_progress: Progress | None = None,
        on_done: Callable[[FinishedRun], object] | None = None,
        on_error: Callable[[LDMRegError], object] | None = None,
        on_log: Log | None = None,
    ) -> None:
        """Begin a run; what becomes of it is told later, by one of the last two callbacks.

        Args:
            plan: what to do.
            on_progress: called with ``(stage, fraction, message)``.
            on_done: called with the :class:`FinishedRun`.
            on_error: called with an LDMRegError; a CancelledError tells why.
            on_log: called with ``(level, text)``.

        Raises:
            InputError: while another run is going on, which goes on.
        """
        if self._run is not None:
            raise InputError(_("A registration is running; wait for its end, or cancel it."))
        run = _Run(
            plan, on_progress or _ignore, on_done or _ignore, on_error or _ignore, on_log or _ignore
        )
        run.steps = self._steps(run)
        self._run = run
        if self._timer is not None:
            self._timer.start()

    def cancel(self, reason: str = "") -> None:
        """End the run; the next poll calls its ``on_error`` with a CancelledError.

        Args:
            reason: for the user; empty: it was the user.
        """
        if self._run is not None and self._run.cancelled is None:
            text = _("The registration was cancelled; the scene is as it was.")
            self._run.cancelled = CancelledError(reason or text)

    def warm_up(
        self,
        model: str = "auto",
        dimension: int = 2,
        device: str = "auto",
        precision: str = "auto",
        on_error: Callable[[LDMRegError], object] | None = None,
    ) -> None:
        """Let the worker start and load a model before it is needed.

        Args:
            model, device, precision: as of a plan.
            dimension: of the images, for the model ``auto``.
            on_error: called with the reason when that is not possible.
        """
        self._worker().load(model, dimension, device, precision, on_error=on_error)
        if self._timer is not None:
            self._timer.start()

    def revert(self) -> None:
        """Bring the scene back to how it was before the last run that succeeded."""
        last, self.last = self.last, None
        if last is not None:
            last.change.revert()

    def poll(self) -> bool:
        """Do what is due, and call back.

        Returns:
            Whether something is going on.
        """
        if self._polling:  # a callback has let the application process its events
            return True
        self._polling = True
        try:
            if self._client is not None:
                self._client.wait(_SHARE) if self._client.busy else self._client.poll()
            if self._run is not None:
                self._advance(self._run)
        finally:
            self._polling = False
        busy = self._run is not None or (self._client is not None and self._client.busy)
        if not busy and self._timer is not None:
            self._timer.stop()
        return busy

    def close(self) -> None:
        """End the run, without callbacks, and the worker; what was written stays."""
        self._run = None
        if self._timer is not None:
            self._timer.stop()
        client, self._client = self._client, None
        if client is not None:
            client.close(_CLOSE_SECONDS)

    def _worker(self) -> WorkerClient:
        if self._client is None:
            self._client = self._client_factory()
            self._client.on_log = self._log
        return self._client

    def _log(self, level: str, text: str) -> None:
        if self._run is not None:
            self._run.on_log(level, text)

    def _advance(self, run: _Run) -> None:
        """Do the next steps of a run, for a moment; finish it where it ends."""
        end = time.monotonic() + _SLICE
        try:
            waiting = False
            while not waiting and time.monotonic() < end and self._run is run:
                _check(run)
                assert run.steps is not None
                waiting = next(run.steps)
        except StopIteration as stop:
            self._finish(run, stop.value)
        except LDMRegError as error:
            self._finish(run, error)
        except Exception as error:
            self._finish(run, restore_error(describe_error(error)))

    def _finish(self, run: _Run, outcome: FinishedRun | LDMRegError) -> None:
        if self._run is not run:  # closed meanwhile
            return
        self._run = run.steps = None
        if run.job is not None and not run.job.finished:
            run.job.cancel()
        if isinstance(outcome, LDMRegError):
            detail = getattr(outcome, "detail", "")
            if detail:
                run.on_log("error", detail)
            run.on_error(outcome)
            return
        self.last = outcome
        run.on_done(outcome)

    def _report(self, run: _Run, stage: str, fraction: float, message: str = "") -> None:
        run.on_progress(stage, fraction, message)
        if self._run is not run:
            raise CancelledError("the session was closed")
        _check(run)

    def _steps(self, run: _Run) -> Generator[bool, None, FinishedRun]:
        """Do a run piece by piece; True means that it waits for somebody else."""
        plan = run.plan
        problems = plan.problems()
        if problems:
            raise InputError(problems[0])
        if plan.extent is Extent.FRAMES:
            return (yield from self._frames(run))
        result, images = yield from self._compute(run, None, 0.0, _COMPUTED)
        self._report(run, "write", _COMPUTED)
        preparation = ResultPreparation(result, images, plan.output_nodes(images))
        yield from _computing(preparation.compute)
        prepared = preparation.finish()
        yield False
        return finish_images(plan, result, prepared.write())

    def _frames(self, run: _Run) -> Generator[bool, None, FinishedRun]:
        """Register all frames of a sequence, one after the other, as :meth:`_steps`."""
        plan, frames = run.plan, run.plan.frames
        assert frames is not None  # else there would be a problem
        preparation = SequencePreparation(frames, plan.outputs)
        numbers, metrics, first = plan.frame_numbers(), {}, None
        for done, number in enumerate(numbers):
            start, end = (_COMPUTED * n / len(numbers) for n in (done, done + 1))
            text = _("frame {number} of {count}").format(number=done + 1, count=len(numbers))
            result, images = yield from self._compute(run, number, start, end, text)
            yield from _computing(partial(preparation.add, number, result, images))
            metrics[number], first = result.metrics, first or result
        assert first is not None
        self._report(run, "write", _COMPUTED)
        yield False
        prepared = preparation.finish()
        yield False
        return finish_frames(plan, first, metrics, prepared.write())

    def _compute(
        self, run: _Run, frame: int | None, start: float, end: float, which: str = ""
    ) -> Generator[bool, None, Computed]:
        """Register the images, or a frame, in the worker; return the result with the images."""

        def progress(stage: str, fraction: float, message: str) -> None:
            if self._run is run:
                text = ": ".join(part for part in (which, message) if part)
                run.on_progress(stage, start + (end - start) * fraction, text)

        self._report(run, "read", start, which)
        yield False
        images = yield from _in_turn(run.plan.images_in_steps(frame))
        request, inputs = run.plan.request(images)
        run.job = self._worker().submit(request, inputs, on_progress=progress)
        while not run.job.finished:
            yield True
        job, run.job = run.job, None
        if job.error is not None:
            raise job.error
        assert job.result is not None
        return job.result, images


def _in_turn(steps: Steps[T]) -> Generator[bool, None, T]:
    """Do steps that do not wait for anybody."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            made: T = stop.value
            return made
        yield False


def _computing(function: Callable[[], object]) -> Generator[bool, None, None]:
    """Call a function that knows neither the scene nor VTK, in a thread."""
    computation = Computation(function)
    while not computation.wait(_SHARE):
        yield True


def _check(run: _Run) -> None:
    """Raise what ends a run from outside."""
    if run.cancelled is not None:
        raise run.cancelled
    lost = [node for node in run.plan.inputs.values() if node.GetScene() is None]
    if not lost:
        return
    if len(lost) == len(run.plan.inputs):
        raise CancelledError(
            _("The scene was closed; the registration was cancelled, and nothing was written.")
        )
    name = lost[0].GetName()
    raise CancelledError(
        _(
            "{name} was removed from the scene; the registration was cancelled, and nothing was "
            "written."
        ).format(name=name)
    )


def _ignore(*_arguments: object) -> None:
    pass
