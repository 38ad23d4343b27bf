"""Search for an orientation in which the moving image matches better than by the linear map found.

A deformation can make two images alike that lie the wrong way round: a mirrored heart is bent into
the other one. Without the bending they do not match; turned round they do. Hence this comparison of
linear maps alone, of any contrasts, on a coarse lattice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ..functional import local_deviation
from ..geometry import ImageGeometry
from ..metrics.local_similarity import LocalSimilarity
from ..resampling import antialiased, coverage, resample
from .align.phase_shift import best_shift
from .inputs import Inputs

__all__ = ["OtherOrientation", "better_orientation"]

# Voxels along the longest axis: what lies another way round looks so from afar, too. On the coarser
# lattice all orientations are sifted, on the finer one the best few are judged.
_SIFTED, _JUDGED = {2: 24, 3: 14}, {2: 48, 3: 28}
_KEPT = 4
# Found with the first half of ``Testing.Prove.verdict``: a turned or mirrored image matches in its
# own orientation with 0.15 to 0.65 of the difference that the linear part of a wrong result leaves.
# Of 84 sound results no other orientation comes below 0.93.
_CLEARLY = 0.8
_COVERED = 0.6  # share of the structures that has to be compared
# Mean difference that images of one anatomy do not reach, and that of unrelated ones, 0.2 to 0.3.
_ALIKE, _UNRELATED = 0.2, 0.25
_STRUCTURE = 1.0  # voxels, within which the deviation of an image is its structure


@dataclass(frozen=True)
class OtherOrientation:
    """An orientation that matches better.

    Attributes:
        name: in words, such as ``turned by 180°``; a predicate of the moving image.
        matched: mean similarity of the contexts of the images, from 0 to 1, in this orientation.
        matched_linear: likewise under the linear part of the result.
    """

    name: str
    matched: float
    matched_linear: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "matched": self.matched,
            "matched_linear": self.matched_linear,
        }


def better_orientation(inputs: Inputs, linear: sitk.Transform) -> OtherOrientation | None:
    """Return the orientation in which the images match clearly better than by a linear map.

    All exchanges and reversals of the axes of the fixed lattice are tried about the middles of the
    images, with the translation that fits best; slices that go one by one stay in their plane.

    Args:
        inputs: images and masks.
        linear: linear part of a result, fixed to moving points.

    Returns:
        None where the linear map is as good as any.
    """
    coarse, fine = (_Comparison(inputs, longest) for longest in (_SIFTED, _JUDGED))
    reached = fine.difference(linear)
    if math.isinf(reached):
        reached = _UNRELATED
    turns = sorted(_orientations(fine.lattice, fine.slice_axis), key=coarse.difference_turned)
    best, name = min(_CLEARLY * reached, _ALIKE), ""
    for turn in turns[:_KEPT]:
        value = fine.difference_turned(turn)
        if value < best:
            best, name = value, _in_words(turn, fine.lattice)
    return OtherOrientation(name, 1 - best, 1 - reached) if name else None


def _orientations(lattice: ImageGeometry, slice_axis: int | None) -> Iterator[np.ndarray]:
    """Yield signed permutations of the index axes; flat axes and slices stay."""
    d = lattice.dimension
    free = [a for a in range(d) if a != slice_axis and lattice.size[a] > 1]
    for order in itertools.permutations(free):
        for signs in itertools.product((1, -1), repeat=len(free)):
            turn = np.eye(d)
            turn[:, free] = 0
            for source, target, sign in zip(free, order, signs, strict=True):
                turn[target, source] = sign
            yield turn


class _Comparison:
    """Comparison of the images on a coarse lattice of the fixed one."""

    def __init__(self, inputs: Inputs, longest: Mapping[int, int]) -> None:
        self.slice_axis = None if inputs.slices is None else inputs.slices.axis
        self._inputs = inputs
        self._local = LocalSimilarity(inputs.fixed, inputs.output, self.slice_axis, longest)
        self.lattice = self._local.lattice
        self._moving = antialiased(inputs.moving, self.lattice, self.slice_axis)
        fixed = antialiased(inputs.fixed, self.lattice, self.slice_axis)
        self._fixed = self._structure(fixed, None)

    def difference(self, transform: sitk.Transform) -> float:
        """Return the mean difference of the contexts, infinite where too little is compared.

        Args:
            transform: fixed to moving points.
        """
        masked = None
        if self._inputs.masks.roles:
            masked = self._inputs.masks.inside(self.lattice, transform)
        found = self._local.of(self._inputs.moving, transform, masked)
        return 1 - found.mean if found.covered >= _COVERED else math.inf

    def difference_turned(self, turn: np.ndarray) -> float:
        """Return the difference with the index axes turned, and the best translation."""
        return self.difference(self._shifted(self._about_middles(turn)))

    def _about_middles(self, turn: np.ndarray) -> sitk.AffineTransform:
        """Return the map that turns the index axes about the middles of both images."""
        lattice = self.lattice
        axes, start = lattice.direction_matrix, np.asarray(lattice.center())
        middle = np.asarray(ImageGeometry.from_image(self._inputs.moving).center())
        across = lattice.size.index(1) if 1 in lattice.size else self.slice_axis
        if across is not None:
            normal = axes[:, across]
            middle = middle + normal * (normal @ (start - middle))
        transform = sitk.AffineTransform(lattice.dimension)
        transform.SetCenter(start.tolist())
        transform.SetMatrix((axes @ turn @ axes.T).ravel().tolist())
        transform.SetTranslation((middle - start).tolist())
        return transform

    def _shifted(self, transform: sitk.AffineTransform) -> sitk.Transform:
        """Return a map with the translation before it that brings the images together."""
        if self.slice_axis is not None:
            return transform  # slices that go one by one have no translation in common
        inside = self._tensor(coverage(self._moving, self.lattice, transform))
        if not inside.any():
            return transform
        moving = self._structure(self._moving, transform)
        shift = best_shift(moving, self._fixed, inside)
        voxels = np.zeros(self.lattice.dimension)
        wide = [axis for axis, n in enumerate(self.lattice.size) if n > 1]
        voxels[wide] = shift.flatten().numpy()[::-1]
        moved = (self.lattice.matrix @ voxels).tolist()
        first = sitk.TranslationTransform(self.lattice.dimension, moved)
        return sitk.CompositeTransform([transform, first])  # the last one comes first

    def _structure(self, image: sitk.Image, transform: sitk.Transform | None) -> Tensor:
        """Return the local deviation of an image, which other contrasts have at the same places."""
        return local_deviation(self._tensor(resample(image, self.lattice, transform)), _STRUCTURE)

    def _tensor(self, image: sitk.Image | np.ndarray) -> Tensor:
        """Return an array of the lattice, ``(1, 1, *S)`` without axes of one voxel."""
        array = sitk.GetArrayFromImage(image) if isinstance(image, sitk.Image) else image
        shape = [n for n in self.lattice.array_shape if n > 1]
        return torch.from_numpy(np.asarray(array, np.float32).reshape(1, 1, *shape))


def _in_words(turn: np.ndarray, lattice: ImageGeometry) -> str:
    """Return a predicate of the moving image for a signed permutation of index axes."""
    moved = [a for a in range(len(turn)) if turn[a, a] != 1]
    names = _axis_names(lattice)
    if not moved:
        return "as the images lie in space"
    is_mirrored = np.linalg.det(turn) < 0
    if all(turn[a, a] == -1 for a in moved):
        if len(moved) == 1:
            return f"mirrored {names[moved[0]]}"
        if len(moved) == 3:
            return "mirrored in all directions"
        if len(turn) == 2:
            return "turned by 180°"
        (left,) = set(range(3)) - set(moved)
        return f"turned by 180° about the axis {names[left]}"
    if is_mirrored:
        return "with exchanged axes"
    if len(moved) == 2:
        if len(turn) == 2:
            return "turned by 90°"
        (left,) = set(range(3)) - set(moved)
        return f"turned by 90° about the axis {names[left]}"
    return "turned, with its axes in another order"


def _axis_names(lattice: ImageGeometry) -> Sequence[str]:
    """Return the directions of the index axes in words."""
    if lattice.dimension == 2:
        return ("left to right", "top to bottom")
    words = ("left to right", "front to back", "head to foot")
    return [words[int(np.abs(column).argmax())] for column in lattice.direction_matrix.T]
