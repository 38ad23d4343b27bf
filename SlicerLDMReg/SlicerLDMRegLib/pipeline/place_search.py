"""Linear maps between the places of two images, compared on coarse lattices of the fixed one.

Images of any contrasts are compared by the contexts of their voxels, under maps that change the
index axes of the fixed lattice and shift the images onto each other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch

from ..geometry import ImageGeometry
from ..metrics.local_similarity import LocalSimilarity
from ..resampling import coverages
from .align.phase_shift import best_agreements, best_shift
from .axis_turns import after_shift, free_axes, turned
from .coarse_structure import batches_of, structure_on, structures_on
from .inputs import Inputs

__all__ = [
    "ALIKE", "CLEARLY", "JUDGED", "NEARLY", "SIFTED", "Place", "PlaceSearch", "oblique_turns",
    "sizes", "stretches",
]  # fmt: skip

#: Voxels along the longest axis, in 2D and 3D: what lies another way round looks so from afar, too.
#: On the coarser lattice many places are sifted, on the finer one the best few are judged.
SIFTED, JUDGED = {2: 24, 3: 14}, {2: 48, 3: 28}
#: Of the difference that the linear part of a wrong result leaves, a turned, mirrored, shifted or
#: stretched image has 0.15 to 0.75 in its own place (``Testing.Prove.verdict --half first`` and
#: ``Testing.Prove.situations``). Of sound results no other place comes below 0.87.
CLEARLY = 0.8
#: Up to this share a place is worth a closer look.
NEARLY = 0.95
#: Mean difference that images of one anatomy do not reach; unrelated ones have 0.2 to 0.3.
ALIKE = 0.2
_COVERED = 0.6  # share of the structures that has to be compared
_TWICE = (2.0, 0.5)  # of the length of an axis, such as of slices that were left out
# Turns and sizes between those of whole axes, close enough for one of them to match from afar. Of
# people and of animals of one kind sizes differ by less than these.
_DEGREES = (15, 30, 45)
_SIZES = (1.2, 1.4)
_STEPS = (0.5, 0.25)  # voxels, by which a translation of whole ones is made exact
_AT_ONCE = 8  # maps
_TUNABLE = 1.25  # of the difference to fall below, up to which that can help


@dataclass(frozen=True)
class Place:
    """A place of the moving image.

    Attributes:
        difference: mean difference of the contexts of the images, 0 to 1; infinite where too little
            is compared.
        transform: fixed to moving points.
        change: of the index axes of the fixed lattice, ``(d, d)``.
    """

    difference: float
    transform: sitk.Transform
    change: np.ndarray


def oblique_turns(
    lattice: ImageGeometry, slice_axis: int | None, least: float = 0
) -> Iterator[np.ndarray]:
    """Yield turns in the plane of each two index axes, by ``least`` degrees and more."""
    angles = [sign * angle for angle in _DEGREES if angle >= least for sign in (1, -1)]
    for one, other in itertools.combinations(free_axes(lattice, slice_axis), 2):
        for angle in np.deg2rad(angles):
            turn = np.eye(lattice.dimension)
            turn[one, one] = turn[other, other] = np.cos(angle)
            turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
            yield turn


def sizes(lattice: ImageGeometry, slice_axis: int | None, least: float = 1) -> Iterator[np.ndarray]:
    """Yield maps that make all index axes longer or shorter, ``least`` times and more."""
    free = free_axes(lattice, slice_axis)
    for factor in [f for size in _SIZES if size >= least for f in (size, 1 / size)]:
        size = np.eye(lattice.dimension)
        size[free, free] = factor
        yield size


def stretches(lattice: ImageGeometry, slice_axis: int | None) -> Iterator[np.ndarray]:
    """Yield maps that make one index axis longer or shorter."""
    for axis in free_axes(lattice, slice_axis):
        for factor in _TWICE:
            stretch = np.eye(lattice.dimension)
            stretch[axis, axis] = factor
            yield stretch


class PlaceSearch:
    """Comparison of places on a coarse lattice of the fixed image.

    Args:
        inputs: images, masks and slices.
        linear: fixed to moving points; places are tried before it, too.
        longest: voxels along the longest axis, at most, in 2D and in 3D.

    Attributes:
        lattice: that of the comparison.
        slice_axis: index axis perpendicular to slices that go one by one, or None.
    """

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

    def sifted(self, changes: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return changes of the index axes, the one with the least difference first."""
        order = np.argsort(self.differences_changed(changes), kind="stable")
        return [changes[n] for n in order]

    def differences_changed(self, changes: Sequence[np.ndarray]) -> list[float]:
        """Return the differences with changed index axes about the middles of the images."""
        starts = [self._about_middles(change) for change in changes]
        return self._differences([maps[0] for maps in self._shifted(starts, all_of_them=False)])

    def best(self, changes: Sequence[np.ndarray]) -> list[Place]:
        """Return for each change of the index axes the place with the least difference."""
        starts = [place(c) for c in changes for place in (self._about_middles, self._before_linear)]
        shifted = self._shifted(starts)
        values = iter(self._differences([m for maps in shifted for m in maps]))
        found = [[(next(values), m) for m in maps] for maps in shifted]
        places = []
        for one, other, change in zip(found[::2], found[1::2], changes, strict=True):
            value, transform = min(one + other, key=lambda pair: pair[0])
            places.append(Place(value, transform, change))
        return places

    def tuned(self, place: Place, least: float) -> Place:
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
        return Place(value, transform, place.change)

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
        inside = batches_of(coverages(self._moving.image, self.lattice, transforms))
        moving = structures_on(self._moving, self.lattice, transforms)
        fixed = self._fixed.expand_as(moving)
        shifts = best_shift(moving, fixed, inside).flatten(1).numpy()[:, ::-1]
        wide = [axis for axis, n in enumerate(self.lattice.size) if n > 1]
        seen = inside.flatten(1).any(1)
        others: Iterator[np.ndarray] = iter(())
        if all_of_them:
            shown = inside[seen, 0]
            one = fixed[0, 0]
            others = iter(best_agreements(one, moving[seen, 0], torch.ones_like(one), shown))
        found = []
        for n, transform in enumerate(transforms):
            own = [shifts[n]]
            if not seen[n]:
                found.append([transform])
                continue
            if all_of_them:
                other = next(others)
                if not np.array_equal(other, own[0]):
                    own.append(other)
            voxels = np.zeros((len(own), self.lattice.dimension))
            voxels[:, wide] = own
            found.append([after_shift(self.lattice, transform, v) for v in voxels])
        return found
