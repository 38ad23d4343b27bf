"""Search for a place in which the moving image matches better than by the linear map found.

A deformation can make two images alike that lie the wrong way round: a mirrored heart is bent into
the other one, a vertebra into its neighbour, a body whose slices claim to be twice as thick into
the true one. Without the bending they do not match; turned round, shifted or stretched they do.
Hence this comparison of linear maps alone, of any contrasts, on a coarse lattice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
import torch

from ..geometry import ImageGeometry
from ..metrics.local_similarity import LocalSimilarity
from ..resampling import coverage
from .align.phase_shift import best_agreement, best_shift
from .axis_turns import (
    after_shift,
    axis_names,
    free_axes,
    oblique_turn_in_words,
    signed_permutations,
    turn_in_words,
    turned,
)
from .coarse_structure import batch_of, structure_on
from .inputs import Inputs

__all__ = ["OtherOrientation", "better_orientation"]

# Voxels along the longest axis: what lies another way round looks so from afar, too. On the coarser
# lattice all orientations are sifted, on the finer one the best few are judged; where that leaves
# it open, the best of these on one that shows organs.
_SIFTED, _JUDGED, _CONFIRMED = {2: 24, 3: 14}, {2: 48, 3: 28}, {2: 96, 3: 64}
_KEPT = 4
# Of the difference that the linear part of a wrong result leaves, a turned, mirrored, shifted or
# stretched image has 0.15 to 0.75 in its own place (``Testing.Prove.verdict --half first`` and
# ``Testing.Prove.situations``). Of sound results no other place comes below 0.87.
_CLEARLY = 0.8
# Up to this share a place is looked at more closely: there images of one body differ by less, and
# others by more.
_NEARLY = 0.95
_COVERED = 0.6  # share of the structures that has to be compared
# Mean difference that images of one anatomy do not reach, and that of unrelated ones, 0.2 to 0.3.
_ALIKE, _UNRELATED = 0.2, 0.25
_TWICE = (2.0, 0.5)  # of the length of an axis, such as of slices that were left out
_STEPS = (0.5, 0.25)  # voxels, by which a translation of whole ones is made exact
_SHIFTED = 1.0  # voxels of the finer lattice, from which a translation is worth a word
_AT_ONCE = 8  # maps
_TUNED = 2  # places whose translation is made exact
_TUNABLE = 1.25  # of the difference to fall below, up to which that can help

# Turns and sizes between those of whole axes, close enough for one of them to match from afar. Of
# people and of animals of one kind sizes differ by less than these.
_DEGREES = (-45, -30, -15, 15, 30, 45)
_SIZES = (1.2, 1.4, 1 / 1.2, 1 / 1.4)
_OBLIQUE_KEPT = 1

Kind = Literal["turned", "shifted", "stretched", "oblique", "scaled"]


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


@dataclass(frozen=True)
class _Place:
    """A linear map that is tried: its difference, itself, and its change of the index axes."""

    difference: float
    transform: sitk.Transform
    change: np.ndarray


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
    coarse, fine = (_Comparison(inputs, linear, longest) for longest in (_SIFTED, _JUDGED))
    reached = fine.difference(linear)
    if math.isinf(reached):
        reached = _UNRELATED
    changes = [*signed_permutations(fine.lattice, fine.slice_axis)]
    changes += _stretches(fine.lattice, fine.slice_axis)
    changes = _sifted(coarse, changes)
    oblique = [*_oblique_turns(fine.lattice, fine.slice_axis)]
    oblique += _sizes(fine.lattice, fine.slice_axis)
    oblique = _sifted(coarse, oblique)[:_OBLIQUE_KEPT]
    still = np.eye(fine.lattice.dimension)
    kept = [c for c in changes[: _KEPT + 1] if not np.array_equal(c, still)][:_KEPT] + oblique
    own, *others = fine.best([still, *kept])
    own = fine.tuned(own, min(_CLEARLY * reached, _ALIKE))
    # What is symmetric matches mirrored as well as it does where it lies.
    bar = min(reached, own.difference)
    others.sort(key=lambda place: place.difference)
    others = [fine.tuned(place, min(_CLEARLY * bar, _ALIKE)) for place in others[:_TUNED]]
    others.sort(key=lambda place: place.difference)
    candidates = [(place, bar) for place in others]
    if _apart(fine.lattice, linear, own.transform) >= _SHIFTED:
        candidates.append((own, reached))
    for place, bar in candidates:
        if place.difference < min(_CLEARLY * bar, _ALIKE):
            return _named(place, fine.lattice, linear, reached)
    near = [p for p, bar in candidates if p.difference < min(_NEARLY * bar, _ALIKE)]
    return _confirmed(near[0], own, inputs, linear) if near else None


def _confirmed(
    place: _Place, own: _Place, inputs: Inputs, linear: sitk.Transform
) -> OtherOrientation | None:
    """Return a place that nearly matches better, if it does clearly where more can be seen."""
    finer = _Comparison(inputs, linear, _CONFIRMED)
    reached = bar = finer.difference(linear)
    if place is not own:
        bar = min(reached, finer.difference(own.transform))
    value = finer.difference(place.transform)
    if value >= _CLEARLY * bar:
        return None
    return _named(replace(place, difference=value), finer.lattice, linear, reached)


def _named(
    place: _Place, lattice: ImageGeometry, linear: sitk.Transform, reached: float
) -> OtherOrientation:
    kind, name = _in_words(place.change, lattice, linear, place.transform)
    return OtherOrientation(name, 1 - place.difference, 1 - reached, kind)


def _apart(lattice: ImageGeometry, one: sitk.Transform, other: sitk.Transform) -> float:
    """Return how far two maps are apart in the corners of a lattice, at most, in voxels."""
    ends = itertools.product(*[(0.0, n - 1.0) for n in lattice.size])
    corners = [lattice.index_to_physical(end).tolist() for end in ends]
    way = [np.subtract(one.TransformPoint(p), other.TransformPoint(p)) for p in corners]
    return float(np.abs(np.linalg.solve(lattice.matrix, np.stack(way).T)).max())


def _sifted(coarse: _Comparison, changes: list[np.ndarray]) -> list[np.ndarray]:
    """Return changes of the index axes, the best on the coarse lattice first."""
    order = np.argsort(coarse.differences_changed(changes), kind="stable")
    return [changes[n] for n in order]


def _oblique_turns(lattice: ImageGeometry, slice_axis: int | None) -> Iterator[np.ndarray]:
    """Yield turns in the plane of each two index axes."""
    for one, other in itertools.combinations(free_axes(lattice, slice_axis), 2):
        for angle in np.deg2rad(_DEGREES):
            turn = np.eye(lattice.dimension)
            turn[one, one] = turn[other, other] = np.cos(angle)
            turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
            yield turn


def _sizes(lattice: ImageGeometry, slice_axis: int | None) -> Iterator[np.ndarray]:
    """Yield maps that make all index axes longer or shorter."""
    free = free_axes(lattice, slice_axis)
    for factor in _SIZES:
        size = np.eye(lattice.dimension)
        size[free, free] = factor
        yield size


def _stretches(lattice: ImageGeometry, slice_axis: int | None) -> Iterator[np.ndarray]:
    """Yield maps that make one index axis longer or shorter."""
    for axis in free_axes(lattice, slice_axis):
        for factor in _TWICE:
            stretch = np.eye(lattice.dimension)
            stretch[axis, axis] = factor
            yield stretch


class _Comparison:
    """Comparison of the images on a coarse lattice of the fixed one."""

    def __init__(self, inputs: Inputs, linear: sitk.Transform, longest: Mapping[int, int]) -> None:
        self._linear = linear
        self.slice_axis = None if inputs.slices is None else inputs.slices.axis
        self._inputs = inputs
        self._local = LocalSimilarity(inputs.fixed, inputs.output, self.slice_axis, longest)
        self.lattice = self._local.lattice
        self._moving = self._local.sampler(inputs.moving)
        self._fixed = structure_on(self._local.sampler(inputs.fixed), self.lattice, None)

    def difference(self, transform: sitk.Transform) -> float:
        """Return the mean difference of the contexts, infinite where too little is compared.

        Args:
            transform: fixed to moving points.
        """
        return self._differences([transform])[0]

    def _differences(self, transforms: Sequence[sitk.Transform]) -> list[float]:
        values = []
        # Many at once take a third of the time; a few of them fit into the processor's cache.
        for start in range(0, len(transforms), _AT_ONCE):
            several = transforms[start : start + _AT_ONCE]
            masks = None
            if self._inputs.masks.roles:
                masks = [self._inputs.masks.inside(self.lattice, t) for t in several]
            for found in self._local.of_all(self._inputs.moving, several, masks):
                values.append(1 - found.mean if found.covered >= _COVERED else math.inf)
        return values

    def differences_changed(self, changes: Sequence[np.ndarray]) -> list[float]:
        """Return the differences with changed index axes about the middles of the images."""
        starts = [self._about_middles(change) for change in changes]
        return self._differences([maps[0] for maps in self._shifted(starts, all_of_them=False)])

    def best(self, changes: Sequence[np.ndarray]) -> list[_Place]:
        """Return for each change of the index axes the place with the least difference."""
        starts = [place(c) for c in changes for place in (self._about_middles, self._before_linear)]
        shifted = self._shifted(starts)
        values = iter(self._differences([m for maps in shifted for m in maps]))
        found = [[(next(values), m) for m in maps] for maps in shifted]
        places = []
        for one, other, change in zip(found[::2], found[1::2], changes, strict=True):
            value, transform = min(one + other, key=lambda pair: pair[0])
            places.append(_Place(value, transform, change))
        return places

    def tuned(self, place: _Place, least: float) -> _Place:
        """Return a place with a translation before it that is exact to a part of a voxel.

        Args:
            place: any.
            least: the difference to fall below; too far from it nothing is done.
        """
        if place.difference >= _TUNABLE * least:
            return place
        value, transform = place.difference, place.transform
        for step in _STEPS:
            for axis in free_axes(self.lattice, self.slice_axis):
                for sign in (1, -1):
                    voxels = np.zeros(self.lattice.dimension)
                    voxels[axis] = sign * step
                    other = after_shift(self.lattice, transform, voxels)
                    if (there := self.difference(other)) < value:
                        value, transform = there, other
                        break
        return _Place(value, transform, place.change)

    def _before_linear(self, change: np.ndarray) -> sitk.Transform:
        """Return the linear map of the result after a change about the fixed image's middle."""
        return sitk.CompositeTransform([self._linear, turned(self.lattice, change)])

    def _about_middles(self, change: np.ndarray) -> sitk.AffineTransform:
        """Return the map that changes the index axes about the middles of both images."""
        lattice = self.lattice
        axes, start = lattice.direction_matrix, np.asarray(lattice.center())
        middle = np.asarray(ImageGeometry.from_image(self._inputs.moving).center())
        across = lattice.size.index(1) if 1 in lattice.size else self.slice_axis
        if across is not None:
            normal = axes[:, across]
            middle = middle + normal * (normal @ (start - middle))
        transform = turned(lattice, change)
        transform.SetTranslation((middle - start).tolist())
        return transform

    def _shifted(
        self, transforms: Sequence[sitk.Transform], all_of_them: bool = True
    ) -> list[list[sitk.Transform]]:
        """Return maps with the translations before them that bring the images together.

        The first of each keeps the most in view; the other one, of the best agreement, also finds a
        vertebra farther on.
        """
        if self.slice_axis is not None:
            # Slices that go one by one have no translation in common.
            return [[transform] for transform in transforms]
        inside = torch.cat([
            batch_of(coverage(self._moving.image, self.lattice, t)) for t in transforms
        ])  # fmt: skip
        moving = torch.cat([structure_on(self._moving, self.lattice, t) for t in transforms])
        fixed = self._fixed.expand_as(moving)
        shifts = best_shift(moving, fixed, inside).flatten(1).numpy()[:, ::-1]
        wide = [axis for axis, n in enumerate(self.lattice.size) if n > 1]
        found = []
        for n, transform in enumerate(transforms):
            own = [shifts[n]]
            if not inside[n].any():
                found.append([transform])
                continue
            if all_of_them:
                seen = torch.ones_like(inside[n, 0])
                other = best_agreement(fixed[n, 0], moving[n, 0], seen, inside[n, 0])
                if not np.array_equal(other, own[0]):
                    own.append(other)
            voxels = np.zeros((len(own), self.lattice.dimension))
            voxels[:, wide] = own
            found.append([after_shift(self.lattice, transform, v) for v in voxels])
        return found


