"""Registrations from the panel, computed by the worker, written into the scene if they succeed.

Nothing here waits. A timer calls :meth:`RegistrationSession.poll`, which does a piece of the work
and calls back; in between, the application is alive.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from ...errors import CancelledError, InputError, LDMRegError
from ...pipeline.request import RegistrationRequest
from ...pipeline.result import RegistrationResult
from ...worker.client import WorkerClient
from ...worker.errors import describe_error, restore_error
from ..background_call import is_held
from ..scene.steps import SHARE_SECONDS, Steps
from .plan import RegistrationPlan
from .run import FinishedRun, Report, Run

__all__ = ["RegistrationSession", "worker_client"]

# Seconds of work in one poll: what takes longer is a piece of its own.
_SLICE = 0.03
_CLOSE_SECONDS = 1.0

Log = Callable[[str, str], object]


@dataclass
class _Current:
    """The run that is going on, who is told of it, and why it is to end, if it is."""

    run: Run
    on_done: Callable[[FinishedRun], object]
    on_error: Callable[[LDMRegError], object]
    on_log: Log
    cancelled: CancelledError | None = None


def worker_client() -> WorkerClient:
    """Return a client whose worker runs in Slicer's Python."""
    return WorkerClient([shutil.which("PythonSlicer") or sys.executable])


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
        self._current: _Current | None = None
        self._polling = False
        self._waiting = True
        if timer is not None:
            timer.timeout.connect(self.poll)

    @property
    def running(self) -> bool:
        """Whether there is a run that has neither succeeded nor failed."""
        return self._current is not None

    def start(
        self,
        plan: RegistrationPlan,
        on_progress: Report | None = None,
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
        if self._current is not None:
            raise InputError(_("A registration is running; wait for its end, or cancel it."))

        def report(stage: str, fraction: float, message: str) -> None:
            if on_progress is not None and self._current is current:
                on_progress(stage, fraction, message)

        run = Run(plan, self._in_worker, report, is_held=is_held)
        current = _Current(run, on_done or _ignore, on_error or _ignore, on_log or _ignore)
        self._current = current
        self._waiting = False
        if self._timer is not None:
            self._timer.start()

    def cancel(self, reason: str = "") -> None:
        """End the run; the next poll calls its ``on_error`` with a CancelledError.

        Args:
            reason: for the user; empty: it was the user.
        """
        if self._current is not None and self._current.cancelled is None:
            text = _("The registration was cancelled; the scene is as it was.")
            self._current.cancelled = CancelledError(reason or text)

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

    def run_request(
        self,
        request: RegistrationRequest,
        on_done: Callable[[RegistrationResult], object],
        on_error: Callable[[LDMRegError], object],
    ) -> None:
        """Let the worker register images that are of no scene; nothing is written into it.

        Args:
            request: what to do.
            on_done: called with the result.
            on_error: called with the reason when that is not possible.
        """
        self._worker().submit(request, on_done=on_done, on_error=on_error)
        if self._timer is not None:
            self._timer.start()

    def revert(self) -> None:
        """Bring the scene back to how it was before the last run that succeeded."""
        last, self.last = self.last, None
        if last is None:
            return
        try:
            last.change.revert()
        except BaseException:
            self.last = last  # the user may try again
            raise

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
                self._client.wait(SHARE_SECONDS if self._waiting else 0.0)
            if self._current is not None:
                self._advance(self._current)
        finally:
            self._polling = False
        busy = self._current is not None or (self._client is not None and self._client.busy)
        if not busy and self._timer is not None:
            self._timer.stop()
        return busy

    def close(self) -> None:
        """End the run, without callbacks, and the worker; what was written stays."""
        current, self._current = self._current, None
        if current is not None and not self._polling:
            current.run.steps.close()
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

    def _in_worker(self, request: RegistrationRequest, report: Report) -> Steps[RegistrationResult]:
        """Let the worker register; it stops where nobody waits for it any more."""
        job = self._worker().submit(request, on_progress=report)
        try:
            while not job.finished:
                yield True
        finally:
            if not job.finished:
                job.cancel()
        if job.error is not None:
            raise job.error
        assert job.result is not None
        return job.result

    def _log(self, level: str, text: str) -> None:
        if self._current is not None:
            self._current.on_log(level, text)

    def _advance(self, current: _Current) -> None:
        """Do the next steps of a run, for a moment; finish it where it ends."""
        end = time.monotonic() + _SLICE
        try:
            self._waiting = False
            while not self._waiting and time.monotonic() < end and self._current is current:
                if current.cancelled is not None:
                    raise current.cancelled
                current.run.check()
                self._waiting = next(current.run.steps)
        except StopIteration as stop:
            self._finish(current, stop.value)
        except LDMRegError as error:
            self._finish(current, error)
        except Exception as error:
            self._finish(current, restore_error(describe_error(error)))
        if self._current is not current:
            current.run.steps.close()

    def _finish(self, current: _Current, outcome: FinishedRun | LDMRegError) -> None:
        if self._current is not current:  # the session was closed meanwhile
            return
        self._current, self._waiting = None, True
        current.run.steps.close()
        if isinstance(outcome, LDMRegError):
            detail = getattr(outcome, "detail", "")
            if detail:
                current.on_log("error", detail)
            current.on_error(outcome)
            return
        self.last = outcome
        current.on_done(outcome)


def _ignore(*_arguments: object) -> None:
    pass
