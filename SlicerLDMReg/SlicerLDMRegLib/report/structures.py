"""Labelled structures of a result: overlap of each, lowest and worsened ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from .regions import by_label, region_names

__all__ = [
    "Structure",
    "judge_structures",
    "label_sizes",
    "lowest",
    "names_by_label",
    "structures_of",
    "unmatched_labels",
    "worsened",
]

# Changes of Dice up to this count as jitter of the resampled labels. Not tuned; on the 12 test
# pairs of brain-mr, with model and refinement, 0 to 3 of 35 structures lose more.
_LOSS = 0.01
# Loss of Dice of one structure above which the report gives advice, as for a loss in more than a
# quarter of the structures. A smaller value gives advice more often. Not tuned; 2 of these 12 pairs
# exceed it.
_MUCH = 0.05
_NAMED, _LISTED = 4, 12  # structures named in a finding, labels in the sentence on unmatched ones


@dataclass(frozen=True)
class Structure:
    """Label that both images hold; None where a value was not measured.

    Attributes:
        label: label number.
        name: name, empty if unknown.
        before, aligned, after: Dice of the given moving image, after the alignment alone, and after
            the registration.
        hd95_before, hd95_after: 95 % Hausdorff distance, mm.
        size: volume of the fixed label in ml, in 2D area in mm².
    """

    label: int
    name: str = ""
    before: float | None = None
    aligned: float | None = None
    after: float | None = None
    hd95_before: float | None = None
    hd95_after: float | None = None
    size: float | None = None

    @property
    def title(self) -> str:
        """Name, or else the number."""
        return self.name or f"Label {self.label}"

    @property
    def change(self) -> float | None:
        """Dice after minus before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def reference(self) -> tuple[float, str] | None:
        """Better Dice of before and aligned, and its stage."""
        values = [(self.before, "before"), (self.aligned, "aligned")]
        known = [(value, when) for value, when in values if value is not None]
        return max(known, default=None, key=lambda pair: pair[0])

    @property
    def loss(self) -> float:
        """Loss of Dice from the better of before and aligned to after."""
        if self.reference is None or self.after is None:
            return 0.0
        return max(0.0, self.reference[0] - self.after)


def names_by_label(metrics: Mapping[str, Any]) -> dict[int, str]:
    """Return the known names of the labels."""
    given = by_label(metrics.get("label_names"))
    names = {label: str(name) for label, name in given.items() if name}
    return {**region_names(metrics), **names}


def structures_of(
    metrics: Mapping[str, Any], sizes: Mapping[int, float] | None = None
) -> list[Structure]:
    """Return the measured structures in the order of their labels.

    Args:
        metrics: see ``ReportSource.metrics``.
        sizes: of the fixed labels, see :func:`label_sizes`.
    """
    names = names_by_label(metrics)
    values = {
        (side, name): {
            label: _finite(value)
            for label, value in by_label((metrics.get(side) or {}).get(name)).items()
        }
        for side in ("before", "aligned", "after")
        for name in ("dice", "hd95")
    }
    labels = sorted({label for found in values.values() for label in found})
    return [
        Structure(
            label=label,
            name=names.get(label, ""),
            before=values["before", "dice"].get(label),
            aligned=values["aligned", "dice"].get(label),
            after=values["after", "dice"].get(label),
            hd95_before=values["before", "hd95"].get(label),
            hd95_after=values["after", "hd95"].get(label),
            size=(sizes or {}).get(label),
        )
        for label in labels
    ]


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def label_sizes(labels: sitk.Image | None) -> dict[int, float]:
    """Return the volume of every label of a map in ml, or its area in mm² in 2D."""
    if labels is None:
        return {}
    numbers, counts = np.unique(sitk.GetArrayViewFromImage(labels), return_counts=True)
    voxel = float(np.prod(labels.GetSpacing())) / (1000.0 if labels.GetDimension() == 3 else 1.0)
    return {int(n): float(c) * voxel for n, c in zip(numbers, counts, strict=True) if n > 0}


def unmatched_labels(
    fixed: Mapping[int, float], moving: Mapping[int, float], names: Mapping[int, str]
) -> str:
    """Return a sentence on labels of only one image; empty if there are none."""
    parts = []
    for role, own, other in (("fixed", fixed, moving), ("moving", moving, fixed)):
        only = sorted(set(own) - set(other))
        if only:
            text = [names.get(label) or f"label {label}" for label in only[:_LISTED]]
            more = f" and {len(only) - _LISTED} more" if len(only) > _LISTED else ""
            parts.append(f"only in the {role} image: {', '.join(text)}{more}")
    return f"Not measured, {'; '.join(parts)}." if parts else ""


def lowest(structures: Sequence[Structure], number: int) -> list[Structure]:
    """Return the structures with the lowest Dice after registration, the lowest first."""
    known = [s for s in structures if s.after is not None]
    return sorted(known, key=lambda s: (s.after or 0.0, s.label))[:number]


def worsened(structures: Sequence[Structure]) -> list[Structure]:
    """Return the structures that lost overlap, the largest loss first."""
    return sorted((s for s in structures if s.loss > _LOSS), key=lambda s: (-s.loss, s.label))


def _listed(structures: Sequence[Structure], text: Sequence[str]) -> str:
    more = len(structures) - len(text)
    return ", ".join(text) + (f" and {more} more" if more else "")


def judge_structures(metrics: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return findings on single structures, and advice if some got worse.

    A single structure needs no finding, since the mean is the same. Advice is given when one lost
    much or many lost some: small losses occur in every registration.
    """
    structures = [s for s in structures_of(metrics) if s.after is not None]
    if len(structures) < 2:
        return [], ""
    worse = worsened(structures)
    better = sum((s.change or 0.0) > _LOSS for s in structures)
    findings = [f"{better} of {len(structures)} structures overlap better than before."]
    if worse:
        text = [
            f"{s.title} ({s.reference[0]:.2f}{' aligned' * (s.reference[1] == 'aligned')} → "
            f"{s.after:.2f})"
            for s in worse[:_NAMED]
            if s.reference is not None
        ]
        findings.append(f"Lost overlap: {_listed(worse, text)}.")
    low = [s for s in lowest(structures, len(structures)) if (s.after or 0.0) < 0.5]
    if low and len(structures) > 3:
        text = [f"{s.title} ({s.after:.2f})" for s in low[:_NAMED]]
        findings.append(f"Less than half overlaps in: {_listed(low, text)}.")
    advice = ""
    if worse and (worse[0].loss > _MUCH or len(worse) > len(structures) / 4):
        advice = (
            "Look at the outlines of the structures that lost overlap; a larger smoothness of the "
            "refinement, or the alignment alone, may serve them better."
        )
    return findings, advice
