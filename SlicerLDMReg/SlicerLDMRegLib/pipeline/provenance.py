"""Provenance of a result: inputs, model, options, versions and machine, as plain data."""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import os
import platform
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from .._version import __version__
from ..model_store import ModelCard
from ..segmentation.names import read_names
from .device import describe_device
from .inputs import Inputs
from .request import SOURCES, RegistrationRequest

__all__ = [
    "array_digest",
    "describe_inputs",
    "describe_machine",
    "describe_model",
    "describe_request",
    "now",
    "plain_options",
    "transform_digest",
    "versions",
    "voxel_digest",
]

_PACKAGES = ("torch", "monai", "SimpleITK", "numpy", "scipy", "safetensors")


def describe_inputs(inputs: Inputs) -> dict[str, Any]:
    """Return for each input its file, size, spacing and the SHA-256 of its voxels."""
    described: dict[str, Any] = {}
    for role in ("fixed", "moving", "fixed_labels", "moving_labels"):
        image = getattr(inputs, role)
        if image is not None:
            described[role] = {
                "path": inputs.paths.get(role),
                "size": list(image.GetSize()),
                "spacing": list(image.GetSpacing()),
                "origin": list(image.GetOrigin()),
                "direction": list(image.GetDirection()),
                "pixel_type": image.GetPixelIDTypeAsString(),
                "sha256": voxel_digest(image),
            }
    for role in inputs.masks.roles:
        mask = getattr(inputs.masks, role)
        described[f"{role}_mask"] = {
            "path": inputs.paths.get(f"{role}_mask"),
            "voxels": int(np.count_nonzero(sitk.GetArrayViewFromImage(mask))),
            "sha256": voxel_digest(mask),
        }
    for role in ("fixed_landmarks", "moving_landmarks"):
        points = getattr(inputs, role)
        if points is not None:
            described[role] = {
                "path": inputs.paths.get(role),
                "count": len(points),
                "sha256": array_digest(np.asarray(points, np.float64)),
            }
    if inputs.initial_transform is not None:
        described["initial_transform"] = {
            "path": inputs.paths.get("initial_transform"),
            "type": inputs.initial_transform.GetName(),
            "sha256": transform_digest(inputs.initial_transform),
        }
    return described


def describe_model(card: ModelCard | None) -> dict[str, Any] | None:
    """Return id, title, version, method and the SHA-256 of the weights; None for no model."""
    if card is None:
        return None
    names = ("id", "title", "version", "method", "intended_use")
    described: dict[str, Any] = {name: getattr(card, name) for name in names}
    if card.weights is not None:
        described["sha256"] = card.weights.sha256
    if card.folder is not None:
        described["folder"] = str(card.folder)
    return described


def voxel_digest(image: sitk.Image) -> str:
    """Return the SHA-256 of the size, type and voxels of an image; its file does not count."""
    voxels = np.ascontiguousarray(sitk.GetArrayViewFromImage(image))
    digest = hashlib.sha256(f"{image.GetSize()} {voxels.dtype.str}".encode())
    digest.update(voxels.data)
    return digest.hexdigest()


def array_digest(array: np.ndarray) -> str:
    """Return the SHA-256 of the shape, type and values of an array."""
    digest = hashlib.sha256(f"{array.shape} {array.dtype.str}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def transform_digest(transform: sitk.Transform) -> str:
    """Return the SHA-256 of the parameters of a transform, and of those that are fixed."""
    digest = hashlib.sha256(transform.GetName().encode())
    for part in _parts(transform):
        if part.GetTransformEnum() == sitk.sitkDisplacementField:
            field = sitk.DisplacementFieldTransform(part).GetDisplacementField()
            place = (*field.GetOrigin(), *field.GetSpacing(), *field.GetDirection())
            digest.update(f"{place} {voxel_digest(field)}".encode())
            continue
        for values in (part.GetFixedParameters(), part.GetParameters()):
            digest.update(np.asarray(values, np.float64).tobytes())
    return digest.hexdigest()


def _parts(transform: sitk.Transform) -> list[sitk.Transform]:
    """Return the transforms that a composite consists of, else itself."""
    if transform.GetTransformEnum() != sitk.sitkComposite:
        return [transform]
    whole = sitk.CompositeTransform(transform)
    parts = (whole.GetNthTransform(n) for n in range(whole.GetNumberOfTransforms()))
    return [inner for part in parts for inner in _parts(part)]


def describe_request(request: RegistrationRequest) -> dict[str, Any]:
    """Return a request as plain data with which it can be run again.

    Paths are absolute, and names of labels from a file are written out. What was held in memory is
    not there; ``in_memory`` lists it.
    """
    plain = request.to_dict()
    for name in SOURCES:
        if isinstance(plain.get(name), str) and _is_path(name, plain[name]):
            plain[name] = _absolute(plain[name])
    names = plain["label_names"]
    if isinstance(names, str) and Path(names).expanduser().is_file():
        plain["label_names"] = {str(n): text for n, text in read_names(names).items()}
    if Path(plain["segmenter"]).expanduser().exists():
        plain["segmenter"] = _absolute(plain["segmenter"])
    plain["output"] = None
    return {**plain, "in_memory": sorted(request.objects)}


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return what of the machine can change the last digits: processor, threads, system."""
    return {
        "device": describe_device(device),
        "system": platform.platform(),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "itk_threads": sitk.ProcessObject.GetGlobalDefaultNumberOfThreads(),
    }


def _processor() -> str:
    """Return the name of the processor."""
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _absolute(path: str) -> str:
    """Return a path that is the same from any folder; ``#`` and a series' UID behind it stay."""
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 (no links resolved)


def _is_path(field: str, value: str) -> bool:
    """Whether the value of a field of a request is a path, not the name of a choice or model."""
    if field == "fixed_segmentation":
        return value not in ("auto", "none")
    return field != "model" or Path(value).expanduser().is_dir()


def versions() -> dict[str, str]:
    """Return the versions of LDMReg, Python, and the packages that compute."""
    found = {"ldmreg": __version__, "python": platform.python_version()}
    return found | {package: _version_of(package) for package in _PACKAGES}


@functools.cache
def _version_of(package: str) -> str:
    """Return the version of a package; a process goes on with the one that it has loaded."""
    # Reading all of them takes 30 ms, a tenth of the registration of a small image.
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def now() -> str:
    """Return the local date and time with its offset, ISO 8601, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def plain_options(options: Any) -> dict[str, Any]:
    """Return the fields of an options dataclass as JSON-like data."""
    values = asdict(options)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
