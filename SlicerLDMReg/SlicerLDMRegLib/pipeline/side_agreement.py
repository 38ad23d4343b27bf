"""Agreement of what tells the sides of two images apart.

A head that lies mirrored fits itself nearly as well as in its own place: what both sides have in
common outweighs what they have not, in every measure of the whole image. Hence this comparison of
the latter alone. The difference of an image and its mirror image is the same in a pair that lies
the right way round, and its negative in a pair of which one lies mirrored.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from torch import Tensor

from ..geometry import ImageGeometry
from ..linear_sampling import LinearSampler
from ..metrics.local_similarity import coarse_lattice
from ..resampling import coarsened, coverage, resample
from .align.phase_shift import best_shift
from .axis_turns import after_shift, free_axes, turn_in_words, turned
from .coarse_structure import batch_of, structure_on
from .inputs import Inputs
from .masks import Masks

__all__ = ["SideAgreement", "side_agreement"]

_LONGEST = {2: 48, 3: 28}  # voxels of the lattice along its longest axis
_FEWEST = 200  # voxels: the correlation of fewer is left to chance
_COVERED = 0.5  # share of the structure that has to be compared
# Burnt-in letters and metal are alike whichever way the body lies. They have the largest value of
# an image, many times; of an image of few values, such as a label map, everything has.
_SATURATED = 20, 0.05  # voxels, at least, and share of the image, at most


@dataclass(frozen=True)
class SideAgreement:
    """Agreement of the sides of the images, for the turn under which they agree least.

    Attributes:
        name: of the turn, a predicate such as ``mirrored left to right``.
        correlation: of the differences of the images and their turned images, -1 to 1.
        largest: that of the turn under which they agree most. Of images of one place of a body some
            turn has 0.5 and more, unless the place is nearly symmetric in every way.
    """

    name: str
    correlation: float
    largest: float

    def to_dict(self) -> dict[str, object]:
        return {"name": self.name, "correlation": self.correlation, "largest": self.largest}


def side_agreement(inputs: Inputs, linear: sitk.Transform) -> SideAgreement | None:
    """Return the turn of the images under which their sides agree least.

    All reversals of axes of the fixed lattice are tried, each about the place in which the fixed
    image fits itself best; slices that go one by one stay in their plane. Images are compared by
    their local deviation, which other contrasts have at the same places, and as they lie by a
    linear map: a deformation makes sides alike.

    Args:
        inputs: images and masks.
        linear: linear part of a result, fixed to moving points.

    Returns:
        None where no turn has enough to be compared.
    """
    compared = _Sides(inputs, linear)
    turns = list(_reversals(compared.lattice, compared.slice_axis))
    values = [compared.correlation(turn) for turn in turns]
    if np.isnan(values).all():
        return None
    least = int(np.nanargmin(values))
    name = turn_in_words(turns[least], compared.lattice)
    return SideAgreement(name, values[least], float(np.nanmax(values)))


def _reversals(lattice: ImageGeometry, slice_axis: int | None) -> Iterator[np.ndarray]:
    """Yield the reversals of one and more index axes."""
    free = free_axes(lattice, slice_axis)
    for signs in itertools.product((1, -1), repeat=len(free)):
        if -1 in signs:
            turn = np.eye(lattice.dimension)
            turn[free, free] = signs
            yield turn


class _Sides:
    """The images on a coarse lattice of the fixed one."""

    def __init__(self, inputs: Inputs, linear: sitk.Transform) -> None:
        self.slice_axis = None if inputs.slices is None else inputs.slices.axis
        self.lattice = coarse_lattice(inputs.output, self.slice_axis, _LONGEST)
        self._linear = linear
        self._masks = Masks(
            _known(inputs.fixed, inputs.masks.fixed), _known(inputs.moving, inputs.masks.moving)
        )
        filled = self._masks.fill(inputs.fixed, inputs.moving)
        self._images = [
            LinearSampler(coarsened(image, self.lattice, self.slice_axis)) for image in filled
        ]
        self._fixed, self._moving, self._both = self._seen(None)

    def correlation(self, turn: np.ndarray) -> float:
        """Return the correlation of the differences between images and turned images."""
        placed = self._placed(turn)
        fixed, moving, both = self._seen(placed)
        both = both & self._both
        structure = self._fixed[self._both].sum()
        if both.sum() < _FEWEST or self._fixed[both].sum() < _COVERED * structure:
            return math.nan
        one, other = (self._fixed - fixed)[both], (self._moving - moving)[both]
        size = (one.square().sum() * other.square().sum()).sqrt()
        return float((one * other).sum() / size) if size > 0 else math.nan

    def _placed(self, turn: np.ndarray) -> sitk.Transform:
        """Return a turn about the place where the turned fixed image fits the fixed one best."""
        start = turned(self.lattice, turn)
        inside = self._inside(0, start)
        if not inside.any():
            return start
        image = structure_on(self._images[0], self.lattice, start)
        shift = best_shift(image, self._fixed, inside.float(), exact=True).flatten().numpy()[::-1]
        wide = [axis for axis, n in enumerate(self.lattice.size) if n > 1]
        voxels = np.zeros(self.lattice.dimension)
        voxels[wide] = shift
        if self.slice_axis is not None:
            voxels[self.slice_axis] = 0
        return after_shift(self.lattice, start, voxels)

    def _seen(self, turn: sitk.Transform | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return both images after a turn of the fixed lattice, and where both are known."""
        through = self._linear if turn is None else sitk.CompositeTransform([self._linear, turn])
        both = self._inside(0, turn) & self._inside(1, through)
        fixed, moving = self._images
        return (
            structure_on(fixed, self.lattice, turn),
            structure_on(moving, self.lattice, through),
            both,
        )

    def _inside(self, which: int, transform: sitk.Transform | None) -> Tensor:
        inside = coverage(self._images[which].image, self.lattice, transform).astype(bool)
        mask = (self._masks.fixed, self._masks.moving)[which]
        if mask is not None:
            on = resample(mask, self.lattice, transform)
            inside &= sitk.GetArrayViewFromImage(on) > 0.5
        return batch_of(inside).bool()


def _known(image: sitk.Image, mask: sitk.Image | None) -> sitk.Image | None:
    """Return a mask without the voxels that an artefact has saturated; None: the whole image."""
    array = sitk.GetArrayViewFromImage(image)
    bright = array == array.max()
    least, most = _SATURATED
    if not least <= bright.sum() <= most * bright.size:
        return mask
    inside = ~bright if mask is None else ~bright & (sitk.GetArrayViewFromImage(mask) > 0)
    return ImageGeometry.from_image(image).to_image(inside.astype(np.uint8))
