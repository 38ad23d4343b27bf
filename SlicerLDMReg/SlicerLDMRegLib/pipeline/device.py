"""Choice of device and precision; seconds and memory."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .._memory import is_exhaustion
from ..errors import ADVICE, InputError, OutOfMemoryError
from .options import require_compute

__all__ = [
    "Meter",
    "describe_device",
    "memory_errors",
    "select_device",
    "select_precision",
    "threads_for",
]

# On two busy cores, images of 256 x 256 and less were refined faster by one thread than by two, and
# a whole registration of 128 x 128 pixels with a model took 1.4 instead of 3.7 s; on idle ones 1.08
# instead of 1.16 s.
_VOXELS_FOR_THREADS = {2: 100_000, 3: 30_000}
_WEIGHTS_FOR_THREADS = 20_000_000  # of a network, from which on threads do gain on an idle computer


def select_device(name: str = "auto") -> torch.device:
    """Return the device for a name: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    ``auto`` is the first CUDA device where there is one, else the CPU.

    Raises:
        InputError: for an unknown name, or a device that this computer has not.
    """
    require_compute(name, "auto")
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = int(name.partition(":")[2] or 0)
        if index >= count:
            raise InputError(
                f"the device {name} was asked for, but this computer offers {count} CUDA devices; "
                f"use {ADVICE}",
                option="device",
                value=("cpu", "auto"),
            )
        return torch.device("cuda", index)
    if name == "mps" and not torch.backends.mps.is_available():
        raise InputError(
            f"the device mps was asked for, but it is not available here; use {ADVICE}",
            option="device",
            value="cpu",
        )
    return torch.device(name)


def select_precision(name: str, device: torch.device) -> str:
    """Return ``"float32"`` or ``"bfloat16"``, the precision in which a network runs.

    ``auto`` is bfloat16 on a CUDA device that computes in it, else float32. Warps and refinement
    always run in float32.

    Raises:
        InputError: for an unknown name.
    """
    require_compute("auto", name)
    if name != "auto":
        return name
    fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if fast else "float32"


def describe_device(device: torch.device) -> str:
    """Return a line such as ``"cpu, 2 threads (x86_64)"`` or ``"cuda:0, NVIDIA H200"``."""
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    count = torch.get_num_threads()
    return f"{device}, {count} {'thread' if count == 1 else 'threads'} ({platform.machine()})"


@contextmanager
def memory_errors(doing: str) -> Iterator[None]:
    """Turn every kind of memory exhaustion inside the block into one clear error.

    Raises:
        OutOfMemoryError: naming what was being done and what helps.
    """
    try:
        yield
    except Exception as error:
        if is_exhaustion(error):
            raise OutOfMemoryError(
                f"not enough memory for {doing}; use {ADVICE} for a part of the volume, crop or "
                "downsample the images",
                option="slices",
            ) from error
        raise


@contextmanager
def threads_for(
    voxels: int, device: torch.device, dimension: int = 2, weights: int = 0
) -> Iterator[None]:
    """Compute small images, of 2 or 3 dimensions, in one thread inside the block.

    Threads that wait for each other at every one of many short operations gain little on an idle
    computer, and lose all of it and more on a busy one.

    Args:
        voxels: of all images that are computed at once.
        device: where.
        dimension: of the images.
        weights: number of the largest network that is used; for a large one threads stay.
    """
    threads = torch.get_num_threads()
    small = voxels < _VOXELS_FOR_THREADS[dimension] and weights < _WEIGHTS_FOR_THREADS
    few = device.type == "cpu" and small and threads > 1
    if few:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if few:
            torch.set_num_threads(threads)


class Meter:
    """Measures the seconds of each stage, and the peak of memory.

    Args:
        device: where the network and the refinement run.

    Attributes:
        seconds: per stage, in the order in which they first ran.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}
        self._begin = time.perf_counter()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside the block to a stage; waits for the GPU to finish."""
        start = time.perf_counter()
        try:
            yield
        finally:
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    @property
    def total(self) -> float:
        """Seconds since the meter was made."""
        return time.perf_counter() - self._begin

    def peak_memory(self) -> dict[str, float]:
        """Return the peak MiB of this process (since its start) and of the GPU (of this job)."""
        peaks: dict[str, float] = {}
        if sys.platform != "win32":
            import resource

            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            peaks["process_mib"] = peak / (2**20 if sys.platform == "darwin" else 2**10)
        if self.device.type == "cuda":
            peaks["gpu_mib"] = torch.cuda.max_memory_allocated(self.device) / 2**20
        return peaks
