"""The sets of image pairs on which methods are compared, by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError

from ..synthesis.phantoms import generate_pair
from .cardiac_mr import CardiacMRDataset, patient_of
from .evaluation import EvaluationPair
from .evaluation_volumes import abdomen_warp, brain_mr, hippocampus
from .layouts import LAYOUTS, open_data_set

__all__ = ["DATA_FOLDER", "DATA_NAMES", "EVALUATION_SETS", "SPLIT_SETS", "evaluation_pairs"]

#: Where the data lie beside a checkout.
DATA_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"
_ECHO_PAIRS = 20  # more narrow the confidence intervals and take longer; not tuned
_ECHO_FIRST_SEED = 1_000_000  # far from the seeds of samples and tests


def evaluation_pairs(
    name: str, root: Path | None = None, split: str = "test", **options: Any
) -> Sequence[EvaluationPair]:
    """Return the pairs of a set.

    Args:
        name: "cardiac-mr": cine MR of the patients of ``split``, left ventricle labelled; "echo",
            "apical": 20 generated echocardiographies with labels, clear ones and such with drop-out
            and clutter; "brain-slices": all ordered pairs of the slices, without labels. In 3D, see
            :mod:`~training.datasets.evaluation_volumes`: "brain-mr", "hippocampus", "abdomen-warp".
            Or a layout of :data:`~training.datasets.layouts.LAYOUTS`, whose images are read when
            they are needed.
        root: folder of the set, or the file of a manifest; default its place beside the checkout,
            ``../shared/data``, which published data sets do not have.
        split: "train", "validation", "test" or "all", of cardiac-mr, brain-mr and the layouts.
        options: of brain-mr: ``contrast``, ``size`` and ``spacing`` of the images; of a layout,
            see there.

    Raises:
        InputError: for another name or split, a set without its folder, or an option that the set
            does not have.
        FileNotFoundError: when the folder does not hold the set.
    """
    if name in EVALUATION_SETS:
        if options and name != "brain-mr":
            raise InputError(f"data {name!r} has no options {', '.join(options)}; brain-mr has")
        return EVALUATION_SETS[name](root, split, **options)
    if name not in LAYOUTS:
        raise InputError(f"data must be one of {', '.join(DATA_NAMES)}, got {name!r}")
    if root is None:
        raise InputError(f"data {name!r}: expected the folder of the data set; pass --root")
    return open_data_set(name, root, **options).pairs(split)


def _cardiac_mr(root: Path | None, split: str) -> list[EvaluationPair]:
    return [
        EvaluationPair(
            p.name,
            p.fixed,
            p.moving,
            p.fixed_labels,
            p.moving_labels,
            subjects=(patient_of(p.name),),
        )
        for p in CardiacMRDataset(root or DATA_FOLDER / "cardiac_mr", split)
    ]


def _generated(kind: str, root: Path | None, split: str) -> list[EvaluationPair]:
    pairs = []
    for i in range(_ECHO_PAIRS):
        p = generate_pair(kind, _ECHO_FIRST_SEED + i)
        pairs.append(
            EvaluationPair(f"{kind}-{i:02d}", p.fixed, p.moving, p.fixed_labels, p.moving_labels)
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
    return [
        EvaluationPair(f"{a}-{b}", images[a], images[b], subjects=(a, b))
        for a, b in permutations(images, 2)
    ]


def _brain_mr(root: Path | None, split: str, **options: Any) -> list[EvaluationPair]:
    return brain_mr(root or DATA_FOLDER / "brain_label_maps", split, **options)


def _hippocampus(root: Path | None, split: str) -> list[EvaluationPair]:
    return hippocampus(root or DATA_FOLDER / "hippocampus_mr")


def _abdomen_warp(root: Path | None, split: str) -> list[EvaluationPair]:
    return abdomen_warp(root or DATA_FOLDER / "abdomen_ct")


#: Loaders by the names that the command line knows.
EVALUATION_SETS: dict[str, Callable[..., list[EvaluationPair]]] = {
    "cardiac-mr": _cardiac_mr,
    "echo": partial(_generated, "echo"),
    "apical": partial(_generated, "apical"),
    "brain-slices": _brain_slices,
    "brain-mr": _brain_mr,
    "hippocampus": _hippocampus,
    "abdomen-warp": _abdomen_warp,
}
#: All names of sets.
DATA_NAMES = tuple(dict.fromkeys((*EVALUATION_SETS, *LAYOUTS)))
#: Sets whose pairs depend on the split.
SPLIT_SETS = ("cardiac-mr", "brain-mr", *LAYOUTS)
