"""Interface of the compared registration methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from SlicerLDMRegLib.displacement import DisplacementField

from ..datasets.evaluation import EvaluationPair

__all__ = ["Method", "Registered", "ready"]


@dataclass(frozen=True)
class Registered:
    """Result of a method.

    Attributes:
        field: fixed to moving points, on the lattice of the pair.
        seconds: wall-clock time of the registration alone, from images in memory to the field.
        stages: seconds of its stages, if known: "segment", "predict", "refine", ...
        gpu_mib: peak GPU memory, if a GPU was used.
        parameters: weights of the network, if there is one.
        multiply_adds: of a call of the network, in convolutions and matrix products.
        scores: of the method itself, by column of the results.
    """

    field: DisplacementField
    seconds: float
    stages: Mapping[str, float] = dataclass_field(default_factory=dict)
    gpu_mib: float | None = None
    parameters: int | None = None
    multiply_adds: float | None = None
    scores: Mapping[str, float] = dataclass_field(default_factory=dict)


#: Registers a pair of 2D or 3D images. Some methods use the labels of the fixed image, and say so;
#: the labels of the moving image and the truth are hidden from all.
Method = Callable[[EvaluationPair], Registered]


def ready(method: Method) -> Method:
    """Return a method unchanged, as preparation of one that needs none."""
    return method
