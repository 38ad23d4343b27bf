"""Volumes of the structures in the training label maps, for the card of the segmenter.

    python -m training.datasets.structure_volumes

prints the section ``anatomy`` of ``training/configs/segment-brain-mr/card.yaml``: by label number
the smallest and the largest volume, ml, in the label maps of the training subjects. Structures that
are smaller than 1 ml in one of them are left out: a segmenter of 2 mm does not find them reliably.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..synthesis.brain_anatomy import REGION_NUMBERS
from .brain_labels import SUBJECTS, label_file

__all__ = ["structure_volumes"]

_LABEL_MAPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "brain_label_maps"
_LEAST_ML = 1.0


def structure_volumes(root: Path, subjects: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Return the smallest and the largest volume of each structure, ml, by its label number.

    Args:
        root: folder of the label maps.
        subjects: subject numbers.
    """
    numbers = np.array(REGION_NUMBERS)
    found = []
    for subject in subjects:
        image = sitk.ReadImage(str(label_file(root, subject)))
        labels = sitk.GetArrayViewFromImage(image).astype(np.int64)
        counts = np.bincount(labels.ravel(), minlength=int(numbers.max()) + 1)[numbers]
        found.append(counts * np.prod(image.GetSpacing()) / 1000)
    low, high = np.min(found, axis=0), np.max(found, axis=0)
    return {
        int(n): (round(float(a), 2), round(float(b), 2))
        for n, a, b in zip(numbers, low, high, strict=True)
        if a >= _LEAST_ML
    }


def main() -> None:
    """Print the volumes in the training subjects."""
    parser = argparse.ArgumentParser(prog="python -m training.datasets.structure_volumes")
    parser.add_argument("--root", type=Path, default=_LABEL_MAPS, help="folder of the label maps")
    root = parser.parse_args().root
    print("anatomy:\n  volumes_ml:")
    for number, (low, high) in structure_volumes(root, SUBJECTS["train"]).items():
        print(f'    "{number}": [{low:g}, {high:g}]')


if __name__ == "__main__":
    main()
