"""Processes that register: how many a computer has room for, and how many threads each has."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .._memory import available_memory
from ..errors import InputError

__all__ = ["default_workers", "devices_of_workers", "threads_of_worker"]

# A registration of two brains of 160 x 224 x 192 with a shipped model peaks at some 5 GiB.
_MEMORY = 6 * 2**30
_MOST = 1024


def default_workers(device: str) -> int:
    """Return the number of worker processes for a computer: one for each GPU, else by its CPU.

    Args:
        device: of the request; a CUDA device by its number is one.
    """
    gpus = _gpus() if device in ("auto", "cuda") else 0
    if gpus:
        return gpus
    if device not in ("auto", "cpu"):
        return 1
    memory = available_memory()
    room = _MOST if memory is None else memory // _MEMORY
    return int(max(1, min(_cores(), room)))


def threads_of_worker(workers: int) -> int:
    """Return the number of threads of each of some worker processes on this computer."""
    return max(1, _cores() // max(1, workers))


def devices_of_workers(device: str, workers: int) -> Sequence[str | None]:
    """Return for each worker the CUDA device that it sees, None for all or none.

    Raises:
        InputError: when the number of workers cannot be.
    """
    if not 1 <= workers <= _MOST:
        raise InputError(f"--workers: expected an integer from 0 to {_MOST}, got {workers}")
    gpus = _gpus() if device in ("auto", "cuda") else 0
    if not gpus:
        return [None] * workers
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [n.strip() for n in visible.split(",") if n.strip()] or [str(n) for n in range(gpus)]
    return [names[n % len(names)] for n in range(workers)]


def _gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
