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
    """Return the lattice of an array with pixels of 1 mm and the origin at the first of them."""
    d = len(shape)
    return ImageGeometry(shape[::-1], (1.0,) * d, (0.0,) * d, tuple(np.eye(d).ravel()))


@dataclass(frozen=True)
class EvaluationPair:
    """One pair to register; everything lies on one lattice.

    Attributes:
        name: unique in its set.
        fixed: ``(H, W)`` or ``(D, H, W)`` float32 in [0, 1].
        moving: like ``fixed``.
        fixed_labels: integers of the same shape, or None.
        moving_labels: likewise.
        geometry: lattice of all of it; None: pixels of 1 mm.
        label_names: names of the labels by number, or the name of a known scheme; None where the
            labels have no names.
        truth: the deformation to be found, fixed to moving points, where it is known.
        mask: boolean, where the truth counts; None: everywhere.
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
        """Where the voxels are."""
        return self.geometry or pixel_lattice(self.fixed.shape)

    @property
    def images(self) -> tuple[sitk.Image, sitk.Image]:
        """The fixed and the moving image with their lattice."""
        fixed, moving = (np.asarray(image, np.float32) for image in (self.fixed, self.moving))
        return self.lattice.to_image(fixed), self.lattice.to_image(moving)

    def for_methods(self) -> EvaluationPair:
        """Return the pair as methods may see it: without the answers."""
        return replace(self, moving_labels=None, truth=None, mask=None)

    def mirrored(self) -> EvaluationPair:
        """Return another pair of the same kind, upside down, for a call that warms up."""

        def flip(array: np.ndarray | None) -> Any:
            return None if array is None else np.ascontiguousarray(array[::-1])

        return replace(
            self.for_methods(),
            fixed=flip(self.fixed),
            moving=flip(self.moving),
            fixed_labels=flip(self.fixed_labels),
        )


def structure_names(pairs: Sequence[EvaluationPair]) -> dict[int, str]:
    """Return the names of the labels of a set by number; empty when they have none."""
    names = pairs[0].label_names if pairs else None
    if names is None:
        return {}
    return scheme_names(names) if isinstance(names, str) else dict(names)
