"""Cohorts on processes of Dask: the same bits, also where workers and scheduler are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib._processes import is_running
from SlicerLDMRegLib.cohort import CohortFolder, Means, Totals, run_cohort
from SlicerLDMRegLib.cohort.clusters import local_cluster, read_configuration, running_scheduler
from SlicerLDMRegLib.errors import InputError
from Testing.Prove.dask_processes import DaskProcesses, Killer, bits_of, free_port, worker_pids

from .conftest import MakeImages, plan_of

pytest.importorskip("distributed")

LIBRARY = Path(__file__).resolve().parents[3] / "SlicerLDMReg"
IMAGES = 4


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, make_images: MakeImages) -> Path:
    """A table of images."""
    folder = tmp_path_factory.mktemp("images")
    paths = make_images(folder, IMAGES)
    table = folder / "images.csv"
    table.write_text("\n".join(["image", *(path.name for path in paths)]) + "\n")
    return table


@pytest.fixture(scope="module")
def bits(table: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of a run in one process, without faults."""
    plan, folder = plan_of(table, tmp_path_factory.mktemp("plain") / "study", pairing="all-to-all")
    run_cohort(plan, folder, Means(workers=0, threads=1, pictures="none"))
    found = bits_of(folder)
    assert len(found) == IMAGES * (IMAGES - 1)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_killed_workers_change_no_bit(table: Path, tmp_path: Path, bits: dict[str, Any]) -> None:
    plan, folder = plan_of(table, tmp_path / "study", pairing="all-to-all")
    killer = Killer(folder, (2,))
    killer.start()
    seen: list[Totals] = []
    totals = run_cohort(
        plan, folder, Means(workers=1, threads=1, pictures="none"), look=seen.append
    )
    killer.over = True
    assert len(killer.killed) == 1
    assert (totals.done, totals.failed, totals.left) == (len(bits), 0, 0)
    assert bits_of(folder) == bits
    assert not list(folder.root.glob("pairs/*/.ldmreg-*"))
    deadline = time.monotonic() + 10
    while worker_pids(os.getpid()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not worker_pids(os.getpid())


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    folder = tmp_path / "dask"
    folder.mkdir()
    cluster = DaskProcesses(folder)
    yield cluster
    cluster.end()


@pytest.mark.slow
def test_a_killed_scheduler_is_waited_for(
    table: Path, tmp_path: Path, bits: dict[str, Any], dask: DaskProcesses
) -> None:
    plan, folder = plan_of(table, tmp_path / "study", pairing="all-to-all")
    notes: list[str] = []
    killed = threading.Event()

    def look(totals: Totals) -> None:
        if totals.done >= 2 and not killed.is_set():
            killed.set()
            dask.kill_scheduler()

    means = Means(scheduler=dask.address, threads=1, pictures="none")
    totals = run_cohort(plan, folder, means, look=look, note=notes.append)
    assert killed.is_set() and any("is gone" in note for note in notes)
    assert (totals.done, totals.failed) == (len(bits), 0)
    assert bits_of(folder) == bits
    with running_scheduler(dask.address, verbose=False) as cluster:
        client = cluster.connect()
        profilers = profilers_of(client)
        client.close()
    assert profilers == [([], 0)]


def profilers_of(client: Any) -> list[tuple[list[str], int]]:
    """Return the profilers that run in each worker, and how many stacks it keeps."""

    # A function of the module would be looked for in the worker.
    def look(dask_worker: Any) -> tuple[list[str], int]:
        callbacks = dask_worker.periodic_callbacks
        running = [n for n in callbacks if "profile" in n and callbacks[n].is_running()]
        return running, len(dask_worker.profile_history) + len(dask_worker.profile_keys_history)

    return list(client.run(look).values())


@pytest.mark.slow
def test_workers_of_this_computer_are_not_profiled_and_listen_here_alone() -> None:
    with local_cluster(1, "cpu", None, verbose=False) as cluster:
        client = cluster.connect()
        client.submit(time.sleep, 1.5).result()
        profilers = profilers_of(client)
        http = client.run_on_scheduler(
            lambda dask_scheduler: [
                s.getsockname() for s in dask_scheduler.http_server._sockets.values()
            ]
        )
        client.close()
    assert profilers == [([], 0)]
    assert {address[0] for address in http} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    "name",
    ["distributed.client", "distributed.scheduler", "distributed.core", "distributed.comm.tcp",
     "tornado.application", "asyncio"],
)  # fmt: skip
def test_messages_of_dask_are_shown_only_when_asked_for(name: str) -> None:
    import logging

    with running_scheduler("tcp://127.0.0.1:1", verbose=False):
        assert not logging.getLogger(name).isEnabledFor(logging.CRITICAL)


