"""Threads, memory and description of the measuring machine."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import torch

__all__ = ["available_cpus", "describe_machine", "load_average", "peak_memory", "use_threads"]

_PACKAGES = (
    "torch",
    "monai",
    "SimpleITK",
    "antspyx",
    "picsl-greedy",
    "itk-elastix",
    "numpy",
    "scipy",
)


def available_cpus() -> int:
    """Return the number of CPUs available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_threads(threads: int, seed: int) -> None:
    """Set the number of threads of torch, SimpleITK and ANTs, and the seed of ANTs.

    To be called before the first registration: ANTs reads its environment once.
    """
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(threads)
    os.environ["ANTS_RANDOM_SEED"] = str(seed)
    torch.set_num_threads(threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)


def describe_machine() -> dict[str, Any]:
    """Return CPU, threads, GPU and versions."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "cpu": _cpu_name(),
        "cpus": available_cpus(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(),
        "versions": versions,
    }


def load_average() -> float | None:
    """Return the load average of the last minute; None if unknown."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def peak_memory() -> float | None:
    """Return the peak memory of this process in MiB; None if unknown."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        # Not getrusage, whose peak on Linux includes that of the parent process.
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**10
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