def _in_words(
    change: np.ndarray, lattice: ImageGeometry, linear: sitk.Transform, found: sitk.Transform
) -> tuple[Kind, str]:
    """Return what a change of the index axes is, and a predicate of the moving image for it."""
    # The map goes from fixed to moving points: where it enlarges, the moving image is too large.
    lengths = np.linalg.norm(change, axis=0)
    longer = np.flatnonzero(~np.isclose(lengths, 1))
    if len(longer) > 1:
        return "scaled", f"at about {1 / lengths[longer[0]]:.0%} of its size"
    if len(longer) == 1:
        axis = int(longer[0])
        times = "half" if lengths[axis] > 1 else "twice"
        return "stretched", f"at {times} its length {axis_names(lattice)[axis]}"
    if np.isin(change, (-1, 0, 1)).all():
        if not np.array_equal(change, np.eye(len(change))):
            return "turned", turn_in_words(change, lattice)
    else:
        return "oblique", oblique_turn_in_words(change, lattice)
    center = lattice.center()
    way = np.subtract(found.TransformPoint(center), linear.TransformPoint(center))
    voxels = np.linalg.solve(lattice.matrix, way)
    axis = int(np.abs(voxels).argmax())
    if abs(voxels[axis]) < _SHIFTED:
        return "turned", "as the images lie in space"
    length = abs(voxels[axis]) * lattice.spacing[axis]
    return "shifted", f"shifted by {length:.2g} mm {axis_names(lattice)[axis]}"
