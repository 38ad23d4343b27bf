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

from ..errors import CancelledError
from .errors import describe_error
from .folders import remove_folder, remove_unfinished_output
from .processes import is_running
from .protocol import PROTOCOL, decode, encode, lines

if TYPE_CHECKING:
    from ..pipeline import Runner

__all__ = ["Server", "main"]

_PROGRESS_SECONDS = 0.05  # between two reports of one stage
_WATCH_SECONDS = 1.0
_UNWIND_SECONDS = 1.0  # for a job to clean up when the process ends
_HOME = Path(__file__).parent


class _Job:
    """A job of the client, until it is answered."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self.message = message
        self.id = message.get("id")
        self.stage = ""
        self.cancelled = threading.Event()
        self.began = time.time()

    @property
    def folder(self) -> Path | None:
        """Where inputs and results lie."""
        return Path(self.message["folder"]) if "folder" in self.message else None

    @property
    def output(self) -> str | None:
        """Where the request wants its results."""
        output: str | None = self.message.get("request", {}).get("output")
        return output


class Server:
    """Answers one client.

    One thread reads, so that a cancelled job is answered at once, whatever the thread that computes
    is doing; the job itself ends when it next looks.

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
        self._sending, self._answering = threading.Lock(), threading.Lock()
        self._open: dict[Any, _Job] = {}
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._current: _Job | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._runner: Runner | None = None

    def run(self) -> None:
        """Work until the client has gone; the process ends with it."""
        from .. import __version__

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
        line = memoryview(encode(message))
        with self._sending, contextlib.suppress(OSError, ValueError):
            while line:
                # A pipe may take a part only.
                line = line[self._write(line) :]

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in lines(self._read):
                message = decode(line)
                if message is None:
                    self.send(type="log", level="warning", text=f"not understood: {line[:80]!r}")
                elif message["type"] == "quit":
                    break
                else:
                    self._hear(message)
        self._leave()

    def _hear(self, message: Mapping[str, Any]) -> None:
        kind, id_ = message["type"], message.get("id")
        if kind in ("run", "load"):
            job = _Job(message)
            self._open[id_] = job
            self._waiting.put(job)
        elif kind == "cancel":
            if id_ in self._open:
                job = self._open[id_]
                job.cancelled.set()
                if job.stage != "save":  # else it is too late, and the job will tell
                    error = CancelledError("the registration was cancelled; nothing was written")
                    self._answer(job, type="error", **describe_error(error))
        elif kind == "ping":
            busy = None if self._current is None else self._current.id
            cache = None if self._runner is None else self._runner.cache
            names, size = ([], 0) if cache is None else (cache.names, cache.bytes)
            self.send(type="pong", id=id_, busy=busy, models=names, mib=size / 2**20)
        else:
            self.send(type="log", level="warning", text=f"unknown message {kind!r}")

    def _answer(self, job: _Job, **message: Any) -> None:
        """Send the one answer to a job."""
        with self._answering:
            if self._open.pop(job.id, None) is job:
                self.send(id=job.id, **message)

    def _do(self, job: _Job) -> None:
        try:
            if not job.cancelled.is_set():
                self._answer(job, type="done", **self._result(job))
        except BaseException as error:
            self._answer(job, type="error", **describe_error(error))
        finally:
            if job.cancelled.is_set() and job.folder is not None:
                remove_folder(job.folder)
            with contextlib.suppress(OSError):
                os.chdir(_HOME)  # some systems keep the folder that a process is in

    def _result(self, job: _Job) -> dict[str, Any]:
        """Do a job; return what is to be said about it."""
        report = _Reporter(self, job)
        if self._runner is None:
            report("start", 0.0, "importing torch and SimpleITK")
        from ..pipeline import Progress, RegistrationRequest, Runner
        from ..pipeline.device import memory_errors
        from .transfer import read_value, write_result

        progress = Progress(report, job.cancelled.is_set)
        if self._runner is None:
            self._runner = Runner()
        message = job.message
        if message["type"] == "load":
            names = ("model", "dimension", "device", "precision")
            options = {name: message[name] for name in names if name in message}
            return {"model": self._runner.load(**options, progress=progress)}
        folder = Path(message["folder"])
        with contextlib.suppress(OSError, KeyError):
            os.chdir(message["directory"])  # paths mean what they mean to the client
        with memory_errors("this registration"):
            inputs = {
                role: read_value(description, folder)
                for role, description in message.get("inputs", {}).items()
            }
            request = RegistrationRequest.from_dict({**message["request"], **inputs})
            result = self._runner.run(request, progress)
            if job.stage == "save" and job.cancelled.is_set():
                raise CancelledError(
                    "the registration was cancelled after its results were written to "
                    f"{request.output}"
                )
            progress.report("transfer", 0.97)
            write_result(result, folder, inputs, progress.check)
        return {}

    def _watch(self) -> None:
        """End this process with its client, even where the end of the input does not come."""
        assert self._parent is not None
        launcher = os.getppid()
        while is_running(self._parent) and os.getppid() == launcher:
            time.sleep(_WATCH_SECONDS)
        self._leave()

    def _leave(self) -> None:
        """End the process, and leave nothing behind."""
        with self._answering:
            unfinished = list(self._open.values())
            self._open.clear()  # nobody is told: a client that still lives sees what happened
        for job in unfinished:
            job.cancelled.set()
        current = self._current  # may be answered already, and still compute
        if current is not None:
            current.cancelled.set()
        unwound = self._idle.wait(_UNWIND_SECONDS)
        if current is not None and not unwound:
            remove_unfinished_output(current.output, current.began)
        with contextlib.suppress(OSError):
            os.chdir(_HOME)
        if self._folder is not None:
            remove_folder(self._folder)
        # Not sys.exit: threads of libraries, and the one that computes, shall not be waited for.
        os._exit(0)


class _Reporter:
    """Sends the progress of a job, no more often than anyone can see."""

    def __init__(self, server: Server, job: _Job) -> None:
        self._server, self._job = server, job
        self._time = 0.0

    def __call__(self, stage: str, fraction: float, message: str) -> None:
        now = time.monotonic()
        if stage == self._job.stage and now - self._time < _PROGRESS_SECONDS:
            return
        self._job.stage, self._time = stage, now
        if self._job.cancelled.is_set():
            return
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
            self._server.send(type="log", level=record.levelname.lower(), text=record.getMessage())


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
