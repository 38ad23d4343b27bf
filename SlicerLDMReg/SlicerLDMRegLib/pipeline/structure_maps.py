"""Structures that both images have, as what is aligned and refined in place of the intensities."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ..errors import InputError
from ..geometry import ImageGeometry
from ..resampling import warp_image
from .inputs import Inputs
from .slices import SliceRange, to_batch

__all__ = ["common_labels", "distance_maps", "label_classes", "with_coded_images"]

_REACH = 10.0  # voxels of the lattice beyond which a distance tells nothing more. Not tuned
# Of the mean square of the distances from structures, which are -1 to 1.
_WEIGHT = 10.0
_OWN_MAPS = 6  # the largest structures have a map each, all together one more


def common_labels(inputs: Inputs) -> list[int]:
    """Return the labels that both maps hold, the largest structure of the fixed one first.

    Raises:
        InputError: when a map is missing, or no label is in both.
    """
    if inputs.fixed_labels is None or inputs.moving_labels is None:
        raise InputError(
            "structures drive the registration where both images have labels; give the fixed and "
            "the moving labels, or use {advice}",
            option="register_by",
            value="images",
        )
    counts = []
    for labels in (inputs.fixed_labels, inputs.moving_labels):
        numbers, found = np.unique(sitk.GetArrayViewFromImage(labels), return_counts=True)
        counts.append(dict(zip(numbers.tolist(), found.tolist(), strict=True)))
    common = sorted((set(counts[0]) & set(counts[1])) - {0}, key=lambda n: (-counts[0][n], n))
    if not common:
        raise InputError(
            "no structure is in both label maps: structures of one number, or of one name, "
            "correspond; name or number them alike"
        )
    return common


def with_coded_images(inputs: Inputs) -> Inputs:
    """Return the inputs with their common structures as images, for an alignment by these."""
    classes = {label: n for n, label in enumerate(common_labels(inputs), start=1)}
    images: dict[str, Any] = {}
    for role, labels in (("fixed", inputs.fixed_labels), ("moving", inputs.moving_labels)):
        assert labels is not None
        array = _classes(sitk.GetArrayViewFromImage(labels), classes).astype(np.float32)
        images[role] = ImageGeometry.from_image(labels).to_image(array)
    return replace(inputs, **images)


def label_classes(
    inputs: Inputs, lattice: ImageGeometry, alignment: sitk.Transform
) -> tuple[Tensor, Tensor]:
    """Return the common structures of the aligned moving and of the fixed image, from 1 on.

    Args:
        inputs: with labels.
        lattice: of the refinement.
        alignment: fixed to moving points.

    Returns:
        ``(B, 1, *S)`` int64 each, 0 elsewhere.
    """
    classes = {label: n for n, label in enumerate(common_labels(inputs), start=1)}
    found = _on_lattice(inputs, lattice, alignment)
    first, second = (torch.from_numpy(_classes(array, classes)[:, None]) for array in found)
    return first, second


def distance_maps(
    inputs: Inputs, lattice: ImageGeometry, alignment: sitk.Transform
) -> tuple[Tensor, Tensor]:
    """Return signed distances from the structures of the aligned moving and of the fixed image.

    The first map is that of all structures together, others are those of the largest ones. They
    are negative inside, and level off from 10 voxels of the lattice on, at values with which the
    squared difference of the maps is a part of the refinement's loss.

    Args:
        inputs, lattice, alignment: see :func:`label_classes`.

    Returns:
        ``(B, C, *S)`` float32 each; slice by slice in the plane of each slice.
    """
    own = common_labels(inputs)
    groups = [own] if len(own) == 1 else [own, *([label] for label in own[:_OWN_MAPS])]
    spacing = np.asarray(lattice.spacing)[::-1]
    if inputs.slices is not None:
        spacing = np.delete(spacing, 2 - inputs.slices.axis)
    reach = _REACH * float(spacing.min())
    scale = math.sqrt(_WEIGHT / len(groups))
    moving, fixed = (
        scale
        * torch.from_numpy(np.stack([_signed(array, group, spacing, reach) for group in groups], 1))
        for array in _on_lattice(inputs, lattice, alignment)
    )
    return moving, fixed


def _on_lattice(
    inputs: Inputs, lattice: ImageGeometry, alignment: sitk.Transform
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of the aligned moving and of the fixed image, ``(B, *S)``."""
    assert inputs.fixed_labels is not None and inputs.moving_labels is not None
    moving = warp_image(inputs.moving_labels, lattice, alignment, labels=True)
    fixed = warp_image(inputs.fixed_labels, lattice, labels=True)
    first, second = (_batch(image, inputs.slices) for image in (moving, fixed))
    return first, second


def _batch(image: sitk.Image, slices: SliceRange | None) -> np.ndarray:
    array = sitk.GetArrayFromImage(image)
    return array[None] if slices is None else np.ascontiguousarray(to_batch(array, slices.axis))


def _classes(array: np.ndarray, classes: dict[int, int]) -> np.ndarray:
    numbers, place = np.unique(array, return_inverse=True)
    table = np.array([classes.get(int(number), 0) for number in numbers], np.int64)
    return np.asarray(table[place].reshape(array.shape))


def _signed(labels: np.ndarray, group: list[int], spacing: np.ndarray, reach: float) -> np.ndarray:
    """Return the signed distance from a group of labels in each element, ``(B, *S)``, -1 to 1."""
    from scipy import ndimage

    inside = np.isin(labels, group)
    found = np.ones(labels.shape, np.float32)
    for number, own in enumerate(inside):
        if not own.any():
            continue
        outer = ndimage.distance_transform_edt(~own, sampling=spacing)
        inner = ndimage.distance_transform_edt(own, sampling=spacing)
        found[number] = np.clip((outer - inner) / reach, -1, 1)
    return found
