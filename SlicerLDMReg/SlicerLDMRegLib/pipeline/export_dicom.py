"""Results of a registration as DICOM: a series of the warped image, and the deformation."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from .._outputs import whole_folder
from .._small_files import DamagedFile, read_json
from .._version import __version__
from ..displacement import DisplacementField
from ..errors import InputError
from ..exchange.dicom import (
    DicomContext,
    new_context,
    read_context,
    write_deformation,
    write_derived_series,
)
from .output_folder import REPORT

__all__ = ["IMAGES", "OBJECT", "ExportedDicom", "export_dicom", "write_dicom"]

#: Folder of the slices, and file of the deformation, in the folder that is written.
IMAGES, OBJECT = "warped", "deformation.dcm"
_MOST_BYTES = 100_000_000  # of a report
Source = str | Path | Sequence[Path]


@dataclass(frozen=True)
class ExportedDicom:
    """Files that were written.

    Attributes:
        folder: in which they are.
        slices: number of files of the warped image; 0: it was not written.
        deformation: whether there is an object of the deformation.
        notes: what there is to say of them.
    """

    folder: Path
    slices: int
    deformation: bool
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The files that were written, in one line."""
        count = "1 slice" if self.slices == 1 else f"{self.slices} slices"
        parts = [count] if self.slices else []
        parts += ["the deformation"] if self.deformation else []
        return f"{self.folder}: {' and '.join(parts)}"


def export_dicom(
    results: str | Path,
    folder: str | Path,
    fixed: Source | None = None,
    moving: Source | None = None,
    share: bool = False,
) -> ExportedDicom:
    """Write the results in a folder of a registration as DICOM.

    Args:
        results: the output folder of a registration, with ``warped.nrrd`` and ``transform.h5``.
        folder: a new folder; it holds ``warped/0001.dcm`` ... and ``deformation.dcm`` then.
        fixed, moving: DICOM series of the images, from which patient, study, frame of reference and
            sources come; None: those that were registered, where they were DICOM.
        share: False: the files, which hold patients' images, are for their owner alone.

    Raises:
        InputError: for a folder without results, one that exists, series that cannot be read, or 2D
            results with series: they have lost the place of their slices.
    """
    place = Path(results).expanduser()
    try:
        report = read_json(place / REPORT, _MOST_BYTES)
        warped = sitk.ReadImage(str(place / "warped.nrrd"))
        field = DisplacementField.read(place / "transform.h5")
    except (DamagedFile, RuntimeError, OSError) as error:
        raise InputError(f"{place}: expected the results of a registration ({error})") from error
    provenance = report.get("provenance") if isinstance(report, dict) else None
    provenance = provenance if isinstance(provenance, dict) else {}
    inputs = provenance.get("inputs")
    sources = []
    for role, given in (("fixed", fixed), ("moving", moving)):
        entry = inputs.get(role) if isinstance(inputs, dict) else None
        path = entry.get("path") if isinstance(entry, dict) else None
        sources.append(given if given is not None else _if_dicom(path))
    model = provenance.get("model")
    details = _details(str(model.get("id")) if isinstance(model, dict) else "none")
    return write_dicom(warped, field, folder, sources[0], sources[1], details, share)


def write_dicom(
    warped: sitk.Image | None,
    field: DisplacementField | None,
    folder: str | Path,
    fixed: Source | None,
    moving: Source | None,
    details: str = "",
    share: bool = False,
) -> ExportedDicom:
    """Write a warped image and a field as DICOM, all of it or nothing.

    Args:
        warped: on the lattice of the fixed image; None: is left out. What is 2D lies in the plane
            z = 0 of a new frame of reference, as Slicer shows it.
        field: fixed to moving points; None: is left out.
        folder, fixed, moving, share: see :func:`export_dicom`; None as a series: there is none.
        details: how the results came about.

    Raises:
        InputError: see :func:`export_dicom`.
    """
    target = Path(folder).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"output: {target} exists already; name a new folder")
    if not target.parent.is_dir():
        raise InputError(f"output: the folder {target.parent} does not exist; create it first")
    is_flat = warped is not None and warped.GetDimension() == 2
    is_flat = is_flat or (field is not None and field.dimension == 2)
    if is_flat and (fixed is not None or moving is not None):
        raise InputError(
            "these results are 2D: their slices have lost their place in the patient; register the "
            "DICOM files themselves, or leave the series out"
        )
    contexts, notes = _contexts(fixed, moving)
    if is_flat:
        notes = (*notes, "the images are 2D: they lie in the plane z = 0 of that frame")
        warped = None if warped is None else sitk.JoinSeries([warped])
        field = None if field is None else field.to_3d()
    description = "Warped by LDMReg"
    try:
        with whole_folder(target, private=not share) as new:
            slices = 0
            if warped is not None:
                (new / IMAGES).mkdir()
                paths = write_derived_series(warped, new / IMAGES, *contexts, description, details)
                slices = len(paths)
            if field is not None:
                title = "Deformation by LDMReg"
                write_deformation(field, new / OBJECT, *contexts, title, details)
    except OSError as error:
        raise InputError(f"output: {target} cannot be written: {error}") from error
    return ExportedDicom(target, slices, field is not None, notes)


def _contexts(
    fixed: Source | None, moving: Source | None
) -> tuple[tuple[DicomContext, DicomContext], tuple[str, ...]]:
    """Return the contexts of both images, and what there is to say of them."""
    notes = []
    first = None if fixed is None else read_context(fixed)
    second = None if moving is None else read_context(moving)
    if first is None:
        first = new_context(second)
        notes.append(
            "the fixed image did not come from DICOM: its frame of reference is a new one"
            + ("" if second is not None else ", and so is the study; the patient has no name")
        )
    if second is None:
        second = new_context(first)
        notes.append("the moving image did not come from DICOM: no sources are named")
    elif first.patient != second.patient:
        notes.append(
            f"the images are of different patients: {first.patient or 'unknown'} (fixed, in whose "
            f"study the files lie) and {second.patient or 'unknown'} (moving)"
        )
    return (first, second), tuple(notes)


def _details(model: str) -> str:
    return (
        f"Registered to the fixed image by LDMReg {__version__}, model {model}; linear resampling"
    )


def _if_dicom(path: Any) -> str | None:
    """Return the path of an image that was registered where it is DICOM and still there."""
    if not isinstance(path, str):
        return None
    with contextlib.suppress(InputError, OSError, ImportError):
        read_context(path)
        return path
    return None
