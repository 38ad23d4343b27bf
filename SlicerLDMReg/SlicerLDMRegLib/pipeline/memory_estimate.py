"""The main memory that a registration needs, estimated before it begins."""

from __future__ import annotations

import math

import numpy as np

from .._memory import available_memory
from ..errors import ADVICE, OutOfMemoryError
from .inputs import Inputs
from .options import RefineOptions
from .predict.loaded_model import LoadedModel
from .prepare import refinement_lattice

__all__ = ["check_memory", "memory_needed"]

# Measured at the peak, over what the process had after it had read the images. What libraries take
# when they are first used:
_LIBRARIES = 150 * 2**20
# Bytes per voxel and component of a field: of the fixed lattice (field, transform, determinant,
# measurements), of the moving lattice, and of the slab that is worked on, which has at most 2**20
# voxels.
_OUTPUT, _INVERSE, _SLAB, _SLAB_VOXELS = 42, 10, 90, 2**20
# Per voxel and component of the lattice of the refinement, before these and given back by then.
_REFINEMENT = 180
# Per voxel of the grid of a 3D network on the CPU, its segmenter included.
_NETWORK = 500


def memory_needed(inputs: Inputs, refine: RefineOptions, model: LoadedModel | None) -> int:
    """Return the bytes that a registration takes beside its images.

    Against peaks of volumes of 64 to 176 voxels along each axis, with LNCC and MIND, of a stack of
    slices and of the brain model on the CPU, it lies between 1.0 and 1.3 of what was taken.

    Args:
        inputs: checked inputs.
        refine: options of the refinement.
        model: the model, or None.
    """
    output = math.prod(inputs.output.size)
    moving = output if inputs.slices is not None else math.prod(inputs.moving.GetSize())
    d = inputs.dimension
    need = (_OUTPUT * output + _INVERSE * moving + _SLAB * min(output, _SLAB_VOXELS)) * d
    if inputs.registered_dimension == 3:
        if refine.enabled:
            voxels = math.prod(refinement_lattice(inputs.geometry).size)
            need = max(need, _REFINEMENT * voxels * d)
        if model is not None and model.device.type == "cpu":
            need = max(need, _NETWORK * math.prod(model.card.grid.size))
    return _LIBRARIES + need


def check_memory(inputs: Inputs, refine: RefineOptions, model: LoadedModel | None) -> None:
    """Refuse what does not fit into the memory that is free.

    Raises:
        OutOfMemoryError: with both figures and what helps.
    """
    free = available_memory()
    need = memory_needed(inputs, refine, model)
    if free is None or need <= free:
        return
    voxels = max(math.prod(inputs.output.size), int(np.prod(inputs.moving.GetSize())))
    raise OutOfMemoryError(
        f"a field of {voxels} voxels needs about {need / 2**30:.1f} GiB of memory"
        f" and {free / 2**30:.1f} GiB are free; "
        f"use {ADVICE} for a part of the volume, or crop or downsample the images",
        option="slices",
    )
