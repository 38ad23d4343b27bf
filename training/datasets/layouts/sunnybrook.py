"""Sunnybrook Cardiac Data from the originals: DICOM and contour files (Radau et al., 2009)."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import read_image

from ..cardiac_mr import split_patients
from .data_set import DataSet, Pairing, Scan
from .polygons import polygon_area, polygon_mask
from .preparation import FRAME, unit_range
from .reading import plane, read_text_lines
from .splits import in_order

__all__ = ["Sunnybrook", "write_pairs"]

_PHASES = 20  # of a heart beat in all series, where the files do not tell (0018,1090)
_SLICES = 2  # of each patient, as in cardiac_mr
_CONTOUR = re.compile(r"IM-\d+-(\d+)-icontour-manual\.txt", re.IGNORECASE)
_IMAGE = re.compile(r"IM[-_](\d+)[-_](\d+)\.dcm", re.IGNORECASE)
_PATIENT = re.compile(r"SC-(HF-I|HF-NI|HYP|N)-0*(\d+)", re.IGNORECASE)


class Sunnybrook(DataSet):
    """Short-axis pairs of end-diastole (fixed) and end-systole (moving), left ventricle outlined.

    ``**/SC-HF-I-1/contours-manual/**/IM-0001-0048-icontour-manual.txt`` are the outlines;
    ``**/SC-HF-I-1/**/IM-0004-0048.dcm`` the images, or ``**/SCD0000101/**/IM-0003-0048.dcm`` with
    the names of the patients in ``scd_patientdata.csv``.
    """

    name, title, dimension = "sunnybrook", "Sunnybrook Cardiac Data", 2
    labels: ClassVar[Mapping[int, str]] = {1: "left ventricular cavity"}
    rules = (
        "fixed end-diastole, moving end-systole: of the two outlined phases the one with the "
        "larger sum of areas, and the other",
        "images and outlines belong together by the number of the frame; of several series that "
        "have all outlined frames the first, unless series.csv (patient,series) names another",
        "of each patient the slices at one and at two thirds of those with both outlines",
        "128 x 128 pixels around the middle of the outlines, each image stretched to [0, 1]",
        "the last patients of each group (HF-I, HF-NI, HYP, N) test, those before validate",
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return next(root.glob("**/*-icontour-manual.txt"), None) is not None

    def _find(self) -> dict[str, list[Pairing]]:
        #: By key: DICOM file, contour file, contour files that say where the heart is.
        self._files: dict[str, tuple[Path, Path, tuple[Path, Path]]] = {}
        images = self._images()
        chosen = self._chosen_series()
        by_patient: dict[str, list[Pairing]] = {}
        for patient, contours in sorted(self._contours().items()):
            frames = images.get(patient)
            if frames is None:
                self.missing.append(f"{patient}: there is no DICOM file of this patient")
                continue
            series = _series(frames, contours, chosen.get(patient))
            if series is None:
                self.missing.append(
                    f"{patient}: no series has all frames with outlines, up to {max(contours)}; "
                    f"there are {', '.join(sorted(frames))}"
                )
                continue
            by_patient[patient] = self._pairs(patient, frames[series], contours)
        names = [patient for patient, own in by_patient.items() if own]
        try:
            parts = split_patients(names)
        except ValueError:
            parts = in_order(names, (20, 4, 6))
        return {split: [p for own in members for p in by_patient[own]]
                for split, members in parts.items()}  # fmt: skip

    def _contours(self) -> dict[str, dict[int, Path]]:
        found: dict[str, dict[int, Path]] = {}
        for file in sorted(self.root.glob("**/*-icontour-manual.txt")):
            match, patient = _CONTOUR.fullmatch(file.name), _patient_in(file)
            if match and patient:
                found.setdefault(patient, {})[int(match[1])] = file
        return found

    def _images(self) -> dict[str, dict[str, dict[int, Path]]]:
        """Return the DICOM files by patient, series and number."""
        aliases = self._aliases()
        found: dict[str, dict[str, dict[int, Path]]] = {}
        for file in sorted(self.root.glob("**/*.dcm")):
            match = _IMAGE.fullmatch(file.name)
            patient = _patient_in(file) or next(
                (aliases[part] for part in file.parts if part in aliases), None
            )
            if match and patient:
                found.setdefault(patient, {}).setdefault(match[1], {})[int(match[2])] = file
        return found

    def _aliases(self) -> dict[str, str]:
        """Return the patients by the names of the Cardiac Atlas Project."""
        table = next(self.root.glob("**/scd_patientdata.csv"), None)
        if table is None:
            return {}
        aliases = {}
        for row in csv.DictReader(read_text_lines(table)):
            patient = _normalised(row.get("OriginalID") or "")
            if patient and row.get("PatientID"):
                aliases[row["PatientID"]] = patient
        return aliases

    def _chosen_series(self) -> dict[str, str]:
        table = self.root / "series.csv"
        if not table.is_file():
            return {}
        rows = csv.DictReader(read_text_lines(table))
        return {
            _normalised(row.get("patient") or "") or "": f"{int(row.get('series') or 0):04d}"
            for row in rows
        }

    def _pairs(
        self, patient: str, frames: dict[int, Path], contours: dict[int, Path]
    ) -> list[Pairing]:
        phases = _phase_count(next(iter(frames.values())))
        by_phase: dict[int, dict[int, int]] = {}
        for number in contours:
            by_phase.setdefault((number - 1) % phases, {})[(number - 1) // phases] = number
        if len(by_phase) < 2:
            self.missing.append(f"{patient}: there are outlines of one phase only")
            return []
        two = sorted(by_phase, key=lambda phase: (-len(by_phase[phase]), phase))[:2]
        area = {p: sum(polygon_area(_outline(contours[n])) for n in by_phase[p].values())
                for p in two}  # fmt: skip
        diastole, systole = sorted(two, key=lambda phase: -area[phase])
        both = sorted(set(by_phase[diastole]) & set(by_phase[systole]))
        if len(both) > _SLICES:
            both = [both[len(both) * i // (_SLICES + 1)] for i in range(1, _SLICES + 1)]
        pairings = []
        for position in both:
            numbers = by_phase[diastole][position], by_phase[systole][position]
            outlines = contours[numbers[0]], contours[numbers[1]]
            name = f"{patient}_s{position + 1:02d}"
            for phase, number in zip(("ED", "ES"), numbers, strict=True):
                self._files[f"{name}_{phase}"] = frames[number], contours[number], outlines
            pairings.append(Pairing(name, f"{name}_ED", f"{name}_ES", (patient,)))
        return pairings

    def _read(self, scan: str) -> Scan:
        file, contour, both = self._files[scan]
        image = plane(sitk.GetArrayFromImage(read_image(file)), file).astype(np.float32)
        outline = _outline(contour)
        if (outline < 0).any() or (outline > np.array(image.shape[::-1]) - 1).any():
            raise InputError(
                f"{contour}: expected points inside of {image.shape[1]} x {image.shape[0]} pixels "
                f"of {file.name}, got {outline.min(0)} to {outline.max(0)}"
            )
        labels = polygon_mask(outline, image.shape).astype(np.uint8)  # type: ignore[arg-type]
        middle = np.concatenate([_outline(one) for one in both]).mean(0)[::-1]
        image, labels = (_around(a, middle) for a in (image, labels))
        return Scan(unit_range(image, file), labels)


def write_pairs(data: Sunnybrook, folder: Path) -> int:
    """Write the pairs as ``<patient>_s<slice>.npz``, as ``cardiac-mr`` reads them; return how many.

    Raises:
        InputError: when a file of the originals cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = data.pairs("all")
    for pair in pairs:
        images = {k: np.rint(255 * getattr(pair, k)).astype(np.uint8) for k in ("fixed", "moving")}
        labels = {f"{k}_seg": getattr(pair, f"{k}_labels") for k in ("fixed", "moving")}
        np.savez_compressed(folder / f"{pair.name}.npz", **images, **labels)
    return len(pairs)


