"""No message ends the process that registers, and no cancel is lost, whenever it comes."""

from __future__ import annotations

import array
import fcntl
import json
import logging
import os
import queue
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.worker.errors import restore_error
from SlicerLDMRegLib.worker.processes import child_environment
from SlicerLDMRegLib.worker.protocol import decode, encode, lines
from SlicerLDMRegLib.worker.server import Server, _LogHandler
from Testing.Python.worker.waiting import PATIENCE, wait_until

HERE = Path(__file__).parent

Message = Mapping[str, Any]


class Worker:
    """A real process of the server, at the other end of two pipes."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=child_environment(environment),
        )
        self._heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._numbers = iter(range(1, 1000))

    def listen(self) -> None:
        """Read what it says from now on."""

        def read() -> None:
            assert self.process.stdout is not None
            for line in lines(self.process.stdout.read):
                self._heard.put(decode(line) or {"type": "noise"})

        threading.Thread(target=read, daemon=True).start()

    def say(self, message: Message | bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(message if isinstance(message, bytes) else encode(message))

    def hear(self, condition: Callable[[Message], bool]) -> Message:
        """Return the next message of a kind."""
        while not condition(message := self._heard.get(timeout=PATIENCE)):
            pass
        return message

    def answer(self, id_: str) -> Message:
        """Wait for the answer to a job."""
        ends = ("done", "error")
        return self.hear(lambda m: m["type"] in ends and m["id"] == id_)

    def check_alive(self) -> None:
        """Let it do a job after all that it did before."""
        id_ = f"check{next(self._numbers)}"
        self.say({"type": "load", "id": id_, "model": "none"})
        assert self.answer(id_)["type"] == "done"


@pytest.fixture(scope="module")
def worker(environment: dict[str, str]) -> Iterator[Worker]:
    worker = Worker(environment, str(HERE / "held_worker.py"), "-m", "SlicerLDMRegLib.worker")
    worker.listen()
    worker.check_alive()
    yield worker
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    assert worker.process.wait(PATIENCE) == 0


@pytest.fixture
def run(tmp_path: Path, blobs: dict[str, np.ndarray]) -> dict[str, Any]:
    """The message of a short job."""
    folder = tmp_path / "ldmreg-worker-1-a" / "job"  # what others are called is never removed
    folder.mkdir(parents=True)
    for role, image in blobs.items():
        np.save(folder / f"{role}.npy", image)
    refine = {"iterations": [2]}
    return {
        "type": "run",
        "id": "job",
        "request": {"fixed": "a", "moving": "b", "model": "none", "refine": refine},
        "inputs": {role: {"kind": "array", "name": role} for role in blobs},
        "folder": str(folder),
        "directory": str(tmp_path),
    }


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"\xff\xfe",
        b'{"type": "load", "id": "hal',
        b'{"type": "ping", "id": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        # Python reads this, but is too deep in it to look at every value.
        b'{"type": "ping", "id": ' + b'{"a": ' * 700 + b"1" + b"}" * 700 + b"}",
        b'{"type": "ping", "id": {"$dict": 5}}',
        b'{"type": "ping", "id": {"$dict": [[[], 1]]}}',
        b'{"type": "ping", "id": {"$tuple": 5}}',
        b'{"type": "ping", "id": [1]}',
        b'{"type": "ping"}',
        b'{"type": "cancel", "id": [1]}',
        b'{"type": "cancel", "id": {"a": 1}}',
        b'{"type": "run", "id": [1]}',
        b'{"type": "load", "id": {"a": 1}}',
        b'{"type": "dance", "id": "job"}',
        b'{"type": "done", "id": "job"}',
        b"x" * 3_000_000,
    ],
    ids=lambda line: line[:40].decode("latin-1"),
)
def test_what_is_no_message_is_logged(line: bytes, worker: Worker) -> None:
    worker.say(line + b"\n")
    assert len(worker.hear(lambda m: m["type"] == "log" and m["level"] == "warning")["text"]) < 300
    worker.check_alive()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"folder": 5}, "message 'run': expected a text as folder, got 5"),
        ({"folder": None}, "message 'run': expected a text as folder, got None"),
        ({"request": 5}, "message 'run': expected an object as request, got 5"),
        ({"request": []}, "message 'run': expected an object as request, got []"),
        ({"request": {"fixed": "a"}, "inputs": {}}, "request: expected a path for 'moving'"),
        ({"inputs": [1]}, "message 'run': expected an object as inputs, got [1]"),
        ({"directory": {"a": 1}}, "message 'run': expected a text as directory, got {'a': 1}"),
        ({"type": "load", "model": [1]}, "message 'load': expected a text as model, got [1]"),
        ({"type": "load", "dimension": "2"}, "expected an integer as dimension, got '2'"),
        ({"type": "load", "precision": "much"}, "precision: expected"),
    ],
)
def test_a_wrong_message_ends_its_own_job(
    changes: dict[str, Any], text: str, worker: Worker, run: dict[str, Any]
) -> None:
    worker.say({**run, **changes})
    error = worker.answer("job")
    assert error["type"] == "error" and error["kind"] == "InputError"
    assert text in str(restore_error(error))
    worker.check_alive()


def test_folders_that_no_system_knows(worker: Worker, run: dict[str, Any], tmp_path: Path) -> None:
    worker.say({**run, "directory": "\0", "folder": "/ldmreg-worker-1-a/\0"})
    assert worker.answer("job")["type"] == "error"
    # A job that is cancelled has its folder removed.
    worker.say({"type": "load", "id": "first", "model": "none", "hold": ["before", "done"]})
    worker.hear(lambda m: m["type"] == "log" and m["text"] == "held")
    worker.say({**run, "folder": "/ldmreg-worker-1-a/\0"})
    worker.say({"type": "cancel", "id": "job"})
    assert worker.answer("job")["kind"] == "CancelledError"
    worker.say({"type": "cancel", "id": "first"})
    worker.check_alive()


def test_a_second_job_of_one_name_is_refused(worker: Worker, run: dict[str, Any]) -> None:
    worker.say({**run, "hold": ["before", "transfer"]})
    worker.hear(lambda m: m["type"] == "log" and m["text"] == "held")
    worker.say(run)
    log = worker.hear(lambda m: m["type"] == "log" and m["level"] == "warning")
    assert "'job' once more" in log["text"]
    worker.say({"type": "cancel", "id": "job"})
    assert worker.answer("job")["kind"] == "CancelledError"
    worker.check_alive()


@pytest.mark.parametrize(
    ("hold", "text"),
    [
        (["before", "save"], "cancelled; nothing was written"),
        (["after", "save"], "cancelled while its results were being written to {output}"),
        (["before", "transfer"], "cancelled while its results were being written to {output}"),
        (["after", "transfer"], "cancelled after its results were written to {output}"),
    ],
)
def test_cancel_in_a_report(
    hold: list[str], text: str, worker: Worker, run: dict[str, Any], tmp_path: Path
) -> None:
    output = tmp_path / "results"
    worker.say({**run, "request": {**run["request"], "output": str(output)}, "hold": hold})
    worker.hear(lambda m: m["type"] == "log" and m["text"] == "held")
    worker.say({"type": "cancel", "id": "job"})
    error = worker.answer("job")
    worker.check_alive()  # by then the job has ended
    assert error["type"] == "error" and error["kind"] == "CancelledError"
    assert error["text"] == "the registration was " + text.format(output=output)
    assert (output / "report.json").exists() == ("results" in text)
    assert not Path(run["folder"]).exists()


def test_cancel_while_a_job_is_answered(worker: Worker) -> None:
    job = {"type": "load", "id": "job", "model": "none", "hold": ["answered", "done"]}
    worker.say(job)
    worker.hear(lambda m: m["type"] == "log" and m["text"] == "held")
    worker.say({"type": "cancel", "id": "job"})
    worker.answer("job")
    worker.check_alive()


def test_status_while_the_models_change(worker: Worker) -> None:
    model = "ldm-morph-cardiac-mr"
    worker.say({"type": "load", "id": "job", "model": model, "hold": ["exchanged", "done"]})
    assert worker.answer("job")["type"] == "done"
    worker.say({"type": "ping", "id": "now"})
    pong = worker.hear(lambda m: m["type"] in ("pong", "log"))
    assert pong["type"] == "pong" and pong["models"] == [f"{model} on cpu, float32"]
    worker.check_alive()


def test_nobody_reads_and_the_client_has_gone(environment: dict[str, str], tmp_path: Path) -> None:
    client = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    options = ("--parent", str(client.pid))
    worker = Worker(environment, "-m", "SlicerLDMRegLib.worker", *options)
    try:
        for number in range(2000):
            worker.say({"type": "load", "id": f"{number}", "model": "no such model"})
        stdout, size = worker.process.stdout, array.array("i", [0])
        assert stdout is not None

        def is_full() -> bool:
            fcntl.ioctl(stdout, termios.FIONREAD, size)
            return size[0] > fcntl.fcntl(stdout, fcntl.F_GETPIPE_SZ) - 4096

        wait_until(is_full)  # an answer waits to be read
        client.kill()
        client.wait()
        assert worker.process.wait(PATIENCE) == 0
    finally:
        worker.process.kill()
        worker.process.wait()
        client.kill()


def test_a_log_record_that_does_not_fit_does_no_harm() -> None:
    inward, outward = os.pipe()
    with os.fdopen(outward, "wb", buffering=0) as out, os.fdopen(inward, "rb", buffering=0) as said:
        server = Server(lambda size: b"", out.write)
        logger = logging.getLogger("test_server")
        logger.propagate = False  # pytest is less patient
        logger.addHandler(handler := _LogHandler(server))
        try:
            logger.warning("%d images", "two")
        finally:
            logger.removeHandler(handler)
            logger.propagate = True
        assert json.loads(said.read(1000))["text"] == "%d images"
