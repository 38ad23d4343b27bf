"""Map of the local similarity of two images of any contrasts.

Self-similarity contexts (MIND-SSC, :mod:`SlicerLDMRegLib.losses.mind`) tell which neighbours of a
voxel look alike. They stay when a contrast is inverted, when it is another one, and under a bias
field, and they differ where a deformation has only made the intensities fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
from torch import Tensor

from ..geometry import ImageGeometry
from ..intensity import IntensityMap
from ..linear_sampling import LinearSampler
from ..losses import mind_ssc_descriptor
from ..losses._box_mean import box_mean
from ..resampling import coarsened, coverage, coverages

__all__ = ["LocalSimilarity", "SimilarityMap", "coarse_lattice"]

# The comparison takes less than a second on these lattices, and a context, of 5 voxels, has there
# the size that the thresholds of the verdict were found with.
_LONGEST = {2: 128, 3: 64}
_RADIUS, _DILATION, _WINDOW = 2, 1, 5
_PERCENTILES = 0.5, 99.5  # intensities that become 0 and 1
# Of the mean difference of the contexts, which lie in [0, 1]: contexts that differ by more have
# nothing in common. In unrelated images it is 0.2 to 0.3, in good registrations 0.05 to 0.15.
_UNLIKE = 0.2


@dataclass(frozen=True)
class SimilarityMap:
    """Similarity of two images around each voxel of a lattice of the fixed image.

    Attributes:
        values: one minus the mean difference of the contexts, from 0 to 1, NaN where not both
            images are compared; ``array_shape`` float32.
        structure: standard deviation of the fixed image around each voxel: what there is to be
            alike; likewise.
        lattice: that of the arrays.
    """

    values: npt.NDArray[np.float32]
    structure: npt.NDArray[np.float32]
    lattice: ImageGeometry

    @property
    def least_alike(self) -> float:
        """Value below which two voxels have nothing in common."""
        return 1 - _UNLIKE

    @property
    def covered(self) -> float:
        """Share of the structure of the fixed image that is compared; NaN without structure."""
        return _ratio(self.structure[self._known].sum(), self.structure.sum())

    @property
    def mean(self) -> float:
        """Mean over the compared structure; NaN where there is none."""
        known = self._known
        return _ratio((self.structure * self.values)[known].sum(), self.structure[known].sum())

    @property
    def unlike(self) -> float:
        """Share of the compared structure that has nothing in common; NaN where there is none."""
        known = self._known
        low = self.structure[known][self.values[known] < self.least_alike]
        return _ratio(low.sum(), self.structure[known].sum())

    @property
    def _known(self) -> npt.NDArray[np.bool_]:
        return np.isfinite(self.values)


class LocalSimilarity:
    """Compares images with a fixed one, around each voxel.

    Args:
        fixed: fixed image, 2D or 3D.
        output: lattice to compare on; a finer one than needed is made coarser.
        slice_axis: index axis perpendicular to slices that are compared one by one; None: the
            image is compared as a whole.
        longest: voxels of the lattice of the comparison along the longest axis, at most, in 2D and
            in 3D.

    Attributes:
        lattice: that of the comparison.
    """

    def __init__(
        self,
        fixed: sitk.Image,
        output: ImageGeometry,
        slice_axis: int | None = None,
        longest: Mapping[int, int] = _LONGEST,
    ) -> None:
        self._slice_axis = slice_axis
        self._samplers: list[tuple[sitk.Image, LinearSampler]] = []
        self.lattice = coarse_lattice(output, slice_axis, longest)
        self._inside = coverage(fixed, self.lattice).astype(bool)
        image, self._contexts = self._described(fixed, [None], [self._inside])
        means = box_mean(torch.cat([image, image * image], dim=1), _WINDOW)
        spread = (means[:, 1:] - means[:, :1].square()).clamp(min=0).sqrt()
        self._structure = self._unfolded(spread) * self._inside

    def of(
        self,
        moving: sitk.Image,
        transform: sitk.Transform,
        mask: npt.NDArray[np.bool_] | None = None,
    ) -> SimilarityMap:
        """Return the map of a moving image under a transform.

        Args:
            moving: moving image.
            transform: fixed to moving points.
            mask: False where the images are not compared, on :attr:`lattice`.
        """
        return self.of_all(moving, [transform], [mask])[0]

    def of_all(
        self,
        moving: sitk.Image,
        transforms: Sequence[sitk.Transform],
        masks: Sequence[npt.NDArray[np.bool_] | None] | None = None,
    ) -> list[SimilarityMap]:
        """Return the maps of a moving image under several transforms, at once.

        Args:
            moving: moving image.
            transforms: fixed to moving points.
            masks: for each, as for :meth:`of`.
        """
        masks = masks or [None] * len(transforms)
        known = list(coverages(moving, self.lattice, transforms).astype(bool) & self._inside)
        for n, mask in enumerate(masks):
            if mask is not None:
                known[n] = known[n] & mask
        _, contexts = self._described(moving, transforms, known)
        contexts = contexts.unflatten(0, (len(transforms), -1))
        differences = (contexts - self._contexts).abs_().mean(dim=2, keepdim=True)
        found = []
        for both, mask, difference in zip(known, masks, differences, strict=True):
            values = np.where(both, 1 - self._unfolded(difference), np.float32(np.nan))
            structure = self._structure if mask is None else self._structure * mask
            found.append(SimilarityMap(values.astype(np.float32), structure, self.lattice))
        return found

    def sampler(self, image: sitk.Image) -> LinearSampler:
        """Return an image, smoothed as far as the lattice needs it."""
        for known, sampler in self._samplers:
            if known is image:
                return sampler
        # Of a large image the slowest step, and the same for every transform.
        smooth = coarsened(image, self.lattice, self._slice_axis)
        self._samplers = [*self._samplers[-1:], (image, LinearSampler(smooth))]
        return self._samplers[-1][1]

    def _described(
        self,
        image: sitk.Image,
        transforms: Sequence[sitk.Transform | None],
        insides: Sequence[npt.NDArray[np.bool_]],
    ) -> tuple[Tensor, Tensor]:
        """Return an image on the lattice in [0, 1], ``(B, 1, *S)``, and its contexts.

        One transform comes after the other in the batch.
        """
        arrays = self.sampler(image).on_all(self.lattice, transforms)
        units = []
        for array, inside in zip(arrays, insides, strict=True):
            values = array[inside] if inside.any() else array.reshape(-1)
            units.append(self._folded(IntensityMap.from_values(values, *_PERCENTILES)(array)))
        unit = torch.cat(units)
        with torch.no_grad():
            return unit, mind_ssc_descriptor(unit, _RADIUS, _DILATION)

    def _folded(self, array: npt.NDArray[np.float32]) -> Tensor:
        """Return an array as a batch of slices, or of one image without axes of one voxel."""
        if self._slice_axis is not None:
            batch = np.moveaxis(array, -1 - self._slice_axis, 0)
        else:
            shape = [n for n in array.shape if n > 1]
            batch = array.reshape([1, *([1] * (2 - len(shape))), *shape])
        return torch.from_numpy(np.ascontiguousarray(batch, dtype=np.float32))[:, None]

    def _unfolded(self, batch: Tensor) -> npt.NDArray[np.float32]:
        array = batch[:, 0].numpy()
        if self._slice_axis is not None:
            return np.ascontiguousarray(np.moveaxis(array, 0, -1 - self._slice_axis))
        return array.reshape(self.lattice.array_shape)


def coarse_lattice(
    output: ImageGeometry, slice_axis: int | None, longest: Mapping[int, int]
) -> ImageGeometry:
    """Return the lattice of a comparison: that of the output, or a coarser one over it.

    Args:
        output: lattice of the result.
        slice_axis: index axis perpendicular to slices that are compared one by one, or None.
        longest: voxels along the longest axis, at most, in 2D and in 3D.
    """
    axes = [a for a in range(output.dimension) if a != slice_axis and output.size[a] > 1]
    extents = [output.size[a] * output.spacing[a] for a in axes]
    least = max(extents, default=0.0) / longest[3 if len(axes) > 2 else 2]
    size, spacing, start = list(output.size), list(output.spacing), [0.0] * output.dimension
    for axis in axes:
        if output.spacing[axis] >= 0.99 * least:
            continue
        size[axis] = max(1, round(output.size[axis] * output.spacing[axis] / least))
        spacing[axis] = output.size[axis] * output.spacing[axis] / size[axis]
        start[axis] = 0.5 * spacing[axis] / output.spacing[axis] - 0.5
    origin = tuple(output.index_to_physical(start).tolist())
    return ImageGeometry(tuple(size), tuple(spacing), origin, output.direction)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
