"""A manifest of one's own images or pairs, 2D or 3D, as a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.images import as_labels, read_image
from SlicerLDMRegLib.intensity import IntensityMap
from SlicerLDMRegLib.manifest import ImageEntry, ImagesManifest, PairEntry, read_manifest
from SlicerLDMRegLib.pipeline.landmark_files import read_landmark_file
from SlicerLDMRegLib.segmentation.names import read_names

from ..evaluation import EvaluationPair
from .data_set import DataSet, Pairing, Scan
from .reading import check_labels
from .splits import SPLITS, in_folds, in_order

__all__ = ["ManifestData"]

_SHARES = (70, 15, 15)  # percent of the subjects, where the manifest has no splits
_ALIASES = {"training": "train", "val": "validation", "valid": "validation", "testing": "test"}
_DIASTOLE, _SYSTOLE = ("ed", "es")
_SAME = ("slice", "view", "session")  # columns whose images belong together


class ManifestData(DataSet):
    """Images or pairs of a manifest (see :mod:`SlicerLDMRegLib.manifest`), on one lattice.

    A table of pairs is taken as it is. A table of images gives, within each split, the pairs of
    one subject's images where a subject has several, and otherwise all ordered pairs of subjects.
    Columns ``slice``, ``view`` and ``session`` keep apart images of a subject that show something
    else.

    The lattice of a pair has the axes of LPS in 3D, of the fixed image in 2D, and lies in the
    middle of the fixed image. The moving image of the same subject is resampled there; that of
    another subject is moved so that the middles of both images meet.

    Args:
        root: the manifest, CSV or JSON, or the folder with a ``manifest.csv`` or ``.json``.
        size: voxels along x, y(, z) of the lattice; None: images are taken as they are, and must
            have one size.
        spacing: mm between them; None: so that the longest side of the image just fits.
        window: intensities that become 0 and 1, such as ``[-500, 800]`` HU; None: percentiles.
        percentiles: of each image, that become 0 and 1.
        folds: see :class:`DataSet`; the column ``split`` does not count then.
        fold: likewise.

    Raises:
        InputError: for a manifest that cannot be read, has no names for its labels, a subject in
            two splits, or a phase of a subject twice.
    """

    name, title = "manifest", "Manifest"
    rules = (
        "the column split says train, validation or test; without it the subjects are divided in "
        "the order of their names, 70, 15 and 15 %",
        "of a subject with several images its own pairs: end-diastole (phase ed) moves onto "
        "end-systole (es), other phases onto each other in both directions, where columns slice, "
        "view and session are equal; of subjects with one image each, all ordered pairs",
    )

    def __init__(
        self,
        root: str | Path,
        size: Sequence[int] | None = None,
        spacing: float | None = None,
        window: Sequence[float] | None = None,
        percentiles: Sequence[float] = (0.1, 99.9),
        folds: int | None = None,
        fold: int | None = None,
    ) -> None:
        path = Path(root)
        if path.is_dir():
            path = next((f for f in _tables(path) if f.is_file()), path)
        if path.is_dir():
            raise InputError(f"{path}: expected a manifest.csv or manifest.json, got none")
        self.path = path
        self.size = None if size is None else tuple(int(n) for n in size)
        self.spacing, self.window = spacing, window
        self.percentiles = tuple(percentiles)
        super().__init__(path.parent if path.parent != Path() else Path.cwd(), folds, fold)

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return any(file.is_file() for file in _tables(root))

    @property
    def labels(self) -> Mapping[int, str]:
        return self._names

    @property
    def dimension(self) -> int:  # type: ignore[override]
        first = next(iter(self._images.values()))
        return read_image(first["image"]).GetDimension()

    def _find(self) -> dict[str, list[Pairing]]:
        manifest = read_manifest(self.path)
        #: By key: files of the image, its labels and landmarks.
        self._images: dict[str, dict[str, Path | None]] = {}
        if isinstance(manifest, ImagesManifest):
            pairings = self._of_images(manifest.entries)
        else:
            pairings = self._of_pairs(manifest.entries)
        self._names = self._common_names(manifest.entries)
        return pairings

    def _of_images(self, entries: Sequence[ImageEntry]) -> dict[str, list[Pairing]]:
        by_subject: dict[str, list[tuple[str, ImageEntry]]] = {}
        for entry in entries:
            key = entry.id or _stem(entry.image)
            if key in self._images:
                key = f"{key}-{entry.row}"
            self._images[key] = {
                "image": entry.image, "labels": entry.labels, "landmarks": entry.landmarks
            }  # fmt: skip
            by_subject.setdefault(entry.subject or key, []).append((key, entry))
        splits = self._splits(
            {s: [(e.split, e.row) for _, e in own] for s, own in by_subject.items()}
        )
        several = any(len(own) > 1 for own in by_subject.values())
        pairings: dict[str, list[Pairing]] = {}
        for split, subjects in splits.items():
            found: list[tuple[str, str, tuple[str, ...]]] = []
            if several:
                for subject in subjects:
                    for own in self._parts(subject, by_subject[subject]):
                        found += [(m, f, (subject,)) for m, f in _within(own)]
            else:
                keys = {subject: by_subject[subject][0][0] for subject in subjects}
                found = [(keys[m], keys[f], (m, f)) for m, f in permutations(subjects, 2)]
            pairings[split] = [Pairing(f"{m}-{f}", f, m, s) for m, f, s in found]
        return pairings

    def _parts(
        self, subject: str, own: Sequence[tuple[str, ImageEntry]]
    ) -> list[list[tuple[str, ImageEntry]]]:
        """Return the images of a subject that show the same: one slice, view and session."""
        parts: dict[tuple[str | None, ...], list[tuple[str, ImageEntry]]] = {}
        for key, entry in own:
            parts.setdefault(tuple(map(entry.further.get, _SAME)), []).append((key, entry))
        for part in parts.values():
            rows: dict[str, list[str]] = {}
            for _, entry in part:
                rows.setdefault((entry.phase or "").strip().lower(), []).append(str(entry.row))
            if {_DIASTOLE, _SYSTOLE} <= set(rows):
                twice = next((p for p in (_DIASTOLE, _SYSTOLE) if len(rows[p]) > 1), None)
                if twice is not None:
                    raise InputError(
                        f"{self.path}: expected one image of phase {twice} of subject {subject}, "
                        f"got rows {', '.join(rows[twice])}; a column {', '.join(_SAME[:-1])} or "
                        f"{_SAME[-1]} tells which images belong together"
                    )
        return list(parts.values())

    def _of_pairs(self, entries: Sequence[PairEntry]) -> dict[str, list[Pairing]]:
        groups = _connected(entries)
        made: dict[str, list[tuple[Pairing, PairEntry]]] = {}
        for number, (entry, group) in enumerate(zip(entries, groups, strict=True), start=1):
            name = entry.id or f"{_stem(entry.moving)}-{_stem(entry.fixed)}"
            keys = []
            for role in ("fixed", "moving"):
                key = f"{number}:{role}"
                keys.append(key)
                self._images[key] = {
                    "image": getattr(entry, role),
                    "labels": getattr(entry, f"{role}_labels"),
                    "landmarks": getattr(entry, f"{role}_landmarks"),
                }
            made.setdefault(group, []).append((Pairing(name, *keys, (group,)), entry))
        splits = self._splits(
            {group: [(e.split, e.row) for _, e in own] for group, own in made.items()}
        )
        return {
            split: [pairing for group in groups for pairing, _ in made[group]]
            for split, groups in splits.items()
        }

    def _splits(self, rows: Mapping[str, Sequence[tuple[str | None, int | None]]]) -> dict:  # type: ignore[type-arg]
        """Return the subjects of each split, of the column or divided."""
        if self.folds is not None and self.fold is not None:
            return in_folds(sorted(rows), self.folds, self.fold)
        named = {split for own in rows.values() for split, _ in own if split}
        if not named:
            if len(rows) < len(SPLITS):
                raise InputError(
                    f"{self.path}: expected a column split, or three subjects or more to divide, "
                    f"got {len(rows)}; add the columns subject and split"
                )
            return in_order(sorted(rows), _SHARES)
        result: dict[str, list[str]] = {split: [] for split in SPLITS}
        for subject, own in rows.items():
            found = {}
            for split, row in own:
                place = f"{self.path}, row {row}"
                if split is None:
                    raise InputError(f"{place}: expected a split, got none; fill the column")
                split = _ALIASES.get(split.strip().lower(), split.strip().lower())
                if split not in result:
                    raise InputError(
                        f"{place}: expected a split of {', '.join(SPLITS)}, got {split!r}"
                    )
                found.setdefault(split, row)
            if len(found) > 1:
                told = " and ".join(f"{split} (row {row})" for split, row in found.items())
                raise InputError(
                    f"{self.path}: expected each subject in one split, got {subject} in {told}"
                )
            result[next(iter(found))].append(subject)
        return result

    def _divided(self, pairings: dict[str, list[Pairing]]) -> dict[str, list[Pairing]]:
        return pairings  # their subjects are, before they are paired

    def _common_names(self, entries: Sequence[Any]) -> dict[int, str]:
        names: dict[int, str] = {}
        first = None
        for entry in entries:
            if entry.label_names is None:
                continue
            own = read_names(entry.label_names, f"{self.path}, row {entry.row}, label_names")
            if first is None:
                names, first = own, entry.row
            elif own != names:
                raise InputError(
                    f"{self.path}: expected one scheme of labels, got other names in row "
                    f"{entry.row} than in row {first}"
                )
        if not names and any(files["labels"] is not None for files in self._images.values()):
            raise InputError(
                f"{self.path}: expected the names of the labels, got none; add a column "
                'label_names, such as {"1": "left ventricle"}, a JSON file, or btcv'
            )
        return names

    def pair(self, pairing: Pairing) -> EvaluationPair:
        fixed_image, fixed_labels = self._files_of(pairing.fixed)
        lattice = self._lattice(fixed_image)
        moving_image, moving_labels = self._files_of(pairing.moving)
        shift = np.zeros(lattice.dimension)
        if moving_image.GetDimension() != lattice.dimension:
            raise InputError(
                f"{self.path}, pair {pairing.name}: expected two images of one dimension, got "
                f"{lattice.dimension}D and {moving_image.GetDimension()}D"
            )
        if len(pairing.subjects) > 1:
            middle = np.array(ImageGeometry.from_image(moving_image).center())
            shift = middle - np.array(lattice.center())
        fixed = self._on(lattice, pairing.fixed, fixed_image, fixed_labels, 0 * shift)
        moving = self._on(lattice, pairing.moving, moving_image, moving_labels, shift)
        both = fixed.landmarks is not None and moving.landmarks is not None
        if both and fixed.landmarks.shape != moving.landmarks.shape:  # type: ignore[union-attr]
            raise InputError(
                f"{self.path}, pair {pairing.name}: expected as many fixed as moving landmarks, "
                f"got {len(fixed.landmarks)} and {len(moving.landmarks)}"  # type: ignore[arg-type]
            )
        return EvaluationPair(
            pairing.name, fixed.image, moving.image, fixed.labels, moving.labels, lattice,
            self._names or None,
            fixed_landmarks=fixed.landmarks if both else None,
            moving_landmarks=moving.landmarks if both else None,
            subjects=pairing.subjects,
        )  # fmt: skip

    def _read(self, scan: str) -> Scan:
        image, labels = self._files_of(scan)
        lattice = self._lattice(image)
        return self._on(lattice, scan, image, labels, np.zeros(lattice.dimension))

    def _files_of(self, scan: str) -> tuple[sitk.Image, sitk.Image | None]:
        files = self._images[scan]
        image = read_image(files["image"])  # type: ignore[arg-type]
        if files["labels"] is None:
            return image, None
        labels = as_labels(files["labels"], image)
        check_labels(sitk.GetArrayViewFromImage(labels), self._names, files["labels"])
        return image, labels

    def _lattice(self, image: sitk.Image) -> ImageGeometry:
        own = ImageGeometry.from_image(image)
        if self.size is None:
            return own
        if len(self.size) != own.dimension:
            raise InputError(
                f"{self.path}: data.options.size: expected {own.dimension} numbers for its "
                f"{own.dimension}D images, got {list(self.size)}"
            )
        size = np.array(self.size)
        straight = own.direction_matrix if own.dimension == 2 else np.eye(3)
        extent = np.abs(straight.T @ own.direction_matrix) @ np.array(own.extent_mm)
        spacing = self.spacing or float((extent / size).max())
        origin = np.array(own.center()) - straight @ (spacing * (size - 1) / 2)
        return ImageGeometry(
            self.size, (spacing,) * len(size), tuple(origin), tuple(straight.ravel())
        )

    def _on(
        self,
        lattice: ImageGeometry,
        scan: str,
        image: sitk.Image,
        labels: sitk.Image | None,
        shift: np.ndarray,
    ) -> Scan:
        """Return a scan on a lattice, whose points are ``shift`` mm further in the image."""
        whole = sitk.Cast(image, sitk.sitkFloat32)
        intensity = (
            IntensityMap(*map(float, self.window))
            if self.window is not None
            else IntensityMap.from_image(whole, *self.percentiles)
        )
        move = sitk.TranslationTransform(lattice.dimension, shift.tolist())
        own = ImageGeometry.from_image(image)
        # Of two subjects only the middles correspond, whatever the headers say of their places.
        alike = shift.any() and own.size == lattice.size and own.spacing == lattice.spacing
        if own.matches(lattice) or alike:
            array = sitk.GetArrayFromImage(whole)
            numbers = None if labels is None else sitk.GetArrayFromImage(labels)
        else:
            reference = lattice.empty_image()
            array = sitk.GetArrayFromImage(
                sitk.Resample(whole, reference, move, sitk.sitkLinear, intensity.low)
            )
            numbers = (
                None
                if labels is None
                else sitk.GetArrayFromImage(
                    sitk.Resample(labels, reference, move, sitk.sitkNearestNeighbor, 0)
                )
            )
        if numbers is not None:
            numbers = check_labels(numbers, self._names, str(self._images[scan]["labels"]))
        points = None
        file = self._images[scan]["landmarks"]
        if file is not None:
            points = read_landmark_file(file, own, "landmarks").points - shift
        return Scan(intensity(array), numbers, lattice, points)


def _tables(folder: Path) -> list[Path]:
    return [folder / "manifest.csv", folder / "manifest.json"]


def _stem(path: Path) -> str:
    return path.name.partition("#")[0].partition(".")[0]


def _within(own: Sequence[tuple[str, ImageEntry]]) -> list[tuple[str, str]]:
    """Return moving and fixed keys of the pairs of one subject."""
    phases = {(entry.phase or "").strip().lower(): key for key, entry in own}
    if {_DIASTOLE, _SYSTOLE} <= set(phases):
        return [(phases[_DIASTOLE], phases[_SYSTOLE])]
    return list(permutations([key for key, _ in own], 2))


def _connected(entries: Sequence[PairEntry]) -> list[str]:
    """Return the subject of each pair, of its further columns or one for all that share images."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    tokens = []
    for entry in entries:
        own = [entry.further[k] for k in ("subject", "fixed_subject", "moving_subject")
               if entry.further.get(k)]  # fmt: skip
        own = own or [str(entry.fixed), str(entry.moving)]
        tokens.append(own[0])
        for other in own[1:]:
            parent[root(other)] = root(own[0])
    return [root(token) for token in tokens]
