"""Brain label maps, aligned to a common upright frame and cached."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib._user_folders import user_folder
from SlicerLDMRegLib.geometry import ImageGeometry

from ..synthesis.brain_anatomy import BRAIN, LABEL_NUMBERS, OUTER_CSF, SULCAL_CSF, indices_of
from .brain_alignment import fit_affine, mean_brain, structure_centroids

__all__ = [
    "ALIGNED_GEOMETRY",
    "SUBJECTS",
    "BrainLabels",
    "centred_geometry",
    "default_cache",
    "label_file",
    "read_labels",
]

#: Subjects of each split.
SUBJECTS = {
    "train": tuple(range(1, 15)),
    "validation": (15, 16),
    "test": (17, 18, 19, 20),
}

_RECIPE = 1  # version of the cache; raise it when the same files would give other arrays
# Fluid in gaps of the brain narrower than twice this, in mm, is sulcal. With a larger value more of
# the outer fluid is. Not tuned.
_SULCUS = 4.0
_SULCAL, _OUTER = LABEL_NUMBERS.index(SULCAL_CSF), LABEL_NUMBERS.index(OUTER_CSF)


def centred_geometry(size: Sequence[int], spacing: float) -> ImageGeometry:
    """Return an LPS lattice of ``size`` (x, y, z), centred on the origin; spacing in mm."""
    origin = tuple(-(n - 1) / 2 * spacing for n in size)
    return ImageGeometry(tuple(size), (spacing,) * 3, origin, tuple(np.eye(3).ravel()))


#: Lattice of the aligned maps: 1 mm, with a margin of 16 mm around the network grid of 160 x 224 x
#: 192 mm for deformations that reach outside. The sizes are odd: every second point belongs to the
#: network grid, and its label needs no rounding.
ALIGNED_GEOMETRY = centred_geometry((193, 257, 225), 1.0)


def default_cache() -> Path:
    """Return the folder of aligned maps, in the user's cache or ``LDMREG_BRAIN_LABELS``."""
    return user_folder("brain_labels", "cache", "LDMREG_BRAIN_LABELS")


def label_file(root: str | Path, subject: int) -> Path:
    """Return the label file of a subject.

    Raises:
        FileNotFoundError: when it does not exist.
    """
    file = Path(root) / f"training_seg_{subject:02d}.nii.gz"
    if not file.is_file():
        raise FileNotFoundError(f"no label map of subject {subject}: expected {file}")
    return file


def read_labels(file: Path, split_fluid: bool = True) -> tuple[np.ndarray, ImageGeometry]:
    """Read a label map as uint8 indices of ``LABEL_NUMBERS``, ``(k, j, i)``, and its geometry.

    ``split_fluid`` separates sulcal from outer fluid (:data:`OUTER_CSF`), the slowest step.
    """
    image = sitk.ReadImage(str(file))
    try:
        indices = indices_of(sitk.GetArrayViewFromImage(image))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    geometry = ImageGeometry.from_image(image)
    return (_split_fluid(indices, geometry) if split_fluid else indices), geometry


class BrainLabels:
    """Label maps of a split in the common frame.

    The frame is LPS, upright and centred on the brain: index z points up, y backwards, x to the
    patient's left; x = 0 mm is the middle. A subject is aligned by the affine map from the
    centroids of its structures to those of the mean training subject.

    Args:
        root: folder of ``training_seg_01.nii.gz`` to ``training_seg_20.nii.gz``.
        split: "train", "validation" or "test", or subject numbers.
        cache: folder of the aligned maps; default :func:`default_cache`.

    Attributes:
        subjects: subject numbers.
        arrays: for each subject, ``(225, 257, 193)`` uint8 indices of ``LABEL_NUMBERS`` on
            :data:`ALIGNED_GEOMETRY`.
        affines: for each subject, 4 x 4 from the common to the subject's own frame, mm.

    Raises:
        ValueError: for an unknown split, or a map with unknown labels.
        FileNotFoundError: when a map of the split or of training is missing.
    """

    def __init__(
        self, root: str | Path, split: str | Sequence[int], cache: str | Path | None = None
    ) -> None:
        if isinstance(split, str) and split not in SUBJECTS:
            raise ValueError(f"split must be one of {', '.join(SUBJECTS)}; got {split!r}")
        self.subjects = SUBJECTS[split] if isinstance(split, str) else tuple(split)
        folder = _cache_folder(Path(root), Path(cache) if cache else default_cache())
        reference = _reference(Path(root), folder)
        self.arrays: list[np.ndarray] = []
        self.affines: list[np.ndarray] = []
        for subject in self.subjects:
            path = folder / f"{subject:02d}.npz"
            if not path.is_file():
                _align(label_file(root, subject), reference, path)
            with np.load(path) as data:
                self.arrays.append(data["labels"])
                self.affines.append(data["affine"])

    def __len__(self) -> int:
        return len(self.subjects)

    def array(self, subject: int) -> np.ndarray:
        """Return the aligned map of a subject of this split."""
        return self.arrays[self.subjects.index(subject)]


