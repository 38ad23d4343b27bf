"""Images in MetaImage files: ``.mha``, and ``.mhd`` with the voxels in files of their own."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from ..errors import InputError
from .detached import check_place
from .memory import check_size
from .placement import Decoded, place
from .selection import Selection
from .stored import check_rest, inflate, read_exactly

__all__ = ["is_metaimage", "read_metaimage"]

# Of a header and of its list of files: far more than any program writes.
_MOST_BYTES = 1 << 20
_MOST_FILES = 10000
_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_FIRST = re.compile(rb"\s*(ObjectType|NDims|DimSize|Comment|Name|ElementType|BinaryData)\s*=")
_MATRIX = ("TransformMatrix", "Rotation", "Orientation")
_OFFSET = ("Offset", "Position", "Origin")
_UNITS = {"mm": 1.0, "um": 1e-3, "cm": 10.0, "m": 1e3, "?": 1.0, "": 1.0}
_SIDES = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "I": (2, 1), "S": (2, -1)}


def is_metaimage(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a MetaImage."""
    return _FIRST.match(data) is not None


def read_metaimage(path: Path, wanted: Selection) -> Decoded:
    """Read a 2D or 3D image, or one frame of a 4D one.

    Args:
        path: of the file or of its header.
        wanted: ``frame``, ``outside``, ``resample``, ``lps``.

    Raises:
        InputError: for a file that is damaged, or holds no image.
    """
    fields, offset, names = _header(path)
    sizes = _sizes(fields)
    dtype = _dtype(fields)
    channels = _count(fields, "ElementNumberOfChannels", 1)
    check_size((*sizes, channels), dtype.itemsize)
    notes: list[str] = []
    frames = math.prod(sizes[3:])
    frame = None
    if frames > 1:
        frame = wanted.number("frame", frames)
        if frame is None:
            raise InputError(
                f"expected a 2D or 3D image, got {len(sizes)}D of size {sizes}; give one frame of "
                "it, for instance the first with #frame=1 behind its name"
            )
        notes.append(f"frame {frame + 1} of {frames} was taken")
    shape = (*sizes[::-1], channels)
    data = _voxels(path, fields, offset, names, dtype, math.prod(shape), wanted, notes)
    d = min(3, len(sizes))
    array = data.reshape(-1, *shape[-d - 1 :])[frame or 0]
    if channels == 1:
        array = array[..., 0]
    for key in ("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"):
        if _numbers(fields, key, 1, float("Slope" in key))[0] != float("Slope" in key):
            notes.append(f"its {key} was not applied, as in ITK: the values are those stored")
    steps, origin = _place(fields, len(fields["DimSize"].split()), d, wanted, notes)
    decoded = place(array, steps, origin, wanted, channels > 1)
    decoded.notes[:0] = notes
    return decoded


