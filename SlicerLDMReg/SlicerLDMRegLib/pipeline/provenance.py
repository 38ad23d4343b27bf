"""Provenance of a result: inputs, model, options, versions and machine, as plain data."""

from __future__ import annotations

import datetime
import hashlib
import platform
from dataclasses import asdict
from importlib import metadata
from typing import Any

import numpy as np
import SimpleITK as sitk

from .._version import __version__
from ..model_store import ModelCard
from .inputs import Inputs

__all__ = ["describe_inputs", "describe_model", "now", "plain_options", "versions", "voxel_digest"]

_PACKAGES = ("torch", "monai", "SimpleITK", "numpy")


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
            described[role] = {"path": inputs.paths.get(role), "count": len(points)}
    if inputs.initial_transform is not None:
        described["initial_transform"] = {
            "path": inputs.paths.get("initial_transform"),
            "type": inputs.initial_transform.GetName(),
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


def versions() -> dict[str, str]:
    """Return the versions of LDMReg, Python, and the packages that compute."""
    found = {"ldmreg": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def now() -> str:
    """Return the local date and time with its offset, ISO 8601, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def plain_options(options: Any) -> dict[str, Any]:
    """Return the fields of an options dataclass as JSON-like data."""
    values = asdict(options)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
