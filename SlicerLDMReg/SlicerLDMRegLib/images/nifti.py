"""Images in NIfTI files: ``.nii``, ``.nii.gz``, and pairs of ``.hdr`` and ``.img``."""

from __future__ import annotations

import gzip
import io
import math
from pathlib import Path

import numpy as np

from ..errors import InputError
from .memory import check_size
from .nifti_header import HEADER_BYTES, NiftiHeader, parse_header
from .nifti_place import steps_and_origin
from .placement import Decoded, place
from .selection import Selection
from .stored import check_rest, open_stored, read_exactly

__all__ = ["read_nifti", "read_nifti_array"]

_LABELS = 1002  # NIFTI_INTENT_LABEL


def read_nifti(path: Path, wanted: Selection) -> Decoded:
    """Read a 2D or 3D image, or one frame of a 4D one.

    Args:
        path: of the file; of a pair either one.
        wanted: ``frame``, ``qform``, ``sform``, ``unit``, ``resample``.

    Raises:
        InputError: for a file that is damaged, or holds no image.
    """
    header, voxels = read_nifti_array(path, wanted)
    notes = header.notes
    array = _scaled(voxels, header, notes)
    steps, origin = steps_and_origin(header, wanted, notes)
    is_vector = header.components > 1
    if len(header.dim) == 2:
        return _flat(array, steps, origin, wanted, is_vector, notes)
    decoded = place(array, steps, origin, wanted, is_vector)
    decoded.notes[:0] = notes
    return decoded


def read_nifti_array(
    path: Path, wanted: Selection, whole: bool = False
) -> tuple[NiftiHeader, np.ndarray]:
    """Return the header and the stored numbers.

    Args:
        path: of the file.
        wanted: ``frame`` of a 4D image.
        whole: return all axes, as a field of displacements has them.

    Returns:
        The header; and the array, axes reversed (x last), before them those beyond the third,
        behind them RGB(A).

    Raises:
        InputError: for a file that is damaged or has more frames than one.
    """
    parts = _pair(path)
    with open_stored(parts[0]) as file:
        try:
            first = bytes(read_some(file, HEADER_BYTES))
        except (OSError, EOFError) as error:
            raise InputError("is cut off or damaged; copy or download it again") from error
    header = parse_header(first)
    data_path = parts[0] if header.single else _data_of(path, parts)
    spatial = header.dim[:3]
    others = math.prod(header.dim[3:])
    frame = wanted.number("frame", others) if not whole and others > 1 else 0
    if others > 1 and not whole and frame is None:
        raise InputError(_many(header))
    shape = header.dim[::-1] if whole else spatial[::-1]
    if header.components > 1:
        shape = (*shape, header.components)
    count = check_size(shape, header.dtype.itemsize)
    packed = open_stored(data_path)
    with packed as file:
        if not _is_packed(data_path):
            _check_length(data_path, header)
        elif math.prod(header.dim) * header.dtype.itemsize > 1100 * data_path.stat().st_size:
            raise InputError(
                f"is cut off: {data_path.stat().st_size:,} compressed bytes cannot hold the size "
                f"{header.dim} of its header; copy or download it again"
            )
        start = header.offset + (frame or 0) * count
        _skip(file, start)
        data = read_exactly(file, count, "the file")
        if whole or others == 1:
            header.notes.extend(check_rest(file, "the file"))
    array = np.frombuffer(data, header.dtype).reshape(shape)
    if not whole and frame is not None and others > 1:
        header.notes.append(f"frame {frame + 1} of {others} was taken")
    return header, array


def read_some(file: io.BufferedReader | gzip.GzipFile, count: int) -> bytes:
    """Return the first bytes of a file, fewer where it ends."""
    try:
        return file.read(count)
    except EOFError:
        return b""


