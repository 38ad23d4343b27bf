"""Processes of Dask that are killed on purpose, and small cohorts for them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.cohort import CohortFolder

__all__ = [
    "DaskProcesses",
    "Killer",
    "bits_of",
    "blobs",
    "free_port",
    "image_table",
    "resident_mib",
    "worker_pids",
]

LIBRARY = Path(__file__).resolve().parents[2] / "SlicerLDMReg"


def blobs(seed: int, size: int = 24) -> np.ndarray:
    """Smooth blobs, those of another seed a little moved."""
    y, x = np.mgrid[:size, :size]
    places = np.random.default_rng(0).uniform(0.25, 0.75, (4, 2)) * size
    moved = np.random.default_rng(seed + 1).uniform(-1.5, 1.5, (4, 2))
    image = np.zeros((size, size), np.float32)
    for n, (row, column) in enumerate(places + moved):
        image += (1 + n / 4) * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 2.5**2))
    return 100 * image


def image_table(folder: Path, pairs: int, size: int = 24) -> Path:
    """Write images that make at least so many pairs, all to all, and return their table."""
    count = 2
    while count * (count - 1) < pairs:
        count += 1
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"i{n:03d}.nrrd" for n in range(count)]
    for n, name in enumerate(names):
        sitk.WriteImage(sitk.GetImageFromArray(blobs(n, size)), str(folder / name))
    table = folder / "images.csv"
    table.write_text("\n".join(["image", *names]) + "\n", encoding="utf-8")
    return table


def bits_of(folder: CohortFolder) -> dict[str, Any]:
    """Return the digests of the results of all pairs, from their own reports.

    Raises:
        ValueError: when a pair is there twice.
    """
    found: dict[str, Any] = {}
    for report in sorted((folder.root / "pairs").glob("*/*/report.json")):
        if report.parent.name in found:
            raise ValueError(f"{report.parent.name} is there twice")
        content = json.loads(report.read_text(encoding="utf-8"))
        found[report.parent.name] = content["provenance"]["results"]
    return found


def worker_pids(parent: int) -> list[int]:
    """Return the processes below a process that register, or will; of Linux."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            words = (entry / "cmdline").read_bytes()
            if int(fields[1]) == parent and b"spawn_main" in words:
                found.append(int(entry.name))
    return sorted(found)


def resident_mib(pid: int) -> float:
    """Return the private resident memory of a process in MiB; of Linux.

    Raises:
        OSError: when there is no such process.
    """
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(text.partition("RssAnon:")[2].split()[0]) / 1024


class Killer(threading.Thread):
    """Kills workers of this process while a run goes on, when some more pairs are done."""

    def __init__(self, folder: CohortFolder, at: tuple[int, ...]) -> None:
        super().__init__(daemon=True)
        self.folder, self.at, self.killed = folder, list(at), []
        self.over = False

    def run(self) -> None:
        while self.at and not self.over:
            if len(list(self.folder.root.glob("records/*/*.json"))) >= self.at[0]:
                pids = worker_pids(os.getpid())
                if pids:
                    os.kill(pids[0], signal.SIGKILL)
                    self.killed.append(pids[0])
                    del self.at[0]
            time.sleep(0.02)


def free_port() -> int:
    """Return a port of this computer that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DaskProcesses:
    """A scheduler and workers as their own processes; workers are started again where they end."""

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self.port = free_port()
        self.folder = folder
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker() for _ in range(workers)]
        self.over = False
        self._watch = threading.Thread(target=self._keep, daemon=True)
        self._watch.start()

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        """Start the scheduler."""
        return self._start(
            "distributed.cli.dask_scheduler",
            "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard",
        )  # fmt: skip

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self._start(
            "distributed.cli.dask_worker", self.address,
            "--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0",
            "--local-directory", str(self.folder), "--death-timeout", "60",
        )  # fmt: skip

    def kill_scheduler(self) -> None:
        """Kill the scheduler, and start another one in its place."""
        self.scheduler.kill()
        self.scheduler.wait()
        self.scheduler = self.start_scheduler()

    def end(self) -> None:
        """End all of them."""
        self.over = True
        self._watch.join()
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _keep(self) -> None:
        """Start workers again where they ended, as an init system or SLURM does."""
        while not self.over:
            for n, worker in enumerate(self.workers):
                if worker.poll() is not None:
                    self.workers[n] = self.start_worker()
            time.sleep(0.1)
