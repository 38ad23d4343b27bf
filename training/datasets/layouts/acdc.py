"""ACDC: cine MR of 150 patients at end-diastole and end-systole (Bernard et al., 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry

from .data_set import DataSet, Pairing, Scan
from .preparation import cropped, framed, unit_range
from .reading import read_pair_of_files, read_text_lines

__all__ = ["ACDC", "read_info"]

_SPACING = (1.5, 1.5, 3.15)  # mm along x, y, z (methods of the released code)
_CROP = (32, 128, 128)  # voxels along z, y, x
_SLICE = 16
_PLACES = ("", "database")


class ACDC(DataSet):
    """ACDC: ``[database/]{training,testing}/patient001/`` with ``Info.cfg`` and frames.

    Volumes are brought to 1.5 x 1.5 x 3.15 mm, of which the middle 128 x 128 x 32 and there slice
    16 are taken, in 112 x 112 pixels within 128 x 128.
    """

    name, title, dimension = "acdc", "ACDC", 2
    labels: ClassVar[Mapping[int, str]] = {
        1: "right ventricle",
        2: "myocardium",
        3: "left ventricle",
    }
    scored = (2, 3)
    published: ClassVar[Mapping[str, int]] = {"train": 95, "validation": 5, "test": 50}
    rules = (
        "moving end-diastole, fixed end-systole, as Info.cfg says",
        "testing/ is the test; of training/ the last patient of each group of Info.cfg validates "
        "(five of 100; the paper does not say which), the others train",
        "where a volume is smaller than the crop, zeros are added; the released code then cut at a "
        "wrong place",
        "volumes stay in the orientation of their files; the released code turned some by name",
        "the Dice of the paper is the mean of myocardium and left ventricle",
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return any(
            next(root.glob(f"{place}training/patient*/Info.cfg"), None) is not None
            for place in ("", "database/")
        )

    def _find(self) -> dict[str, list[Pairing]]:
        self._files: dict[str, tuple[Path, Path]] = {}
        groups: dict[str, list[str]] = {}
        for name, info in self._patients("training"):
            groups.setdefault(info.get("Group", ""), []).append(name)
        validation = sorted(members[-1] for members in groups.values() if len(members) > 1)
        train = sorted({name for own in groups.values() for name in own} - set(validation))
        test = [name for name, _ in self._patients("testing")]
        splits = {"train": train, "validation": validation, "test": test}
        return {
            split: [Pairing(name, f"{name}_ES", f"{name}_ED", (name,)) for name in names]
            for split, names in splits.items()
        }

    def _patients(self, part: str) -> list[tuple[str, dict[str, str]]]:
        """Return the complete patients of a folder with their information."""
        base = next(
            (self.root / p / part for p in _PLACES if (self.root / p / part).is_dir()), None
        )
        if base is None:
            self.missing.append(f"{part}: there is no folder {self.root / part}")
            return []
        found = []
        for folder in sorted(base.glob("patient*")):
            try:
                info = read_info(folder / "Info.cfg")
            except InputError as error:
                self.missing.append(f"{folder.name}: {error}")
                continue
            if self._add(folder, info):
                found.append((folder.name, info))
        return found

    def _add(self, folder: Path, info: dict[str, str]) -> bool:
        for phase in ("ED", "ES"):
            stem = folder / f"{folder.name}_frame{int(info[phase]):02d}"
            files = (Path(f"{stem}.nii.gz"), Path(f"{stem}_gt.nii.gz"))
            if not self._are_there(folder.name, files):
                return False
            self._files[f"{folder.name}_{phase}"] = files
        return True

    def _read(self, scan: str) -> Scan:
        file, label_file = self._files[scan]
        image, labels, geometry = read_pair_of_files(file, label_file, self.labels)
        if image.ndim != 3:
            raise InputError(f"{file}: expected a volume, got {image.shape[::-1]} pixels")
        image = cropped(unit_range(_resampled(image, geometry, sitk.sitkLinear), file), _CROP)
        labels = cropped(_resampled(labels, geometry, sitk.sitkNearestNeighbor), _CROP)
        return Scan(*framed(image[_SLICE], labels[_SLICE], file))


def read_info(path: Path) -> dict[str, str]:
    """Read ``Info.cfg``: values by name.

    Raises:
        InputError: when it is missing, or does not tell the frames ED and ES.
    """
    info = {}
    for line in read_text_lines(path):
        name, separator, value = line.partition(":")
        if separator:
            info[name.strip()] = value.strip()
    for phase in ("ED", "ES"):
        if not info.get(phase, "").isdecimal():
            raise InputError(
                f"{path}: expected the number of the frame {phase}, got {info.get(phase)!r}"
            )
    return info


def _resampled(array: np.ndarray, geometry: ImageGeometry, interpolator: int) -> np.ndarray:
    """Resample a volume to the spacing of the protocol, from the same first voxel on."""
    size = [
        max(1, round(n * old / new))
        for n, old, new in zip(geometry.size, geometry.spacing, _SPACING, strict=True)
    ]
    lattice = ImageGeometry(tuple(size), _SPACING, geometry.origin, geometry.direction)
    image = geometry.to_image(array)
    # Beyond the centres of the outermost voxels their value goes on.
    resample = sitk.ResampleImageFilter()
    resample.SetReferenceImage(lattice.empty_image())
    resample.SetInterpolator(interpolator)
    resample.UseNearestNeighborExtrapolatorOn()
    return sitk.GetArrayFromImage(resample.Execute(image))
