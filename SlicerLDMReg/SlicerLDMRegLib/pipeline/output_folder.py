"""The folder of the results: its files, and checks of it before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .._outputs import check_place, is_work_folder, recover
from .._small_files import DamagedFile, read_json
from ..errors import InputError
from ..images.selection import is_there, split_path

if TYPE_CHECKING:
    from .request import RegistrationRequest

__all__ = ["OWN_FILES", "REPORT", "check_inputs_outside", "check_output", "check_output_directory"]

#: A folder that holds this file was written by LDMReg and may be replaced by it.
REPORT = "report.json"
#: Everything that is written; the report is the last one, for it says that the folder is complete.
OWN_FILES = (
    "warped.nrrd",
    "warped_labels.nrrd",
    "moving.nrrd",
    "transform.h5",
    "inverse.h5",
    "compact.h5",
    "jacobian.nrrd",
    "folds.nrrd",
    "uncertainty.nrrd",
    "overview.png",
    "report.html",
    "report.pdf",
    REPORT,
)
_MOST_BYTES = 100_000_000  # of a report
_NAMED = ("label_names", "segmenter")
_SOURCES = (
    "fixed", "moving", "fixed_labels", "moving_labels", "fixed_landmarks", "moving_landmarks",
    "fixed_segmentation", "fixed_mask", "moving_mask", "initial_transform", "model", *_NAMED,
)  # fmt: skip


def check_output(request: RegistrationRequest) -> Path | None:
    """Check the folder in which a request wants its results, before anything is computed.

    Returns:
        Its absolute path, None where the request wants none.

    Raises:
        InputError: when it cannot be written, holds files of others, or an input of the request.
    """
    if request.output is None:
        return None
    target = check_output_directory(Path(request.output))
    values = (getattr(request, name) for name in _SOURCES)
    check_inputs_outside(target, [value for value in values if isinstance(value, str)])
    return target


def check_output_directory(target: Path) -> Path:
    """Check that results may be written to a folder; end what a killed run began there.

    Returns:
        Its absolute path.

    Raises:
        InputError: when it is a file, cannot be written, or holds files that LDMReg did not write.
    """
    target = check_place(target, inner=max(OWN_FILES, key=len))
    real = Path(os.path.realpath(target))
    recover(real.parent)
    if not is_there(real):
        return target
    if not real.is_dir():
        raise InputError(f"output: {target} is a file; name a folder")
    recover(real)
    try:
        names = {entry.name for entry in real.iterdir() if not is_work_folder(entry.name)}
    except OSError as error:
        raise InputError(f"output: {target} cannot be read ({error.strerror})") from error
    foreign = sorted(names - set(OWN_FILES))
    if names and (foreign or not _is_report(real / REPORT)):
        shown = _shown(foreign or sorted(names))
        raise InputError(
            f"output: {target} holds files that are not results of LDMReg ({shown}); "
            "name another folder"
        )
    return target


def check_inputs_outside(target: Path, sources: Iterable[str]) -> None:
    """Check that no input would be replaced by the results.

    Args:
        target: the folder of the results.
        sources: paths of the inputs as the user gave them; what is no path is passed over.

    Raises:
        InputError: for one in the folder, or whose link leads into it.
    """
    folders = {Path(os.path.abspath(target)), Path(os.path.realpath(target))}  # noqa: PTH100
    for source in sources:
        path = _file_of(source)
        if path is None:
            continue
        places = {Path(os.path.abspath(path)), Path(os.path.realpath(path))}  # noqa: PTH100
        if any(
            folder == place or folder in place.parents for folder in folders for place in places
        ):
            raise InputError(
                f"output: {target} holds the input {source}, which the results would replace; "
                "name another folder"
            )


def _file_of(source: str) -> Path | None:
    """Return the file or folder of a source; None for one that is none, such as ``auto``."""
    try:
        path = split_path(Path(source).expanduser())[0]
    except RuntimeError:
        return None
    if is_there(path):
        return path
    # A series of a DICOM folder: FOLDER/SERIES_UID.
    return path.parent if len(path.parts) > 1 and is_there(path.parent) else None


def _is_report(path: Path) -> bool:
    try:
        return "ldmreg_version" in read_json(path, _MOST_BYTES)
    except (DamagedFile, TypeError):
        return False


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
