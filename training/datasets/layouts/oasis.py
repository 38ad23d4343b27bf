"""OASIS: brain MR of 414 subjects with 35 structures, in the three layouts that are around."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.text import FREESURFER35

from .data_set import DataSet, Pairing, Scan
from .learn2reg import find_learn2reg
from .preparation import unit_range
from .reading import check_labels, read_pair_of_files
from .restricted_pickle import read_arrays
from .splits import ordered_pairs

__all__ = ["OASIS"]

_HELD_OUT = 20  # subjects of the 19 consecutive pairs
_PAIR = re.compile(r"p_(\d+)_(\d+)\.pkl")
_NEURITE = ("aligned_norm.nii.gz", "aligned_seg35.nii.gz")


class OASIS(DataSet):
    """OASIS as of neurite, of Learn2Reg 2021, or as pickles of TransMorph.

    ``OASIS_OAS1_0001_MR1/{aligned_norm,aligned_seg35}.nii.gz``;
    ``imagesTr/OASIS_0001_0000.nii.gz`` with ``labelsTr`` and ``OASIS_dataset.json``;
    ``All/subject_1.pkl`` (image, labels) and ``Test/p_0438_0439.pkl`` (moving, fixed, their
    labels).
    """

    name, title, dimension = "oasis", "OASIS", 3
    # The labels 1 to 35 are FreeSurfer's in ascending order.
    labels: ClassVar[Mapping[int, str]] = {
        row: name for row, name in enumerate(FREESURFER35.values(), start=1)
    }
    published: ClassVar[Mapping[str, int]] = {"train": 394, "validation": 19, "test": 19}
    shared_validation = True
    kept_scans = 4
    rules = (
        "394 subjects train: an epoch has as many random ordered pairs of two of them",
        "19 pairs of consecutive subjects are validation and test, as in Learn2Reg, whose test "
        "labels are not public: those of OASIS_dataset.json, or of the last 20 subjects, the "
        "first of two fixed; of pickles, p_FIXED_MOVING holds moving and fixed in this order",
        "who chooses the best weights by these pairs cannot measure with them: the recipes take "
        "the last",
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return (
            next(root.glob("OASIS_*_MR*"), None) is not None
            or next(root.glob("**/subject_*.pkl"), None) is not None
            or any((b / "imagesTr").is_dir() and any((b / "imagesTr").glob("OASIS_*"))
                   for b in (root, root / "OASIS"))
        )  # fmt: skip

    @property
    def epoch(self) -> int:
        return len(self.subjects("train"))

    def _find(self) -> dict[str, list[Pairing]]:
        #: By key: files of image and labels, or one pickle with the places of both in it.
        self._files: dict[str, tuple[Path, Path]] = {}
        self._pickles: dict[str, tuple[Path, tuple[int, int, int]]] = {}
        for find in (self._learn2reg, self._neurite, self._pickled):
            found = find()
            if found is not None:
                train, held_out = found
                break
        else:
            raise InputError(
                f"{self.root}: expected OASIS_*_MR1 folders, imagesTr/OASIS_*.nii.gz or "
                "subject_*.pkl, got none of them"
            )
        return {
            "train": [
                Pairing(f"{moving}-{fixed}", fixed, moving, (moving, fixed))
                for moving, fixed in ordered_pairs(train)
            ],
            "validation": held_out,
            "test": held_out,
        }

    def _neurite(self) -> tuple[list[str], list[Pairing]] | None:
        folders = sorted(f for f in self.root.glob("OASIS_*_MR*") if f.is_dir())
        if not folders:
            return None
        for folder in folders:
            self._add(folder.name, *(folder / name for name in _NEURITE))
        return self._consecutive()

    def _learn2reg(self) -> tuple[list[str], list[Pairing]] | None:
        folder = find_learn2reg(self.root, "OASIS")
        if folder is None:
            return None
        for key, image in folder.images.items():
            if image.parent.name == "imagesTr":
                self._add(key, image, folder.beside(key, "labels"))
        if folder.validation is None:
            return self._consecutive()
        held_out = []
        for fixed, moving in folder.validation:
            if fixed in self._files and moving in self._files:
                held_out.append(Pairing(f"{moving}-{fixed}", fixed, moving, (moving, fixed)))
            else:
                self.missing.append(f"pair {fixed}, {moving} of OASIS_dataset.json: no such images")
        both = {scan for pair in folder.validation for scan in pair}
        return [key for key in sorted(self._files) if key not in both], held_out

    def _pickled(self) -> tuple[list[str], list[Pairing]] | None:
        files = sorted(self.root.glob("**/*.pkl"))
        pairs = [(file, match) for file in files if (match := _PAIR.fullmatch(file.name))]
        single = {
            int(file.stem.rpartition("_")[2]): file
            for file in files
            if re.fullmatch(r"subject_\d+\.pkl", file.name)
        }
        if not single:
            return None
        held_out, numbers = [], set()
        for file, match in pairs:
            fixed, moving = f"{file.stem}:fixed", f"{file.stem}:moving"
            self._pickles[moving], self._pickles[fixed] = (file, (4, 0, 2)), (file, (4, 1, 3))
            subjects = (match[1], match[2])
            numbers |= {int(s) for s in subjects}
            held_out.append(Pairing(file.stem, fixed, moving, subjects))
        if not pairs:
            self.missing.append(f"pairs: there is no file p_*.pkl below {self.root}")
        train = []
        for number, file in sorted(single.items()):
            if number not in numbers:
                self._pickles[f"{number:04d}"] = file, (2, 0, 1)
                train.append(f"{number:04d}")
        return train, held_out

    def _add(self, key: str, image: Path, labels: Path) -> None:
        if self._are_there(key, (image, labels)):
            self._files[key] = image, labels

    def _consecutive(self) -> tuple[list[str], list[Pairing]]:
        keys = sorted(self._files)
        # Of a part of the data, too, pairs and subjects to train with are left.
        count = min(_HELD_OUT, max(2, len(keys) // 3))
        train, last = keys[:-count], keys[-count:]
        return train, [
            Pairing(f"{moving}-{fixed}", fixed, moving, (moving, fixed))
            for fixed, moving in pairwise(last)
        ]

    def _read(self, scan: str) -> Scan:
        if scan in self._pickles:
            file, (count, image_at, labels_at) = self._pickles[scan]
            arrays = read_arrays(file, (count,))
            image = arrays[image_at].squeeze().astype(np.float32)
            numbers = check_labels(arrays[labels_at].squeeze(), self.labels, file)
            if image.ndim != 3 or image.shape != numbers.shape:
                raise InputError(
                    f"{file}: expected an image and labels of one 3D size, got {image.shape} and "
                    f"{numbers.shape}"
                )
            # Arrays of pickles are indexed x, y, z as nibabel's; ours z, y, x.
            image, numbers = (np.ascontiguousarray(a.transpose(2, 1, 0)) for a in (image, numbers))
            return Scan(_in_unit_range(image, file), numbers, _millimetres(image.shape))
        file, label_file = self._files[scan]
        image, numbers, geometry = read_pair_of_files(file, label_file, self.labels)
        return Scan(_in_unit_range(image, file), numbers, geometry)


def _in_unit_range(image: np.ndarray, source: Path) -> np.ndarray:
    """Return an image as it is, if it is normalised, as the published files are."""
    if image.min() >= 0 and 0.5 <= image.max() <= 1:
        return image
    return unit_range(image, source)


def _millimetres(shape: tuple[int, ...]) -> ImageGeometry:
    return ImageGeometry(shape[::-1], (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
