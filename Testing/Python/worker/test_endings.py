"""However it ends, a worker leaves no process and no file behind, and the client says what was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from SlicerLDMRegLib._outputs.work_folder import make_work_folder
from SlicerLDMRegLib.errors import CancelledError, InputError
from SlicerLDMRegLib.pipeline import RegistrationRequest
from SlicerLDMRegLib.worker import WorkerClient, WorkerError
from SlicerLDMRegLib.worker.folders import (
    make_folder,
    remove_folder,
    remove_stale_folders,
    remove_unfinished_output,
)
from SlicerLDMRegLib.worker.processes import (
    child_environment,
    describe_exit,
    is_running,
    start_time,
)
from Testing.litter import work_folder_of_a_dead_process
from Testing.Python.worker.waiting import (
    PATIENCE,
    assert_nothing_left,
    failure,
    wait_for_worker,
    wait_until,
)

HERE = Path(__file__).parent

MakeClient = Callable[..., WorkerClient]
Images = dict[str, np.ndarray]

# A program that registers with a worker, says when that is busy, and ends in some way.
PARENT = """
import os, sys, time
from dataclasses import replace
import numpy as np
from SlicerLDMRegLib.pipeline import RegistrationRequest
from SlicerLDMRegLib.worker import WorkerClient
client = WorkerClient(folder=sys.argv[1])
image = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
request = RegistrationRequest("a", "b", model="none", refine={"iterations": [9999] * 3})
stages = []
images = {"fixed": image, "moving": image.T.copy()}
job = client.submit(replace(request, **images), lambda *progress: stages.append(progress))
while not stages:
    client.wait(0.1)
