"""Lung CT of Learn2Reg: exhale and inhale of 20 patients, lung masks and keypoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry

from .data_set import DataSet, Pairing, Scan
from .learn2reg import find_learn2reg
from .preparation import window
from .reading import read_pair_of_files, read_text_lines, read_volume
from .splits import in_order

__all__ = ["LungCT", "read_keypoints"]

_WINDOW = (-1000.0, 500.0)  # HU: air to contrasted vessels; the papers do not say
_CASE = re.compile(r"case_(\d+)_exp\.nii\.gz")


class LungCT(DataSet):
    """Lung CT as of Learn2Reg 2022, or as of Zenodo 3835682.

    ``imagesTr/LungCT_0001_0000.nii.gz`` (exhale, fixed) and ``..._0001.nii.gz`` (inhale, moving)
    with ``masksTr`` or ``labelsTr``, ``keypointsTr/LungCT_0001_0000.csv`` and
    ``LungCT_dataset.json``; or ``scans/case_001_exp.nii.gz`` and ``..._insp.nii.gz`` with
    ``lungMasks`` and ``keypoints/case_001.csv``.
    """

    name, title, dimension = "lung-ct", "Learn2Reg lung CT", 3
    labels: ClassVar[Mapping[int, str]] = {1: "lung"}
    rules = (
        "moving inspiration, fixed expiration",
        "with LungCT_dataset.json its registration_val is validation and test, for the landmarks "
        "of the challenge's own test are not public, and the others train; without it the first 15 "
        "of 20 train, the next 2 validate, the last 3 test",
        "intensities are clipped to -1000 to 500 HU",
        "keypoints are voxels x, y, z of their image, and become mm on the lattice of the fixed",
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return any(
            next(root.glob(pattern), None) is not None
            for pattern in (
                *(f"{base}imagesTr/LungCT_*.nii.gz" for base in ("", "LungCT/")),
                *(f"{base}scans/case_*_exp.nii.gz" for base in ("", "training/")),
            )
        )

    def _find(self) -> dict[str, list[Pairing]]:
        #: By key: image, mask, keypoints and the columns of these.
        self._files: dict[str, tuple[Path, Path | None, Path | None, slice]] = {}
        folder = find_learn2reg(self.root, "LungCT")
        if folder is None:
            cases = self._zenodo()
            splits = in_order(cases, (15, 2, 3))
        else:
            cases = []
            for key in (k for k in folder.images if k.endswith("_0000")):
                case = key.partition("_")[0]
                if self._add(
                    case,
                    *(
                        (
                            folder.images.get(f"{case}_{phase}"),
                            [
                                folder.root / f"{kind}Tr" / f"LungCT_{case}_{phase}.nii.gz"
                                for kind in ("masks", "labels")
                            ],
                            folder.root / "keypointsTr" / f"LungCT_{case}_{phase}.csv",
                        )
                        for phase in ("0000", "0001")
                    ),
                ):
                    cases.append(case)
            named = {fixed.partition("_")[0] for fixed, _ in folder.validation or ()}
            held_out = [case for case in cases if case in named]
            if held_out:
                splits = {
                    "train": [case for case in cases if case not in named],
                    "validation": held_out,
                    "test": held_out,
                }
                self.shared_validation = True
            else:
                splits = in_order(cases, (15, 2, 3))
        return {
            split: [Pairing(case, f"{case}_exp", f"{case}_insp", (case,)) for case in own]
            for split, own in splits.items()
        }

    def _zenodo(self) -> list[str]:
        base = next(
            (b for b in (self.root, self.root / "training") if (b / "scans").is_dir()), None
        )
        if base is None:
            raise InputError(
                f"{self.root}: expected imagesTr/LungCT_*.nii.gz or scans/case_*_exp.nii.gz, got "
                "none of them"
            )
        cases = []
        for file in sorted((base / "scans").glob("case_*_exp.nii.gz")):
            match = _CASE.fullmatch(file.name)
            if match is None:
                continue
            phases = []
            for number, phase in enumerate(("exp", "insp")):
                stem = f"case_{match[1]}_{phase}.nii.gz"
                image = base / "scans" / stem
                columns = slice(3 * number, 3 * number + 3)
                phases.append(
                    (
                        image if image.is_file() else None,
                        [base / "lungMasks" / stem],
                        base / "keypoints" / f"case_{match[1]}.csv",
                        columns,
                    )
                )
            if self._add(match[1], *phases):
                cases.append(match[1])
        return cases

    def _add(self, case: str, *phases: tuple) -> bool:  # type: ignore[type-arg]
        for phase, (image, masks, keypoints, *columns) in zip(("exp", "insp"), phases, strict=True):
            if image is None:
                self.missing.append(f"case {case}: there is no {phase}iration scan")
                return False
            mask = next((m for m in masks if m.is_file()), None)
            points = keypoints if keypoints.is_file() else None
            where = columns[0] if columns else slice(0, 3)
            self._files[f"{case}_{phase}"] = image, mask, points, where
        return True

    def _read(self, scan: str) -> Scan:
        file, mask, keypoints, columns = self._files[scan]
        labels: np.ndarray | None = None
        if mask is None:
            image, geometry = read_volume(file)
        else:
            image, labels, geometry = read_pair_of_files(file, mask, self.labels)
        points = None if keypoints is None else read_keypoints(keypoints, columns, geometry)
        return Scan(window(image, *_WINDOW), labels, geometry, points)


def read_keypoints(path: Path, columns: slice, geometry: ImageGeometry) -> np.ndarray:
    """Read keypoints, voxels x, y, z without a header, as LPS mm ``(N, 3)``.

    Args:
        path: of the CSV file.
        columns: of the scan, of a file with both.
        geometry: of the image.

    Raises:
        InputError: when it does not hold such numbers, or points outside of the image.
    """
    rows = []
    for number, line in enumerate(read_text_lines(path), start=1):
        if not line.strip():
            continue
        try:
            values = [float(value) for value in line.split(",")]
            if len(values) not in (3, 6) or len(values[columns]) != 3:
                raise ValueError
        except ValueError:
            raise InputError(
                f"{path}, line {number}: expected voxels x, y, z of each scan, got {line!r}"
            ) from None
        rows.append(values[columns])
    points = np.array(rows, float).reshape(-1, 3)
    if not len(points) or (points < -0.5).any() or (points > np.array(geometry.size) - 0.5).any():
        raise InputError(
            f"{path}: expected points inside of {geometry.size} voxels, got "
            f"{f'{len(points)} from {points.min(0)} to {points.max(0)}' if len(points) else 'none'}"
        )
    return geometry.index_to_physical(points)
