"""The format of a file by its first bytes; its name is only believed where these say nothing."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from .metaimage import is_metaimage
from .nifti_header import is_nifti

__all__ = ["SUPPORTED_FORMATS", "check_whole", "format_of"]

SUPPORTED_FORMATS = (
    ".nrrd .nhdr .nii .nii.gz .mha .mhd .png .jpg .jpeg .tif .tiff and DICOM series folders"
)
_SUFFIXES = {
    "nrrd": (".nrrd", ".nhdr"),
    "nifti": (".nii", ".nii.gz", ".hdr", ".img", ".img.gz", ".hdr.gz"),
    "metaimage": (".mha", ".mhd"),
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "tiff": (".tif", ".tiff"),
}
# Read by ITK in a process of its own, as far as it can.
_ITK = (".bmp", ".gipl", ".gipl.gz", ".hdf5", ".h5", ".lsm", ".mgh", ".mgz", ".mnc", ".mrc", ".vtk")
_ENOUGH = 4096  # bytes: the header of NIfTI, or the first lines of MetaImage
_GIPL_BITS = {1: 1, 7: 8, 8: 8, 15: 16, 16: 16, 31: 32, 32: 32, 64: 32, 65: 64}


def format_of(path: Path) -> tuple[str, list[str]]:
    """Return the format of a file, and a note where its name says another one.

    Returns:
        ``nrrd``, ``nifti``, ``metaimage``, ``png``, ``jpeg``, ``tiff``, ``dicom`` or ``itk``.

    Raises:
        InputError: for an empty file, and for content that is no image.
    """
    with path.open("rb") as file:
        data = file.read(_ENOUGH)
    if not data:
        raise InputError("is empty (0 bytes); copy or download it again")
    name = path.name.lower()
    if name.endswith((".img", ".img.gz")):
        return "nifti", []
    inner = data
    if data.startswith(b"\x1f\x8b"):
        try:
            inner = zlib.decompressobj(wbits=31).decompress(data, _ENOUGH)
        except zlib.error as error:
            raise InputError(f"is damaged ({error}); copy or download it again") from error
        if not inner:
            raise InputError("is cut off; copy or download it again")
    found = next((kind for kind, test in _TESTS if test(inner)), None)
    if found is None and not inner.strip(b"\0"):
        raise InputError(
            "begins with zeros only, as a copy does that was interrupted; copy or download it again"
        )
    if found is None and name.endswith(_ITK):
        return "itk", []
    if found is None and name.endswith((".dcm", ".ima")):
        return "dicom", []
    if found is None:
        raise InputError(f"is not an image that can be read; supported: {SUPPORTED_FORMATS}")
    if inner is not data and found != "nifti":
        raise InputError(f"is a {found} file compressed with gzip; decompress it first (gunzip)")
    if found in _SUFFIXES and not name.endswith(_SUFFIXES[found]):
        return found, [f"its content is {found.upper()}, whatever its name {path.name} says"]
    return found, []


def check_whole(path: Path) -> None:
    """Check the length of files that ITK fills up with rubbish where they are cut off.

    Raises:
        InputError: when the file is shorter than its header says.
    """
    with path.open("rb") as file:
        head = file.read(32)
    needed = 0
    if head[:2] == b"BM" and len(head) >= 6:
        needed = int.from_bytes(head[2:6], "little")
    elif path.name.lower().endswith(".gipl") and len(head) >= 10:
        sizes = [int.from_bytes(head[i : i + 2], "big") for i in range(0, 8, 2)]
        bits = _GIPL_BITS.get(int.from_bytes(head[8:10], "big"), 8)
        needed = 256 + math.prod(max(1, n) for n in sizes) * bits // 8
    have = path.stat().st_size
    if have < needed:
        raise InputError(
            f"is cut off: its header announces {needed:,} bytes, and it has {have:,}; copy or "
            "download it again"
        )


def _is_dicom(data: bytes) -> bool:
    if data[128:132] == b"DICM":
        return True
    # Without a preamble: the first element is one of group 2 or 8, explicit or implicit.
    group = data[:2] in (b"\x08\x00", b"\x02\x00")
    explicit = data[4:6].isalpha() and data[4:6].isupper()
    length = int.from_bytes(data[4:8], "little")
    return group and len(data) > 132 and (explicit or 0 < length < 1024)


_TESTS: list[tuple[str, Callable[[bytes], bool]]] = [
    ("nrrd", lambda data: data.startswith(b"NRRD000")),
    ("png", lambda data: data.startswith(b"\x89PNG\r\n\x1a\n")),
    ("jpeg", lambda data: data.startswith(b"\xff\xd8\xff")),
    ("tiff", lambda data: data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("nifti", is_nifti),
    ("dicom", _is_dicom),
    ("metaimage", is_metaimage),
]
