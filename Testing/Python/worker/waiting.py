"""Waiting for processes and jobs, patiently: the machine may be busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib.worker import Job, WorkerClient
from SlicerLDMRegLib.worker.processes import is_running

PATIENCE = 600.0  # seconds; a busy machine takes a minute to import torch


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "that took too long"
        time.sleep(0.02)


def wait_for_worker(client: WorkerClient) -> int:
    """Poll until the worker is ready; return its pid."""
    wait_until(lambda: client.poll() is not None and client.pid is not None)
    assert client.pid is not None
    return client.pid


def assert_nothing_left(place: Path, *pids: int | None, seconds: float = 60.0) -> None:
    """Check that these processes have ended, and that a folder for temporary files is empty."""
    wait_until(lambda: not any(is_running(pid) for pid in pids if pid is not None), seconds)
    wait_until(lambda: not list(place.iterdir()), seconds)


def failure(job: Job) -> Exception:
    """Wait for a job that does not succeed; return its error."""
    with pytest.raises(Exception) as caught:
        job.wait(PATIENCE)
    assert caught.value is job.error
    return caught.value
