"""A pair of images on which methods are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.text import scheme_names

__all__ = ["EvaluationPair", "pixel_lattice", "structure_names"]


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
        fixed_landmarks: ``(N, d)``, LPS mm, or None.
        moving_landmarks: the corresponding points, or None.
        scored: labels that the mean Dice and HD95 are of; None: all that both images hold.
        subjects: the patients that both images are of, one or two; empty: the pair stands alone.
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
    fixed_landmarks: np.ndarray | None = None
    moving_landmarks: np.ndarray | None = None
    scored: tuple[int, ...] | None = None
    subjects: tuple[str, ...] = ()

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
        """Return the pair without moving labels, landmarks and truth, as methods may see it."""
        return replace(
            self,
            moving_labels=None,
            truth=None,
            mask=None,
            fixed_landmarks=None,
            moving_landmarks=None,
        )

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
