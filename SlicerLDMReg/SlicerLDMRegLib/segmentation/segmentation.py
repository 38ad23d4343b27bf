"""A segmentation: labels on an image's lattice, what they are called, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import SimpleITK as sitk

from ..geometry import ImageGeometry

__all__ = ["ReportsProgress", "Segmentation", "Segmenter"]


class ReportsProgress(Protocol):
    """Receiver of a job's progress, which raises when the caller wants to stop."""

    def report(self, stage: str, fraction: float, message: str = "") -> None:
        """Report a stage and the fraction done, 0 to 1."""

    def part(self, start: float, end: float) -> ReportsProgress:
        """Return a progress whose 0 to 1 is ``start`` to ``end`` of this one."""


@dataclass(frozen=True)
class Segmentation:
    """The labels of an image.

    Attributes:
        labels: integers on the lattice of the image; 0 is background.
        names: the name of each label by its number, ascending; without the background. A segmenter
            names all that it can find, whether it is there or not.
        confidence: probability p(x) of the label at each voxel, float32 on the same lattice; None
            for labels that are taken as they are, p = 1.
    """

    labels: sitk.Image
    names: Mapping[int, str]
    confidence: sitk.Image | None = None

    @property
    def geometry(self) -> ImageGeometry:
        """The lattice of the labels."""
        return ImageGeometry.from_image(self.labels)


class Segmenter(Protocol):
    """Finds the structures that it knows in an image."""

    @property
    def names(self) -> Mapping[int, str]:
        """Name of each label that it can find, by its number, ascending."""

    def segment(self, image: sitk.Image, progress: ReportsProgress | None = None) -> Segmentation:
        """Segment a 3D image.

        Raises:
            InputError: when the image is not one that it can segment.
        """
