"""Search for a place in which the moving image matches better than by the linear map found.

A deformation can make two images alike that lie the wrong way round: a mirrored heart is bent into
the other one, a vertebra into its neighbour, a body whose slices claim to be twice as thick into
the true one. Without the bending they do not match; turned round, shifted or stretched they do.
Hence this comparison of linear maps alone, of any contrasts, on a coarse lattice.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry
from .axis_turns import ChangeKind, axis_names, change_in_words, signed_permutations
from .inputs import Inputs
from .place_search import (
    ALIKE,
    CLEARLY,
    JUDGED,
    NEARLY,
    SIFTED,
    Place,
    PlaceSearch,
    oblique_turns,
    sizes,
    stretches,
)

__all__ = ["OtherOrientation", "better_orientation"]

# Where the judging lattice leaves it open, the best place is looked at on one that shows organs.
_CONFIRMED = {2: 96, 3: 64}
_KEPT, _OBLIQUE_KEPT = 4, 1
_UNRELATED = 0.25  # mean difference of unrelated images, 0.2 to 0.3
_SHIFTED = 1.0  # voxels of the judging lattice, from which a translation is worth a word
_TUNED = 2  # places whose translation is made exact

Kind = ChangeKind | Literal["shifted"]


@dataclass(frozen=True)
class OtherOrientation:
    """A place in which the moving image matches better.

    Attributes:
        name: in words, such as ``turned by 180°``; a predicate of the moving image.
        matched: mean similarity of the contexts of the images, from 0 to 1, in this place.
        matched_linear: likewise under the linear part of the result.
        kind: what differs: the orientation (``turned``, also for mirror images), the place along
            an axis, the length of an axis, the angle about an axis (``oblique``: other than a
            quarter turn), or the size.
    """

    name: str
    matched: float
    matched_linear: float
    kind: Kind = "turned"

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "matched": self.matched,
            "matched_linear": self.matched_linear,
        }


def better_orientation(inputs: Inputs, linear: sitk.Transform) -> OtherOrientation | None:
    """Return the place in which the images match clearly better than by a linear map.

    All exchanges and reversals of the axes of the fixed lattice, each axis twice and half as long,
    turns of 15 to 45 degrees about each axis and other sizes are tried about the middles of the
    images and before the linear map, with the translations that fit best; slices that go one by one
    stay in their plane.

    Args:
        inputs: images and masks.
        linear: linear part of a result, fixed to moving points.

    Returns:
        None where the linear map is as good as any.
    """
    coarse, fine = (PlaceSearch(inputs, linear, longest) for longest in (SIFTED, JUDGED))
    reached = fine.difference(linear)
    if math.isinf(reached):
        reached = _UNRELATED
    changes = [*signed_permutations(fine.lattice, fine.slice_axis)]
    changes += stretches(fine.lattice, fine.slice_axis)
    changes = coarse.sifted(changes)
    oblique = [*oblique_turns(fine.lattice, fine.slice_axis)]
    oblique += sizes(fine.lattice, fine.slice_axis)
    oblique = coarse.sifted(oblique)[:_OBLIQUE_KEPT]
    still = np.eye(fine.lattice.dimension)
    kept = [c for c in changes[: _KEPT + 1] if not np.array_equal(c, still)][:_KEPT] + oblique
    own, *others = fine.best([still, *kept])
    own = fine.tuned(own, min(CLEARLY * reached, ALIKE))
    # What is symmetric matches mirrored as well as it does where it lies.
    bar = min(reached, own.difference)
    others.sort(key=lambda place: place.difference)
    others = [fine.tuned(place, min(CLEARLY * bar, ALIKE)) for place in others[:_TUNED]]
    others.sort(key=lambda place: place.difference)
    candidates = [(place, bar) for place in others]
    if _apart(fine.lattice, linear, own.transform) >= _SHIFTED:
        candidates.append((own, reached))
    for place, bar in candidates:
        if place.difference < min(CLEARLY * bar, ALIKE):
            return _named(place, fine.lattice, linear, reached)
    near = [p for p, bar in candidates if p.difference < min(NEARLY * bar, ALIKE)]
    return _confirmed(near[0], own, inputs, linear) if near else None


def _confirmed(
    place: Place, own: Place, inputs: Inputs, linear: sitk.Transform
) -> OtherOrientation | None:
    """Return a place that nearly matches better, if it does clearly where more can be seen."""
    finer = PlaceSearch(inputs, linear, _CONFIRMED)
    reached = bar = finer.difference(linear)
    if place is not own:
        bar = min(reached, finer.difference(own.transform))
    value = finer.difference(place.transform)
    if value >= CLEARLY * bar:
        return None
    return _named(replace(place, difference=value), finer.lattice, linear, reached)


def _named(
    place: Place, lattice: ImageGeometry, linear: sitk.Transform, reached: float
) -> OtherOrientation:
    kind, name = _in_words(place.change, lattice, linear, place.transform)
    return OtherOrientation(name, 1 - place.difference, 1 - reached, kind)


def _apart(lattice: ImageGeometry, one: sitk.Transform, other: sitk.Transform) -> float:
    """Return how far two maps are apart in the corners of a lattice, at most, in voxels."""
    ends = itertools.product(*[(0.0, n - 1.0) for n in lattice.size])
    corners = [lattice.index_to_physical(end).tolist() for end in ends]
    way = [np.subtract(one.TransformPoint(p), other.TransformPoint(p)) for p in corners]
    return float(np.abs(np.linalg.solve(lattice.matrix, np.stack(way).T)).max())


def _in_words(
    change: np.ndarray, lattice: ImageGeometry, linear: sitk.Transform, found: sitk.Transform
) -> tuple[Kind, str]:
    """Return what a change of the index axes is, and a predicate of the moving image for it."""
    changed = change_in_words(change, lattice)
    if changed is not None:
        return changed
    center = lattice.center()
    way = np.subtract(found.TransformPoint(center), linear.TransformPoint(center))
    voxels = np.linalg.solve(lattice.matrix, way)
    axis = int(np.abs(voxels).argmax())
    if abs(voxels[axis]) < _SHIFTED:
        return "turned", "as the images lie in space"
    length = abs(voxels[axis]) * lattice.spacing[axis]
    return "shifted", f"shifted by {length:.2g} mm {axis_names(lattice)[axis]}"
