"""One worker process, and the threads that read and write for it."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .errors import WorkerError, describe_error, restore_error
from .folders import make_folder, remove_folder, remove_unfinished_output
from .processes import is_running, kill_tree, start_process
from .protocol import FROM_WORKER, decode, encode, lines, output_of, problem_of, write_all

__all__ = ["Connection", "Event", "Inbox"]

_TAIL = 60  # lines of standard error that are kept
_LONGEST = 2000  # characters of such a line
_JOIN_SECONDS = 2.0
_ORPHAN_SECONDS = 1.0


class Event(NamedTuple):
    """News of a thread for the client.

    Attributes:
        kind: ``message``, ``stderr`` or ``ended`` of a process, or ``outcome`` of a job.
        source: the connection, or the id of the job.
        content: the message, the line, the exit code, the result or error.
    """

    kind: str
    source: Any
    content: Any


Inbox = queue.SimpleQueue[Event]


class _Posted(NamedTuple):
    """A job as the threads know it: no callbacks, and nobody who waits.

    Attributes:
        content: the message, without the id.
        inputs: what is in memory, by role.
        directory: in which it was; empty: in one that is gone.
    """

    content: Mapping[str, Any]
    inputs: Mapping[str, Any]
    directory: str


class Connection:
    """A running worker.

    Three threads do what could wait: one writes inputs and messages, one reads messages and
    results, one reads standard error. They only put events into the inbox.

    Args:
        python: the interpreter, or a launcher and its arguments.
        environment: of the process.
        parent: where its temporary folder is made; None: the system's place.
        inbox: gets the events.

    Raises:
        WorkerError: when the process cannot be started.
    """

    def __init__(
        self,
        python: Sequence[str],
        environment: Mapping[str, str],
        parent: Path | None,
        inbox: Inbox,
    ) -> None:
        self.ready: dict[str, Any] | None = None
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self._inbox = inbox
        self._posted: dict[str, _Posted] = {}
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._orphan_since: float | None = None
        try:
            self.folder = make_folder(parent)
        except OSError as error:
            raise WorkerError(f"the worker has no place for its files: {error}") from error
        options = ["--parent", str(os.getpid()), "--folder", str(self.folder)]
        command = [_program(python[0]), *python[1:], "-m", __package__, *options]
        try:
            self.process = start_process(command, environment, self.folder)
        except OSError as error:
            remove_folder(self.folder)
            raise WorkerError(f"the worker cannot be started with {python[0]}: {error}") from error
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._error_listener = threading.Thread(target=self._listen_to_errors, daemon=True)
        for thread in (self._writer, self._listener, self._error_listener):
            thread.start()

    @property
    def ended(self) -> bool:
        """Whether the process has ended; the event may not have come yet."""
        pids = [self.process.pid, (self.ready or {}).get("pid")]
        return self.process.poll() is not None or not all(map(is_running, filter(None, pids)))

    def post(self, id_: str, content: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        """Write the inputs of a job, and send it, in the background.

        Args:
            id_: of the job.
            content: the message.
            inputs: what is in memory, by role.
        """
        directory = ""
        with contextlib.suppress(OSError):
            directory = os.getcwd()  # noqa: PTH109 (text for a message)
        self._posted[id_] = _Posted(content, inputs, directory)
        self._tasks.put(lambda: self._begin(id_))

    def send(self, **message: Any) -> None:
        """Send a message in the background."""
        self._tasks.put(lambda: self._send(encode(message)))

    def forget(self, id_: str) -> None:
        """Remove the files of a job in the background; what still comes of it is not read."""
        self._posted.pop(id_, None)
        self._tasks.put(lambda: remove_folder(self.folder / id_))

    def check(self) -> None:
        """Find out whether a launcher ended and left the worker behind; costs next to nothing."""
        if self.process.poll() is None or not self._listener.is_alive():
            return
        now = time.monotonic()
        if self._orphan_since is None:
            self._orphan_since = now
        elif now - self._orphan_since > _ORPHAN_SECONDS:
            self.kill()

    def kill(self) -> None:
        """End the process and its children at once."""
        kill_tree(self.process, None if self.ready is None else self.ready.get("pid"))

    def close(self, timeout: float) -> None:
        """End the process, and leave no file behind.

        Args:
            timeout: seconds that it may take to end by itself.
        """
        deadline = time.monotonic() + timeout
        self._tasks.put(None)
        # Whoever has its output open is the worker, or was started by it.
        _join(self._listener, timeout)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        if self.process.poll() is None or self._listener.is_alive():
            self.kill()
        for thread in (self._listener, self._error_listener, self._writer):
            _join(thread, _JOIN_SECONDS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_JOIN_SECONDS)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        for job in self._posted.values():
            remove_unfinished_output(output_of(job.content), job.directory)
        remove_folder(self.folder)

    def _write(self) -> None:
        """Do tasks one after the other; close the worker's input after the last one."""
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except Exception:  # the next task is none the worse for it
                self._note(traceback.format_exc().encode())
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()

    def _begin(self, id_: str) -> None:
        job = self._posted.get(id_)
        if job is None:  # cancelled meanwhile
            return
        try:
            message = {**job.content, "id": id_}
            if message["type"] == "run":
                folder = self.folder / id_
                folder.mkdir()
                message |= {"folder": str(folder), "directory": job.directory}
                message["inputs"] = _write_inputs(job.inputs, folder)
            line = encode(message)
        except Exception as error:  # a full disk, for one
            self._inbox.put(Event("outcome", id_, restore_error(describe_error(error))))
        else:
            self._send(line)

    def _send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # the end of the process is told elsewhere
            write_all(self.process.stdin.write, line)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        try:
            with contextlib.suppress(OSError, ValueError):
                for line in lines(self.process.stdout.read):
                    self._hear(line)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_JOIN_SECONDS)
            _join(self._error_listener, _JOIN_SECONDS)  # its last words explain the end
        finally:
            self._inbox.put(Event("ended", self, self.process.poll()))

    def _hear(self, line: bytes) -> None:
        message = decode(line)
        if message is None or problem_of(message, FROM_WORKER):
            self._note(line)
            return
        id_ = str(message.get("id"))
        job = self._posted.get(id_)
        if message["type"] == "done" and job is not None and job.content["type"] == "run":
            try:
                from .transfer import read_result

                message["result"] = read_result(self.folder / id_, job.inputs)
            except Exception as error:
                message |= {"type": "error", **describe_error(error)}
        self._inbox.put(Event("message", self, message))

    def _listen_to_errors(self) -> None:
        assert self.process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            for line in lines(self.process.stderr.read):
                self._note(line)

    def _note(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()[:_LONGEST]
        if text:
            self.tail.append(text)
            self._inbox.put(Event("stderr", self, text))


def _join(thread: threading.Thread, timeout: float) -> None:
    """Wait for another thread; the garbage collector may close a connection in its own."""
    if thread is not threading.current_thread():
        thread.join(timeout)


def _program(python: str) -> str:
    """Return a path that is right in another folder; a name without one is found as it is."""
    return str(Path(python).absolute()) if os.path.dirname(python) else python  # noqa: PTH120


def _write_inputs(inputs: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    if not inputs:
        return {}
    from .transfer import write_value

    return {role: write_value(value, folder, role) for role, value in inputs.items()}