def _cache_folder(root: Path, cache: Path) -> Path:
    """Return the cache folder of these files (names, sizes, reference subjects) and recipe."""
    stamp = f"{_RECIPE} {ALIGNED_GEOMETRY} {LABEL_NUMBERS} {SUBJECTS['train']}"
    files = sorted(root.glob("training_seg_*.nii.gz"))
    stamp += "".join(f" {file.name} {file.stat().st_size}" for file in files)
    folder = cache / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _reference(root: Path, folder: Path) -> dict[int, np.ndarray]:
    """Return the centroids of the mean brain in the common frame, centred on the brain."""
    path = folder / "reference.npz"
    if not path.is_file():
        centroids, corners = [], []
        for subject in SUBJECTS["train"]:
            indices, geometry = read_labels(label_file(root, subject), split_fluid=False)
            centroids.append(_centroids(indices, geometry))
            inside = np.argwhere(BRAIN[indices])[::97, ::-1]  # a percent gives the extent
            corners.append(geometry.index_to_physical(inside))
        mean = mean_brain(centroids)
        extents = []
        for points, own in zip(corners, centroids, strict=True):
            aligned = _apply(fit_affine(own, mean), points)
            extents.append(np.percentile(aligned, [0.05, 99.95], axis=0))
        centre = np.mean(extents, axis=(0, 1)) * [0, 1, 1]  # x stays: the mean is symmetric
        numbers = np.array(sorted(mean))
        _save(path, numbers=numbers, points=np.array([mean[n] - centre for n in numbers]))
    with np.load(path) as data:
        return dict(zip(data["numbers"].tolist(), data["points"], strict=True))


def _align(file: Path, reference: dict[int, np.ndarray], path: Path) -> None:
    indices, geometry = read_labels(file)
    affine = np.linalg.inv(fit_affine(_centroids(indices, geometry), reference))
    transform = sitk.AffineTransform(affine[:3, :3].ravel().tolist(), affine[:3, 3].tolist())
    aligned = sitk.Resample(
        geometry.to_image(indices),
        ALIGNED_GEOMETRY.empty_image(sitk.sitkUInt8),
        transform,
        sitk.sitkNearestNeighbor,
    )
    _save(path, labels=sitk.GetArrayFromImage(aligned), affine=affine)


def _centroids(indices: np.ndarray, geometry: ImageGeometry) -> dict[int, np.ndarray]:
    return structure_centroids(indices, np.array(geometry.origin), geometry.matrix)


def _split_fluid(indices: np.ndarray, geometry: ImageGeometry) -> np.ndarray:
    """Return the indices with fluid outside of the gaps of the brain as outer fluid."""
    brain = geometry.to_image(BRAIN[indices].astype(np.uint8))
    distance = sitk.SignedMaurerDistanceMap(brain, squaredDistance=False, useImageSpacing=True)
    grown = sitk.Cast(distance <= _SULCUS, sitk.sitkUInt8)
    distance = sitk.SignedMaurerDistanceMap(grown, squaredDistance=False, useImageSpacing=True)
    closed = sitk.GetArrayViewFromImage(distance) <= -_SULCUS
    out = indices.copy()
    out[(indices == _SULCAL) & ~closed] = _OUTER
    return out


def _apply(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ affine[:3, :3].T + affine[:3, 3]


def _save(path: Path, **arrays: np.ndarray) -> None:
    """Write atomically: two processes may fill the cache at once."""
    folder = Path(tempfile.mkdtemp(dir=path.parent))
    try:
        np.savez_compressed(folder / path.name, **arrays)
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder)
