"""The sets of image pairs on which methods are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..synthesis.phantoms import generate_pair
from .cardiac_mr import CardiacMRDataset

__all__ = ["EVALUATION_SETS", "EvaluationPair", "evaluation_pairs"]

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_ECHO_PAIRS = 20
_ECHO_FIRST_SEED = 1_000_000  # far from the seeds of samples and tests


@dataclass(frozen=True)
class EvaluationPair:
    """One pair to register.

    Attributes:
        name: unique in its set.
        fixed: ``(H, W)`` float32 in [0, 1].
        moving: ``(H, W)`` float32 in [0, 1].
        fixed_labels: ``(H, W)`` integers, or None.
        moving_labels: ``(H, W)`` integers, or None.
    """

    name: str
    fixed: np.ndarray
    moving: np.ndarray
    fixed_labels: np.ndarray | None = None
    moving_labels: np.ndarray | None = None


def evaluation_pairs(
    name: str, root: Path | None = None, split: str = "test"
) -> list[EvaluationPair]:
    """Return the pairs of a set.

    Args:
        name: "cardiac-mr": cine MR of the patients of ``split``, left ventricle labelled; "echo":
            20 generated echocardiographies with labels; "brain-slices": all ordered pairs of the
            slices, without labels.
        root: folder of the set; default its place beside the checkout, ``../shared/data``.
        split: "train", "validation", "test" or "all", of cardiac-mr only.

    Raises:
        ValueError: for another name or split.
        FileNotFoundError: when the folder does not hold the set.
    """
    if name not in EVALUATION_SETS:
        raise ValueError(f"data must be one of {', '.join(EVALUATION_SETS)}, got {name!r}")
    return EVALUATION_SETS[name](root, split)


def _cardiac_mr(root: Path | None, split: str) -> list[EvaluationPair]:
    return [
        EvaluationPair(p.name, p.fixed, p.moving, p.fixed_labels, p.moving_labels)
        for p in CardiacMRDataset(root or _DATA / "cardiac_mr", split)
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
    folder = root or _DATA / "brain_slices"
    files = sorted(folder.glob("*.jpg"))
    if len(files) < 2:
        raise FileNotFoundError(f"no brain slices (*.jpg) in {folder}")
    images = {}
    for file in files:
        values = sitk.GetArrayFromImage(sitk.ReadImage(str(file))).astype(np.float32)
        images[file.stem] = (values - values.min()) / np.ptp(values)
    return [EvaluationPair(f"{a}-{b}", images[a], images[b]) for a, b in permutations(images, 2)]


#: Loaders by the names that the command line knows.
EVALUATION_SETS: dict[str, Callable[[Path | None, str], list[EvaluationPair]]] = {
    "cardiac-mr": _cardiac_mr,
    "echo": _echo,
    "brain-slices": _brain_slices,
}
