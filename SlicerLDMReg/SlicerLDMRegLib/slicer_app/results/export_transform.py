"""The transform of a result, or its inverse, as a file for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...displacement import DisplacementField
from ...errors import InputError
from ...exchange import WrittenTransform, write_transform
from ...geometry import ImageGeometry
from ..scene.transform_nodes import field_of_node
from ..scene.volume_nodes import Node, volume_geometry
from ..texts import tr as _

__all__ = ["ExportedTransform", "export_transform", "exporter"]


@dataclass(frozen=True)
class ExportedTransform:
    """A transform that was exported.

    Attributes:
        written: the file, and what its form costs in mm.
        round_trip_mm: of an inverse, the mean and the largest distance of a voxel from itself after
            there and back; None for a forward transform.
    """

    written: WrittenTransform
    round_trip_mm: tuple[float, float] | None = None


def exporter(
    transform: Node,
    fixed: Node,
    moving: Node,
    path: str | Path,
    format: str,
    inverse: bool = False,
    tolerance_mm: float = 0.25,
) -> Callable[[], ExportedTransform]:
    """Read the nodes now, and return what writes the file, which any thread may do.

    Args:
        transform: of a result, fixed to moving points.
        fixed, moving: the volumes that were registered.
        path, format, tolerance_mm: see :func:`SlicerLDMRegLib.exchange.write_transform`.
        inverse: write the map from moving to fixed points, on the lattice of the moving volume.

    Raises:
        InputError: for volumes without a lattice.
    """
    lattices = volume_geometry(fixed), volume_geometry(moving)
    field = field_of_node(transform, lattices[0])
    return lambda: _export(field, lattices, path, format, inverse, tolerance_mm)


def export_transform(*arguments: Any, **options: Any) -> ExportedTransform:
    """Write the transform of a result for another program at once; see :func:`exporter`.

    Example:
        >>> export_transform(run.nodes["transform"], fixed, moving, "1Warp.nii.gz", "ants")
    """
    return exporter(*arguments, **options)()


def _export(
    field: DisplacementField,
    lattices: tuple[ImageGeometry, ImageGeometry],
    path: str | Path,
    format: str,
    inverse: bool,
    tolerance_mm: float,
) -> ExportedTransform:
    if not inverse:
        return ExportedTransform(write_transform(field, path, format, lattices[1], tolerance_mm))
    back = field.inverse(lattices[1])
    errors = field.round_trip(back)
    inside = np.isfinite(errors)
    if not inside.any():
        raise InputError(_("no voxel of the fixed volume is moved into the moving one"))
    written = write_transform(back, path, format, lattices[0], tolerance_mm)
    return ExportedTransform(written, (float(errors[inside].mean()), float(errors[inside].max())))
