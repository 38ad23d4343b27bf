"""Motion that a short deformation on a coarse lattice would still find after a registration.

An alignment alone, or a network alone, can leave images apart in a way that the similarity around
each voxel hardly shows: smooth structures that overlap in part look alike.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch

from ..functional import local_deviation
from ..geometry import ImageGeometry
from ..intensity import IntensityMap
from .inputs import Inputs
from .options import RefineOptions
from .prepare import network_lattice, prepare_pair
from .progress import Progress
from .refine.instance_optimisation import refine_field
from .slices import SliceRange

__all__ = ["coarse_lattice", "residual_motion"]

_LONGEST = {2: 64, 3: 32}  # voxels of the lattice: milliseconds for an iteration
_ITERATIONS = (30, 20)
# Of 15 pairs of hippocampi, brains and mice the motion with 3 is that with the usual 6 within 3 %,
# in two thirds of the time.
_SQUARINGS = 3
_STRUCTURE = 1.5  # voxels, within which the deviation of the fixed image is its structure


def residual_motion(
    inputs: Inputs,
    transform: sitk.Transform,
    intensities: tuple[IntensityMap, IntensityMap],
    progress: Progress | None = None,
) -> float:
    """Return by how much a short deformation moves the structures of a registered pair, mm.

    Args:
        inputs: images, masks and slices.
        transform: of the result, fixed to moving points.
        intensities: maps of the fixed and the moving image to [0, 1].
        progress: cancels.

    Returns:
        The mean over the structures that both images show, NaN where there are none.
    """
    masks, slices = inputs.masks, inputs.slices
    dimension = inputs.registered_dimension
    lattice = coarse_lattice(inputs.geometry, slices)
    images = masks.fill(inputs.fixed, inputs.moving)
    pair = prepare_pair(*images, transform, lattice, intensities, slices)
    weights = masks.weights(lattice, transform, slices)
    structure = local_deviation(pair.fixed, _STRUCTURE) * pair.mask
    for weight in weights:
        structure = structure if weight is None else structure * weight
    if not structure.any():
        return float("nan")
    found = refine_field(
        pair.moving,
        pair.fixed,
        options=RefineOptions(iterations=_ITERATIONS, squarings=_SQUARINGS),
        progress=Progress(None, None if progress is None else lambda: progress.cancelled),
        mask=pair.mask,
        masks=weights,
        view=pair.view,
    )
    spacing = [lattice.spacing[a] for a in _axes(lattice, slices)]
    millimetres = torch.tensor(np.array(spacing[::-1], np.float32)).reshape(1, -1, *[1] * dimension)
    lengths = (found.displacement * millimetres).square().sum(1, keepdim=True).sqrt()
    return float((lengths * structure).sum() / structure.sum())


def coarse_lattice(fixed: ImageGeometry, slices: SliceRange | None = None) -> ImageGeometry:
    """Return the lattice on which a short deformation is tried.

    It has 64 pixels along the longest side, or 32 voxels in 3D, and no more than the fixed image:
    between the voxels of a small one there is nothing to be moved.

    Args:
        fixed: lattice of the fixed image.
        slices: of a 3D image that are registered in their plane.
    """
    axes = _axes(fixed, slices)
    longest = min(_LONGEST[len(axes)], max(fixed.size[a] for a in axes))
    return network_lattice(fixed, [longest] * len(axes), slices=slices)


def _axes(lattice: ImageGeometry, slices: SliceRange | None) -> list[int]:
    return [a for a in range(lattice.dimension) if slices is None or a != slices.axis]
