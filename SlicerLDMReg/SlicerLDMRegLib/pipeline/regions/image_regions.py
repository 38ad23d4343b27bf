"""The regions that guide a registration: rows of the model's filter table, on any lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ...geometry import ImageGeometry
from ...networks import Regions
from ...resampling import resample, warp_image
from ...segmentation import Segmentation
from .structure_features import coded_features

__all__ = ["GivenRegions", "ImageRegions", "RegionSummary"]

_LISTED = 3


@dataclass(frozen=True)
class RegionSummary:
    """Labels that guide the model, and labels that do not.

    Attributes:
        source: ``"given labels"``, ``"the given segmentation"``, ``"segmenter ID"`` or ``"none"``.
        matched: by label, ``"name"`` and the model's ``"region"`` of that name.
        new: by label, ``"name"`` and ``"prompt"`` of regions that the text gave their filters.
        background: by label, ``"name"`` and ``"reason"`` of those that are no region.
        guided_by_measured_labels: whether the labels that measure the overlap are the regions.
        note: why there are none, where one might expect them.
    """

    source: str
    matched: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    new: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    background: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    guided_by_measured_labels: bool = False
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, keys are label numbers; ``"summary"`` is the line."""
        return {**asdict(self), "summary": str(self)}

    def __str__(self) -> str:
        """Return it in a line such as ``"33 matched, 1 new (left amygdala)"``."""
        if self.source == "none":
            return f"none ({self.note})" if self.note else "none"
        parts = [f"{len(self.matched)} matched"]
        if self.new:
            parts.append(f"{len(self.new)} new ({_listed(self.new)})")
        if self.background:
            reasons = list(dict.fromkeys(entry["reason"] for entry in self.background.values()))
            why = f": {reasons[0]}" if len(reasons) == 1 else ""
            parts.append(f"{len(self.background)} background ({_listed(self.background)}{why})")
        line = f"{', '.join(parts)}; from {self.source}"
        if self.guided_by_measured_labels:
            line += ", which also measure the overlap"
        return line


@dataclass(frozen=True)
class ImageRegions:
    """The labels of one image as rows of a filter table.

    Attributes:
        segmentation: labels on the lattice of the image.
        rows: by label, the row; other labels are background, row 0.
    """

    segmentation: Segmentation
    rows: Mapping[int, int]

    def rows_on(self, lattice: ImageGeometry, transform: sitk.Transform | None = None) -> Tensor:
        """Return the rows on a lattice, ``(1, 1, *S)`` int64; nearest neighbour, 0 outside.

        Args:
            lattice: where to.
            transform: points of the lattice to points of the image; None: they are the same.
        """
        labels = self.segmentation.labels
        array = sitk.GetArrayFromImage(warp_image(labels, lattice, transform, labels=True))
        numbers, place = np.unique(array, return_inverse=True)
        table = np.array([self.rows.get(int(number), 0) for number in numbers], np.int64)
        return torch.from_numpy(table[place].reshape(array.shape))[None, None]

    def confidence_on(
        self, lattice: ImageGeometry, transform: sitk.Transform | None = None
    ) -> Tensor | None:
        """Return the confidence on a lattice, ``(1, 1, *S)``, linear; None: certain.

        Beyond the image there is background, which is certain.

        Args:
            lattice: where to.
            transform: points of the lattice to points of the image; None: they are the same.
        """
        confidence = self.segmentation.confidence
        if confidence is None:
            return None
        resampled = resample(confidence, lattice, transform, outside=1.0)
        return torch.from_numpy(sitk.GetArrayFromImage(resampled)).clamp(0, 1)[None, None]


@dataclass(frozen=True)
class GivenRegions:
    """Everything about regions that a registration uses.

    Attributes:
        summary: what became of the labels.
        fixed: regions of the fixed image; None: everything is background of no confidence.
        found: regions of the moving and of the fixed image that one segmenter found, for a
            refinement of their overlap; None: not known. Labels from elsewhere are not held
            against these: what two hands draw differently is no motion.
        filters: ``(N, C, 3)``, of all rows, where there are new ones; None: the model's table.
    """

    summary: RegionSummary
    fixed: ImageRegions | None = None
    found: tuple[ImageRegions, ImageRegions] | None = None
    filters: Tensor | None = None

    def on(self, lattice: ImageGeometry) -> Regions | None:
        """Return the regions of the fixed image on a network's lattice."""
        if self.fixed is None:
            return None
        confidence = self.fixed.confidence_on(lattice)
        return Regions(self.fixed.rows_on(lattice), confidence, self.filters)

    def features_on(
        self, lattice: ImageGeometry, alignment: sitk.Transform, weight: float
    ) -> tuple[Tensor, Tensor] | None:
        """Return the found regions of the aligned moving and of the fixed image as features.

        See :func:`coded_features`.

        Args:
            lattice: of the refinement.
            alignment: fixed to moving points.
            weight: of the regions in the loss of the refinement.
        """
        if self.found is None:
            return None
        moving, fixed = self.found
        return coded_features(
            (moving.rows_on(lattice, alignment), moving.confidence_on(lattice, alignment)),
            (fixed.rows_on(lattice), fixed.confidence_on(lattice)),
            weight,
        )


def _listed(entries: Mapping[int, Mapping[str, str]]) -> str:
    names = [entry.get("name") or f"label {number}" for number, entry in entries.items()]
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
