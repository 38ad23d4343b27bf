"""The values of DICOM pixels: stored numbers, their bits, rescaling and inversion."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..._outputs import scratch_folder
from ...errors import InputError
from ..isolated import read_all_with_itk
from ..memory import check_size
from .frames import Frame

__all__ = ["stored_pixels", "values"]

_NAMES = {
    "1.2.840.10008.1.2.4.50": "JPEG baseline", "1.2.840.10008.1.2.4.51": "JPEG extended",
    "1.2.840.10008.1.2.4.57": "JPEG lossless", "1.2.840.10008.1.2.4.70": "JPEG lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless", "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless", "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.5": "RLE",
}  # fmt: skip
_COPIED = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
)  # fmt: skip


def stored_pixels(paths: Sequence[Path]) -> dict[Path, tuple[Any, np.ndarray]]:
    """Return for each file its header and its stored numbers ``(frame, row, column[, sample])``.

    Raises:
        InputError: when one is cut off, damaged or compressed in an unknown way.
    """
    import pydicom

    found: dict[Path, tuple[Any, np.ndarray]] = {}
    packed: list[tuple[Path, Any]] = []
    for path in paths:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what matters of them is checked below
                dataset = pydicom.dcmread(path, force=True)
            _check(path, dataset)
            syntax = _syntax(dataset)
            if syntax is not None and syntax.is_compressed:
                packed.append((path, dataset))
            else:
                found[path] = dataset, _plain(path, dataset, syntax)
        except InputError:
            raise
        except MemoryError:
            raise
        except Exception as error:  # pydicom raises many kinds for damaged files
            raise InputError(
                f"the file {path.name} is damaged ({_reason(error)}); copy or export it again"
            ) from error
    if packed:
        arrays = _decompressed(packed)
        found |= {p: (d, array) for (p, d), array in zip(packed, arrays, strict=True)}
    return found


def values(
    frame: Frame, dataset: Any, stored: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, bool]:
    """Return the values of one frame, and whether they are colours ``(row, column, 3)``.

    Args:
        frame: which one.
        dataset: the header of its file.
        stored: the numbers of this frame.
        notes: to which what was changed is added.
    """
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2")).strip()
    if photometric == "PALETTE COLOR" and stored.ndim == 2:
        return np.asarray(_of_pydicom("apply_color_lut")(stored, dataset)), True
    if stored.ndim == 3:
        compressed = getattr(_syntax(dataset), "is_compressed", False)
        if photometric == "YBR_FULL" and not compressed:
            stored = np.asarray(_of_pydicom("convert_color_space")(stored, "YBR_FULL", "RGB"))
        elif photometric.startswith("YBR") and not compressed:
            raise InputError(f"its colours are {photometric}, which is not read; convert it to RGB")
        return stored, True
    low, high = _range(dataset, stored)
    if photometric == "MONOCHROME1":
        if stored.dtype.kind == "f":
            low, high = float(stored.min()), float(stored.max())
        stored = (low + high - stored.astype(np.float64)).astype(stored.dtype)
        notes.append("its smallest value means white (MONOCHROME1): its values were inverted")
    if dataset.get("ModalityLUTSequence"):
        notes.append("its values were read through its modality LUT")
        return np.asarray(_of_pydicom("apply_modality_lut")(stored, dataset)), False
    return _rescaled(stored, frame.slope, frame.intercept, low, high), False


def _rescaled(
    stored: np.ndarray, slope: float, intercept: float, low: float, high: float
) -> np.ndarray:
    """Return ``stored * slope + intercept``, of whole numbers where these are whole."""
    if slope == 0:
        raise InputError("its RescaleSlope is 0, which makes all values equal; export it again")
    if (slope, intercept) == (1, 0):
        return stored
    ends = (low * slope + intercept, high * slope + intercept)
    whole = slope == int(slope) and intercept == int(intercept) and stored.dtype.kind in "iu"
    if whole and max(map(abs, ends)) < 2**31:
        kinds = (stored.dtype.newbyteorder("="), np.dtype(np.int16), np.dtype(np.uint16))
        for kind in (*kinds, np.dtype(np.int32)):
            info = np.iinfo(kind)
            if info.min <= min(ends) and max(ends) <= info.max:
                return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(kind)
    kind = np.dtype(np.float64 if stored.dtype.itemsize > 2 else np.float32)
    return (stored.astype(np.float64) * slope + intercept).astype(kind)


def _range(dataset: Any, stored: np.ndarray) -> tuple[float, float]:
    """Return the smallest and largest number that the stored bits can hold."""
    if stored.dtype.kind == "f":
        return float(stored.min()), float(stored.max())
    bits = int(dataset.get("BitsStored") or stored.dtype.itemsize * 8)
    if stored.dtype.kind == "i":
        return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1


def _syntax(dataset: Any) -> Any:
    return getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _check(path: Path, dataset: Any) -> None:
    """Check the description of the pixels before anything is allocated for them."""
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    samples, frames = (
        int(dataset.get("SamplesPerPixel") or 1),
        int(dataset.get("NumberOfFrames") or 1),
    )
    if not (0 < rows < 65536 and 0 < columns < 65536 and samples in (1, 3, 4) and frames > 0):
        raise InputError(
            f"the file {path.name} describes no image ({columns}x{rows}, {samples} samples); it is "
            "damaged or holds something else: export it again"
        )
    bits = int(dataset.get("BitsAllocated") or 0)
    floats = "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset
    stored = int(dataset.get("BitsStored") or bits)
    high = int(dataset.get("HighBit", stored - 1))
    if not floats and (
        bits not in (8, 16, 32) or not (0 < stored <= bits and stored - 1 <= high < bits)
    ):
        raise InputError(
            f"the file {path.name} has {stored} of {bits} bits a pixel up to bit {high}, which is "
            "not read; convert it to 8, 16 or 32 bits"
        )
    check_size((frames, rows, columns, samples), max(1, bits // 8))


def _plain(path: Path, dataset: Any, syntax: Any) -> np.ndarray:
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    samples, frames = (
        int(dataset.get("SamplesPerPixel") or 1),
        int(dataset.get("NumberOfFrames") or 1),
    )
    order = "<" if syntax is None or syntax.is_little_endian else ">"
    for keyword, kind in (("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")):
        if keyword in dataset:
            data, dtype = getattr(dataset, keyword), np.dtype(order + kind)
            break
    else:
        if "PixelData" not in dataset:
            raise InputError(
                f"the file {path.name} has no pixels; it is cut off: copy or export it again"
            )
        sign = "i" if int(dataset.get("PixelRepresentation") or 0) else "u"
        data = dataset.PixelData
        dtype = np.dtype(f"{order}{sign}{int(dataset.BitsAllocated) // 8}")
    needed = frames * rows * columns * samples * dtype.itemsize
    if len(data) < needed:
        raise InputError(
            f"the file {path.name} is cut off: its header announces {needed:,} bytes of pixels, "
            f"and it has {len(data):,}; copy or export it again"
        )
    array = np.frombuffer(data, dtype, count=needed // dtype.itemsize)
    array = array.astype(dtype.newbyteorder("="), copy=False)
    if samples == 1:
        return _only_stored_bits(array.reshape(frames, rows, columns), dataset)
    if int(dataset.get("PlanarConfiguration") or 0):
        return np.moveaxis(array.reshape(frames, samples, rows, columns), 1, -1)
    return array.reshape(frames, rows, columns, samples)


def _only_stored_bits(array: np.ndarray, dataset: Any) -> np.ndarray:
    """Return the numbers without what old files keep in the bits above and below."""
    if array.dtype.kind == "f":
        return array
    width = array.dtype.itemsize * 8
    stored = int(dataset.get("BitsStored") or width)
    high = int(dataset.get("HighBit", stored - 1))
    if stored == width:
        return array
    # To the top, where the sign is, and back down, which keeps it.
    return np.right_shift(np.left_shift(array, width - 1 - high), width - stored)


def _decompressed(files: Sequence[tuple[Path, Any]]) -> list[np.ndarray]:
    """Decode compressed pixels with ITK in a process of its own."""
    with scratch_folder() as name:
        copies = []
        for number, (path, dataset) in enumerate(files):
            copies.append(Path(name) / f"{number}.dcm")
            try:
                _write(_pixels_alone(dataset), copies[-1])
            except (ValueError, TypeError, AttributeError) as error:
                raise InputError(
                    f"the file {path.name} is damaged ({_reason(error)}); copy or export it again"
                ) from error
        try:
            decoded = read_all_with_itk(copies)
        except InputError as error:
            syntax = _syntax(files[0][1])
            how = _NAMES.get(str(syntax), str(getattr(syntax, "name", syntax)))
            raise InputError(
                f"its pixels are compressed ({how}) and cannot be decoded; convert it to an "
                f"uncompressed transfer syntax, for instance with dcmdjpeg or gdcmconv --raw "
                f"({error})"
            ) from error
    arrays = []
    for (path, dataset), one in zip(files, decoded, strict=True):
        array = one.array
        frames = int(dataset.get("NumberOfFrames") or 1)
        shape = (frames, int(dataset.Rows), int(dataset.Columns))
        if array.shape[: array.ndim - one.is_vector] == shape[1:]:
            array = array[None]
        if array.shape[:3] != shape:
            raise InputError(f"the file {path.name} is damaged: its pixels are not of its size")
        arrays.append(array)
    return arrays


def _of_pydicom(name: str) -> Any:
    """Return a function on pixels; Slicer 5.10 has pydicom 2.4, where it lies elsewhere."""
    from importlib import import_module

    try:
        return getattr(import_module("pydicom.pixels"), name)
    except ImportError:
        return getattr(import_module("pydicom.pixel_data_handlers.util"), name)


def _write(dataset: Any, path: Path) -> None:
    from pydicom import __version__

    if __version__.startswith("2."):
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.save_as(path, write_like_original=False)
    else:
        dataset.save_as(path, enforce_file_format=True)


def _pixels_alone(dataset: Any) -> Any:
    """Return a file of the pixels and their description only, so that ITK decodes and no more."""
    from pydicom.dataset import Dataset, FileMetaDataset

    copy: Any = Dataset()
    many = int(dataset.get("NumberOfFrames") or 1) > 1
    grey = int(dataset.get("SamplesPerPixel") or 1) == 1
    kind = "1.2.840.10008.5.1.4.1.1.7" + ((".3" if grey else ".4") if many else "")
    copy.SOPClassUID, copy.SOPInstanceUID = kind, "1.2.3"
    copy.Modality, copy.StudyInstanceUID, copy.SeriesInstanceUID = "OT", "1.2.3.1", "1.2.3.2"
    for keyword in _COPIED:
        if keyword in dataset:
            copy[keyword] = dataset[keyword]
    if grey and copy.get("PhotometricInterpretation") != "PALETTE COLOR":
        copy.PhotometricInterpretation = "MONOCHROME2"
    if "PixelData" not in dataset:
        raise InputError("has no pixels; it is cut off: copy or export it again")
    copy["PixelData"] = dataset["PixelData"]
    meta: Any = FileMetaDataset()
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    copy.file_meta = meta
    return copy
