"""Motion that a short deformation on a coarse lattice would still find after a registration.

An alignment alone, or a network alone, can leave images apart in a way that the similarity around
each voxel hardly shows: smooth structures that overlap in part look alike.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch

from ..functional import local_deviation
from ..intensity import IntensityMap
from .inputs import Inputs
from .options import RefineOptions
from .prepare import network_lattice, prepare_pair
from .progress import Progress
from .refine.instance_optimisation import refine_field

__all__ = ["residual_motion"]

_LONGEST = {2: 64, 3: 32}  # voxels of the lattice: milliseconds for an iteration
_ITERATIONS = (30, 20)
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
    size = [_LONGEST[dimension]] * dimension
    lattice = network_lattice(inputs.geometry, size, slices=slices)
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
        options=RefineOptions(iterations=_ITERATIONS),
        progress=Progress(None, None if progress is None else lambda: progress.cancelled),
        mask=pair.mask,
        masks=weights,
        view=pair.view,
    )
    spacing = [s for a, s in enumerate(lattice.spacing) if slices is None or a != slices.axis]
    millimetres = torch.tensor(np.array(spacing[::-1], np.float32)).reshape(1, -1, *[1] * dimension)
    lengths = (found.displacement * millimetres).square().sum(1, keepdim=True).sqrt()
    return float((lengths * structure).sum() / structure.sum())
