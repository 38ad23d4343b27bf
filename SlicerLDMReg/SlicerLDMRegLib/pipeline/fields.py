"""From voxel displacements on a working lattice to the physical fields of the result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..displacement import DisplacementField
from ..functional import jacobian_determinant, smallest_jacobian_determinant
from ..geometry import ImageGeometry
from .align import Alignment
from .slices import SliceRange, embed_displacement, to_batch

__all__ = ["FieldBatch", "Folds", "inverse_field", "whole_field"]

_SLAB_VOXELS = 2**22


@dataclass(frozen=True)
class FieldBatch:
    """Displacements (or velocities) of a whole image or of slices, with their place in space.

    Attributes:
        values: ``(B, d, *S)`` in voxels; B slices with d = 2, or 1 for a whole image.
        lattice: lattice of the image, or the 3D lattice of the slices.
        slices: the slices, None for a whole image.
    """

    values: Tensor
    lattice: ImageGeometry
    slices: SliceRange | None

    def physical(self) -> DisplacementField:
        """Return the field in mm; nothing moves through the slices."""
        voxels = self.values.detach().double().cpu().numpy()
        if self.slices is None:
            return DisplacementField.from_voxels(voxels[0], self.lattice)
        whole = embed_displacement(voxels, self.slices.axis)
        return DisplacementField.from_voxels(whole, self.lattice)

    def on(self, lattice: ImageGeometry) -> FieldBatch:
        """Return the same map on another lattice (of the same slices)."""
        if lattice.matches(self.lattice):
            return self
        voxels = self.physical().resample(lattice).to_voxels()
        if self.slices is None:
            batch = voxels[None]
        else:
            axis = self.slices.axis
            rows, columns = (n for n in range(3) if n != 2 - axis)
            batch = np.stack([to_batch(voxels[n], axis) for n in (rows, columns)], axis=1)
        tensor = torch.from_numpy(np.ascontiguousarray(batch)).to(self.values)
        return FieldBatch(tensor, lattice, self.slices)


def whole_field(
    deformation: FieldBatch, alignment: Alignment, output: ImageGeometry
) -> DisplacementField:
    """Return the map from fixed points to points of the moving image: deform, then align.

    Args:
        deformation: found on the moving image that was resampled through the alignment.
        alignment: fixed to moving points.
        output: the fixed lattice, or the chosen slices of it.
    """
    field = deformation.physical().resample(output)
    return field if alignment.is_identity else field.compose(alignment.transform)


def inverse_field(
    inverse: FieldBatch,
    alignment: Alignment,
    geometry: ImageGeometry,
    field: DisplacementField,
) -> DisplacementField:
    """Return the map from moving points to fixed points.

    Args:
        inverse: inverse of the deformation, on the working lattice.
        alignment: fixed to moving points.
        geometry: lattice of the result, mostly that of the moving image.
        field: the whole map, inverted numerically where the alignment has no inverse of its own.
    """
    if alignment.is_identity:
        return inverse.physical().resample(geometry)
    back = alignment.inverse()
    if back is None:
        return field.inverse(geometry)
    return DisplacementField.from_transform(back, geometry).compose(inverse.physical())


class Folds:
    """Tells whether a deformation stays free of folds on the lattice of the result.

    ``unfold`` asks it. Between the voxels of the working lattice the map is interpolated, so that
    a finer lattice, or one that lies elsewhere, can see determinants that the first one does not.

    Args:
        lattice: working lattice.
        slices: the slices, None for a whole image.
        output: lattice of the result.
        floor: smallest accepted determinant.
    """

    def __init__(
        self,
        lattice: ImageGeometry,
        slices: SliceRange | None,
        output: ImageGeometry,
        floor: float,
    ) -> None:
        self.lattice, self.slices, self.output, self.floor = lattice, slices, output, floor

    def __call__(self, displacement: Tensor, inverse: Tensor) -> Tensor:
        """Return for each element of the batch whether it is accepted, ``(B,)``."""
        batch = FieldBatch(displacement, self.lattice, self.slices).on(self.output)
        values = batch.values.cpu()
        return torch.tensor([_least(item) >= self.floor for item in values])


def _least(displacement: Tensor) -> float:
    """Return the smallest determinant of ``(d, *S)``, central or one-sided, in slabs."""
    count = displacement.shape[1]
    thickness = max(1, _SLAB_VOXELS // max(1, displacement[0, 0].numel()))
    least = float("inf")
    for start in range(0, count, thickness):
        # One more plane on each side, for the differences; what lies beyond is the border.
        first, last = max(0, start - 1), min(count, start + thickness + 1)
        slab = displacement[None, :, first:last].float()
        inner = slice(start - first, start - first + min(thickness, count - start))
        for determinant in (jacobian_determinant(slab), smallest_jacobian_determinant(slab)):
            least = min(least, float(determinant[:, inner].min()))
    return least
