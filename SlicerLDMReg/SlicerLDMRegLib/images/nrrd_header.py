"""The header of a NRRD file: its fields, checked, and the key/value pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import InputError

__all__ = ["NrrdHeader", "read_nrrd_header"]

_MOST_BYTES = 1 << 20  # headers of Slicer's segmentations with hundreds of segments have 100 kB
_TYPES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
_DTYPE = {name: code for code, names in _TYPES.items() for name in names.split("|")}
_ENCODINGS = {
    "raw": "raw", "txt": "text", "text": "text", "ascii": "text", "hex": "hex", "gz": "gzip",
    "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2",
}  # fmt: skip
_FIELDS = {
    "dimension", "type", "block size", "encoding", "endian", "content", "old min", "old max",
    "data file", "line skip", "byte skip", "number", "sample units", "sizes", "spacings",
    "thicknesses", "axis mins", "axis maxs", "centerings", "labels", "units", "kinds", "space",
    "space dimension", "space units", "space origin", "space directions", "measurement frame",
    "min", "max",
}  # fmt: skip
_ALIASES = {
    "datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip",
    "centers": "centerings", "axismins": "axis mins", "axismaxs": "axis maxs",
    "sampleunits": "sample units", "blocksize": "block size", "oldmin": "old min",
    "oldmax": "old max",
}  # fmt: skip
_VECTOR = re.compile(r"none|\(([^()]*)\)", re.IGNORECASE)


@dataclass(frozen=True)
class NrrdHeader:
    """The checked fields of a header.

    Attributes:
        sizes: along all axes, the fastest first.
        dtype: of a number, in the byte order of the file.
        encoding: ``raw``, ``text``, ``hex``, ``gzip`` or ``bzip2``.
        offset: of the first byte behind the header.
        fields: text by the name of the field, in small letters.
        pairs: the key/value pairs.
        data_lines: names of data files that follow ``data file: LIST``.
    """

    sizes: tuple[int, ...]
    dtype: np.dtype
    encoding: str
    offset: int
    fields: dict[str, str]
    pairs: dict[str, str]
    data_lines: list[str] = field(default_factory=list)

    def words(self, name: str, count: int) -> list[str] | None:
        """Return the words of a field that has one for each axis; None where it is absent.

        Raises:
            InputError: for another number of words.
        """
        if name not in self.fields:
            return None
        found = re.findall(r'"[^"]*"|\S+', self.fields[name])
        if len(found) != count:
            raise InputError(
                f"the field {name!r} of its header has {len(found)} entries; expected {count}"
            )
        return [word.strip('"') for word in found]

    def numbers(self, name: str, count: int) -> np.ndarray | None:
        """Return the numbers of a field, NaN where it says so; None where it is absent."""
        found = self.words(name, count)
        return None if found is None else np.array([_number(word, name) for word in found])

    def vectors(self, name: str, count: int, length: int) -> list[np.ndarray | None] | None:
        """Return the vectors of a field, None for the entry ``none``; None where it is absent."""
        if name not in self.fields:
            return None
        text = self.fields[name]
        found = list(_VECTOR.finditer(text))
        if _VECTOR.sub("", text).strip() or len(found) != count:
            raise InputError(
                f"the field {name!r} of its header is {text[:60]!r}; expected {count} vectors"
            )
        vectors: list[np.ndarray | None] = []
        for match in found:
            if match[1] is None:
                vectors.append(None)
                continue
            parts = match[1].split(",")
            if len(parts) != length:
                raise InputError(
                    f"the field {name!r} of its header has vectors of {len(parts)} numbers; "
                    f"expected {length}, as its space has"
                )
            vectors.append(np.array([_number(part.strip(), name) for part in parts]))
        return vectors


def read_nrrd_header(path: Path) -> NrrdHeader:
    """Read and check the header of a file.

    Raises:
        InputError: when it is cut off, or has a field that means nothing.
    """
    with path.open("rb") as file:
        lines, offset, ended = _lines(file.read(_MOST_BYTES))
    if not lines or not re.fullmatch(r"NRRD000[1-5]", lines[0].strip()):
        version = lines[0][:20] if lines else ""
        raise InputError(f"expected the first line NRRD0001 to NRRD0005, got {version!r}")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    data_lines: list[str] = []
    for number, line in enumerate(lines[1:], 2):
        if line.startswith("#") or not line.strip():
            continue
        if fields.get("data file", "").upper().startswith("LIST"):
            data_lines.append(line.strip())
            continue
        match = re.match(r"([^:]*?):(=| )(.*)", line + " ")
        if match is None:
            raise InputError(f"line {number} of its header is damaged: {line[:60]!r}")
        if match[2] == "=":
            pairs[match[1].strip()] = match[3][:-1].replace("\\n", "\n").replace("\\\\", "\\")
            continue
        name = match[1].strip().lower()
        name = _ALIASES.get(name, name)
        if name not in _FIELDS:
            raise InputError(f"line {number} of its header is no field of NRRD: {line[:60]!r}")
        if name in fields:
            raise InputError(f"its header has the field {name!r} twice; remove the wrong one")
        fields[name] = match[3].strip()
    if not ended and "data file" not in fields:
        raise InputError(
            "is cut off within its header (there is no empty line behind it); copy or download "
            "it again"
        )
    sizes = _sizes(fields)
    return NrrdHeader(sizes, _dtype(fields), _encoding(fields), offset, fields, pairs, data_lines)


def _lines(data: bytes) -> tuple[list[str], int, bool]:
    """Return the lines up to the empty one, the offset behind it, and whether there is one."""
    lines, start = [], 0
    while start < len(data):
        end = data.find(b"\n", start)
        if end < 0:
            lines.append(data[start:].decode("utf-8", "replace"))
            return lines, len(data), False
        line = data[start:end].rstrip(b"\r")
        start = end + 1
        if not line:
            return lines, start, True
        lines.append(line.decode("utf-8", "replace"))
    return lines, len(data), False


def _needed(fields: dict[str, str], name: str) -> str:
    if not fields.get(name):
        raise InputError(f"its header lacks the field {name!r}; write the image again")
    return fields[name]


def _sizes(fields: dict[str, str]) -> tuple[int, ...]:
    text = _needed(fields, "dimension")
    if not (text.isascii() and text.isdecimal() and len(text) < 3 and 1 <= int(text) <= 16):
        raise InputError(f"its header says dimension {text[:20]!r}; expected 1 to 16")
    words = _needed(fields, "sizes").split()
    good = all(w.isascii() and w.isdecimal() and len(w) < 18 and int(w) > 0 for w in words)
    if not good or len(words) != int(text):
        raise InputError(
            f"its header says sizes {' '.join(words)[:60]!r}; expected {text} positive numbers"
        )
    return tuple(map(int, words))


def _encoding(fields: dict[str, str]) -> str:
    text = _needed(fields, "encoding").lower()
    if text not in _ENCODINGS:
        raise InputError(
            f"its encoding is {text[:20]!r}; expected raw, text, hex, gzip or bzip2: convert it"
        )
    return _ENCODINGS[text]


def _dtype(fields: dict[str, str]) -> np.dtype:
    kind = " ".join(_needed(fields, "type").lower().split())
    if kind not in _DTYPE:
        raise InputError(f"its type is {kind[:20]!r}; expected whole numbers or float: convert it")
    dtype = np.dtype(_DTYPE[kind])
    text = fields.get("endian", "").lower()
    if text not in ("", "little", "big"):
        raise InputError(f"its endian is {text[:20]!r}; expected little or big")
    if dtype.itemsize > 1 and not text and _encoding(fields) not in ("text", "hex"):
        raise InputError(
            "its header lacks the field 'endian', so that its numbers cannot be told; add "
            "'endian: little', or big where a big-endian machine wrote it"
        )
    return dtype.newbyteorder(">" if text == "big" else "<")


def _number(word: str, name: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise InputError(
            f"the field {name!r} of its header holds {word[:20]!r}; expected a number"
        ) from error
