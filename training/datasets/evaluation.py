"""Sets of image pairs for the comparison of methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.text import scheme_names

from ..synthesis.phantoms import generate_pair
from .cardiac_mr import CardiacMRDataset

__all__ = [
    "DATA_FOLDER",
    "EVALUATION_SETS",
    "EvaluationPair",
    "evaluation_pairs",
    "pixel_lattice",
    "structure_names",
]

#: Folder of the data, beside a checkout.
DATA_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"
_ECHO_PAIRS = 20  # more narrow the confidence intervals and take longer; not tuned
_ECHO_FIRST_SEED = 1_000_000  # far from the seeds of samples and tests


def pixel_lattice(shape: tuple[int, ...]) -> ImageGeometry:
    """Return the lattice of an array with pixels of 1 mm and the origin at the first pixel."""
    d = len(shape)
    return ImageGeometry(shape[::-1], (1.0,) * d, (0.0,) * d, tuple(np.eye(d).ravel()))


@dataclass(frozen=True)
class EvaluationPair:
    """Pair to register, on one common lattice.

    Attributes:
        name: unique in its set.
        fixed: ``(H, W)`` or ``(D, H, W)`` float32 in [0, 1].
        moving: as ``fixed``.
        fixed_labels: integers of the same shape, or None.
        moving_labels: integers of the same shape, or None.
        geometry: the lattice; None: pixels of 1 mm.
        label_names: names of the labels by number, or the name of a known scheme; None: no names.
        truth: known deformation from fixed to moving points, or None.
        mask: boolean, voxels in which the truth is compared; None: all.
    """

    name: str
    fixed: np.ndarray
    moving: np.ndarray
    fixed_labels: np.ndarray | None = None
    moving_labels: np.ndarray | None = None
    geometry: ImageGeometry | None = None
    label_names: str | Mapping[int, str] | None = None
    truth: DisplacementField | None = None
    mask: np.ndarray | None = None

    @property
    def lattice(self) -> ImageGeometry:
        """Lattice of the pair."""
        return self.geometry or pixel_lattice(self.fixed.shape)

    @property
    def images(self) -> tuple[sitk.Image, sitk.Image]:
        """Fixed and moving image on the lattice."""
        fixed, moving = (np.asarray(image, np.float32) for image in (self.fixed, self.moving))
        return self.lattice.to_image(fixed), self.lattice.to_image(moving)

    def for_methods(self) -> EvaluationPair:
        """Return the pair without moving labels and truth, as methods may see it."""
        return replace(self, moving_labels=None, truth=None, mask=None)

    def mirrored(self) -> EvaluationPair:
        """Return the pair upside down, for a warm-up call."""

        def flip(array: np.ndarray | None) -> Any:
            return None if array is None else np.ascontiguousarray(array[::-1])

        return replace(
            self.for_methods(),
            fixed=flip(self.fixed),
            moving=flip(self.moving),
            fixed_labels=flip(self.fixed_labels),
        )


def structure_names(pairs: Sequence[EvaluationPair]) -> dict[int, str]:
    """Return the label names of a set by number; empty without names."""
    names = pairs[0].label_names if pairs else None
    if names is None:
        return {}
    return scheme_names(names) if isinstance(names, str) else dict(names)


def evaluation_pairs(
    name: str, root: Path | None = None, split: str = "test", **options: Any
) -> list[EvaluationPair]:
    """Return the pairs of a set.

    Args:
        name: "cardiac-mr": cine MR of the patients of ``split``, left ventricle labelled; "echo":
            20 generated echocardiographies with labels; "brain-slices": all ordered pairs of the
            slices, without labels. In 3D, see :mod:`~training.datasets.evaluation_volumes`:
            "brain-mr", "hippocampus", "abdomen-warp".
        root: folder of the set; default beside the checkout, in ``../shared/data``.
        split: "train", "validation", "test" or "all", of cardiac-mr and brain-mr only.
        options: of brain-mr: ``contrast``, ``size`` and ``spacing`` of the images.

    Raises:
        ValueError: for an unknown name or split, or an option that the set does not have.
        FileNotFoundError: when the set is not in the folder.
    """
    if name not in EVALUATION_SETS:
        raise ValueError(f"data must be one of {', '.join(EVALUATION_SETS)}, got {name!r}")
    if options and name != "brain-mr":
        raise ValueError(f"data {name!r} has no options {', '.join(options)}; brain-mr has")
    return EVALUATION_SETS[name](root, split, **options)


def _cardiac_mr(root: Path | None, split: str) -> list[EvaluationPair]:
    return [
        EvaluationPair(p.name, p.fixed, p.moving, p.fixed_labels, p.moving_labels)
        for p in CardiacMRDataset(root or DATA_FOLDER / "cardiac_mr", split)
    ]


def _echo(root: Path | None, split: str) -> list[EvaluationPair]:
    pairs = []
    for i in range(_ECHO_PAIRS):
        p = generate_pair("echo", _ECHO_FIRST_SEED + i)
        pairs.append(
            EvaluationPair(f"echo-{i:02d}", p.fixed, p.moving, p.fixed_labels, p.moving_labels)
        )
    return pairs


def _brain_slices(root: Path | None, split: str) -> list[EvaluationPair]:
    folder = root or DATA_FOLDER / "brain_slices"
    files = sorted(folder.glob("*.jpg"))
    if len(files) < 2:
        raise FileNotFoundError(f"no brain slices (*.jpg) in {folder}")
    images = {}
    for file in files:
        values = sitk.GetArrayFromImage(sitk.ReadImage(str(file))).astype(np.float32)
        images[file.stem] = (values - values.min()) / np.ptp(values)
    return [EvaluationPair(f"{a}-{b}", images[a], images[b]) for a, b in permutations(images, 2)]


def _brain_mr(root: Path | None, split: str, **options: Any) -> list[EvaluationPair]:
    from .evaluation_volumes import brain_mr

    return brain_mr(root or DATA_FOLDER / "brain_label_maps", split, **options)


def _hippocampus(root: Path | None, split: str) -> list[EvaluationPair]:
    from .evaluation_volumes import hippocampus

    return hippocampus(root or DATA_FOLDER / "hippocampus_mr")


def _abdomen_warp(root: Path | None, split: str) -> list[EvaluationPair]:
    from .evaluation_volumes import abdomen_warp

    return abdomen_warp(root or DATA_FOLDER / "abdomen_ct")


#: Loaders by command-line name.
EVALUATION_SETS: dict[str, Callable[..., list[EvaluationPair]]] = {
    "cardiac-mr": _cardiac_mr,
    "echo": _echo,
    "brain-slices": _brain_slices,
    "brain-mr": _brain_mr,
    "hippocampus": _hippocampus,
    "abdomen-warp": _abdomen_warp,
}
