"""Images, fields, transforms and results as files of plain arrays, as fast as the disk's cache.

Every value is a description, plain data for JSON, and ``.npy`` files in a folder: no compression,
no pickles, the voxels as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from .._c_numbers import c_numbers
from .._printable import shown
from ..displacement import DisplacementField
from ..errors import InputError
from ..geometry import ImageGeometry
from ..pipeline import RegistrationResult
from ..pipeline.landmarks import Landmarks
from ..pipeline.slices import SliceRange
from ..segmentation import Segmentation
from .protocol import from_json, to_json

__all__ = ["read_result", "read_value", "write_result", "write_value"]

_RESULT_FILE = "result.json"


@c_numbers()
def write_value(value: Any, folder: Path, name: str) -> dict[str, Any]:
    """Write one value.

    Args:
        value: a SimpleITK image or transform, an array, ``Landmarks``, a
            ``Segmentation``, ``DisplacementField`` or ``SliceRange``, or anything that JSON can
            hold.
        folder: an existing folder.
        name: of the files, without suffix.

    Returns:
        The description for :func:`read_value`.

    Raises:
        InputError: for an array of objects.
        OSError: when the disk is full.
    """
    if isinstance(value, sitk.Image):
        _save(sitk.GetArrayViewFromImage(value), folder, name)
        place = {
            "vector": "vector" in value.GetPixelIDTypeAsString(),
            "spacing": value.GetSpacing(),
            "origin": value.GetOrigin(),
            "direction": value.GetDirection(),
        }
        return {"kind": "image", "name": name, **place}
    if isinstance(value, DisplacementField):
        _save(value.vectors, folder, name)
        return {"kind": "field", "name": name, "geometry": asdict(value.geometry)}
    if isinstance(value, np.ndarray):
        _save(value, folder, name)
        return {"kind": "array", "name": name}
    if isinstance(value, sitk.Transform):
        sitk.WriteTransform(value, str(folder / f"{name}.h5"))
        return {"kind": "transform", "name": name}
    if isinstance(value, Segmentation):
        return {
            "kind": "segmentation",
            "labels": write_value(value.labels, folder, name),
            "names": dict(value.names),
            "confidence": write_value(value.confidence, folder, f"{name}_confidence"),
        }
    if isinstance(value, Landmarks):
        _save(value.points, folder, name)
        told = {part: getattr(value, part) for part in ("labels", "used", "notes")}
        return {"kind": "landmarks", "name": name, **told}
    if isinstance(value, SliceRange):
        return {"kind": "slices", "value": asdict(value)}
    return {"kind": "plain", "value": str(value) if isinstance(value, Path) else value}


@c_numbers()
def read_value(description: Mapping[str, Any], folder: Path) -> Any:
    """Return the value that :func:`write_value` was given; equal, bit by bit.

    Raises:
        InputError: for a description or a file that :func:`write_value` did not write.
    """
    try:
        return _read_value(description, folder)
    except InputError:
        raise
    except (OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError) as error:
        what = shown(description)
        raise InputError(
            f"message: expected a value with its files, got {what} "
            f"({type(error).__name__}: {error}); try again"
        ) from error


def _read_value(description: Mapping[str, Any], folder: Path) -> Any:
    kind, name = description["kind"], description.get("name", "")
    if not re.fullmatch(r"\w{0,60}", name):
        raise InputError(f"message: expected the name of a file, got {shown(name)}")
    if kind == "image":
        image = sitk.GetImageFromArray(_load(folder, name), isVector=description["vector"])
        image.SetSpacing(description["spacing"])
        image.SetOrigin(description["origin"])
        image.SetDirection(description["direction"])
        return image
    if kind == "field":
        geometry = ImageGeometry(**description["geometry"])
        return DisplacementField(_load(folder, name), geometry)
    if kind == "array":
        return _load(folder, name)
    if kind == "transform":
        return sitk.ReadTransform(str(folder / f"{name}.h5"))
    if kind == "segmentation":
        parts = (_read_value(description[part], folder) for part in ("labels", "confidence"))
        labels, confidence = parts
        return Segmentation(labels, description["names"], confidence)
    if kind == "landmarks":
        labels = description["labels"]
        used, notes = (tuple(description[part]) for part in ("used", "notes"))
        return Landmarks(_load(folder, name), labels and tuple(labels), used, notes)
    if kind == "slices":
        return SliceRange(**description["value"])
    return description["value"]


def write_result(
    result: RegistrationResult,
    folder: Path,
    given: Mapping[str, Any],
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write a result into a folder.

    Args:
        result: the result.
        folder: an existing folder.
        given: by role, what the receiver has already: these very objects are not written.
        check: called between the files; what it raises ends the writing.
    """
    described = {}
    for field in fields(result):
        check()
        value = getattr(result, field.name)
        if value is not None and value is given.get(field.name):
            described[field.name] = {"kind": "given"}
        else:
            described[field.name] = write_value(value, folder, f"result_{field.name}")
    text = to_json(described, default=_number)
    (folder / _RESULT_FILE).write_text(text, encoding="utf-8")


def read_result(folder: Path, given: Mapping[str, Any]) -> RegistrationResult:
    """Read the result that :func:`write_result` wrote; ``given`` has the same values."""
    described = from_json((folder / _RESULT_FILE).read_text(encoding="utf-8"))
    values: dict[str, Any] = {}
    for name, description in described.items():
        if description["kind"] == "given":
            values[name] = given[name]
        else:
            values[name] = _read_value(description, folder)
    return RegistrationResult(**values)


def _save(array: np.ndarray, folder: Path, name: str) -> None:
    try:
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{name}: expected numbers, got {array.dtype} objects") from error


def _load(folder: Path, name: str) -> np.ndarray:
    return np.asarray(np.load(folder / f"{name}.npy", allow_pickle=False))


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
