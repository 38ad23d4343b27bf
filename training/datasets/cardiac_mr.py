"""Pairs of cine MR slices of the Sunnybrook Cardiac Data, split by patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = [
    "SPLITS",
    "CardiacMRDataset",
    "CardiacMRPair",
    "group_of",
    "patient_of",
    "split_patients",
]

SPLITS = ("train", "validation", "test")

# Numbers of validation and test patients of each diagnostic group (heart failure with and without
# infarction, hypertrophy, normal); of 8, 8, 8 and 6 patients, 20 remain for training.
_VALIDATION = {"HF-I": 1, "HF-NI": 1, "HYP": 1, "N": 1}
_TEST = {"HF-I": 2, "HF-NI": 2, "HYP": 1, "N": 1}


@dataclass(frozen=True)
class CardiacMRPair:
    """Slice at end-diastole (fixed) and end-systole (moving).

    Attributes:
        name: file name without suffix, e.g. ``SC-HF-I-01_s05``.
        fixed: ``(H, W)`` float32, stretched to [0, 1].
        moving: ``(H, W)`` float32, stretched to [0, 1].
        fixed_labels: ``(H, W)`` uint8, 1 = left ventricular cavity.
        moving_labels: ``(H, W)`` uint8, 1 = left ventricular cavity.
    """

    name: str
    fixed: np.ndarray
    moving: np.ndarray
    fixed_labels: np.ndarray
    moving_labels: np.ndarray


def patient_of(name: str) -> str:
    """Return the patient of a pair: ``SC-HF-I-01`` for ``SC-HF-I-01_s05``."""
    return name.rsplit("_s", 1)[0]


def group_of(patient: str) -> str:
    """Return the diagnostic group of a patient: ``HF-I`` for ``SC-HF-I-01``."""
    return patient.removeprefix("SC-").rsplit("-", 1)[0]


def split_patients(patients: Iterable[str]) -> dict[str, list[str]]:
    """Split patients into train, validation and test, stratified by group (HF-I, HF-NI, HYP, N).

    In the sorted list of a group the last patients are for testing, the ones before for validation:
    the split depends on the names alone.

    Args:
        patients: patient names such as ``SC-HF-NI-03``; the order does not matter.

    Returns:
        Sorted patient names for "train", "validation" and "test".

    Raises:
        ValueError: for an unknown group, or a group too small for all parts.
    """
    groups: dict[str, list[str]] = {group: [] for group in _TEST}
    for patient in sorted(set(patients)):
        group = group_of(patient)
        if group not in groups:
            raise ValueError(
                f"expected a name such as SC-HF-I-01 of {', '.join(groups)}, got {patient!r}"
            )
        groups[group].append(patient)
    parts: dict[str, list[str]] = {name: [] for name in SPLITS}
    for group, members in groups.items():
        held_out = _VALIDATION[group] + _TEST[group]
        if len(members) <= held_out:
            raise ValueError(
                f"expected more than {held_out} patients of group {group}, got {len(members)}; "
                "is the data folder complete?"
            )
        end, start = len(members) - _TEST[group], len(members) - held_out
        parts["train"] += members[:start]
        parts["validation"] += members[start:end]
        parts["test"] += members[end:]
    return {name: sorted(members) for name, members in parts.items()}


class CardiacMRDataset:
    """Pairs of one split, in the order of their names.

    Args:
        root: folder of ``<patient>_s<slice>.npz`` files with keys ``fixed``, ``moving``,
            ``fixed_seg`` and ``moving_seg``.
        split: "train", "validation", "test" or "all".

    Raises:
        FileNotFoundError: when the folder has no such file.
        ValueError: for an unknown split, or see :func:`split_patients`.
    """

    def __init__(self, root: str | Path, split: str) -> None:
        if split not in (*SPLITS, "all"):
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, all; got {split!r}")
        files = sorted(Path(root).glob("*_s*.npz"))
        if not files:
            raise FileNotFoundError(f"no <patient>_s<slice>.npz file in {root}")
        if split != "all":
            patients = set(split_patients(patient_of(f.stem) for f in files)[split])
            files = [f for f in files if patient_of(f.stem) in patients]
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> CardiacMRPair:
        with np.load(self.files[index]) as data:
            return CardiacMRPair(
                name=self.files[index].stem,
                fixed=_stretch(data["fixed"]),
                moving=_stretch(data["moving"]),
                fixed_labels=data["fixed_seg"],
                moving_labels=data["moving_seg"],
            )

    def __iter__(self) -> Iterator[CardiacMRPair]:
        return (self[i] for i in range(len(self)))


def _stretch(image: np.ndarray) -> np.ndarray:
    values = image.astype(np.float32)
    return (values - values.min()) / max(float(np.ptp(values)), 1.0)
