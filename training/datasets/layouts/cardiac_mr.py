"""Prepared pairs of cine MR, which the cardiac model is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from SlicerLDMRegLib.errors import InputError

from ..cardiac_mr import CardiacMRDataset, group_of, patient_of, split_patients
from .data_set import DataSet, Pairing, Scan
from .reading import check_labels

__all__ = ["CardiacMR"]


class CardiacMR(DataSet):
    """``<patient>_s<slice>.npz``, written by ``ldmreg-train data cardiac-mr``."""

    name, title, dimension = "cardiac-mr", "Cine MR of the Sunnybrook Cardiac Data, prepared", 2
    labels: ClassVar[Mapping[int, str]] = {1: "left ventricular cavity"}
    published: ClassVar[Mapping[str, int]] = {"train": 40, "validation": 8, "test": 12}
    rules = (
        "fixed end-diastole, moving end-systole",
        "the last patients of each group (HF-I, HF-NI, HYP, N) test, those before validate",
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return next(root.glob("SC-*_s*.npz"), None) is not None

    @staticmethod
    def group(subject: str) -> str:
        return group_of(subject)

    def _find(self) -> dict[str, list[Pairing]]:
        try:
            dataset = CardiacMRDataset(self.root, "all")
            parts = split_patients(patient_of(file.stem) for file in dataset.files)
        except (ValueError, FileNotFoundError) as error:
            raise InputError(str(error)) from error
        self._index = {file.stem: i for i, file in enumerate(dataset.files)}
        self._dataset = dataset
        split_of = {patient: split for split, members in parts.items() for patient in members}
        pairings: dict[str, list[Pairing]] = {split: [] for split in parts}
        for name in self._index:
            patient = patient_of(name)
            pairings[split_of[patient]].append(
                Pairing(name, f"{name}:fixed", f"{name}:moving", (patient,))
            )
        return pairings

    def _read(self, scan: str) -> Scan:
        name, _, role = scan.partition(":")
        file = self.root / f"{name}.npz"
        try:
            pair = self._dataset[self._index[name]]
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{file}: cannot be read ({error}); get the file again") from error
        image, labels = getattr(pair, role), getattr(pair, f"{role}_labels")
        return Scan(image, check_labels(labels, self.labels, file))
