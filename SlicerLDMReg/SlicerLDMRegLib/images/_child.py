"""The program of the process that :mod:`isolated` starts: ITK reads files, their voxels go back."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

TRANSFORM = "transform:"
"""Before the path of a transform, which is read to see whether its reader survives."""


def read(path: str, voxels: Path) -> dict[str, object]:
    """Read one file and write its voxels; returns its geometry, or why it cannot be read."""
    try:
        image = sitk.ReadImage(path)
        np.save(voxels, sitk.GetArrayViewFromImage(image))
    except (RuntimeError, ValueError) as error:
        lines = str(error).strip().splitlines() or ["unknown error"]
        return {"error": lines[-1].strip()}
    return {
        "size": image.GetSize(),
        "spacing": image.GetSpacing(),
        "origin": image.GetOrigin(),
        "direction": image.GetDirection(),
        "components": image.GetNumberOfComponentsPerPixel(),
    }


def limit(processor: int) -> None:
    """End this process after so many seconds of the processor, where the system can; 0: never."""
    if processor > 0 and sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))


def main(folder: Path) -> None:
    """Read the files of ``paths.json``; write ``0.npy`` and so on, and ``answer.json``.

    What decoders print is all that JPEG tells of damage: the caller reads it.
    """
    paths = json.loads((folder / "paths.json").read_text(encoding="utf-8"))
    if paths[0].startswith(TRANSFORM):
        with contextlib.suppress(RuntimeError):
            sitk.ReadTransform(paths[0][len(TRANSFORM) :])
        paths = []
    answers = [read(path, folder / f"{n}.npy") for n, path in enumerate(paths)]
    (folder / "answer.json").write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    limit(int(sys.argv[2]))
    main(Path(sys.argv[1]))