def _header(path: Path) -> tuple[dict[str, str], int, list[str]]:
    """Return the fields, the offset behind them, and the names of a list of files."""
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES)
    fields: dict[str, str] = {}
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        line = data[start : len(data) if end < 0 else end].decode("latin-1").strip()
        start = len(data) if end < 0 else end + 1
        if not line or line.startswith("#"):
            continue
        key, mark, value = line.partition("=")
        if not mark:
            raise InputError(f"its header is damaged: expected 'name = value', got {line[:40]!r}")
        fields[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            break
    else:
        raise InputError("its header lacks ElementDataFile; it is cut off or damaged")
    names: list[str] = []
    if fields["ElementDataFile"].split()[:1] == ["LIST"]:
        lines = data[start:].decode("utf-8", "replace").splitlines()
        names = [line.strip() for line in lines if line.strip()][: _MOST_FILES + 1]
    if fields.get("ObjectType", "Image") != "Image":
        raise InputError(f"its ObjectType is {fields['ObjectType'][:20]!r}; expected Image")
    return fields, start, names


def _count(fields: dict[str, str], key: str, default: int) -> int:
    text = fields.get(key, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise InputError(f"its {key} is {text[:20]!r}; expected a positive number")
    return int(text)


def _numbers(fields: dict[str, str], key: str, count: int, default: float) -> np.ndarray:
    words = fields.get(key, "").split()
    if not words:
        return np.full(count, default)
    try:
        values = np.array([float(word) for word in words])
    except ValueError as error:
        raise InputError(f"its {key} is {fields[key][:40]!r}; expected numbers") from error
    if len(values) != count or not np.isfinite(values).all():
        raise InputError(f"its {key} is {fields[key][:40]!r}; expected {count} finite numbers")
    return values


def _flag(fields: dict[str, str], key: str, default: bool) -> bool:
    text = fields.get(key)
    if text is None:
        return default
    if text[:1] not in ("T", "t", "1", "F", "f", "0"):
        raise InputError(f"its {key} is {text[:20]!r}; expected True or False")
    return text[:1] in ("T", "t", "1")


def _sizes(fields: dict[str, str]) -> tuple[int, ...]:
    if "DimSize" not in fields:
        raise InputError("its header lacks DimSize; it is cut off or damaged")
    words = fields["DimSize"].split()
    count = _count(fields, "NDims", len(words))
    good = all(w.isascii() and w.isdecimal() and len(w) < 18 and int(w) > 0 for w in words)
    if not good or len(words) != count:
        raise InputError(f"its DimSize is {fields['DimSize'][:40]!r}; expected {count} positive "
                         "numbers")  # fmt: skip
    if count < 2:
        raise InputError(f"expected a 2D or 3D image, got {count}D")
    sizes = tuple(map(int, words))
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes = sizes[:-1]
    return sizes


def _dtype(fields: dict[str, str]) -> np.dtype:
    kind = fields.get("ElementType", "")
    base = kind.removesuffix("_ARRAY")
    if base not in _TYPES:
        raise InputError(f"its ElementType is {kind[:20]!r}; expected one such as MET_SHORT")
    big = _flag(fields, "BinaryDataByteOrderMSB", _flag(fields, "ElementByteOrderMSB", False))
    return np.dtype(_TYPES[base]).newbyteorder(">" if big else "<")


def _place(
    fields: dict[str, str], dimension: int, d: int, wanted: Selection, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    key = next((k for k in _MATRIX if k in fields), _MATRIX[0])
    # Row i of the matrix is the direction of axis i.
    matrix = _numbers(fields, key, dimension**2, 0.0).reshape(dimension, dimension).T
    if key not in fields:
        matrix = np.eye(dimension)
    origin = _numbers(fields, next((k for k in _OFFSET if k in fields), "Offset"), dimension, 0.0)
    name = "ElementSpacing" if "ElementSpacing" in fields else "ElementSize"
    if name not in fields:
        notes.append("the header does not say the distance between voxels: 1 mm was taken")
    spacing = _numbers(fields, name, dimension, 1.0)[:d]
    if (spacing < 0).any():
        notes.append("the header gives a negative distance between voxels: that axis was turned")
    unit = fields.get("DistanceUnits", "")
    if unit not in _UNITS:
        raise InputError(f"its DistanceUnits are {unit[:10]!r}; expected one of mm, um, cm, m")
    if _UNITS[unit] != 1:
        notes.append(f"lengths were converted from {unit} to mm")
    matrix = matrix[:d, :d]
    lengths = np.linalg.norm(matrix, axis=0)
    if np.abs(lengths - 1).max() > 1e-3 and (lengths > 0).all():
        notes.append("its TransformMatrix scales: the spacing was multiplied by it")
    elif (lengths > 0).all():
        matrix = matrix / np.where(np.abs(lengths - 1) > 1e-6, lengths, 1.0)
    center = _numbers(fields, "CenterOfRotation", dimension, 0.0)
    if center.any() and not np.allclose(matrix, np.eye(d)):
        notes.append("its CenterOfRotation was left out, as in ITK")
    _check_anatomy(fields, matrix, key in fields, wanted, notes)
    scale = _UNITS[unit]
    return matrix * spacing * scale, origin[:d] * scale


def _check_anatomy(
    fields: dict[str, str],
    matrix: np.ndarray,
    has_matrix: bool,
    wanted: Selection,
    notes: list[str],
) -> None:
    """Compare AnatomicalOrientation, letters of where each axis begins, with the directions."""
    text = fields.get("AnatomicalOrientation", "").upper()
    asked = wanted.asked("lps")
    if len(matrix) != 3 or len(text) != 3 or any(letter not in _SIDES for letter in text):
        return
    found = "".join(_letter(matrix[:, axis]) for axis in range(3))
    if text == found or asked:
        return
    if not has_matrix:
        raise InputError(
            f"its AnatomicalOrientation is {text} and it has no TransformMatrix, so that its sides "
            "cannot be told; add a TransformMatrix, or take its axes as left, posterior, superior "
            "with #lps behind its name"
        )
    notes.append(
        f"its AnatomicalOrientation {text} contradicts its TransformMatrix, which says {found}: "
        "the matrix was taken"
    )


def _letter(direction: np.ndarray) -> str:
    axis = int(np.abs(direction).argmax())
    side = 1 if direction[axis] > 0 else -1
    return next(letter for letter, place in _SIDES.items() if place == (axis, side))


def _voxels(
    path: Path,
    fields: dict[str, str],
    offset: int,
    names: list[str],
    dtype: np.dtype,
    count: int,
    wanted: Selection,
    notes: list[str],
) -> np.ndarray:
    """Return all numbers in the order of the file."""
    text = fields["ElementDataFile"]
    outside = wanted.asked("outside")
    if text.upper() in ("LOCAL", "LOCAL "):
        return _piece(path, offset, True, fields, dtype, count, notes)
    words = text.split()
    each_a_slice = True
    if words and words[0] == "LIST":
        each_a_slice = len(words) == 1
    elif (
        len(words) == 4
        and "%" in words[0]
        and all(re.fullmatch(r"-?\d{1,9}", w) for w in words[1:])
    ):
        first, last, step = map(int, words[1:])
        found = range(first, last + 1, step) if step > 0 else range(0)
        pattern = re.compile(r"%0?(\d{0,2})d")
        names = [
            pattern.sub(lambda m, n=n: str(n).rjust(int(m[1] or 0), "0"), words[0], count=1)  # type: ignore[misc]
            for n in found[: _MOST_FILES + 1]
        ]
    else:
        names = [text]
        each_a_slice = False
    slices = int(fields["DimSize"].split()[-1])
    good = len(names) == slices if each_a_slice else bool(names) and count % len(names) == 0
    if not good or len(names) > _MOST_FILES:
        raise InputError(
            f"its header names {len(names)} files of voxels, which cannot hold "
            f"{fields['DimSize']} voxels in equal parts, one for each slice; copy the whole image"
        )
    places = [check_place(path, name, outside) for name in names]
    parts = [_piece(p, 0, False, fields, dtype, count // len(names), notes) for p in places]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _piece(
    path: Path,
    offset: int,
    local: bool,
    fields: dict[str, str],
    dtype: np.dtype,
    count: int,
    notes: list[str],
) -> np.ndarray:
    """Return the numbers of one file."""
    name = "the file" if local else f"its file of voxels {path.name}"
    needed = count * dtype.itemsize
    text = fields.get("HeaderSize", "0")
    if not re.fullmatch(r"-1|\d{1,15}", text):
        raise InputError(f"its HeaderSize is {text[:20]!r}; expected -1, 0 or more")
    skip = int(text)
    with path.open("rb") as file:
        if not _flag(fields, "BinaryData", True):
            file.seek(offset)
            return _from_text(file.read(count * 40), dtype, count, name)
        if skip > 0:
            offset = skip
        if _flag(fields, "CompressedData", False):
            file.seek(offset)
            data, more = inflate(file.read(), needed, "zlib", name)
            notes.extend(more)
            return np.frombuffer(data, dtype)
        if skip == -1:
            offset = path.stat().st_size - needed
            if offset < 0:
                raise InputError(f"{name} is cut off: its header announces {needed:,} bytes of "
                                 f"voxels, and it has {path.stat().st_size:,}")  # fmt: skip
        file.seek(offset)
        data = read_exactly(file, needed, name)
        notes.extend(check_rest(file, name))
        return np.frombuffer(data, dtype)


def _from_text(text: bytes, dtype: np.dtype, count: int, name: str) -> np.ndarray:
    words = text.split()
    if len(words) < count:
        raise InputError(
            f"{name} is cut off: its header announces {count:,} numbers, and it has {len(words):,}"
        )
    native = dtype.newbyteorder("=")
    try:
        values = [float(w) if native.kind == "f" else int(w) for w in words[:count]]
        return np.array(values, native)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{name} holds other than numbers of its type; it is damaged") from error
