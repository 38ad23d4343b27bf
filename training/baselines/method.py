"""What every method of the comparison takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from SlicerLDMRegLib.displacement import DisplacementField

from ..datasets.evaluation import EvaluationPair

__all__ = ["Method", "Registered", "ready"]


@dataclass(frozen=True)
class Registered:
    """The answer of a method.

    Attributes:
        field: fixed to moving points, on the lattice of the pair.
        seconds: wall-clock time of the registration itself, from images in memory to the field.
        stages: seconds of its parts, where the method tells: "segment", "predict", "refine", ...
        gpu_mib: peak of the GPU's memory, where it used one.
    """

    field: DisplacementField
    seconds: float
    stages: Mapping[str, float] = dataclass_field(default_factory=dict)
    gpu_mib: float | None = None


#: Registers a pair of 2D or 3D images. Some methods look at the labels of the fixed image, and say
#: so; those of the moving image and the truth are hidden from all.
Method = Callable[[EvaluationPair], Registered]


def ready(method: Method) -> Method:
    """Return a method that needs no preparation, as the preparation of one that does."""
    return method
