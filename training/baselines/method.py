"""What every method of the comparison takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry

__all__ = ["Method", "Registered", "pixel_lattice"]


@dataclass(frozen=True)
class Registered:
    """The answer of a method.

    Attributes:
        field: fixed to moving points, on the fixed lattice with pixels of 1 mm.
        seconds: wall-clock time of the registration itself, from arrays in memory to the field.
    """

    field: DisplacementField
    seconds: float


#: Takes the fixed and the moving image, float32 arrays in [0, 1] of any one shape.
Method = Callable[[np.ndarray, np.ndarray], Registered]


def pixel_lattice(shape: tuple[int, ...]) -> ImageGeometry:
    """Return the lattice of an array with pixels of 1 mm and the origin at the first of them."""
    d = len(shape)
    return ImageGeometry(shape[::-1], (1.0,) * d, (0.0,) * d, tuple(np.eye(d).ravel()))
