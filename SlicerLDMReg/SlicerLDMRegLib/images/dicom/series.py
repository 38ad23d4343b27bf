"""Reading of a DICOM series from a folder, or of a single file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ..memory import check_size
from ..placement import Decoded, place
from ..selection import Selection
from .choosing import of_one_kind, one_at_each_place
from .frames import Frame, frames_of
from .pixels import stored_pixels, values
from .stack import stack_geometry, stacked

__all__ = ["read_dicom_file", "read_headers", "read_series", "series_uid_of"]

_LISTED = 10


def series_uid_of(path: Path) -> tuple[Path, str | None]:
    """Return folder and UID of ``FOLDER/SERIES_UID``; None for another path."""
    name = path.name
    is_uid = name.count(".") >= 3 and name.replace(".", "").isdecimal()
    try:
        return path.parent, name if is_uid and path.parent.is_dir() else None
    except (OSError, ValueError):
        return path.parent, None


def read_series(folder: Path, uid: str | None, wanted: Selection) -> Decoded:
    """Read the only series of a folder, or the one with a UID.

    Args:
        folder: its files are looked at, not those of folders in it.
        uid: of the series.
        wanted: see :func:`read_dicom_file`.

    Raises:
        InputError: when there is no such series, or it is no image.
    """
    return _read(_one_series(folder, uid), wanted)


def read_headers(source: str | Path | Sequence[Path]) -> list[Any]:
    """Return the headers of a series as pydicom has them, without pixels.

    Args:
        source: a folder with one series, ``FOLDER/SERIES_UID``, a file, or the files of a series.

    Raises:
        InputError: when there is no DICOM image, or one of several series.
    """
    if not isinstance(source, str | Path):
        files = [(path, _header(path)) for path in source]
    elif Path(source).expanduser().is_file():
        files = [(Path(source), _header(Path(source).expanduser()))]
    else:
        folder, uid = series_uid_of(Path(source).expanduser())
        folder = folder if uid is not None else Path(source).expanduser()
        if not folder.is_dir():
            raise InputError(f"{source}: expected a folder or a file of DICOM; it does not exist")
        files = list(_one_series(folder, uid))
    headers = [header for _path, header in files if header is not None]
    if not headers:
        raise InputError(f"{source}: expected a DICOM image, found none")
    return headers


def _one_series(folder: Path, uid: str | None) -> list[tuple[Path, Any]]:
    """Return files and headers of the only series of a folder, or of the one with a UID."""
    series: dict[str, list[tuple[Path, Any]]] = {}
    for path in sorted(folder.iterdir()):
        dataset = _header(path)
        if dataset is not None:
            series.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append((path, dataset))
    if not series:
        inside = (
            " (folders in it are not searched)" if any(p.is_dir() for p in folder.iterdir()) else ""
        )
        raise InputError(f"the folder {folder} holds no DICOM series{inside}")
    uids = sorted(series)
    if uid is None and len(uids) > 1:
        shown = ", ".join(uids[:_LISTED]) + (", ..." if len(uids) > _LISTED else "")
        raise InputError(
            f"the folder {folder} holds {len(uids)} DICOM series; name one as FOLDER/UID: {shown}"
        )
    if uid is not None and uid not in series:
        raise InputError(f"the folder {folder} holds no DICOM series {uid}")
    return series[uid or uids[0]]


def read_dicom_file(path: Path, wanted: Selection) -> Decoded:
    """Read a file with one slice, with the slices of a volume, or one frame of several.

    Args:
        path: of the file.
        wanted: ``frame``, ``stack``, ``copy``, ``resample``, or a keyword of DICOM and its value.

    Raises:
        InputError: when it is no image that can be read.
    """
    dataset = _header(path)
    if dataset is None:
        raise InputError("is no DICOM image; expected a file with rows and columns of pixels")
    return _read([(path, dataset)], wanted)


def _pydicom() -> Any:
    try:
        import pydicom
    except ImportError as error:
        raise InputError(
            "reading DICOM needs the package pydicom, which is missing; install it with pip "
            "install pydicom"
        ) from error
    return pydicom


def _header(path: Path) -> Any:
    """Return the header of a DICOM image; None for another file."""
    pydicom = _pydicom()
    try:
        with warnings.catch_warnings():
            # What matters of them is found by looking at the values.
            warnings.simplefilter("ignore")
            return _image_header(pydicom, path)
    except Exception as error:  # pydicom raises many kinds for damaged files
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"the file {path.name} is damaged ({reason}); copy or export it again, or remove it"
        ) from error


def _image_header(pydicom: Any, path: Path) -> Any:
    if not path.is_file() or path.name.upper() == "DICOMDIR":
        return None
    with path.open("rb") as file:
        begin = file.read(132)
    has_preamble = begin[128:132] == b"DICM"
    if not has_preamble and begin[:2] not in (b"\x08\x00", b"\x02\x00"):
        return None
    dataset = pydicom.dcmread(path, stop_before_pixels=True, force=not has_preamble)
    good = "Rows" in dataset and "Columns" in dataset
    list(dataset.iterall())  # pydicom decodes values when they are looked at
    return dataset if good else None


def _read(files: Sequence[tuple[Path, Any]], wanted: Selection) -> Decoded:
    notes: list[str] = []
    frames = [frame for path, dataset in files for frame in frames_of(path, dataset)]
    if any(min(frame.rows, frame.columns) < 1 for frame in frames):
        raise InputError("its header says a size of 0; it is damaged: export it again")
    asked = wanted.number("frame", len(frames))
    if asked is not None:
        if len(frames) > 1:
            notes.append(f"frame {asked + 1} of {len(frames)} was taken")
        frames = [frames[asked]]
    frames = of_one_kind(frames, wanted, notes)
    placed = all(frame.position is not None and frame.normal is not None for frame in frames)
    if not placed and len(frames) > 1:
        raise InputError(_without_places(files, frames))
    if placed:
        frames = one_at_each_place(frames, wanted, notes, _same_pixels)
    notes.extend(note for frame in frames for note in frame.notes)
    check_size((len(frames), frames[0].rows, frames[0].columns), 4)
    if not placed:
        array, is_vector = _pixels(frames, notes)
        return _unplaced(array, frames[0], wanted, is_vector, notes)
    steps, origin, where = stack_geometry(frames, wanted, notes)
    array, is_vector = _pixels(frames, notes)
    if is_vector and where is not None:
        raise InputError("its slices are colours at uneven distances, which are not resampled")
    decoded = stacked(array, steps, origin, where, wanted, is_vector)
    decoded.notes[:0] = dict.fromkeys(notes)
    return decoded


def _unplaced(
    array: np.ndarray, frame: Frame, wanted: Selection, is_vector: bool, notes: list[str]
) -> Decoded:
    spacing = frame.spacing
    if spacing is None:
        spacing = (1.0, 1.0)
        notes.append("the file does not say the distance between pixels: 1 mm was taken")
    notes.append("the file does not say where it lies in the patient: its corner was put at 0")
    steps = np.diag([*spacing, frame.thickness or 1.0])
    decoded = place(array, steps, np.zeros(3), wanted, is_vector)
    decoded.notes[:0] = dict.fromkeys(notes)
    return decoded


def _without_places(files: Sequence[tuple[Path, Any]], frames: Sequence[Frame]) -> str:
    if len(files) == 1:
        dataset = files[0][1]
        timed = any(keyword in dataset for keyword in ("FrameTime", "FrameTimeVector", "CineRate"))
        what = "times, not slices" if timed else "not said to be slices"
        return (
            f"its {len(frames)} frames are {what}: no place in the patient is given; expected one "
            "image: give one frame, for instance the first with #frame=1 behind its name"
        )
    lacking = sum(frame.position is None or frame.normal is None for frame in frames)
    return (
        f"{lacking} of its {len(frames)} files do not say where they lie in the patient (no "
        "ImagePositionPatient or ImageOrientationPatient), so that they cannot be stacked; give "
        "one file, or export the original slices"
    )


def _same_pixels(frames: Sequence[Frame]) -> bool:
    found = stored_pixels(list(dict.fromkeys(frame.path for frame in frames)))
    arrays = [found[frame.path][1][frame.index] for frame in frames]
    scales = {(frame.slope, frame.intercept) for frame in frames}
    return len(scales) == 1 and all(np.array_equal(arrays[0], other) for other in arrays[1:])


def _pixels(frames: Sequence[Frame], notes: list[str]) -> tuple[np.ndarray, bool]:
    """Return the values of frames ``(k, j, i)``, of one type, and whether they are colours."""
    found = stored_pixels(list(dict.fromkeys(frame.path for frame in frames)))
    parts = []
    for frame in frames:
        dataset, stored = found[frame.path]
        parts.append(values(frame, dataset, stored[frame.index], notes))
    colours = {is_vector for _, is_vector in parts}
    shapes = {array.shape for array, _ in parts}
    if len(colours) > 1 or len(shapes) > 1:
        raise InputError("some of its slices are colours and others grey; export one kind alone")
    kind = np.result_type(*(array.dtype for array, _ in parts))
    return np.stack([array.astype(kind, copy=False) for array, _ in parts]), colours.pop()
