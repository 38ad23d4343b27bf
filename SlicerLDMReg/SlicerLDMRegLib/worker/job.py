"""A registration in the worker, seen from the client; and the line of those that wait."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import CancelledError, LDMRegError
from .errors import cancellation
from .protocol import output_of

if TYPE_CHECKING:
    from ..pipeline import RegistrationResult

__all__ = ["Callbacks", "Job", "JobQueue"]


class Callbacks(NamedTuple):
    """Functions that are told about a job."""

    progress: Callable[[str, float, str], object] | None = None
    done: Callable[[Any], object] | None = None
    error: Callable[[LDMRegError], object] | None = None


class Job:
    """A job of the worker, from :meth:`WorkerClient.submit` or :meth:`WorkerClient.load`.

    Attributes:
        id: unique in its client.
        state: ``queued``, ``running``, ``cancelling``, then ``done``, ``failed`` or ``cancelled``.
        result: when it is done; None for a loaded model.
        error: when it failed or was cancelled.
        stage, fraction, message: the last progress.
    """

    def __init__(
        self,
        id_: str,
        content: Mapping[str, Any],
        inputs: Mapping[str, Any],
        callbacks: Callbacks,
        cancel: Callable[[Job], None],
        poll: Callable[[float], object],
    ) -> None:
        self.id = id_
        self.state = "queued"
        self.result: RegistrationResult | None = None
        self.error: LDMRegError | None = None
        self.stage, self.fraction, self.message = "queued", 0.0, ""
        self.content, self.inputs = content, inputs
        self.callbacks = callbacks
        self.deadline: float | None = None  # when it counts as cancelled without an answer
        self._cancel, self._poll = cancel, poll

    @property
    def output(self) -> str | None:
        """The folder in which the request wants the results; None: in none."""
        return output_of(self.content)

    @property
    def finished(self) -> bool:
        """Whether there is a result or an error."""
        return self.state in ("done", "failed", "cancelled")

    def cancel(self) -> None:
        """Ask for the end of this job; ``on_error`` gets a CancelledError soon."""
        self._cancel(self)

    def wait(self, timeout: float | None = None) -> RegistrationResult | None:
        """Poll the client until this job is finished; for scripts, a window polls with a timer.

        Args:
            timeout: seconds; None: as long as it takes.

        Returns:
            The result; None for a loaded model.

        Raises:
            LDMRegError: that of the job.
            TimeoutError: when the time is over; the job goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.finished:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"job {self.id} is not finished after {timeout:g} s")
            self._poll(0.1 if left is None else min(left, 0.1))
        if self.error is not None:
            raise self.error
        return self.result

    def finish(self, outcome: RegistrationResult | LDMRegError | None) -> None:
        """Take the result or the error, without telling anybody; for the client."""
        self.inputs = {}
        if self.state == "cancelling" and not isinstance(outcome, CancelledError):
            # It was cancelled before this end was known.
            if isinstance(outcome, LDMRegError):
                text = f"the registration was cancelled; it ended with an error: {outcome}"
                outcome = CancelledError(text)
            else:
                outcome = cancellation("transfer", self.output)
        if isinstance(outcome, LDMRegError):
            self.error = outcome
            self.state = "cancelled" if isinstance(outcome, CancelledError) else "failed"
        else:
            self.result, self.state = outcome, "done"

    def tell_progress(self, stage: str, fraction: float, message: str) -> None:
        """Take the news and pass them on; for the client."""
        self.stage, self.fraction, self.message = stage, fraction, message
        if self.callbacks.progress is not None:
            self.callbacks.progress(stage, fraction, message)

    def tell_outcome(self) -> None:
        """Call who waits for the end; for the client."""
        if self.error is not None:
            if self.callbacks.error is not None:
                self.callbacks.error(self.error)
        elif self.callbacks.done is not None:
            self.callbacks.done(self.result)


class JobQueue:
    """Unfinished jobs: one that runs, and those that wait.

    Attributes:
        running: the job that runs.
        waiting: those that wait, in order.
    """

    def __init__(self) -> None:
        self.running: Job | None = None
        self.waiting: deque[Job] = deque()
        self._news: tuple[Job, str, float, str] | None = None

    def all(self) -> list[Job]:
        """Return all jobs, the one that runs first."""
        return [*([] if self.running is None else [self.running]), *self.waiting]

    def find(self, id_: Any) -> Job | None:
        """Return an unfinished job by its id."""
        return next((job for job in self.all() if job.id == id_), None)

    def take(self) -> Job | None:
        """Make the next job the one that runs; None where none waits or one runs."""
        job = next((job for job in self.waiting if job.state == "queued"), None)
        if self.running is not None or job is None:
            return None
        self.waiting.remove(job)
        job.state, self.running = "running", job
        return job

    def remove(self, job: Job) -> None:
        """Remove a job."""
        if job is self.running:
            self.running = None
        else:
            self.waiting.remove(job)

    def note(self, job: Job, stage: str, fraction: float, message: str) -> None:
        """Keep a progress to be told; the last one of a stage is enough."""
        if self._news is not None and self._news[:2] != (job, stage):
            self.tell()
        self._news = job, stage, fraction, message

    def tell(self) -> None:
        """Tell the progress that was kept."""
        if self._news is not None:
            job, stage, fraction, message = self._news
            self._news = None
            job.tell_progress(stage, fraction, message)
