"""What may be in memory in place of the files of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError

__all__ = ["INPUTS", "take_inputs"]

#: Names of the fields of a request that hold paths of images, labels, masks, points or a transform.
INPUTS = (
    "fixed",
    "moving",
    "fixed_labels",
    "moving_labels",
    "fixed_landmarks",
    "moving_landmarks",
    "fixed_segmentation",
    "fixed_mask",
    "moving_mask",
    "initial_transform",
)


def take_inputs(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return inputs that do not change when the caller changes its images.

    Raises:
        InputError: for a name that is none of :data:`INPUTS`.
    """
    taken = dict(inputs or {})
    for name in taken:
        if name not in INPUTS:
            raise InputError(f"inputs: expected names among {', '.join(INPUTS)}, got {name!r}")
    if taken:
        import SimpleITK as sitk

        for name, value in taken.items():
            if isinstance(value, sitk.Image):
                taken[name] = sitk.Image(value)  # shares the voxels until one of them is changed
    return taken
