"""Conversion of images and label maps to checked numpy arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..errors import InputError

__all__ = ["Array", "chosen_labels", "image_pair", "label_map", "label_pair", "to_numpy"]

Array = npt.NDArray[Any] | torch.Tensor


def to_numpy(array: Array) -> npt.NDArray[Any]:
    """Return a numpy view where possible, else a copy; tensors are moved to the CPU."""
    return array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)


def image_pair(a: Array, b: Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return two images of one shape as float64.

    Raises:
        InputError: for shapes that differ.
    """
    first, second = to_numpy(a), to_numpy(b)
    _check_shapes(first, second)
    return first.astype(np.float64), second.astype(np.float64)


def label_pair(a: Array, b: Array) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Return two label maps of one shape as integers.

    Raises:
        InputError: for shapes that differ, negative labels or labels that are not whole numbers.
    """
    first, second = label_map(a), label_map(b)
    _check_shapes(first, second)
    return first, second


def label_map(array: Array) -> npt.NDArray[np.integer]:
    """Return a label map as integers.

    Raises:
        InputError: for negative labels or labels that are not whole numbers.
    """
    labels = to_numpy(array)
    if labels.dtype == np.bool_:
        return labels.astype(np.uint8)
    if not np.issubdtype(labels.dtype, np.integer):
        whole = labels.astype(np.int64)
        if not np.array_equal(whole, labels):
            raise InputError(f"labels: expected whole numbers, got {labels.dtype} with fractions")
        labels = whole
    if labels.size and labels.min() < 0:
        raise InputError(f"labels: expected none below 0, got {labels.min()}")
    return labels


def chosen_labels(labels: Iterable[int] | None, *maps: npt.NDArray[np.integer]) -> list[int]:
    """Return the requested labels, or all labels of the maps without background 0, sorted."""
    if labels is not None:
        return sorted({int(label) for label in labels})
    present = [np.flatnonzero(np.bincount(m.ravel())) for m in maps]
    return sorted({int(label) for found in present for label in found} - {0})


def _check_shapes(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> None:
    if a.shape != b.shape:
        raise InputError(f"expected two arrays of one shape, got {a.shape} and {b.shape}")
