"""A transform of any known form in another one, or its inverse, with the error that this costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from .._field_files import read_field
from ..displacement import DisplacementField
from ..errors import InputError
from ..exchange import WrittenTransform, write_transform
from ..geometry import ImageGeometry
from ..images import as_image
from .initial_transform import load_transform

__all__ = ["ConvertedTransform", "convert_transform"]


@dataclass(frozen=True)
class ConvertedTransform:
    """A transform that was written.

    Attributes:
        written: the file, and its distance from the field.
        notes: what was guessed of the transform that was read.
        round_trip_mm: mean and largest distance of a fixed point from itself after there and back,
            where the inverse was written; None: the inverse was not asked for.
    """

    written: WrittenTransform
    notes: tuple[str, ...] = ()
    round_trip_mm: tuple[float, float] | None = None


def convert_transform(
    source: str | Path,
    path: str | Path,
    format: str,
    fixed: Any = None,
    moving: Any = None,
    inverse: bool = False,
    tolerance_mm: float = 0.25,
) -> ConvertedTransform:
    """Read a transform, fixed to moving points, and write it in another form.

    Args:
        source: a file as :func:`~.initial_transform.load_transform` reads it.
        path: of the new file.
        format: key of :data:`SlicerLDMRegLib.exchange.FORMATS`.
        fixed: the fixed image, on whose lattice a transform that is no field is sampled; a field
            keeps its own lattice without it.
        moving: the moving image, for warps of FSL, and for an inverse, which gets its lattice.
        inverse: write the map from moving to fixed points.
        tolerance_mm: of B-splines, see :func:`SlicerLDMRegLib.exchange.write_transform`.

    Raises:
        InputError: for what cannot be read, written, or done without an image.
    """
    lattice, other = _lattice(fixed, "fixed image"), _lattice(moving, "moving image")
    if lattice is None and other is None:
        lattice = _own_lattice(source)
    known = lattice or other
    assert known is not None
    given = load_transform(source, known.dimension, other)
    if lattice is None:
        lattice = _lattice_of(given.transform) or _own_lattice(source)
    field = DisplacementField.from_transform(given.transform, lattice)
    if not inverse:
        written = write_transform(field, path, format, other, tolerance_mm)
        return ConvertedTransform(written, given.notes)
    if other is None:
        raise InputError("the inverse lies on the moving image: give that image, too")
    back = field.inverse(other)
    errors = field.round_trip(back)
    inside = np.isfinite(errors)
    if not inside.any():
        raise InputError("no point of the fixed image is moved into the moving image")
    written = write_transform(back, path, format, lattice, tolerance_mm)
    told = float(errors[inside].mean()), float(errors[inside].max())
    return ConvertedTransform(written, given.notes, told)


def _lattice(image: Any, role: str) -> ImageGeometry | None:
    return None if image is None else ImageGeometry.from_image(as_image(image, role))


def _own_lattice(source: str | Path) -> ImageGeometry:
    """Return the lattice of a file that holds a field."""
    found = read_field(source)
    if not isinstance(found, sitk.Image):
        raise InputError(f"{source}: it has no lattice of its own; give the fixed image")
    return ImageGeometry.from_image(found)


def _lattice_of(transform: sitk.Transform) -> ImageGeometry | None:
    """Return the lattice of a displacement field; None for other transforms."""
    transform = transform.Downcast()
    if not isinstance(transform, sitk.DisplacementFieldTransform):
        return None
    return ImageGeometry.from_image(transform.GetDisplacementField())
