"""CAMUS: echocardiographies of 500 patients, two and four chambers (Leclerc et al., 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from .data_set import DataSet, Pairing, Scan
from .preparation import framed
from .reading import plane, read_pair_of_files
from .splits import in_order

__all__ = ["Camus2CH", "Camus4CH"]

_LABELS = {1: "left ventricle", 2: "myocardium", 3: "left atrium"}
_SUFFIXES = (".nii.gz", ".mhd")
_PLACES = ("", "database_nifti", "training")


class _Camus(DataSet):
    """One view of CAMUS, as NIfTI files or in the older layout of MetaImage files.

    ``[database_nifti/]patient0001/patient0001_2CH_ED.nii.gz`` and ``..._ED_gt.nii.gz``;
    ``[training/]patient0001/patient0001_2CH_ED.mhd``.
    """

    dimension = 2
    view: str
    labels: ClassVar[Mapping[int, str]] = _LABELS
    scored = (1,)
    published: ClassVar[Mapping[str, int]] = {"train": 400, "validation": 20, "test": 80}
    rules = (
        "moving end-diastole, fixed end-systole, as their file names say",
        "patients in the order of their names: the first 400 of 500 train, 20 validate, 80 test "
        "(LDM-Morph's released code); of fewer patients the same shares",
        "rows are stored mirrored: columns are reversed, as in the released code",
        "the Dice of the paper is that of the left ventricle",
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return any(
            next(root.glob(f"{_at(place)}patient*/*_{cls.view}_ED{suffix}"), None) is not None
            for place in _PLACES
            for suffix in _SUFFIXES
        )

    def _find(self) -> dict[str, list[Pairing]]:
        self._files: dict[str, tuple[Path, Path]] = {}
        folders = {
            folder.name: folder
            for place in _PLACES
            for folder in sorted(self.root.glob(f"{_at(place)}patient*"))
            if folder.is_dir()
        }
        complete = [name for name in sorted(folders) if self._patient(folders[name])]
        return {
            split: [
                Pairing(f"{name}_{self.view}", f"{name}_ES", f"{name}_ED", (name,))
                for name in names
            ]
            for split, names in in_order(complete, (400, 20, 80)).items()
        }

    def _patient(self, folder: Path) -> bool:
        stem = f"{folder.name}_{self.view}"
        suffix = next((s for s in _SUFFIXES if any(folder.glob(f"{stem}_E[DS]*{s}"))), _SUFFIXES[0])
        for phase in ("ED", "ES"):
            files = tuple(folder / f"{stem}_{phase}{kind}{suffix}" for kind in ("", "_gt"))
            if not self._are_there(folder.name, files):
                return False
            self._files[f"{folder.name}_{phase}"] = files
        return True

    def _read(self, scan: str) -> Scan:
        image, labels = self._files[scan]
        array, numbers, _ = read_pair_of_files(image, labels, self.labels)
        array, numbers = (plane(a, image)[:, ::-1] for a in (array, numbers))
        return Scan(*framed(np.ascontiguousarray(array), np.ascontiguousarray(numbers), image))


class Camus2CH(_Camus):
    """The two-chamber view."""

    name, title, view = "camus-2ch", "CAMUS, two chambers", "2CH"


class Camus4CH(_Camus):
    """The four-chamber view."""

    name, title, view = "camus-4ch", "CAMUS, four chambers", "4CH"


def _at(place: str) -> str:
    return f"{place}/" if place else ""
