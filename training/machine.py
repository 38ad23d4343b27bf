"""On what machine numbers were measured, and how much memory it took."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import torch

__all__ = [
    "available_cpus",
    "describe_machine",
    "peak_memory_mib",
    "reset_peak_memory",
    "use_threads",
]

_PACKAGES = ("torch", "monai", "SimpleITK", "antspyx", "numpy", "scipy")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def available_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_threads(threads: int, seed: int) -> None:
    """Give torch, SimpleITK and ANTs the same number of threads, and ANTs its seed.

    Call it before the first registration: ANTs reads its environment once.
    """
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(threads)
    os.environ["ANTS_RANDOM_SEED"] = str(seed)
    torch.set_num_threads(threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)


def describe_machine() -> dict[str, Any]:
    """Return CPU, threads, GPU, load and versions."""
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
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "versions": versions,
    }


def reset_peak_memory() -> float:
    """Forget the peak of the resident memory of this process; return what it holds now, in MiB.

    NaN where the system (any but Linux) does not offer it.
    """
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return float("nan")
    return _status("VmRSS")


def peak_memory_mib() -> float:
    """Return the peak of the resident memory in MiB since the reset; NaN where unknown."""
    return _status("VmHWM")


def _status(name: str) -> float:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
