"""Writing of label maps, their names and their confidence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import _outputs
from .._c_numbers import c_numbers
from .._printable import json_safe
from ..errors import InputError
from ..images.written import write_image
from .segmentation import Segmentation
from .slicer_file import add_segments

__all__ = ["SUFFIXES", "check_place", "write_segmentation"]

SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha")


@c_numbers()
def write_segmentation(
    segmentation: Segmentation,
    labels: str | Path,
    confidence: str | Path | None = None,
    names: str | Path | None = None,
    share: bool = False,
) -> None:
    """Write a segmentation; each file is there completely or not at all.

    Args:
        segmentation: what to write.
        labels: file of the labels. With the suffix ``.seg.nrrd`` 3D Slicer opens it as a
            segmentation whose segments have their names.
        confidence: file of the probabilities of the labels.
        names: JSON file ``{label number: name}``.
        share: False: the files are for their owner alone (0600); True: for those whom the umask
            tells.

    Raises:
        InputError: for a place or suffix that cannot be written to, or when there is no confidence.
    """
    jobs: list[tuple[Path, Callable[[Path], object]]] = []
    image = segmentation.labels
    check_place(labels)
    if str(labels).lower().endswith(".seg.nrrd"):
        image = add_segments(image, dict(segmentation.names))
    jobs.append((Path(labels), lambda path: write_image(image, path)))
    if confidence is not None:
        probabilities = segmentation.confidence
        if probabilities is None:
            raise InputError(f"cannot write {confidence}: these labels have no confidence")
        check_place(confidence)
        jobs.append((Path(confidence), lambda path: write_image(probabilities, path)))
    if names is not None:
        check_place(names, (".json",))
        entries = {str(number): name for number, name in segmentation.names.items()}
        text = json_safe(json.dumps(entries, indent=2, ensure_ascii=False)) + "\n"
        jobs.append((Path(names), lambda path: path.write_text(text, encoding="utf-8")))
    for target, write in jobs:
        _write(target, write, not share)


def check_place(path: str | Path, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        InputError: for another suffix, or a folder that does not exist.
    """
    path = Path(path)
    if not path.name.lower().endswith(tuple(suffixes)):
        raise InputError(f"cannot write {path}: the name must end in {' or '.join(suffixes)}")
    if not os.path.isdir(path.parent):  # noqa: PTH112 (False also for a name that cannot be)
        raise InputError(f"cannot write {path}: the folder does not exist; create it first")
    _outputs.check_place(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; name a file")


def _write(target: Path, write: Callable[[Path], object], private: bool) -> None:
    try:
        with _outputs.whole_file(target, private=private) as new:
            write(new)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"cannot write {target}: {reason[:200]}") from error
