"""Places where a result does not match: structures unlike their partners, and those without one."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry
from .result_protocol import ReportSource

__all__ = ["UNLIKE", "UNSEEN", "unmatched"]

UNLIKE, UNSEEN = 1, 2  # values of the image
# Of the standard deviation around a voxel, the image being 0 to 1: below is noise.
_STRUCTURE = 0.05


def unmatched(result: ReportSource, slice_axis: int | None = None) -> sitk.Image:
    """Return 1 where a structure of the fixed image is unlike its partner, 2 where it has none.

    The lattice is that of the comparison, which is coarser for large images. Masks are not asked.
    """
    from ..metrics.local_similarity import LocalSimilarity  # needs torch

    lattice = ImageGeometry.from_image(result.warped)
    local = LocalSimilarity(result.fixed, lattice, slice_axis)
    field = result.field
    if not field.geometry.matches(local.lattice):
        field = field.resample(local.lattice)
    found = local.of(result.moving, field.to_transform())
    marks = np.zeros(found.values.shape, np.uint8)
    seen, structure = np.isfinite(found.values), found.structure > _STRUCTURE
    marks[structure & seen & (np.nan_to_num(found.values) < found.least_alike)] = UNLIKE
    marks[structure & ~seen] = UNSEEN
    return local.lattice.to_image(marks)
