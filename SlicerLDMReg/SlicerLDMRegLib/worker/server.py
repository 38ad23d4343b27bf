"""The process that registers: reads requests, answers with progress, results and errors."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import logging
import os
import platform
import queue
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..errors import InputError
from .errors import cancellation, describe_error
from .folders import remove_folder, remove_unfinished_output
from .processes import is_running
from .protocol import (
    PROTOCOL,
    TO_WORKER,
    decode,
    encode,
    lines,
    output_of,
    problem_of,
    write_all,
)

if TYPE_CHECKING:
    from ..pipeline import Progress, Runner

__all__ = ["Server", "main"]

_PROGRESS_SECONDS = 0.05  # between two reports of one stage
_WATCH_SECONDS = 1.0
_UNWIND_SECONDS = 1.0  # for a job to clean up when the process ends
_HOME = Path(__file__).parent


class _Job:
    """A job of the client, until it is answered."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self.message = message
        self.id: str = message["id"]
        self.output = output_of(message)
        self.stage = ""
        self.cancelled = threading.Event()

    @property
    def folder(self) -> Path | None:
        """Folder of the inputs and results."""
        return Path(self.message["folder"]) if "folder" in self.message else None


class Server:
    """Answers one client.

    One thread reads, so that a cancelled job is answered at once, however busy the thread that
    computes is; the job itself ends when it next looks.

    Args:
        read: returns some bytes of the client, none when it has gone.
        write: takes bytes for the client.
        folder: of this worker; removed at the end.
        parent: pid of the client; this process does not outlive it.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        write: Callable[[memoryview], int],
        folder: Path | None = None,
        parent: int | None = None,
    ) -> None:
        self._read, self._write = read, write
        self._folder, self._parent = folder, parent
        self._sending, self._lock = threading.Lock(), threading.Lock()
        self._open: dict[str, _Job] = {}
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._current: _Job | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._runner: Runner | None = None
        self._models: tuple[list[str], int] = ([], 0)

    def run(self) -> None:
        """Work until the client has gone; the process ends with it."""
        self.send(
            type="ready",
            protocol=PROTOCOL,
            version=__version__,
            python=platform.python_version(),
            pid=os.getpid(),
        )
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        if self._parent is not None:
            threading.Thread(target=self._watch, name="watch", daemon=True).start()
        while (job := self._waiting.get()) is not None:
            self._idle.clear()
            self._current = job
            try:
                self._do(job)
            finally:
                self._current = None
                self._idle.set()

    def send(self, **message: Any) -> None:
        """Send a message; a client that has gone does not hear it."""
        line = encode(message)
        with self._sending, contextlib.suppress(OSError, ValueError):
            write_all(self._write, line)

    def _listen(self) -> None:
        """Hear the client until it has gone; a process that nobody hears does not stay."""
        try:
            for line in lines(self._read):
                message = decode(line)
                if message is None:
                    self.send(type="log", level="warning", text=f"not understood: {line[:80]!r}")
                elif message["type"] == "quit":
                    break
                else:
                    self._hear(message)
        finally:
            self._leave()

    def _hear(self, message: Mapping[str, Any]) -> None:
        """Do what a message asks for, or say what is wrong with it; raises nothing."""
        try:
            if problem := problem_of(message, TO_WORKER):
                raise InputError(problem)
            kind, id_ = message["type"], message["id"]
            if kind == "cancel":
                self._cancel(id_)
            elif kind == "ping":
                job, (names, size) = self._current, self._models
                busy = None if job is None else job.id
                self.send(type="pong", id=id_, busy=busy, models=names, mib=size / 2**20)
            else:
                self._accept(_Job(message))
        except Exception as error:
            id_, described = message.get("id"), describe_error(error)
            is_job = message["type"] in ("run", "load") and isinstance(id_, str)
            if is_job and id_ not in self._open:
                self.send(type="error", id=id_, **described)
            else:
                self.send(type="log", level="warning", text=described["text"])

    def _accept(self, job: _Job) -> None:
        with self._lock:
            if job.id in self._open:
                raise InputError(f"message: expected an id of its own, got {job.id!r} once more")
            self._open[job.id] = job
        self._waiting.put(job)

    def _cancel(self, id_: str) -> None:
        """Answer a job that is not answered yet; it ends when it next looks."""
        with self._lock:
            job = self._open.pop(id_, None)
            if job is None:
                return
            job.cancelled.set()
            error = cancellation(job.stage, job.output)
        self.send(id=id_, type="error", **describe_error(error))

    def enter(self, job: _Job, stage: str) -> None:
        """Let a job begin a stage; from then on, whoever cancels it is told of this stage.

        Raises:
            CancelledError: when the job was cancelled before.
        """
        with self._lock:
            if job.cancelled.is_set():
                raise cancellation(job.stage, job.output)
            job.stage = stage

    def _do(self, job: _Job) -> None:
        try:
            answer = {"type": "done"} if job.cancelled.is_set() else self._result(job)
        except BaseException as error:
            answer = {"type": "error", **describe_error(error)}
        with self._lock:
            is_open = self._open.get(job.id) is job
            if is_open:
                del self._open[job.id]
        if is_open:
            self.send(id=job.id, **answer)
        elif job.folder is not None:
            remove_folder(job.folder)
        with contextlib.suppress(OSError):
            os.chdir(_HOME)  # some systems keep the folder that a process is in

    def _result(self, job: _Job) -> dict[str, Any]:
        """Do a job; return the answer."""
        report = _Reporter(self, job)
        if self._runner is None:
            report("start", 0.0, "importing torch and SimpleITK")
        from ..pipeline import Progress, Runner

        self._runner = runner = self._runner or Runner()
        progress = Progress(report, job.cancelled.is_set)
        try:
            if job.message["type"] == "run":
                self._register(job.message, runner, progress)
                return {"type": "done"}
            names = ("model", "dimension", "device", "precision")
            options = {n: job.message[n] for n in names if job.message.get(n) is not None}
            return {"type": "done", "model": runner.load(**options, progress=progress)}
        finally:
            # Other threads do not look at the models themselves, which a job may exchange.
            self._models = runner.cache.names, runner.cache.bytes

    def _register(self, message: Mapping[str, Any], runner: Runner, progress: Progress) -> None:
        """Register as a message asks for; leave the result in its folder."""
        from ..pipeline import RegistrationRequest
        from ..pipeline.device import memory_errors
        from .transfer import read_value, write_result

        folder = Path(message["folder"])
        with contextlib.suppress(OSError, KeyError, ValueError, TypeError):
            os.chdir(message["directory"])  # paths mean what they mean to the client
        with memory_errors("this registration"):
            inputs = {
                role: read_value(description, folder)
                for role, description in (message.get("inputs") or {}).items()
            }
            request = RegistrationRequest.from_dict({**message["request"], **inputs})
            result = runner.run(request, progress)
            progress.report("transfer", 0.97)
            write_result(result, folder, inputs, progress.check)

    def _watch(self) -> None:
        """End this process with its client, even where the end of the input does not come."""
        assert self._parent is not None
        launcher = os.getppid()
        while is_running(self._parent) and os.getppid() == launcher:
            time.sleep(_WATCH_SECONDS)
        self._leave()

    def _leave(self) -> None:
        """End the process, and leave nothing behind."""
        try:
            self._clean_up()
        finally:
            # Not sys.exit: threads of libraries, and the one that computes, are not waited for.
            os._exit(0)

    def _clean_up(self) -> None:
        with self._lock:
            unfinished = list(self._open.values())
            self._open.clear()  # nobody is told: a client that still lives sees what happened
        for job in unfinished:
            job.cancelled.set()
        current = self._current  # may be answered already, and still compute
        if current is not None:
            current.cancelled.set()
        unwound = self._idle.wait(_UNWIND_SECONDS)
        if current is not None and not unwound:
            remove_unfinished_output(current.output, own=True)
        with contextlib.suppress(OSError):
            os.chdir(_HOME)
        if self._folder is not None:
            remove_folder(self._folder)


class _Reporter:
    """Sends the progress of a job, no more often than anyone can see."""

    def __init__(self, server: Server, job: _Job) -> None:
        self._server, self._job = server, job
        self._time = 0.0

    def __call__(self, stage: str, fraction: float, message: str) -> None:
        now = time.monotonic()
        if stage == self._job.stage and now - self._time < _PROGRESS_SECONDS:
            return
        self._server.enter(self._job, stage)
        self._time = now
        self._server.send(
            type="progress", id=self._job.id, stage=stage, fraction=fraction, message=message
        )


class _LogHandler(logging.Handler):
    """Sends log records to the client."""

    def __init__(self, server: Server) -> None:
        super().__init__(logging.INFO)
        self._server = server

    def emit(self, record: logging.LogRecord) -> None:
        own = record.name.startswith(__name__.partition(".")[0])
        if own or record.levelno >= logging.WARNING:
            try:
                text = record.getMessage()
            except Exception:  # the text and its values do not fit; what logs it is no less right
                text = str(record.msg)
            self._server.send(type="log", level=record.levelname.lower(), text=text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the client at the other end of standard input and output."""
    parser = argparse.ArgumentParser("python -m SlicerLDMRegLib.worker", description=__doc__)
    parser.add_argument("--parent", type=int, help="pid of the client")
    parser.add_argument("--folder", type=Path, help="of this worker, removed at the end")
    options = parser.parse_args(arguments)
    # What libraries and their children print must not get between the messages, and they must
    # not read them: the streams are ours alone, theirs are the null device and standard error.
    inward = os.fdopen(os.dup(0), "rb", buffering=0)
    outward = os.fdopen(os.dup(1), "wb", buffering=0)
    outward.write(b"\n")  # a launcher may have begun a line
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    sys.stdout = sys.stderr
    faulthandler.enable()
    warnings.simplefilter("ignore")  # of libraries, which do not tell a user what to do
    server = Server(inward.read, outward.write, options.folder, options.parent)
    logging.basicConfig(level=logging.INFO, handlers=[_LogHandler(server)])
    server.run()
    return 0
