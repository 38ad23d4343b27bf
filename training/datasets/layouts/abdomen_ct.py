"""Abdomen CT-CT of Learn2Reg 2020: 30 scans with 13 organs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.text import BTCV

from .data_set import DataSet, Pairing, Scan
from .halving import half_geometry, halve_image, halve_labels
from .learn2reg import find_learn2reg
from .preparation import window
from .reading import read_pair_of_files
from .splits import ordered_pairs, share

__all__ = ["AbdomenCT"]

WINDOW = (-500.0, 800.0)  # HU (textSCF, Section 4.1)


class AbdomenCT(DataSet):
    """``imagesTr/AbdomenCTCT_0001_0000.nii.gz`` with ``labelsTr`` and ``AbdomenCTCT_dataset.json``.

    Args:
        root: the folder, or the one above.
        halve: whether images and labels have half the resolution, as textSCF's network sees them;
            :func:`~training.datasets.layouts.halving.double_displacement` leads back.
    """

    name, title, dimension = "abdomen-ct", "Learn2Reg Abdomen CT-CT", 3
    labels: ClassVar[Mapping[int, str]] = BTCV
    published: ClassVar[Mapping[str, int]] = {"train": 380, "validation": 6, "test": 42}
    kept_scans = 30
    rules = (
        "all ordered pairs of the scans of a split, moving and fixed",
        "20 scans train, 3 validate, 7 test; the paper does not say which: the ten scans of "
        "Learn2Reg's registration_val are held out (without AbdomenCTCT_dataset.json every third "
        "scan from the first on), the first three of them validate",
        "intensities are clipped to -500 to 800 HU",
        "halved for the network: the mean of blocks of 2 x 2 x 2 voxels, their most frequent label",
    )

    def __init__(self, root: str | Path, halve: bool = False) -> None:
        self.halve = halve
        super().__init__(root)

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return any(
            next(base.glob("imagesTr/AbdomenCTCT_*.nii.gz"), None) is not None
            for base in (root, root / "AbdomenCTCT")
        )

    def _find(self) -> dict[str, list[Pairing]]:
        self._files: dict[str, tuple[Path, Path]] = {}
        folder = find_learn2reg(self.root, "AbdomenCTCT")
        if folder is None:
            raise InputError(f"{self.root}: there is no file imagesTr/AbdomenCTCT_*.nii.gz")
        for key, image in folder.images.items():
            labels = folder.beside(key, "labels")
            if labels.is_file():
                self._files[key] = image, labels
            elif image.parent.name == "imagesTr":
                self.missing.append(f"{key}: there is no file {labels}")
        keys = sorted(self._files)
        named = folder.validation
        held_out = keys[::3] if named is None else sorted({k for pair in named for k in pair})
        if named is not None:
            self.missing += [
                f"{key}: AbdomenCTCT_dataset.json names it, and there is no such image"
                for key in held_out
                if key not in folder.images
            ]
        held_out = [key for key in held_out if key in self._files]
        first, _ = share(len(held_out), (3, 7))
        if len(held_out) >= 4:  # a pair needs two
            first = max(first, 2)
        splits = {
            "train": [key for key in keys if key not in held_out],
            "validation": held_out[:first],
            "test": held_out[first:],
        }
        return {
            split: [
                Pairing(f"{moving}-{fixed}", fixed, moving, (moving, fixed))
                for moving, fixed in ordered_pairs(own)
            ]
            for split, own in splits.items()
        }

    def _read(self, scan: str) -> Scan:
        image, labels, geometry = read_pair_of_files(*self._files[scan], self.labels)
        image = window(image, *WINDOW)
        if self.halve:
            image, labels = halve_image(image), halve_labels(labels)
            geometry = half_geometry(geometry)
        return Scan(image, labels, geometry)
