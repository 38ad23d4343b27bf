"""Methods of the comparison that need no trained network, by their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .classical import demons, identity
from .convex_adam import convex_adam
from .elastix import elastix
from .greedy import greedy
from .lddmm import lddmm
from .method import Method, ready
from .syn import syn, syn_cc

__all__ = ["CLASSICAL", "SYN_TITLE", "ClassicalMethod"]

#: Title of the default reference.
SYN_TITLE = "SyN (ANTs, default)"


@dataclass(frozen=True)
class ClassicalMethod:
    """A method without training.

    Attributes:
        title: in tables.
        method: registers a pair.
        package: module of the optional package that it needs; None: none.
        slow: whether it takes many minutes for a volume, and is left out in 3D by default.
    """

    title: str
    method: Method
    package: str | None = None
    slow: bool = False

    @property
    def prepare(self) -> Callable[[], Method]:
        """Preparation in the process of the method."""
        return partial(ready, self.method)


#: By command-line name, in the order of tables.
CLASSICAL: dict[str, ClassicalMethod] = {
    "identity": ClassicalMethod("Identity", identity),
    "demons": ClassicalMethod("Demons (SimpleITK)", demons),
    "syn": ClassicalMethod(SYN_TITLE, syn, "ants"),
    "syn-cc": ClassicalMethod(
        "SyN-CC (ANTs, as in the LDM-Morph paper)", syn_cc, "ants", slow=True
    ),
    "greedy": ClassicalMethod("Greedy (NCC)", greedy, "picsl_greedy"),
    "elastix": ClassicalMethod("B-splines (elastix)", elastix, "itk"),
    "convex-adam": ClassicalMethod("ConvexAdam", convex_adam),
    "lddmm": ClassicalMethod("LDDMM (5 velocities, 500 iterations)", lddmm, slow=True),
}
