"""The header of a NIfTI file, byte by byte: both versions, both byte orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError

__all__ = ["HEADER_BYTES", "NiftiHeader", "is_nifti", "parse_header"]

HEADER_BYTES = 540  # of the longer of the two

_FIRST = [
    ("sizeof_hdr", "i4"), ("unused", "V36"), ("dim", "i2", 8), ("intent_p", "f4", 3),
    ("intent_code", "i2"), ("datatype", "i2"), ("bitpix", "i2"), ("slice_start", "i2"),
    ("pixdim", "f4", 8), ("vox_offset", "f4"), ("scl_slope", "f4"), ("scl_inter", "f4"),
    ("slice_end", "i2"), ("slice_code", "u1"), ("xyzt_units", "u1"), ("unused2", "V24"),
    ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i2"), ("sform_code", "i2"),
    ("quatern", "f4", 3), ("qoffset", "f4", 3), ("srow", "f4", (3, 4)), ("intent_name", "S16"),
    ("magic", "S4"),
]  # fmt: skip
_SECOND = [
    ("sizeof_hdr", "i4"), ("magic", "S8"), ("datatype", "i2"), ("bitpix", "i2"), ("dim", "i8", 8),
    ("intent_p", "f8", 3), ("pixdim", "f8", 8), ("vox_offset", "i8"), ("scl_slope", "f8"),
    ("scl_inter", "f8"), ("unused", "V32"), ("slice_start", "i8"), ("slice_end", "i8"),
    ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i4"), ("sform_code", "i4"),
    ("quatern", "f8", 3), ("qoffset", "f8", 3), ("srow", "f8", (3, 4)), ("slice_code", "i4"),
    ("xyzt_units", "i4"), ("intent_code", "i4"), ("intent_name", "S16"), ("dim_info", "u1"),
    ("unused2", "V15"),
]  # fmt: skip
_LAYOUTS = {
    (348, "<"): np.dtype(_FIRST).newbyteorder("<"),
    (348, ">"): np.dtype(_FIRST).newbyteorder(">"),
    (540, "<"): np.dtype(_SECOND).newbyteorder("<"),
    (540, ">"): np.dtype(_SECOND).newbyteorder(">"),
}

# DT_* of nifti1.h: NumPy's name and the components of a voxel.
_TYPES = {
    2: ("u1", 1), 4: ("i2", 1), 8: ("i4", 1), 16: ("f4", 1), 64: ("f8", 1), 128: ("u1", 3),
    256: ("i1", 1), 512: ("u2", 1), 768: ("u4", 1), 1024: ("i8", 1), 1280: ("u8", 1),
    2304: ("u1", 4),
}  # fmt: skip
_REFUSED = {
    1: "single bits; save it as unsigned 8-bit numbers",
    32: "complex numbers; expected real numbers: give the magnitude",
    1792: "complex numbers; expected real numbers: give the magnitude",
    2048: "complex numbers; expected real numbers: give the magnitude",
    1536: "128-bit numbers; save it as float32",
}


@dataclass(frozen=True)
class NiftiHeader:
    """The checked fields of a header.

    Attributes:
        dim: the sizes along all axes, x first, at least two; trailing axes of 1 beyond the third
            are left out.
        dtype: of a stored number, in the byte order of the file.
        components: numbers of a voxel: 1, 3 (RGB) or 4 (RGBA).
        offset: of the first voxel in the file that holds them.
        single: whether header and voxels are one file.
        fields: all fields by the names of nifti1.h, ``quatern`` b, c, d and ``srow`` three rows.
        notes: what had to be guessed.
    """

    dim: tuple[int, ...]
    dtype: np.dtype[Any]
    components: int
    offset: int
    single: bool
    fields: dict[str, Any]
    notes: list[str]


def is_nifti(data: bytes) -> bool:
    """Whether a file that begins with these bytes is NIfTI, or Analyze, which looks alike."""
    return len(data) >= 4 and _size_and_order(data) is not None


def _size_and_order(data: bytes) -> tuple[int, str] | None:
    for order in "<>":
        size = int(np.frombuffer(data[:4], order + "i4")[0])
        if (size, order) in _LAYOUTS:
            return size, order
    return None


def parse_header(data: bytes) -> NiftiHeader:
    """Return the header in the first bytes of a file.

    Raises:
        InputError: when it is cut off, or describes no image that can be read.
    """
    known = _size_and_order(data) if len(data) >= 4 else None
    if known is None:
        raise InputError("it does not begin as a NIfTI file does; its header is damaged")
    size, order = known
    if len(data) < size:
        raise InputError(
            f"is cut off within its header: {len(data)} of {size} bytes; copy or download it again"
        )
    record = np.frombuffer(data[:size], _LAYOUTS[size, order])[0]
    fields = {name: record[name] for name in record.dtype.names}
    magic = bytes(fields["magic"])[:3]
    if magic not in (b"n+1", b"ni1", b"n+2", b"ni2"):
        raise InputError(
            "is an Analyze 7.5 file, which does not say where left and right are; convert it to "
            "NIfTI with the program that wrote it, or with fslchfiletype, and check its sides"
        )
    notes: list[str] = []
    dim = _sizes(fields["dim"], notes)
    code = int(fields["datatype"])
    if code not in _TYPES:
        what = _REFUSED.get(code, "an unknown type of numbers; its header is damaged")
        raise InputError(f"NIfTI datatype {code}: {what}")
    kind, components = _TYPES[code]
    dtype = np.dtype(order + kind)
    bits = dtype.itemsize * 8 * components
    if int(fields["bitpix"]) != bits:
        notes.append(
            f"the header says {int(fields['bitpix'])} bits a voxel, its type has {bits}: these "
            "were read"
        )
    single = magic.startswith(b"n+")
    return NiftiHeader(dim, dtype, components, _offset(fields, size, single, notes), single,
                       fields, notes)  # fmt: skip


def _sizes(dim: np.ndarray, notes: list[str]) -> tuple[int, ...]:
    count = int(dim[0])
    if not 1 <= count <= 7:
        raise InputError(f"the header says {count} axes; expected 2 or 3: the header is damaged")
    sizes = [int(n) for n in dim[1 : count + 1]]
    if min(sizes) < 1:
        raise InputError(
            f"the header says a size of {tuple(sizes)}; expected 1 or more each: it is damaged"
        )
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) < 2:
        raise InputError(f"expected a 2D or 3D image, got 1D of size {tuple(sizes)}")
    return tuple(sizes)


def _offset(fields: dict[str, Any], size: int, single: bool, notes: list[str]) -> int:
    value = float(fields["vox_offset"])
    if not (np.isfinite(value) and 0 <= value < 2**53 and value == int(value)):
        raise InputError(f"the header says that the voxels begin at byte {value:g}; it is damaged")
    offset = int(value)
    if single and offset < size + 4:
        if offset not in (0, size):
            raise InputError(
                f"the header says that the voxels begin at byte {offset}, inside the header of "
                f"{size} bytes; it is damaged"
            )
        notes.append(f"the header does not say where the voxels begin: byte {size + 4} was taken")
        offset = size + 4
    return offset
