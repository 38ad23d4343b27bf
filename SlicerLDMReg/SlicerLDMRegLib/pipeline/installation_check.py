"""The check of an installation: packages, folders, memory, a registration of two small images.

What is cheap is looked at first; nothing of it imports torch, so that a program which lets another
process compute can look, too.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .._memory import available_memory
from ..errors import LDMRegError, ModelError
from ..model_store import list_models, user_models_dir
from ..resources import resources_dir
from .options import AlignOptions
from .request import RegistrationRequest
from .result import RegistrationResult

__all__ = ["TORCH", "check_request", "check_summary", "installation_problems"]

#: The versions of torch that will do: what monai asks for.
TORCH = "torch>=2.8"
_OF_ALL = "numpy>=1.26", "SimpleITK>=2.3"
_LINE = re.compile(r"([A-Za-z0-9_.-]+)>=([\d.]+)")
# The check has a peak of 0.48 GB on the CPU, torch and its libraries among it.
_LEAST_MEMORY = 600_000_000
_LEAST_DISK = 100_000_000  # the files by which a worker and its client exchange images
_SIZE, _SHIFT = 96, 4.0  # pixels
_MOST_ERROR = 0.5  # of the distance between the images that is left; a fault leaves all of it


def installation_problems() -> list[str]:
    """Return what is wrong with packages, folders, disk, memory and models, the worst first.

    One line each, with what to do. It takes some milliseconds, and imports no package that may be
    missing.
    """
    return [*_packages(), *_folders(), *_memory(), *_models()]


def check_request(device: str = "auto") -> RegistrationRequest:
    """Return a registration that takes a second: two bright discs, one of them moved.

    The network of the first 2D model predicts, and some steps refine; without a model the
    refinement alone.

    Args:
        device: as of a request.
    """
    models = [card for card in list_models([], "registration") if card.spatial_dims == 2]
    return RegistrationRequest(
        fixed=_disc(0.0),
        moving=_disc(_SHIFT),
        model=models[0].id if models else "none",
        device=device,
        align=AlignOptions(method="none"),
        refine={"enabled": True, "iterations": (20, 10)},
    )


def check_summary(result: RegistrationResult, seconds: float) -> str:
    """Return one line that says what has worked.

    Args:
        result: of :func:`check_request`.
        seconds: that it took, loading included.

    Raises:
        LDMRegError: when the images do not match after it: the installation computes wrongly.
    """
    before, after = (float(result.metrics[when]["mse"]) for when in ("before", "after"))
    if not after < _MOST_ERROR * before:
        raise LDMRegError(
            f"the check computes wrongly: the squared difference of the images was {before:.3g} "
            f"and is {after:.3g}; install torch and monai again, or use another device"
        )
    device = (result.provenance.get("machine") or {}).get("device") or "cpu"
    versions = ", ".join(f"{name} {_version(name)}" for name in ("torch", "monai"))
    memory = available_memory()
    free = "" if memory is None else f"; {memory / 1e9:.1f} GB of memory are free"
    return (
        f"all is well: two small images were registered in {seconds:.1f} s on {device}, "
        f"with {versions}{free}"
    )


def _disc(shift: float) -> np.ndarray:
    """Return a disc with a soft rim, off the middle by some pixels along x; float32, 0 to 1."""
    y, x = np.mgrid[:_SIZE, :_SIZE] - (_SIZE - 1) / 2
    radius = np.hypot(y, x - shift)
    return (1 / (1 + np.exp((radius - _SIZE / 4) / 1.5))).astype(np.float32)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name) or None
    except importlib.metadata.PackageNotFoundError:
        return None


def _required() -> list[tuple[str, str]]:
    lines = (resources_dir() / "requirements.txt").read_text("utf-8").splitlines()
    found = [_LINE.match(line) for line in (TORCH, *_OF_ALL, *lines)]
    return [(match[1], match[2]) for match in found if match is not None]


def _packages() -> list[str]:
    missing, old = [], []
    for name, least in _required():
        version = _version(name)
        if version is None:
            missing.append(f"{name}>={least}")
        elif _release(version) < _release(least):
            old.append(f"{name} {version} (needed: {least} or newer)")
    problems = []
    if missing:
        problems.append(f"packages are missing: {', '.join(missing)}; install them")
    if old:
        problems.append(f"packages are too old: {', '.join(old)}; update them")
    return problems


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _folders() -> list[str]:
    problems = []
    for what, folder in (
        ("temporary files", Path(tempfile.gettempdir())),
        ("models", _existing(user_models_dir())),
    ):
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"0")
                file.flush()
            free = shutil.disk_usage(folder).free
        except OSError as error:
            reason = error.strerror or type(error).__name__
            problems.append(
                f"files cannot be written to {folder}, the folder of {what} ({reason}); "
                "make it writable, or name another one (TMPDIR, LDMREG_MODELS)"
            )
        else:
            if free < _LEAST_DISK:
                problems.append(
                    f"the disk of {folder} has {free / 1e6:.0f} MB left, "
                    f"{_LEAST_DISK / 1e6:.0f} MB are needed; make room"
                )
    return problems


def _existing(folder: Path) -> Path:
    """Return a folder, or where it is missing the one in which it would be made."""
    return next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)


def _memory() -> Sequence[str]:
    free = available_memory()
    if free is None or free >= _LEAST_MEMORY:
        return []
    return [
        f"{free / 1e6:.0f} MB of memory are free, {_LEAST_MEMORY / 1e6:.0f} MB are needed; "
        "close other programs or volumes"
    ]


def _models() -> list[str]:
    broken: list[ModelError] = []
    cards = list_models(broken, "registration")
    problems = [str(error) for error in broken]
    if not cards:
        problems.append("no model for registration is installed; reinstall LDMReg")
    return problems
