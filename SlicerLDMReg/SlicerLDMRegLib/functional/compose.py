"""Composition of displacement fields."""

from __future__ import annotations

from torch import Tensor

from ._checks import check_vector_field
from ._precision import autocast_disabled, promote
from .warp import Padding, warp

__all__ = ["compose"]


def compose(outer: Tensor, inner: Tensor, padding: Padding = "border") -> Tensor:
    """Return the displacement of the map ``x -> outer_map(inner_map(x))``.

    ``u(x) = inner(x) + outer(x + inner(x))``. Warping an image with the result equals warping it
    with ``outer`` first and then with ``inner``.

    Args:
        outer: ``(B, d, *S)`` in voxels, applied last to a point.
        inner: ``(B, d, *S)`` in voxels of the same lattice, applied first.
        padding: extrapolation of ``outer`` outside of the lattice, see :func:`sample`.

    Returns:
        ``(B, d, *S)`` in voxels.

    Raises:
        ValueError: when the fields are not on one lattice.
    """
    check_vector_field(outer, "outer")
    check_vector_field(inner, "inner")
    if outer.shape[2:] != inner.shape[2:]:
        raise ValueError(
            f"expected both fields on one lattice, got {tuple(outer.shape[2:])} and "
            f"{tuple(inner.shape[2:])}; resize one of them first"
        )
    with autocast_disabled(inner):
        (inner,) = promote(inner)
        return inner + warp(outer, inner, padding=padding)
