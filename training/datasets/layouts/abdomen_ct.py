"""Abdomen CT-CT of Learn2Reg 2020: 30 scans with 13 organs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.text import BTCV

from .data_set import DataSet, Pairing, Scan
from .halving import half_geometry, halve_image, halve_labels
from .learn2reg import find_learn2reg
from .lung_ct import LungCT
from .preparation import window
from .reading import read_pair_of_files
from .splits import ordered_pairs, share

__all__ = ["AbdomenCT"]

WINDOW = (-500.0, 800.0)  # HU (textSCF, Section 4.1)
_AIR = -1000.0  # HU
_LUNG = 14  # label of the lungs beside the 13 organs


class AbdomenCT(DataSet):
    """``imagesTr/AbdomenCTCT_0001_0000.nii.gz`` with ``labelsTr`` and ``AbdomenCTCT_dataset.json``.

    Args:
        root: the folder, or the one above.
        halve: whether images and labels have half the resolution, as textSCF's network sees them;
            :func:`~training.datasets.layouts.halving.double_displacement` leads back.
        lungs: folder of :class:`LungCT`, whose inspirations train, too, in pairs with each other
            (textSCF, Table 4); empty: none.
        lung_label: whether their lungs are a structure, 14.
    """

    name, title, dimension = "abdomen-ct", "Learn2Reg Abdomen CT-CT", 3
    published: ClassVar[Mapping[str, int]] = {"train": 380, "validation": 6, "test": 42}
    kept_scans = 50
    rules = (
        "all ordered pairs of the scans of a split, moving and fixed",
        "20 scans train, 3 validate, 7 test; the paper does not say which: the ten scans of "
        "Learn2Reg's registration_val are held out (without AbdomenCTCT_dataset.json every third "
        "scan from the first on), the first three of them validate",
        "intensities are clipped to -500 to 800 HU",
        "halved for the network: the mean of blocks of 2 x 2 x 2 voxels, their most frequent label",
    )

    def __init__(
        self,
        root: str | Path,
        halve: bool = False,
        lungs: str | None = None,
        lung_label: bool = False,
    ) -> None:
        self.halve = halve
        if lung_label and not lungs:
            raise InputError("lung_label: expected the folder of lung CT as lungs, got none")
        self.lungs, self.lung_label = LungCT(lungs) if lungs else None, lung_label
        super().__init__(root)

    @property
    def labels(self) -> Mapping[int, str]:
        return {**BTCV, _LUNG: "lung"} if self.lung_label else BTCV

    @property
    def scored(self) -> tuple[int, ...]:
        return tuple(BTCV)

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
        groups = {split: [own] for split, own in splits.items()}
        if self.lungs is not None:
            groups["train"].append(self._lung_scans(self.lungs))
        return {
            split: [
                Pairing(f"{moving}-{fixed}", fixed, moving, (moving, fixed))
                for own in parts
                for moving, fixed in ordered_pairs(own)
            ]
            for split, parts in groups.items()
        }

    def _lung_scans(self, lungs: LungCT) -> list[str]:
        """Return the inspirations of a lung data set as scans of this one."""
        found = []
        for key, (image, mask, *_) in lungs._files.items():
            if key.endswith("_insp") and mask is not None:
                self._files[f"lung{key}"] = image, mask
                found.append(f"lung{key}")
        if len(found) < 2:
            raise InputError(
                f"lungs: expected two inspirations with masks in {lungs.root}, got {len(found)}"
            )
        return found

    def _on_abdomen(
        self, image: np.ndarray, labels: np.ndarray, geometry: ImageGeometry
    ) -> tuple[np.ndarray, np.ndarray, ImageGeometry]:
        """Put a lung scan onto the lattice of the abdominal ones, centre upon centre."""
        first = next(files for key, files in self._files.items() if not key.startswith("lung"))
        _, _, lattice = read_pair_of_files(*first, BTCV)
        half = [(np.array(g.size) - 1) / 2 for g in (lattice, geometry)]
        here, there = (
            g.index_to_physical(h[None])[0] for g, h in zip((lattice, geometry), half, strict=True)
        )
        move = sitk.TranslationTransform(3, (there - here).tolist())
        reference = lattice.empty_image()
        volume = sitk.Resample(
            geometry.to_image(image.astype(np.float32)), reference, move, sitk.sitkLinear, _AIR
        )
        mask = sitk.Resample(
            geometry.to_image(labels.astype(np.uint8)), reference, move, sitk.sitkNearestNeighbor, 0
        )
        numbers = sitk.GetArrayFromImage(mask)
        lung = np.where(numbers > 0, _LUNG if self.lung_label else 0, 0).astype(np.uint8)
        return sitk.GetArrayFromImage(volume), lung, lattice

    def _read(self, scan: str) -> Scan:
        lung = scan.startswith("lung")
        known = LungCT.labels if lung else BTCV
        image, labels, geometry = read_pair_of_files(*self._files[scan], known)
        if lung:
            image, labels, geometry = self._on_abdomen(image, labels, geometry)
        image = window(image, *WINDOW)
        if self.halve:
            image, labels = halve_image(image), halve_labels(labels)
            geometry = half_geometry(geometry)
        return Scan(image, labels, geometry)
