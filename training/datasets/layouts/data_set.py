"""A data set in a folder: its scans, labels, splits and pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry

from ..evaluation import EvaluationPair
from .splits import SPLITS, in_folds

__all__ = ["DataSet", "PairSequence", "Pairing", "Scan"]


@dataclass(frozen=True)
class Scan:
    """An image as a network sees it, with its labels.

    Attributes:
        image: ``(H, W)`` or ``(D, H, W)`` float32 in [0, 1].
        labels: uint8 or uint16 of the same shape, numbers of the scheme of the data set; or None.
        geometry: the lattice; None: pixels of 1 mm.
        landmarks: ``(N, d)``, LPS mm; or None.
    """

    image: np.ndarray
    labels: np.ndarray | None = None
    geometry: ImageGeometry | None = None
    landmarks: np.ndarray | None = None


@dataclass(frozen=True)
class Pairing:
    """Two scans to register.

    Attributes:
        name: unique in its split.
        fixed: key of the fixed scan.
        moving: key of the moving scan.
        subjects: the patients that both are of, one or two.
    """

    name: str
    fixed: str
    moving: str
    subjects: tuple[str, ...]


class DataSet(ABC):
    """A folder of a known layout.

    A layout finds its scans when it is opened, from names and small text files alone, and reads an
    image when it is asked for it.

    Args:
        root: the folder.
        folds: number of the parts of a cross-validation, into which all subjects are divided
            instead of the splits of the data set; None: these splits.
        fold: the part that is tested, from 1.

    Attributes:
        missing: a line for each subject that is left out, with the file that is not there.
        pairings: by split, ``train``, ``validation``, ``test``.

    Raises:
        InputError: when the folder does not have the layout, a subject is in two splits, or its
            pairs cannot be divided.
    """

    #: Name by which configurations and commands know the layout.
    name: ClassVar[str]
    title: ClassVar[str]
    dimension: ClassVar[int]
    #: Pairs of each split in the papers, where the data set is complete.
    published: ClassVar[Mapping[str, int]] = {}
    #: Sentences on directions and on what the papers leave open.
    rules: ClassVar[tuple[str, ...]] = ()
    #: Whether validation and test are one, as in Learn2Reg, whose test labels are not public.
    shared_validation: ClassVar[bool] = False
    #: Most scans that are kept in memory; pairs of all subjects with all read each scan once.
    kept_scans: ClassVar[int] = 2

    def __init__(self, root: str | Path, folds: int | None = None, fold: int | None = None) -> None:
        self.root = Path(root)
        self.folds, self.fold = folds, fold
        if (folds is None) != (fold is None):
            raise InputError(
                f"folds and fold: expected both, got {folds} and {fold}; folds=3 and fold=1 test "
                "the first third"
            )
        if not self.root.is_dir():
            raise InputError(f"{self.root}: expected a folder with {self.title}, got none")
        self.missing: list[str] = []
        self._kept: OrderedDict[str, Scan] = OrderedDict()
        self.pairings = self._divided(self._find())
        self._check_subjects()

    @classmethod
    @abstractmethod
    def recognises(cls, root: Path) -> bool:
        """Whether the files of a folder have the names of this layout."""

    @property
    @abstractmethod
    def labels(self) -> Mapping[int, str]:
        """Names of the labels by their numbers, without background; empty without labels."""

    @property
    def scored(self) -> tuple[int, ...]:
        """Labels that the Dice of the papers is the mean of; default all."""
        return tuple(self.labels)

    @property
    def epoch(self) -> int:
        """Training pairs of one epoch."""
        return len(self.pairings["train"])

    @staticmethod
    def group(subject: str) -> str:
        """Return the group of a subject, of which each fold gets its share."""
        return ""

    def _divided(self, pairings: dict[str, list[Pairing]]) -> dict[str, list[Pairing]]:
        """Return pairs in the splits of a cross-validation, where one is asked for."""
        if self.folds is None or self.fold is None:
            return pairings
        found = [pairing for own in pairings.values() for pairing in own]
        if self.shared_validation or any(len(pairing.subjects) != 1 for pairing in found):
            raise InputError(
                f"{self.title}: folds are of pairs of one subject each, here are pairs of two; "
                "write a manifest of the images, which has folds"
            )
        subjects = sorted({pairing.subjects[0] for pairing in found})
        parts = in_folds(subjects, self.folds, self.fold, self.group)
        return {
            split: [pairing for pairing in found if pairing.subjects[0] in set(members)]
            for split, members in parts.items()
        }

    @abstractmethod
    def _find(self) -> dict[str, list[Pairing]]:
        """Find the pairs of each split; note in ``missing`` what is not there."""

    def _are_there(self, name: str, files: Iterable[Path]) -> bool:
        """Whether files exist; the first that does not is noted in ``missing``, under a name."""
        absent = next((file for file in files if not file.is_file()), None)
        if absent is not None:
            self.missing.append(f"{name}: there is no file {absent}")
        return absent is None

    @abstractmethod
    def _read(self, scan: str) -> Scan:
        """Read a scan by its key."""

    def scan(self, key: str) -> Scan:
        """Return a scan by its key.

        Raises:
            InputError: when its files cannot be used; names the file.
        """
        if key not in self._kept:
            self._kept[key] = self._read(key)
            while len(self._kept) > self.kept_scans:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def pair(self, pairing: Pairing) -> EvaluationPair:
        """Return both scans of a pair, on one lattice.

        Raises:
            InputError: when a file cannot be used, or both lattices have other sizes.
        """
        fixed, moving = self.scan(pairing.fixed), self.scan(pairing.moving)
        if fixed.image.shape != moving.image.shape:
            raise InputError(
                f"{self.title}, pair {pairing.name}: expected two images of one size, got "
                f"{fixed.image.shape[::-1]} and {moving.image.shape[::-1]}"
            )
        both = fixed.landmarks is not None and moving.landmarks is not None
        return EvaluationPair(
            pairing.name,
            fixed.image,
            moving.image,
            fixed.labels,
            moving.labels,
            fixed.geometry,
            dict(self.labels) or None,
            fixed_landmarks=fixed.landmarks if both else None,
            moving_landmarks=moving.landmarks if both else None,
            scored=self.scored or None,
            subjects=pairing.subjects,
        )

    def pairs(self, split: str) -> PairSequence:
        """Return the pairs of a split, each read when it is asked for.

        Raises:
            InputError: for an unknown split, or one without pairs.
        """
        if split not in (*SPLITS, "all"):
            raise InputError(f"split: expected one of {', '.join(SPLITS)}, all, got {split!r}")
        names = dict.fromkeys(SPLITS if split == "all" else (split,))
        if self.shared_validation and split == "all":
            del names["validation"]
        found = [pairing for name in names for pairing in self.pairings[name]]
        if not found:
            raise InputError(
                f"{self.root}: no pair of the split {split!r} was found; "
                f"ldmreg-train data check {self.root} tells what is missing"
            )
        return PairSequence(self, found)

    def subjects(self, split: str) -> list[str]:
        """Return the subjects of a split, sorted."""
        return sorted({s for pairing in self.pairings[split] for s in pairing.subjects})

    def require_complete(self) -> None:
        """Refuse a data set of which files are missing.

        Raises:
            InputError: naming the first, and how to go on without it.
        """
        if self.missing:
            more = f" and {len(self.missing) - 1} more" if len(self.missing) > 1 else ""
            raise InputError(
                f"{self.title}: {self.missing[0]}{more}; ldmreg-train data check {self.root} "
                "lists all, and data.incomplete=true (--incomplete) goes on without these subjects"
            )

    def _check_subjects(self) -> None:
        held_out = [("validation", "test")] if not self.shared_validation else []
        for one, other in [("train", "validation"), ("train", "test"), *held_out]:
            common = set(self.subjects(one)) & set(self.subjects(other))
            if common:
                raise InputError(
                    f"{self.title}: expected each subject in one split, got {min(common)} in "
                    f"{one} and {other}"
                )


class PairSequence(Sequence[EvaluationPair]):
    """Pairs of a data set, read when they are asked for.

    Attributes:
        pairings: their names and scans.
    """

    def __init__(self, data: DataSet, pairings: Sequence[Pairing]) -> None:
        self.data, self.pairings = data, pairings

    def __len__(self) -> int:
        return len(self.pairings)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return PairSequence(self.data, self.pairings[index])
        return self.data.pair(self.pairings[index])

    def __iter__(self) -> Iterator[EvaluationPair]:
        return (self.data.pair(pairing) for pairing in self.pairings)