def _pair(path: Path) -> tuple[Path, str]:
    """Return the file with the header and the rest of the name behind ``.hdr`` or ``.img``."""
    name = path.name.lower()
    for end in (".img", ".img.gz"):
        if name.endswith(end):
            for other in (".hdr", ".hdr.gz"):
                for case in (other, other.upper()):
                    header = path.with_name(path.name[: -len(end)] + case)
                    if header.is_file():
                        return header, end
            raise InputError(f"its header {path.name[: -len(end)]}.hdr is not beside it; copy both")
    return path, ""


def _data_of(path: Path, parts: tuple[Path, str]) -> Path:
    stem = parts[0].name.removesuffix(".gz")[: -len(".hdr")]
    for end in (".img", ".img.gz", ".IMG"):
        data = parts[0].with_name(stem + end)
        if data.is_file():
            return data
    raise InputError(f"its voxels {stem}.img are not beside it; copy both")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _check_length(path: Path, header: NiftiHeader) -> None:
    """Compare the size of a raw file with what its header announces."""
    needed = math.prod(header.dim) * header.dtype.itemsize * header.components
    have = path.stat().st_size - header.offset
    if have < needed:
        raise InputError(
            f"is cut off: its header announces {needed:,} bytes of voxels, and it has "
            f"{max(0, have):,}; copy or download it again"
        )


def _skip(file: io.BufferedReader | gzip.GzipFile, count: int) -> None:
    try:
        while count > 0:
            block = file.read(min(count, 1 << 24))
            if not block:
                raise InputError("is cut off before its voxels; copy or download it again")
            count -= len(block)
    except (OSError, EOFError) as error:
        raise InputError("is cut off or damaged; copy or download it again") from error


def _many(header: NiftiHeader) -> str:
    size = header.dim
    if len(size) > 4:
        return (
            f"expected one number per voxel, got {math.prod(size[3:])} (size {size}, intent "
            f"{int(header.fields['intent_code'])}: vectors or several kinds of frames); a "
            "displacement field is given as initial transform; one frame is taken with #frame=1"
        )
    return (
        f"expected a 2D or 3D image, got 4D of size {size}; give one frame of it, for instance "
        "the first with #frame=1 behind its name"
    )


def _scaled(voxels: np.ndarray, header: NiftiHeader, notes: list[str]) -> np.ndarray:
    """Return the values that the stored numbers stand for, as ITK does: float32 where scaled."""
    slope, inter = float(header.fields["scl_slope"]), float(header.fields["scl_inter"])
    if not np.isfinite((slope, inter)).all():
        notes.append(
            f"the header scales its numbers by {slope:g} and {inter:g}: they were taken as stored"
        )
        return voxels
    if slope == 0 or (slope, inter) == (1, 0) or header.components > 1:
        return voxels
    kind = np.float64 if voxels.dtype.itemsize == 8 and voxels.dtype.kind == "f" else np.float32
    if voxels.dtype.kind in "iu" and (slope, inter) == (round(slope), round(inter)):
        limit = np.abs(voxels).max().astype(np.float64) * abs(slope) + abs(inter)
        if limit >= 2**24 and int(header.fields["intent_code"]) == _LABELS:
            kind = np.float64  # float32 does not hold these whole numbers
    values = voxels.astype(kind)
    return (values.astype(np.float64) * slope + inter).astype(kind)


def _flat(
    array: np.ndarray,
    steps: np.ndarray,
    origin: np.ndarray,
    wanted: Selection,
    is_vector: bool,
    notes: list[str],
) -> Decoded:
    """Return a 2D image in the plane of x and y; one that lies across it has a place in 3D."""
    lengths = np.linalg.norm(steps, axis=0)
    across = np.abs(steps[2, :2] / lengths[:2]).max()
    if across > 1e-3:
        decoded = place(array[None], steps, origin, wanted, is_vector)
        decoded.notes[:0] = [*notes, "the 2D image lies across x and y: it was read as one slice"]
        return decoded
    decoded = place(array, steps[:2, :2], origin[:2], wanted, is_vector)
    decoded.notes[:0] = notes
    return decoded
