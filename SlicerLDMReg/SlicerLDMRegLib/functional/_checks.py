"""Shape checks shared by the functions on fields."""

from __future__ import annotations

from torch import Tensor

__all__ = ["check_field", "check_vector_field"]


def check_field(field: Tensor, name: str) -> int:
    """Return the number of spatial axes (2 or 3) of a ``(B, C, *S)`` tensor.

    Raises:
        ValueError: when the tensor has no batch and channel axis followed by 2 or 3 spatial axes.
    """
    if field.ndim not in (4, 5):
        raise ValueError(
            f"{name}: expected (B, C, H, W) or (B, C, D, H, W), got shape {tuple(field.shape)}"
        )
    return field.ndim - 2


def check_vector_field(field: Tensor, name: str) -> int:
    """Return the dimension d of a vector field ``(B, d, *S)``.

    Raises:
        ValueError: unless it has one channel per spatial axis.
    """
    dimension = check_field(field, name)
    if field.shape[1] != dimension:
        raise ValueError(
            f"{name}: expected one channel for each of the {dimension} spatial axes, "
            f"got shape {tuple(field.shape)}"
        )
    return dimension