assert "torch" not in sys.modules
"""
SAY = "print(client.pid, os.getpid(), flush=True); "
ENDS = {
    "killed": SAY + "client.wait(1000); time.sleep(1000)",
    # Another process keeps the worker's pipes open: their end does not come.
    "killed beside a fork": f"os.fork() or ({SAY[:-2]}); time.sleep(1000)",
    "end of the program": SAY,
    "error": SAY + "raise SystemExit('as if')",
    "forgotten": SAY + "del client, job; import gc; gc.collect(); time.sleep(1000)",
}


def long_request() -> RegistrationRequest:
    return RegistrationRequest("a", "b", model="none", refine={"iterations": [9999] * 3})


@pytest.mark.parametrize("end", ENDS)
def test_parent_is_gone(end: str, place: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", PARENT + ENDS[end], str(place)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, env=child_environment(environment))
    assert parent.stdout is not None
    worker, speaker = map(int, parent.stdout.readline().split())
    if end.startswith("killed"):
        assert is_running(worker) and len(list(place.iterdir())) == 1
        parent.kill()
    try:
        assert_nothing_left(place, worker)
    finally:
        parent.kill()
        parent.wait()
        if speaker != parent.pid:
            os.kill(speaker, signal.SIGKILL)
        parent.stdout.close()


def test_closing_while_it_works(make_client: MakeClient, blobs: Images, place: Path) -> None:
    client = make_client()
    answers: list[object] = []
    request = replace(long_request(), **blobs)
    job = client.submit(request, on_done=answers.append, on_error=answers.append)
    waiting = client.submit(request)
    pid = wait_for_worker(client)
    client.close()
    assert not is_running(pid) and not list(place.iterdir())
    assert not client.running and not client.busy
    # A window that closes wants no more calls; a script that waits gets an answer.
    assert not answers
    assert isinstance(failure(job), CancelledError)
    assert isinstance(failure(waiting), CancelledError)
    client.close()
    client.start()  # it can be used again
    assert wait_for_worker(client) != pid


def test_a_deaf_worker_is_killed(make_client: MakeClient, blobs: Images, place: Path) -> None:
    client = make_client(str(HERE / "faulty_worker.py"), "deaf")
    job = client.submit(replace(long_request(), **blobs))
    pid = wait_for_worker(client)
    job.cancel()
    began = time.monotonic()
    assert isinstance(failure(job), CancelledError)  # without any answer
    assert 0.4 < time.monotonic() - began < 60
    os.kill(pid, signal.SIGSTOP)  # now it does not even see the end of its input
    client.close(0.1)
    assert not is_running(pid) and not list(place.iterdir())


def test_kill_9_and_the_next_job(make_client: MakeClient, blobs: Images, place: Path) -> None:
    client = make_client()
    errors: list[Exception] = []
    job = client.submit(replace(long_request(), **blobs), on_error=errors.append)
    following = client.submit(replace(long_request(), **blobs))
    pid = wait_for_worker(client)
    os.kill(pid, signal.SIGKILL)
    error = failure(job)
    assert errors == [error] and isinstance(error, WorkerError)
    assert "stopped unexpectedly" in str(error) and "SIGKILL" in str(error)
    assert "memory" in str(error)
    # What waited is begun anew.
    assert following.state == "running"
    assert wait_for_worker(client) != pid
    assert not is_running(pid) and len(list(place.iterdir())) == 1
    following.cancel()
    assert isinstance(failure(following), CancelledError)


def test_kill_9_of_an_idle_worker(make_client: MakeClient, blobs: Images, place: Path) -> None:
    client = make_client()
    client.start()
    pid = wait_for_worker(client)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid))
    job = client.submit(replace(long_request(), **blobs))  # nobody has polled meanwhile
    assert wait_for_worker(client) != pid and job.state == "running"
    assert len(list(place.iterdir())) == 1
    job.cancel()
    assert isinstance(failure(job), CancelledError)


@pytest.mark.parametrize("victim", ["launcher", "worker", "none", "none of a stopped worker"])
def test_launcher(victim: str, make_client: MakeClient, blobs: Images, place: Path) -> None:
    client = make_client(str(HERE / "launcher.py"))
    job = client.submit(replace(long_request(), **blobs))
    pid = wait_for_worker(client)
    assert client._connection is not None
    launcher = client._connection.process.pid
    assert pid != launcher
    if victim.startswith("none"):
        if victim != "none":
            os.kill(pid, signal.SIGSTOP)  # it does not see the end of its input
        client.close(0.5)
        assert not is_running(launcher) and not is_running(pid)
        return
    os.kill(launcher if victim == "launcher" else pid, signal.SIGKILL)
    error = failure(job)
    assert isinstance(error, WorkerError) and "stopped unexpectedly" in str(error)
    assert_nothing_left(place, launcher, pid)


def test_no_such_interpreter(place: Path, blobs: Images) -> None:
    with WorkerClient([str(place / "no python")], folder=place) as client:
        with pytest.raises(WorkerError, match="no python"):
            client.start()
        errors: list[Exception] = []
        request = replace(long_request(), **blobs)
        jobs = [client.submit(request, on_error=errors.append) for _ in range(2)]
        assert not errors  # callbacks come from poll alone
        for job in jobs:
            assert "cannot be started" in str(failure(job))
        assert len(errors) == 2
    assert not list(place.iterdir())


def test_the_interpreter_lacks_something(make_client: MakeClient, blobs: Images) -> None:
    client = make_client(str(HERE / "faulty_worker.py"), "no start")
    jobs = [client.submit(replace(long_request(), **blobs)) for _ in range(2)]
    for job in jobs:  # the second would fare no better
        error = failure(job)
        assert isinstance(error, WorkerError)
        assert str(error).startswith("the worker did not start, exit code 1: ModuleNotFoundError")
        assert "SlicerLDMRegLib" in error.detail
    assert not client.running


def test_another_version(make_client: MakeClient, blobs: Images) -> None:
    client = make_client(str(HERE / "faulty_worker.py"), "other protocol")
    error = failure(client.submit(replace(long_request(), **blobs)))
    assert isinstance(error, WorkerError)
    assert "protocol 99, expected 1" in str(error) and "restart" in str(error)
    assert not client.running


def test_it_stops_amid_a_line(make_client: MakeClient, blobs: Images) -> None:
    client = make_client(str(HERE / "faulty_worker.py"), "half a line")
    error = failure(client.submit(replace(long_request(), **blobs)))
    assert isinstance(error, WorkerError)
    assert "exit code 7" in str(error)
    assert "last words" in error.detail and '"id": "jo' in error.detail


def test_a_result_without_files(make_client: MakeClient, blobs: Images) -> None:
    client = make_client(str(HERE / "faulty_worker.py"), "no files")
    error = failure(client.submit(replace(long_request(), **blobs)))
    assert isinstance(error, WorkerError) and "FileNotFoundError" in str(error)
    assert client.running


def test_a_flood_of_messages(make_client: MakeClient, blobs: Images) -> None:
    log: list[tuple[str, str]] = []
    client = make_client(
        str(HERE / "faulty_worker.py"), "flood", on_log=lambda *entry: log.append(entry)
    )
    job = client.submit(replace(long_request(), **blobs))
    used = []
    while not job.finished:
        began = time.thread_time()
        client.poll()
        used.append(time.thread_time() - began)
        time.sleep(0.005)
    assert isinstance(job.error, InputError) and len(str(job.error)) == 300_000
    assert [text for level, text in log if level == "info"] == [str(n) for n in range(3000)]
    assert max(used) < 0.05  # of this thread: what others take from it is not its fault


def test_a_callback_that_fails_does_no_harm(make_client: MakeClient, blobs: Images) -> None:
    client = make_client(str(HERE / "faulty_worker.py"), "no files")

    def fail(error: Exception) -> None:
        raise ZeroDivisionError

    job = client.submit(replace(long_request(), **blobs), on_error=fail)
    following = client.submit(replace(long_request(), **blobs))
    with pytest.raises(ZeroDivisionError):
        job.wait(PATIENCE)
    assert job.finished
    assert isinstance(failure(following), WorkerError)


def test_waiting_has_a_limit(make_client: MakeClient, blobs: Images) -> None:
    client = make_client(str(HERE / "faulty_worker.py"), "deaf")
    job = client.submit(replace(long_request(), **blobs))
    with pytest.raises(TimeoutError, match=r"after 0\.2 s"):
        job.wait(0.2)
    assert not job.finished
    with pytest.raises(WorkerError, match="does not answer"):
        client.status(0.2)


def test_inputs_that_cannot_travel(make_client: MakeClient, blobs: Images) -> None:
    client = make_client()
    with pytest.raises(InputError, match="model: the worker loads its models"):
        client.submit(replace(long_request(), model=object()))
    job = client.submit(replace(long_request(), **{**blobs, "fixed": np.array([object()])}))
    assert isinstance(failure(job), InputError)


def test_a_job_that_waits_is_cancelled_at_once(make_client: MakeClient, blobs: Images) -> None:
    client = make_client(str(HERE / "faulty_worker.py"), "deaf")
    first, second, third = (client.submit(replace(long_request(), **blobs)) for _ in range(3))
    second.cancel()
    second.cancel()
    assert not second.finished  # callbacks come from poll alone
    client.poll()
    assert second.state == "cancelled" and first.state == "running" and third.state == "queued"


def test_folders_of_the_dead_are_removed(place: Path) -> None:
    mine = make_folder(place)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = place / f"ldmreg-worker-{child.pid}-abc_1"
    (dead / "job1").mkdir(parents=True)
    foreign = place / "ldmreg-worker-notes"
    foreign.mkdir()
    remove_stale_folders(place)
    assert mine.is_dir() and foreign.is_dir() and not dead.exists()
    assert mine.stat().st_mode & 0o077 == 0
    remove_folder(foreign)
    remove_folder(place)
    assert foreign.is_dir()  # not one of ours
    remove_folder(mine / "job1")
    remove_folder(mine)
    assert not mine.exists()


def test_a_later_process_with_the_number_of_a_dead_one(place: Path) -> None:
    mine = make_folder(place)
    began = start_time(os.getpid())
    if began is None:
        pytest.skip("the system does not tell when a process began")
    dead = place / mine.name.replace(f"-{began}-", f"-{began - 1}-")
    old = place / f"ldmreg-worker-{os.getpid()}-abc_1"  # of a version that did not note it
    dead.mkdir()
    old.mkdir()
    remove_stale_folders(place)
    assert mine.is_dir() and old.is_dir() and not dead.exists()


def test_unfinished_output_is_removed(tmp_path: Path) -> None:
    mine = make_work_folder(tmp_path)
    notes = tmp_path / f"{work_folder_of_a_dead_process(tmp_path).name}-notes"
    for folder in (notes, tmp_path / "results"):
        folder.mkdir()
    remove_unfinished_output(None)
    assert len(list(tmp_path.iterdir())) == 4
    remove_unfinished_output("results", str(tmp_path))
    assert {p.name for p in tmp_path.iterdir()} == {mine.name, notes.name, "results"}
    remove_unfinished_output(str(tmp_path / "results"), own=True)
    assert {p.name for p in tmp_path.iterdir()} == {notes.name, "results"}


def test_environment_of_the_child() -> None:
    given = {"PYTHONPATH": f"here{os.pathsep}{os.pathsep}/there", "OMP_WAIT_POLICY": "ACTIVE"}
    result = child_environment(given, threads=3)
    library, *others = result["PYTHONPATH"].split(os.pathsep)
    assert (Path(library) / "SlicerLDMRegLib").is_dir()
    assert others == [str(Path("here").absolute()), "/there"]
    assert result["OMP_NUM_THREADS"] == "3" and result["OMP_WAIT_POLICY"] == "ACTIVE"
    assert "GOMP_SPINCOUNT" not in result  # the user has said how threads wait
    assert child_environment({})["OMP_WAIT_POLICY"] == "PASSIVE"
    assert int(child_environment({})["GOMP_SPINCOUNT"]) > 0  # which comes first on Linux
    assert "OMP_NUM_THREADS" not in child_environment({})


def test_exit_codes_in_words() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-11) == "it was ended by SIGSEGV"
    assert describe_exit(0xC0000005) == "exit code 0xc0000005"
    assert "ended" in describe_exit(None)


def test_is_running_whatever_a_process_is_called(tmp_path: Path) -> None:
    # A name in UTF-8 that Linux cuts off amid a letter, after 15 bytes.
    program = tmp_path / "a)Bilderfilterü"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([program, "1000"])
    try:
        assert is_running(child.pid)
    finally:
        child.kill()
        child.wait()
    assert not is_running(child.pid)


def test_is_running_knows_zombies() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    wait_until(lambda: not is_running(child.pid))  # nobody has waited for it yet
    child.wait()
    assert is_running(os.getpid()) and not is_running(child.pid)
