"""Physical fields of the result, from voxel displacements on a working lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..displacement import DisplacementField
from ..geometry import ImageGeometry
from .align.alignment import Alignment
from .slices import SliceRange, embed_displacement, to_batch

__all__ = ["FieldBatch", "inverse_field", "whole_field"]


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
