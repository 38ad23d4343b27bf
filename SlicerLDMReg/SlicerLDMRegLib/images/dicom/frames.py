"""The frames of DICOM files: where each lies, and what tells it from others at its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError

__all__ = ["KEYWORDS", "Frame", "frames_of"]

KEYWORDS = (
    "EchoTime", "EffectiveEchoTime", "EchoNumbers", "InversionTime", "RepetitionTime", "FlipAngle",
    "DiffusionBValue", "TemporalPositionIndex", "TemporalPositionIdentifier", "TriggerTime",
    "NominalCardiacTriggerDelayTime", "NominalPercentageOfCardiacPhase", "FrameReferenceTime",
    "ComplexImageComponent", "FrameType", "ImageType", "KVP", "ConvolutionKernel", "StackID",
    "AcquisitionNumber", "DiffusionGradientOrientation", "AcquisitionTime",
    "FrameAcquisitionDateTime", "ContentTime",
)  # fmt: skip
"""Attributes by which slices at one place can differ, the most telling first."""

_B_VALUE = "DiffusionBValue"
_PRIVATE_B_VALUES = ((0x0019, 0x100C), (0x0043, 0x1039))  # Siemens, GE
_SLICE_VECTOR = 0x00540080
_CENTIMETRES = 3  # of the units of ultrasound regions
_TISSUE = 1


@dataclass(frozen=True)
class Frame:
    """One 2D image of a file.

    Attributes:
        path: of the file.
        index: of the frame in it, from 0.
        rows, columns: its size.
        position: of the centre of its first pixel, LPS mm; None where the file does not say.
        row, column: unit vectors along a row and along a column; None where it does not say.
        spacing: mm between pixels along a row and along a column; None where it does not say.
        slope, intercept: by which stored numbers become values.
        thickness: mm from slice to slice as the header says it; None where it does not.
        number: of the instance, to name copies.
        attributes: text by keyword of :data:`KEYWORDS`.
        localizer: whether it is a localizer or scout.
        notes: what had to be guessed.
    """

    path: Path
    index: int
    rows: int
    columns: int
    position: np.ndarray | None
    row: np.ndarray | None
    column: np.ndarray | None
    spacing: tuple[float, float] | None
    slope: float
    intercept: float
    thickness: float | None
    number: int
    attributes: dict[str, str]
    localizer: bool
    notes: tuple[str, ...] = ()

    @property
    def normal(self) -> np.ndarray | None:
        """Unit vector across the slice; None where the file does not say."""
        if self.row is None or self.column is None:
            return None
        return np.cross(self.row, self.column)


def frames_of(path: Path, dataset: Any) -> list[Frame]:
    """Return the frames of a file.

    Args:
        path: of the file.
        dataset: its header, of pydicom.

    Raises:
        InputError: for a header that contradicts itself.
    """
    count = int(_number(dataset, "NumberOfFrames", 1))
    if count < 1 or count > 1_000_000:
        raise InputError(f"the file {path.name} says {count} frames; expected 1 or more")
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    if per_frame is not None and len(per_frame) != count:
        raise InputError(
            f"the file {path.name} says {count} frames and describes {len(per_frame)}; it is "
            "damaged: export it again"
        )
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
    moved = _offsets(dataset, count)
    frames = []
    for index in range(count):
        groups = ([per_frame[index]] if per_frame is not None else []) + shared
        items = [item for group in groups for item in _items(group)]
        frames.append(_frame(path, dataset, index, items, moved, count))
    return frames


def _items(group: Any) -> Iterator[Any]:
    for element in group:
        if element.VR == "SQ" and element.value:
            yield element.value[0]


def _frame(
    path: Path, dataset: Any, index: int, items: Sequence[Any], moved: np.ndarray | None, count: int
) -> Frame:
    everything = [*items, dataset]
    notes: list[str] = []
    orientation = _vector(everything, ("ImageOrientationPatient", "ImageOrientationVolume"), 6)
    position = _vector(everything, ("ImagePositionPatient", "ImagePositionVolume"), 3)
    if orientation is None:
        detector = list(dataset.get("DetectorInformationSequence") or [])
        orientation = _vector(detector, ("ImageOrientationPatient",), 6)
        position = _vector(detector, ("ImagePositionPatient",), 3) if position is None else position
    row = column = None
    if orientation is not None:
        row, column = orientation[:3], orientation[3:]
        lengths = np.linalg.norm(row), np.linalg.norm(column)
        if min(lengths) < 0.5 or abs(row @ column) > 0.01 * lengths[0] * lengths[1]:
            raise InputError(
                f"the file {path.name} has an ImageOrientationPatient that is no orientation, "
                f"{np.round(orientation, 4).tolist()}; export it again"
            )
        row, column = row / lengths[0], column / lengths[1]
    if count > 1:
        own = _vector(items, ("ImagePositionPatient", "ImagePositionVolume"), 3)
        if own is None:
            position = _moved(position, row, column, moved, index)
    spacing = _spacing(everything, dataset, notes)
    attributes = _attributes(everything)
    kinds = attributes.get("ImageType", "") + attributes.get("FrameType", "")
    return Frame(
        path, index, int(_number(dataset, "Rows", 0)), int(_number(dataset, "Columns", 0)),
        position, row, column, spacing, _first(everything, "RescaleSlope", 1.0),
        _first(everything, "RescaleIntercept", 0.0), _thickness(everything),
        int(_number(dataset, "InstanceNumber", 0)), attributes, "LOCALIZER" in kinds.upper(),
        tuple(notes),
    )  # fmt: skip


def _moved(
    position: np.ndarray | None,
    row: np.ndarray | None,
    column: np.ndarray | None,
    moved: np.ndarray | None,
    index: int,
) -> np.ndarray | None:
    """Return the place of a frame that the file gives as a distance from the first one."""
    if position is None or row is None or column is None or moved is None:
        return None
    return position + np.cross(row, column) * moved[index]


def _offsets(dataset: Any, count: int) -> np.ndarray | None:
    """Return mm from the first frame along the normal, of doses and of nuclear medicine."""
    if count < 2:
        return None
    given = dataset.get("GridFrameOffsetVector")
    if given is not None and len(given) == count:
        offsets = np.array([float(v) for v in given])
        return offsets - offsets[0]
    pointer = dataset.get("FrameIncrementPointer")
    pointers = list(pointer) if isinstance(pointer, list | tuple) else [pointer]
    step = _number(dataset, "SpacingBetweenSlices", 0.0)
    vector = dataset.get("SliceVector")
    if _SLICE_VECTOR in pointers and step and vector is not None and len(vector) == count:
        return (np.array([float(v) for v in vector]) - 1) * step
    return None


def _number(dataset: Any, keyword: str, default: float) -> float:
    value = dataset.get(keyword)
    try:
        number = default if value is None or value == "" else float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"its {keyword} is {str(value)[:30]!r}; expected a number") from error
    if not np.isfinite(number):
        raise InputError(f"its {keyword} is {number}; expected a finite number")
    return number


def _first(items: Sequence[Any], keyword: str, default: float) -> float:
    for item in items:
        if item.get(keyword) not in (None, ""):
            return _number(item, keyword, default)
    return default


def _thickness(items: Sequence[Any]) -> float | None:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = abs(_first(items, keyword, 0.0))
        if value > 0:
            return value
    return None


def _vector(items: Sequence[Any], keywords: Sequence[str], count: int) -> np.ndarray | None:
    for item in items:
        for keyword in keywords:
            value = item.get(keyword)
            if value in (None, ""):
                continue
            try:
                vector = np.array([float(v) for v in value])
            except (TypeError, ValueError) as error:
                raise InputError(f"its {keyword} holds other than numbers") from error
            if len(vector) != count or not np.isfinite(vector).all():
                raise InputError(f"its {keyword} has {len(vector)} numbers; expected {count}")
            return vector
    return None


def _spacing(items: Sequence[Any], dataset: Any, notes: list[str]) -> tuple[float, float] | None:
    """Return mm between pixels along a row and along a column."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        vector = _vector(items, (keyword,), 2)
        if vector is None:
            continue
        if not (vector > 0).all():
            raise InputError(f"its {keyword} is {vector.tolist()}; expected positive numbers (mm)")
        if keyword != "PixelSpacing":
            notes.append(f"its distance between pixels is that of {keyword}, not in the patient")
        return float(vector[1]), float(vector[0])
    regions = [
        (float(r.get("PhysicalDeltaX", 0)), float(r.get("PhysicalDeltaY", 0)))
        for r in dataset.get("SequenceOfUltrasoundRegions") or []
        if r.get("PhysicalUnitsXDirection") == _CENTIMETRES
        and r.get("PhysicalUnitsYDirection") == _CENTIMETRES
        and r.get("RegionSpatialFormat") == _TISSUE
    ]
    if regions and len(set(regions)) == 1 and min(map(abs, regions[0])) > 0:
        return abs(regions[0][0]) * 10, abs(regions[0][1]) * 10
    return None


def _attributes(items: Sequence[Any]) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for keyword in KEYWORDS:
        for item in items:
            value = item.get(keyword)
            if value not in (None, ""):
                attributes[keyword] = _text(value)
                break
    if _B_VALUE not in attributes:
        for tag in _PRIVATE_B_VALUES:
            element = items[-1].get(tag)
            if element is not None and element.value not in (None, "", b""):
                value = element.value
                value = value if isinstance(value, str | bytes | int | float) else value[0]
                text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
                attributes[_B_VALUE] = text.split("\\")[0].strip()
                break
    return attributes


def _text(value: Any) -> str:
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return str(value).strip()
    return "-".join(str(part) for part in value)
