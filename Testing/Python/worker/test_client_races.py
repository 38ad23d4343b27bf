"""Whatever the worker says and callbacks do, and whenever: each job ends once, and the next begins.

Events that are to be handled by one poll are waited for in the client's inbox.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.errors import CancelledError, InputError
from SlicerLDMRegLib.pipeline import RegistrationRequest
from SlicerLDMRegLib.worker import Job, WorkerClient, WorkerError
from Testing.litter import work_folder_of_a_dead_process
from Testing.Python.worker.waiting import PATIENCE, failure, wait_until

HERE = Path(__file__).parent

MakeFaulty = Callable[..., WorkerClient]
Images = dict[str, np.ndarray]


@pytest.fixture
def faulty(make_client: Callable[..., WorkerClient]) -> MakeFaulty:
    """Make clients of a worker with a fault."""
    script = str(HERE / "faulty_worker.py")
    return lambda fault, **options: make_client(script, fault, **options)


@pytest.fixture
def request_(tmp_path: Path, quick: RegistrationRequest) -> RegistrationRequest:
    """A short job that writes its results."""
    return RegistrationRequest.from_dict({**quick.to_dict(), "output": str(tmp_path / "results")})


def wait_for_the_end(client: WorkerClient) -> None:
    """Wait for the answer to a job, without handling it."""
    events = []
    while not events or events[-1].content.get("type") not in ("done", "error"):
        event = client._inbox.get(timeout=PATIENCE)
        if event.kind != "stderr":
            events.append(event)
    for event in events:
        client._inbox.put(event)


def poll_all(client: WorkerClient) -> None:
    """Handle all events in one poll."""
    client.poll(PATIENCE)


def test_cancel_when_it_is_done(
    client: WorkerClient, blobs: Images, request_: RegistrationRequest
) -> None:
    answers: list[object] = []
    job = client.submit(replace(request_, **blobs), on_done=answers.append, on_error=answers.append)
    wait_for_the_end(client)
    job.cancel()
    error = failure(job)
    assert isinstance(error, CancelledError) and answers == [error]
    assert str(error).endswith(f"cancelled after its results were written to {request_.output}")
    assert job.state == "cancelled" and job.result is None
    load = client.load("none")
    wait_for_the_end(client)
    load.cancel()
    assert str(failure(load)).endswith("nothing was written")


def test_cancel_in_the_last_progress(
    client: WorkerClient, blobs: Images, request_: RegistrationRequest
) -> None:
    stages: list[str] = []

    def progress(stage: str, fraction: float, message: str) -> None:
        stages.append(stage)
        if stage == "transfer":
            job.cancel()

    job = client.submit(replace(request_, **blobs), progress)
    wait_for_the_end(client)
    poll_all(client)
    assert stages[-1] == "transfer"
    assert "written to" in str(failure(job)) and job.state == "cancelled"


def test_cancel_of_a_job_that_has_failed(faulty: MakeFaulty, blobs: Images, quick: Any) -> None:
    client = faulty("contrary")
    job = client.submit(replace(quick, **blobs))
    job.cancel()
    error = failure(job)
    assert isinstance(error, CancelledError) and "an error: no such file" in str(error)


def test_cancel_without_an_answer_promises_nothing(
    faulty: MakeFaulty, blobs: Images, request_: RegistrationRequest
) -> None:
    job = faulty("deaf").submit(replace(request_, **blobs))
    job.cancel()
    assert f"still writes to {request_.output}" in str(failure(job))


def test_cancel_of_a_job_whose_turn_comes(faulty: MakeFaulty, blobs: Images, quick: Any) -> None:
    client = faulty("hasty")
    first = client.submit(replace(quick, **blobs))
    second, third = client.submit(replace(quick, **blobs)), client.submit(replace(quick, **blobs))
    wait_for_the_end(client)
    second.cancel()
    while not second.finished:
        client.poll(0.0)  # one event at a time
        assert second.state != "running"
    assert first.state == "failed" and second.state == "cancelled"
    assert isinstance(failure(third), InputError)


def test_progress_that_fails_does_no_harm(faulty: MakeFaulty, blobs: Images, quick: Any) -> None:
    client = faulty("hasty")
    errors: list[Exception] = []

    def fail(*progress: object) -> None:
        raise ZeroDivisionError

    job = client.submit(replace(quick, **blobs), fail, on_error=errors.append)
    following = client.submit(replace(quick, **blobs))
    wait_for_the_end(client)
    with pytest.raises(ZeroDivisionError):
        poll_all(client)
    assert isinstance(job.error, InputError) and errors == [job.error]
    assert isinstance(failure(following), InputError)


def test_progress_that_closes_the_client(faulty: MakeFaulty, blobs: Images, quick: Any) -> None:
    client = faulty("hasty")
    errors: list[Exception] = []
    job = client.submit(replace(quick, **blobs), lambda *_: client.close(), on_error=errors.append)
    wait_for_the_end(client)
    poll_all(client)
    assert "closed" in str(job.error) and not errors
    assert isinstance(failure(client.submit(replace(quick, **blobs))), InputError)


def test_a_worker_that_talks_nonsense(faulty: MakeFaulty, blobs: Images, quick: Any) -> None:
    log: list[tuple[str, str]] = []
    client = faulty("gibberish", on_log=lambda *entry: log.append(entry))
    for _ in range(2):
        assert str(failure(client.submit(replace(quick, **blobs)))) == "the end"
    assert client.running
    assert any("a level of its own" in text for level, text in log if level == "debug")


def test_an_answer_to_an_earlier_question(faulty: MakeFaulty) -> None:
    client = faulty("late answers")
    client.start()
    wait_until(lambda: client.poll() is not None and client.pid)
    with pytest.raises(WorkerError, match="does not answer"):
        client.status(0.2)
    assert client.status(PATIENCE)["busy"] == "new"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class Unwritable(np.ndarray[Any, Any]):
    """An array that cannot be written, with an error that cannot be told."""

    def tofile(self, *_: object) -> None:
        raise Unspeakable


def test_inputs_that_cannot_be_written(faulty: MakeFaulty, blobs: Images, quick: Any) -> None:
    client = faulty("hasty")
    unwritable = replace(quick, **{**blobs, "fixed": blobs["fixed"].view(Unwritable)})
    error = failure(client.submit(unwritable))
    assert isinstance(error, WorkerError) and "Unspeakable" in str(error)
    assert isinstance(failure(client.submit(replace(quick, **blobs))), InputError)


def test_a_task_that_fails_is_not_the_last(faulty: MakeFaulty, blobs: Images, quick: Any) -> None:
    client = faulty("hasty")
    client.start()
    assert client._connection is not None
    client._connection._tasks.put(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert isinstance(failure(client.submit(replace(quick, **blobs))), InputError)
    assert any("ZeroDivisionError" in line for line in client._connection.tail)


def test_a_directory_that_is_gone(
    faulty: MakeFaulty, blobs: Images, quick: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = faulty("hasty")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert isinstance(failure(client.submit(replace(quick, **blobs))), InputError)


@pytest.mark.parametrize("output", ["~nobody-of-this-name/results", "\0/results"])
def test_closing_where_no_output_can_be(
    output: str, faulty: MakeFaulty, blobs: Images, quick: RegistrationRequest, place: Path
) -> None:
    client = faulty("deaf")
    request = RegistrationRequest.from_dict({**quick.to_dict(), "output": output})
    job: Job = client.submit(replace(request, **blobs))
    client.close(0.1)
    assert isinstance(job.error, CancelledError) and not list(place.iterdir())


def test_unfinished_output_is_where_the_job_began(
    faulty: MakeFaulty,
    blobs: Images,
    quick: RegistrationRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folders = [tmp_path / "here", tmp_path / "there"]
    monkeypatch.chdir(tmp_path)
    client = faulty("deaf")
    for folder in folders:
        folder.mkdir()
    os.chdir(folders[0])
    client.submit(replace(quick, **blobs, output="results"))
    os.chdir(folders[1])
    for folder in folders:
        work_folder_of_a_dead_process(folder)
    client.close(0.1)
    assert [len(list(folder.iterdir())) for folder in folders] == [0, 1]
