"""Reading in a process of its own, where the file alone decides what a decoder does.

A decoder of ITK that crashes on a damaged file would take this process along, Slicer's worker or
the shell's command. So it runs here what no check of ours can vouch for: JPEG, whose decoder only
prints that a picture is damaged, compressed DICOM and TIFF, and formats that only ITK knows. A
start costs 0.4 to 0.7 s (2 cores, SimpleITK 2.5), once for a whole series; NIfTI, NRRD, MetaImage,
PNG, plain TIFF and plain DICOM never pay it: NumPy decodes them, or their checksums were checked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._outputs import scratch_folder
from ..errors import InputError
from ..geometry import ImageGeometry
from .placement import Decoded

__all__ = ["read_all_with_itk", "read_with_itk", "transform_crashes"]

_CHILD = Path(__file__).with_name("_child.py")
# The largest compressed volumes take less than a minute; a decoder that hangs takes for ever.
_SECONDS = 300
# Of the processor, for a busy machine may take any time: a field of 512 x 512 x 300 voxels takes
# 5 s; a damaged HDF5 file may keep its reader for ever.
_TRANSFORM_SECONDS = 30


def read_with_itk(path: Path) -> Decoded:
    """Read a file with whichever of ITK's readers knows it.

    Raises:
        InputError: when none does, or it crashes or hangs.
    """
    return read_all_with_itk([path])[0]


def read_all_with_itk(paths: Sequence[Path]) -> list[Decoded]:
    """Read several files in one process; the notes of the first tell what the decoder prints.

    Raises:
        InputError: when one of them cannot be read.
    """
    with scratch_folder() as name:
        folder = Path(name)
        answers, said = _run([path.absolute() for path in paths], folder)
        decoded = [_decoded(told, folder / f"{n}.npy") for n, told in enumerate(answers)]
    decoded[0].notes += [f"its decoder warns: {line}" for line in said]
    return decoded


def transform_crashes(path: Path) -> bool:
    """Whether ITK's reader of transforms crashes on a file, or does not end."""
    with scratch_folder() as name:
        try:
            _run([f"transform:{path.absolute()}"], Path(name), _TRANSFORM_SECONDS)
        except InputError:
            return True
    return False


def _decoded(told: dict[str, Any], voxels: Path) -> Decoded:
    if "error" in told:
        raise InputError(f"cannot be read: {told['error']}")
    array = np.load(voxels, allow_pickle=False)
    size, spacing, origin = (list(told[key]) for key in ("size", "spacing", "origin"))
    d = len(size)
    direction = np.reshape(told["direction"], (d, d))
    if d == 4 and size[3] == 1:
        array, d = array[0], 3
        size, spacing, origin, direction = size[:3], spacing[:3], origin[:3], direction[:3, :3]
    if d not in (2, 3):
        raise InputError(
            f"expected a 2D or 3D image, got {d}D of size {tuple(size)}; give one frame of it"
        )
    if array.dtype.kind == "c":
        raise InputError("expected real numbers, got complex ones; give the magnitude")
    geometry = ImageGeometry(
        tuple(size), tuple(spacing), tuple(origin), tuple(direction.ravel().tolist())
    )
    return Decoded(array, geometry, [], told["components"] > 1)


_SAID = 2000  # bytes of what a decoder prints that are told
_ADDRESS = re.compile(r" ?\(0x[0-9a-f]+\)")


def _run(
    paths: Sequence[Path | str], folder: Path, processor: int = 0
) -> tuple[list[dict[str, Any]], list[str]]:
    (folder / "paths.json").write_text(json.dumps([str(path) for path in paths]), encoding="utf-8")
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    try:
        done = subprocess.run(
            [sys.executable, str(_CHILD), str(folder), str(processor)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            cwd=folder,
            creationflags=flags,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"its decoder did not end within {_SECONDS} seconds; the file is damaged: copy or "
            "download it again"
        ) from error
    except OSError as error:
        raise InputError(f"its decoder cannot be started ({error})") from error
    answer = folder / "answer.json"
    if done.returncode != 0 or not answer.is_file():
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        raise InputError(
            f"its decoder crashed ({how}); the file is damaged: copy or download it again, or "
            "convert it with the program that wrote it"
        )
    return list(json.loads(answer.read_text(encoding="utf-8"))), _warnings(
        done.stdout + done.stderr
    )


def _warnings(printed: bytes) -> list[str]:
    """Return what a decoder prints, without where in ITK it does so."""
    lines = printed[:_SAID].decode("utf-8", "replace").splitlines()
    texts = [_ADDRESS.sub("", line).strip() for line in lines if not line.startswith("WARNING: In")]
    return list(dict.fromkeys(filter(None, texts)))
