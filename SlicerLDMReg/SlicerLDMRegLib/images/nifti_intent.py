"""NIfTI files whose header says what their values mean, which ITK does not write by itself."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

import SimpleITK as sitk

from .written import write_image

__all__ = ["write_with_intent"]

_INTENT_OFFSET = 68  # of the 16-bit intent_code in a NIfTI-1 header


def write_with_intent(image: sitk.Image, path: Path, intent: int) -> None:
    """Write an image as ``.nii`` or ``.nii.gz`` with an intent code.

    Args:
        image: the image.
        path: of the file; its folder holds no ``plain.nii``.
        intent: code of the NIfTI-1 standard, or of a program.
    """
    plain = path if path.name.lower().endswith(".nii") else path.with_name("plain.nii")
    write_image(image, plain, compressed=False)
    with plain.open("r+b") as file:
        file.seek(_INTENT_OFFSET)
        file.write(struct.pack("=h", intent))
    if plain != path:
        with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=4) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        plain.unlink()