def test_a_scheduler_that_is_not_there_is_told(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import SlicerLDMRegLib.cohort.clusters as clusters

    monkeypatch.setattr(clusters.Cluster.connect, "__defaults__", (1.0,))
    plan, folder = plan_of(table, tmp_path / "study", pairing="first")
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=f"the scheduler {address} does not answer"):
        run_cohort(plan, folder, Means(scheduler=address))
    assert not folder.is_running()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_ctrl_c_on_the_shell_ends_workers_and_exits_with_130(
    table: Path, tmp_path: Path, bits: dict[str, Any]
) -> None:
    output = tmp_path / "study"
    command = [sys.executable, "-m", "SlicerLDMRegLib", "cohort", str(table), "--output"]
    command += [str(output), "--pairs", "all-to-all", "--model", "none", "--device", "cpu"]
    command += ["--refine-iterations", "3,2", "--align", "none", "--threads", "1", "--workers", "1"]
    command += ["--pictures", "none"]
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background of a script, Ctrl-C would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    folder = CohortFolder(output)
    wait_until(lambda: list(output.glob("records/*/*.json")), process)
    workers = worker_pids(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 130
    # On a busy machine there are lines of progress before.
    assert errors.splitlines()[-1].startswith("ldmreg: error: cancelled; ")
    assert errors.endswith("pairs are complete; the same command goes on\n")
    assert "Traceback" not in errors
    wait_until(lambda: not any(is_running(pid) for pid in workers))
    assert not folder.is_running() and not list(output.glob("pairs/*/.ldmreg-*"))
    done = bits_of(folder)
    assert 1 <= len(done) < len(bits)
    command[command.index("--workers") + 1] = "0"
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert f"{len(bits)} of {len(bits)} pairs registered" in finished.stdout
    assert f"{len(bits) - len(done)} of them now" in finished.stdout
    assert bits_of(folder) == bits


def wait_until(
    holds: Callable[[], bool], process: subprocess.Popen[str] | None = None, seconds: float = 300
) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


def test_configurations_of_slurm(tmp_path: Path) -> None:
    path = tmp_path / "slurm.yaml"
    path.write_text("jobs: 4\ncores: 8\nmemory: 16GB\nqueue: gpu\nwalltime: '02:00:00'\n")
    assert read_configuration(path) == {
        "jobs": 4, "cores": 8, "memory": "16GB", "queue": "gpu", "walltime": "02:00:00",
        "processes": 1,
        "job_script_prologue": ["export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False"],
    }  # fmt: skip
    for text, told in (
        ("- 3", "expected names and values"),
        ("jobs: [", "is not YAML"),
        ("cores: 8\nmemory: 1GB", "expected jobs, such as jobs: 8, got None"),
        ("jobs: 0\ncores: 8\nmemory: 1GB", "expected jobs"),
        ("jobs: 1\ncores: 8\nmemory: 12", "expected memory, such as memory: 16GB, got 12"),
        (
            "jobs: 1\ncores: 1\nmemory: 1GB\njob_script_prologue: module load x",
            "as a list of lines",
        ),
        ("!!python/object/apply:os.system ['touch x']", "is not YAML"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=told):
            read_configuration(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_configuration(tmp_path / "none.yaml")


def test_a_job_of_slurm_has_one_process_and_what_was_asked_for(tmp_path: Path) -> None:
    jobqueue = pytest.importorskip("dask_jobqueue")
    path = tmp_path / "slurm.yaml"
    path.write_text(
        "jobs: 2\ncores: 8\nmemory: 16GB\nqueue: gpu\njob_extra_directives: ['--gres=gpu:1']\n"
        "interface: lo\n"
    )
    options = read_configuration(path)
    del options["jobs"]
    with jobqueue.SLURMCluster(**options) as cluster:
        script = cluster.job_script()
    assert "#SBATCH -p gpu" in script and "#SBATCH --gres=gpu:1" in script
    assert "PROFILE__ENABLED=False" in script
    assert "--nworkers 1" in script or "--nworkers" not in script
