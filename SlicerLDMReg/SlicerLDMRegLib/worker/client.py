"""The caller's side of a worker: submit, poll, cancel, close."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import queue
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from .._printable import one_line, printable
from ..errors import CancelledError, InputError, LDMRegError
from .connection import Connection, Event, Inbox
from .errors import WorkerError, restore_error
from .folders import remove_stale_folders
from .job import Callbacks, Job, JobQueue
from .processes import child_environment, describe_exit
from .protocol import PROTOCOL

if TYPE_CHECKING:
    from ..pipeline import RegistrationRequest, RegistrationResult

__all__ = ["WorkerClient"]

_logger = logging.getLogger(__name__)

_CANCEL_SECONDS = 0.5  # after which a job counts as cancelled, whatever the worker says
_ENDED_SECONDS = 0.5  # that a process which is at its end may take
_KILLED = (-9, 137)


class WorkerClient(contextlib.AbstractContextManager["WorkerClient"]):
    """Registers in one process beside this one, which stays and keeps its models in memory.

    The process starts with the first job or with :meth:`start`, and again after a crash. Jobs run
    one after the other. Callbacks are called by :meth:`poll`, in the thread that calls it, which
    must be the one that calls all else; a window polls with a timer:

        client = WorkerClient()
        timer.timeout.connect(client.poll)  # every 50 ms
        client.submit(request, {"fixed": image, "moving": other}, on_done=show)

    and a script waits:

        with WorkerClient() as client:
            result = client.submit(RegistrationRequest("fixed.nrrd", "moving.nrrd")).wait()

    Args:
        python: the interpreter that has torch, and its arguments; a launcher, such as PythonSlicer,
            will do. None: the one that runs this.
        environment: of the process; None: that of this process.
        folder: where temporary folders are made; None: the system's place.
        threads: with which the process computes; None: as many as torch and ITK like.
        on_log: called with ``(level, text)``, the levels of ``logging`` in lower case; None: the
            module's logger. It may be exchanged later.
    """

    def __init__(
        self,
        python: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        folder: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        on_log: Callable[[str, str], object] | None = None,
    ) -> None:
        self._python = [sys.executable] if python is None else [str(part) for part in python]
        self._environment = child_environment(environment, threads)
        self._place = None if folder is None else Path(folder)
        self.on_log = on_log or _log
        self._inbox: Inbox = queue.SimpleQueue()
        self._jobs = JobQueue()
        self._connection: Connection | None = None
        self._numbers = itertools.count(1)
        self._pong: dict[str, Any] = {}
        # What has to be closed when this object is gone or the program ends.
        self._open: list[Connection] = []
        self._finalizer = weakref.finalize(self, _close_all, self._open)

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._connection is not None

    @property
    def busy(self) -> bool:
        """Whether jobs run or wait."""
        return bool(self._jobs.all())

    @property
    def pid(self) -> int | None:
        """Of the interpreter that registers, once it has said that it is ready."""
        ready = None if self._connection is None else self._connection.ready
        return None if ready is None else ready.get("pid")

    def start(self) -> None:
        """Start the process if there is none; it is ready later.

        Raises:
            WorkerError: when the system cannot start it.
        """
        if self._connection is None:
            remove_stale_folders(self._place)
            connection = Connection(self._python, self._environment, self._place, self._inbox)
            self._connection = connection
            self._open.append(connection)

    def load(
        self,
        model: str = "auto",
        dimension: int = 2,
        device: str = "auto",
        precision: str = "auto",
        on_progress: Callable[[str, float, str], object] | None = None,
        on_done: Callable[[None], object] | None = None,
        on_error: Callable[[LDMRegError], object] | None = None,
    ) -> Job:
        """Let the worker import torch and load a model before it is needed.

        Args:
            model, device, precision: as of a request.
            dimension: of the images, for the model ``auto``.
            on_progress, on_done, on_error: see :meth:`submit`.
        """
        content = {
            "type": "load",
            "model": str(model),
            "dimension": dimension,
            "device": device,
            "precision": precision,
        }
        return self._add(content, {}, Callbacks(on_progress, on_done, on_error))

    def submit(
        self,
        request: RegistrationRequest,
        on_progress: Callable[[str, float, str], object] | None = None,
        on_done: Callable[[RegistrationResult], object] | None = None,
        on_error: Callable[[LDMRegError], object] | None = None,
    ) -> Job:
        """Register, as :func:`SlicerLDMRegLib.register` does here, after the jobs before.

        Args:
            request: the registration. Arrays in it must not change before the job is finished.
            on_progress: called with ``(stage, fraction, message)``.
            on_done: called with the :class:`RegistrationResult`.
            on_error: called with an LDMRegError: that of ``register``, a CancelledError, or a
                :class:`WorkerError`.

        Raises:
            InputError: for a loaded model, which cannot go to another process.
        """
        if not isinstance(request.model, str):
            raise InputError("the worker loads its models; give an id or a path", option="model")
        content = {"type": "run", "request": request.to_dict()}
        inputs = {name: _snapshot(value) for name, value in request.objects.items()}
        return self._add(content, inputs, Callbacks(on_progress, on_done, on_error))

    def cancel(self, job: Job) -> None:
        """Ask for the end of a job; one of the next polls gives its ``on_error`` a CancelledError.

        A job that computes ends when it next looks, in the worst case after a call of the network;
        the next one begins then.
        """
        if job.state == "queued":
            job.state = "cancelling"
            error = CancelledError("the registration was cancelled before it began")
            self._inbox.put(Event("outcome", job.id, error))
        elif job.state == "running":
            job.state = "cancelling"
            job.deadline = time.monotonic() + _CANCEL_SECONDS
            if self._connection is not None:
                self._connection.send(type="cancel", id=job.id)

    def poll(self, seconds: float = 0.005) -> bool:
        """Call the callbacks for what has happened; never waits.

        Args:
            seconds: after which the rest is left for the next time, callbacks aside.

        Returns:
            Whether jobs run or wait.
        """
        end = time.monotonic() + seconds
        self._check()
        with contextlib.suppress(queue.Empty):
            while True:
                self._handle(self._inbox.get_nowait())
                if time.monotonic() > end:
                    break
        self._jobs.tell()
        return self.busy

    def wait(self, timeout: float) -> bool:
        """Poll as soon as something happens, or after so many seconds."""
        with contextlib.suppress(queue.Empty):
            self._handle(self._inbox.get(timeout=timeout))
        return self.poll()

    def status(self, timeout: float = 5.0) -> dict[str, Any]:
        """Ask the process how it is: ``busy`` (a job's id), ``models``, ``mib`` of their weights.

        Raises:
            WorkerError: when it does not answer in time, or there is none.
        """
        id_ = f"ping{next(self._numbers)}"
        if self._connection is not None:
            self._connection.send(type="ping", id=id_)
        end = time.monotonic() + timeout
        while self._connection is not None and time.monotonic() < end:
            self.wait(0.05)
            if self._pong.get("id") == id_:
                return {name: self._pong.get(name) for name in ("busy", "models", "mib")}
        raise WorkerError("the worker does not answer")

    def close(self, timeout: float = 3.0) -> None:
        """End the process and all jobs, without callbacks; leaves no process and no file behind.

        Args:
            timeout: seconds that the process may take to end by itself.
        """
        jobs, self._jobs = self._jobs, JobQueue()
        self._connection = None
        _close_all(self._open, timeout)
        for job in jobs.all():
            job.finish(CancelledError("the worker was closed"))

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(
        self, content: Mapping[str, Any], inputs: Mapping[str, Any], callbacks: Callbacks
    ) -> Job:
        id_ = f"job{next(self._numbers)}"
        job = Job(id_, content, inputs, callbacks, self.cancel, self.wait)
        self._jobs.waiting.append(job)
        self._next()
        return job

    def _next(self) -> None:
        """Begin the next job when the one before is finished."""
        job = self._jobs.take()
        if job is None:
            return
        if self._connection is not None and self._connection.ended:
            self._leave()  # it ended while it had nothing to do
        try:
            self.start()
        except WorkerError as error:
            self._inbox.put(Event("outcome", job.id, error))
            return
        assert self._connection is not None
        self._connection.post(job.id, job.content, job.inputs)

    def _check(self) -> None:
        """See to what no thread tells."""
        if self._connection is not None:
            self._connection.check()
        job = self._jobs.running
        if job is not None and job.deadline is not None and time.monotonic() > job.deadline:
            text = "the registration was cancelled"
            if job.output is not None:
                text += f"; the worker does not tell whether it still writes to {job.output}"
            self._finish(job, CancelledError(text))

    def _handle(self, event: Event) -> None:
        if event.kind == "outcome":
            job = self._jobs.find(event.source)
            if job is not None:
                self._finish(job, event.content)
        elif event.kind == "stderr":
            self.on_log("debug", printable(event.content, lines=True))
        elif self._connection is not None and event.source is self._connection:
            if event.kind == "ended":
                self._ended(self._connection, event.content)
            else:
                self._hear(self._connection, event.content)

    def _hear(self, connection: Connection, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind in ("progress", "done", "error"):
            job = self._jobs.running
            if job is not None and job.id == message.get("id"):
                self._hear_of(job, message)
        elif kind == "log":
            self.on_log(message["level"], printable(message["text"], lines=True))
        elif kind == "pong":
            self._pong = message
        elif kind == "ready":
            self._greet(connection, message)

    def _hear_of(self, job: Job, message: dict[str, Any]) -> None:
        if message["type"] == "error":
            self._finish(job, restore_error(message))
        elif message["type"] == "done":
            self._finish(job, message.get("result"))
        elif job.state == "running":
            stage, text = (one_line(message[name]) for name in ("stage", "message"))
            self._jobs.note(job, stage, float(message["fraction"]), text)

    def _greet(self, connection: Connection, message: dict[str, Any]) -> None:
        connection.ready = message
        if message.get("protocol") != PROTOCOL:
            self._drop(
                WorkerError(
                    f"the worker is of another version of LDMReg ({message.get('version')}, "
                    f"protocol {message.get('protocol')}, expected {PROTOCOL}); restart the program"
                )
            )
            return
        runs = f"worker {message.get('pid')} runs Python {message.get('python')}"
        self.on_log("debug", one_line(runs))

    def _ended(self, connection: Connection, code: int | None) -> None:
        """Tell of the end of the process that nobody asked for."""
        tail = "\n".join(connection.tail)
        hint = "; perhaps memory ran out: use a part of the images" if code in _KILLED else ""
        how = f"{describe_exit(code)}{hint}"
        if connection.ready is None:
            last = f": {connection.tail[-1]}" if connection.tail else ""
            self._drop(WorkerError(f"the worker did not start, {how}{last}", tail), everything=True)
        else:
            self._drop(WorkerError(f"the worker stopped unexpectedly, {how}", tail))

    def _drop(self, error: WorkerError, everything: bool = False) -> None:
        """Give up the process; the next job gets another one, unless that would end alike."""
        self._leave()
        running = self._jobs.running
        # From the last to the first, for the end of the one that runs would begin the next.
        for job in reversed(self._jobs.all()):
            if everything or job is running:
                self._inbox.put(Event("outcome", job.id, error))
        self.on_log("error", str(error))

    def _leave(self) -> None:
        """Forget the process."""
        connection, self._connection = self._connection, None
        assert connection is not None
        connection.close(_ENDED_SECONDS)
        self._open.remove(connection)

    def _finish(self, job: Job, outcome: Any) -> None:
        """Give a job its end, begin the next one, and tell, even where a callback raises."""
        try:
            self._jobs.tell()
        finally:
            if not job.finished:  # else by the callback
                self._jobs.remove(job)
                job.finish(outcome)
                if self._connection is not None:
                    self._connection.forget(job.id)
                self._next()
                job.tell_outcome()


def _snapshot(value: Any) -> Any:
    """Return an image that does not change when the caller changes its own."""
    # SimpleITK shares the voxels until one of the two is changed.
    return sitk.Image(value) if isinstance(value, sitk.Image) else value


def _close_all(connections: list[Connection], timeout: float = 3.0) -> None:
    while connections:
        connections.pop().close(timeout)


def _log(level: str, text: str) -> None:
    _logger.log(getattr(logging, level.upper(), logging.INFO), "%s", text)