def _patient_in(file: Path) -> str | None:
    return next((p for part in reversed(file.parts[:-1]) if (p := _normalised(part))), None)


def _normalised(name: str) -> str | None:
    """Return ``SC-HF-I-01`` for ``SC-HF-I-1``; None for other names."""
    match = _PATIENT.fullmatch(name.strip())
    return f"SC-{match[1].upper()}-{int(match[2]):02d}" if match else None


def _series(
    frames: dict[str, dict[int, Path]], contours: dict[int, Path], chosen: str | None
) -> str | None:
    complete = [series for series, own in sorted(frames.items()) if set(contours) <= set(own)]
    if chosen is not None:
        return chosen if chosen in complete else None
    return complete[0] if complete else None


def _phase_count(file: Path) -> int:
    import pydicom

    try:
        header = pydicom.dcmread(file, stop_before_pixels=True)
        count = int(header.get("CardiacNumberOfImages", 0) or 0)
    except Exception as error:  # pydicom raises many kinds for a damaged file
        raise InputError(f"{file}: cannot be read as DICOM ({error}); get it again") from error
    return count if count > 1 else _PHASES


def _outline(path: Path) -> np.ndarray:
    """Read a contour file, x and y in a line, as ``(N, 2)``.

    Raises:
        InputError: when it holds anything else, or less than an outline.
    """
    points = []
    for number, line in enumerate(read_text_lines(path), start=1):
        if not line.strip():
            continue
        try:
            x, y = (float(value) for value in line.split())
        except ValueError:
            raise InputError(f"{path}, line {number}: expected x and y, got {line!r}") from None
        points.append((x, y))
    if len(points) < 3:
        raise InputError(f"{path}: expected an outline of 3 points or more, got {len(points)}")
    return np.array(points)


def _around(array: np.ndarray, middle: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return 128 x 128 pixels around a point (row, column), inside of the image where it can be."""
    out = np.zeros((FRAME, FRAME), array.dtype)
    inside, of_array = [], []
    for n, centre in zip(array.shape, middle, strict=True):
        start = int(np.clip(round(float(centre)) - FRAME // 2, 0, max(0, n - FRAME)))
        length = min(FRAME, n)
        offset = (FRAME - length) // 2
        inside.append(slice(offset, offset + length))
        of_array.append(slice(start, start + length))
    out[tuple(inside)] = array[tuple(of_array)]
    return out
