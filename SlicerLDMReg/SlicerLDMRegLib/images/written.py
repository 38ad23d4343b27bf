"""Writing of images, checked: on a full disk ITK may write a part of them in silence."""

from __future__ import annotations

import errno
import os
import zlib
from pathlib import Path

import SimpleITK as sitk

__all__ = ["reserve", "write_image"]

_CHUNK = 1 << 20
_NIFTI_HEADER = 352


def write_image(image: sitk.Image, path: Path, compressed: bool = True) -> None:
    """Write an image; the suffix of the path chooses the format.

    Raises:
        OSError: when the file is not there as a whole afterwards.
        RuntimeError: when ITK says that it cannot be written.
    """
    sitk.WriteImage(image, str(path), compressed)
    voxels = image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel()
    size = voxels * image.GetSizeOfPixelComponent()
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        have = _unpacked(path) if name.endswith(".gz") else path.stat().st_size
        if have < _NIFTI_HEADER + size:
            raise OSError(errno.ENOSPC, "only a part of it could be written; is the disk full?")


def reserve(folder: Path, size: int) -> None:
    """Check that a file can be as large in a folder: writers that crash on full disks need it.

    Raises:
        OSError: when it cannot.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    probe = folder / "room"
    try:
        with probe.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    finally:
        probe.unlink(missing_ok=True)


def _unpacked(path: Path) -> int:
    """Return the bytes in a gzip file, as far as it is sound."""
    size, unpacker = 0, zlib.decompressobj(wbits=31)
    try:
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                while data:
                    size += len(unpacker.decompress(data, _CHUNK))
                    data = unpacker.unconsumed_tail
    except zlib.error:
        return 0
    return size if unpacker.eof else 0
