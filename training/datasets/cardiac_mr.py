"""Cine cardiac MR pairs of the Sunnybrook Cardiac Data (CC0; Radau et al. 2009), split by patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["SPLITS", "CardiacMRDataset", "CardiacPair", "split_patients"]

SPLITS = ("train", "validation", "test")

#: Patients of each group (ischaemic heart failure, other heart failure, hypertrophy, normal) that
#: choose the checkpoint, and that are never seen before the final table.
_VALIDATION = {"HF-I": 1, "HF-NI": 1, "HYP": 1, "N": 1}
_TEST = {"HF-I": 2, "HF-NI": 2, "HYP": 1, "N": 1}


@dataclass(frozen=True)
class CardiacPair:
    """End-diastole (fixed) and end-systole (moving) of one slice.

    Attributes:
        name: patient and slice, for example ``SC-HF-I-01_s05``.
        fixed, moving: ``(H, W)`` float32 in [0, 1], stretched per image.
        fixed_labels, moving_labels: ``(H, W)`` uint8, 1 = left ventricular cavity.
    """

    name: str
    fixed: np.ndarray
    moving: np.ndarray
    fixed_labels: np.ndarray
    moving_labels: np.ndarray

    @property
    def patient(self) -> str:
        """Name of the patient, without the slice."""
        return self.name.split("_s")[0]


def split_patients(patients: Sequence[str]) -> dict[str, list[str]]:
    """Split patients into train, validation and test, each group represented in all of them.

    The split depends on the names alone: sorted within their group, the last ones are tested and
    those before them validate.

    Raises:
        ValueError: when a group is unknown or too small.
    """
    split: dict[str, list[str]] = {name: [] for name in SPLITS}
    groups: dict[str, list[str]] = {}
    for patient in sorted(set(patients)):
        groups.setdefault(patient.removeprefix("SC-").rsplit("-", 1)[0], []).append(patient)
    for group, members in groups.items():
        if group not in _TEST:
            raise ValueError(f"unknown patient group {group!r}; expected one of {sorted(_TEST)}")
        test, validation = _TEST[group], _VALIDATION[group]
        if len(members) <= test + validation:
            raise ValueError(f"group {group!r} has {len(members)} patients, too few to split")
        split["test"] += members[-test:]
        split["validation"] += members[-test - validation : -test]
        split["train"] += members[: -test - validation]
    return split


class CardiacMRDataset(Sequence[CardiacPair]):
    """The pairs of one split.

    Args:
        root: folder with ``SC-*_s*.npz``, keys fixed, moving, fixed_seg, moving_seg.
        split: ``"train"``, ``"validation"`` or ``"test"``.

    Raises:
        FileNotFoundError: when the folder holds no such file.
        ValueError: for an unknown split.
    """

    def __init__(self, root: str | Path, split: str) -> None:
        files = sorted(Path(root).glob("SC-*_s*.npz"))
        if not files:
            raise FileNotFoundError(f"no SC-*_s*.npz in {root}; expected the cardiac MR pairs there")
        if split not in SPLITS:
            raise ValueError(f"split must be one of {SPLITS}, got {split!r}")
        patients = split_patients([f.stem.split("_s")[0] for f in files])[split]
        self.files = [f for f in files if f.stem.split("_s")[0] in patients]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> CardiacPair:  # type: ignore[override]
        with np.load(self.files[index]) as data:
            return CardiacPair(
                self.files[index].stem,
                _stretched(data["fixed"]),
                _stretched(data["moving"]),
                data["fixed_seg"].astype(np.uint8),
                data["moving_seg"].astype(np.uint8),
            )

    def __iter__(self) -> Iterator[CardiacPair]:
        return (self[i] for i in range(len(self)))


def _stretched(image: np.ndarray) -> np.ndarray:
    image = image.astype(np.float32)
    return (image - image.min()) / (image.max() - image.min())
