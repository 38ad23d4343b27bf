"""The displacement of each structure, from the field of a result: mean, largest, direction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...displacement import DisplacementField
from ...geometry import ImageGeometry
from ..scene.coordinates import FLIP

__all__ = [
    "StructureDisplacement",
    "direction_text",
    "read_displacements",
    "structure_displacements",
]

# Part of the length of a mean displacement that a component needs to be named: less than 20 degrees
# off the axis the others are left out.
_NAMED = 0.35
# R, A and S, and the opposite.
_LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))


@dataclass(frozen=True)
class StructureDisplacement:
    """The displacement of a structure, of the moving anatomy onto the fixed one.

    Attributes:
        name: of the structure.
        mean_mm, max_mm: length of the vectors at its voxels.
        vector_mm: their mean, R, A, S.
    """

    name: str
    mean_mm: float
    max_mm: float
    vector_mm: tuple[float, float, float]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def structure_displacements(
    field: DisplacementField, labels: sitk.Image, names: Mapping[int, str]
) -> list[StructureDisplacement]:
    """Return the displacement of each structure of the fixed image, by its label.

    Args:
        field: 3D, fixed to moving points, LPS mm.
        labels: of the fixed image, 3D, LPS mm; those that lie beside the field are left out.
        names: by label; others are called "Label 7".
    """
    place = field.geometry
    if not place.matches(ImageGeometry.from_image(labels)):
        return []
    numbers = sitk.GetArrayViewFromImage(labels).ravel()
    # What lies at x + u(x) goes to x: it moves by the opposite.
    vectors = -(field.vectors.reshape(-1, 3) * FLIP)
    inside = np.flatnonzero(numbers > 0)
    found, group = np.unique(numbers[inside], return_inverse=True)
    vectors = vectors[inside]
    lengths = np.linalg.norm(vectors, axis=1)
    counts = np.bincount(group)
    sums = [np.bincount(group, weights=vectors[:, axis]) for axis in range(3)]
    means = np.bincount(group, weights=lengths) / counts
    largest = np.zeros(len(found))
    np.maximum.at(largest, group, lengths)
    return [
        StructureDisplacement(
            names.get(int(number), f"Label {number}"),
            float(means[row]),
            float(largest[row]),
            tuple(float(total[row] / counts[row]) for total in sums),  # type: ignore[arg-type]
        )
        for row, number in enumerate(found)
    ]


def read_displacements(data: Any) -> list[StructureDisplacement]:
    """Return displacements from plain data; what a scene of others spoilt is left out."""
    found = []
    for entry in data if isinstance(data, list) else []:
        try:
            vector = tuple(float(value) for value in entry["vector_mm"])
            known = StructureDisplacement(
                str(entry["name"]),
                float(entry["mean_mm"]),
                float(entry["max_mm"]),
                vector,  # type: ignore[arg-type]
            )
        except (KeyError, TypeError, ValueError):
            continue
        if len(vector) == 3 and all(map(math.isfinite, (known.mean_mm, known.max_mm, *vector))):
            found.append(known)
    return found


def direction_text(vector: tuple[float, float, float]) -> str:
    """Return where a vector (R, A, S) points in letters of the body, such as ``LS``; - for none."""
    length = math.sqrt(sum(value * value for value in vector))
    if length < 1e-6:
        return "\u2013"
    parts = sorted(zip(vector, _LETTERS, strict=True), key=lambda part: -abs(part[0]))
    return "".join(letters[value < 0] for value, letters in parts if abs(value) >= _NAMED * length)
