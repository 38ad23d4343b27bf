"""DICOM files made of nothing but what a test needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from Testing.Python.images.places import value_at

CT = "1.2.840.10008.5.1.4.1.1.2"
ROW, COLUMN = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])


def slice_values(
    rows: int, columns: int, position: np.ndarray, row: np.ndarray, column: np.ndarray,
    spacing: tuple[float, float],
) -> np.ndarray:  # fmt: skip
    """Return the values, whole numbers, of the places of a slice's pixels."""
    j, i = np.mgrid[:rows, :columns].astype(float)
    points = position + i[..., None] * spacing[1] * row + j[..., None] * spacing[0] * column
    return np.rint(value_at(points)).astype(np.int16)


def dataset(
    stored: np.ndarray,
    position: Sequence[float] | None = None,
    row: np.ndarray = ROW,
    column: np.ndarray = COLUMN,
    spacing: tuple[float, float] | None = (2.0, 2.0),
    uid: str = "1.2.3.5",
    number: int = 1,
    big: bool = False,
    **tags: Any,
) -> Dataset:
    """Return a slice, or frames, of numbers ``([frame,] row, column[, colour])``."""
    colours = stored.shape[-1] if tags.get("SamplesPerPixel", 1) > 1 else 1
    shape = stored.shape[:-1] if colours > 1 else stored.shape
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = CT, f"1.2.3.9.{uid.rpartition('.')[2]}.{number}"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3.4", uid
    data.Modality, data.InstanceNumber = "CT", number
    data.Rows, data.Columns = shape[-2:]
    if len(shape) == 3:
        data.NumberOfFrames = shape[0]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = stored.dtype.itemsize * 8
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(stored.dtype.kind == "i")
    if position is not None:
        data.ImagePositionPatient = [f"{v:.10g}" for v in position]
        data.ImageOrientationPatient = [f"{v:.10g}" for v in (*row, *column)]
    if spacing is not None:
        data.PixelSpacing = list(spacing)
    for name, value in tags.items():
        setattr(data, name, value)
    data.PixelData = stored.astype(stored.dtype.newbyteorder(">" if big else "<")).tobytes()
    data["PixelData"].VR = "OB" if data.BitsAllocated == 8 else "OW"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRBigEndian if big else ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = CT
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data


def save(data: Dataset, path: Path) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    if int(pydicom.__version__.split(".")[0]) < 3:
        data.is_little_endian = data.file_meta.TransferSyntaxUID.is_little_endian
        data.is_implicit_VR = False
        pydicom.dcmwrite(path, data, write_like_original=False)
    else:
        pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


def write_series(
    folder: Path,
    positions: Sequence[Sequence[float]],
    row: np.ndarray = ROW,
    column: np.ndarray = COLUMN,
    rows: int = 10,
    columns: int = 12,
    name: Callable[[int], str] = "{:03d}.dcm".format,
    **tags: Any,
) -> Path:
    """Write slices whose values tell their places."""
    for n, position in enumerate(positions):
        at = np.asarray(position, float)
        stored = slice_values(rows, columns, at, row, column, (2.0, 2.0))
        save(dataset(stored, at, row, column, number=n + 1, **tags), folder / name(n))
    return folder


def along(
    count: int, step: Sequence[float] = (0, 0, 3.0), start: Sequence[float] = (4, 5, 6)
) -> np.ndarray:
    """Return positions one step apart."""
    return np.asarray(start) + np.arange(count)[:, None] * np.asarray(step)
