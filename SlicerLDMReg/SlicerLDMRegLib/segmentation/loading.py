"""Labels that the user gives, with their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..geometry import ImageGeometry
from ..images import as_labels
from .names import read_names
from .segmentation import Segmentation
from .slicer_file import is_slicer_segmentation, read_segments

__all__ = ["load_segmentation"]

_LISTED = 8


def load_segmentation(
    source: Any,
    names: str | Path | Mapping[Any, Any] | None,
    image: sitk.Image,
    role: str = "labels",
) -> Segmentation:
    """Return the labels of an image with their names, checked.

    Args:
        source: label map on the lattice of ``image``: a file, a SimpleITK image, an array
            ``(z, y, x)``, or a :class:`Segmentation`. A segmentation file of 3D Slicer
            (``.seg.nrrd``) carries its names, and may hold a part of the lattice.
        names: see :func:`read_names`; None: those that ``source`` carries.
        image: the image that the labels belong to.
        role: what the labels are, for the errors.

    Returns:
        The labels; names of labels that do not occur are left out.

    Raises:
        InputError: for labels without names, names without labels, a label map that covers nothing
            or lies on another lattice, or what cannot be read.
    """
    given = None if names is None else read_names(names, f"names of the {role}")
    if source is None:
        raise InputError(f"{role}: names were given without labels; give the label map, too")
    carried: Mapping[int, str] = {}
    confidence = None
    if isinstance(source, Segmentation):
        carried, confidence, source = source.names, source.confidence, source.labels
    elif isinstance(source, str | Path) and is_slicer_segmentation(Path(source)):
        geometry = ImageGeometry.from_image(image)
        source, carried = read_segments(Path(source), geometry, role)
    labels = as_labels(source, image, role)
    names_of_labels = carried if given is None else given
    present = [int(n) for n in np.unique(sitk.GetArrayViewFromImage(labels)) if n != 0]
    _check(present, names_of_labels, role)
    found = {number: names_of_labels[number] for number in present}
    return replace(Segmentation(labels, found), confidence=confidence)


def _check(present: list[int], names: Mapping[int, str], role: str) -> None:
    if not present:
        raise InputError(
            f"{role}: expected at least one structure, got a label map that is 0 everywhere"
        )
    if not names:
        raise InputError(
            f"{role}: expected a name for each label, got {_listed(present)} without names; give "
            "them as JSON (label number: name), as a known scheme, or as a Slicer segmentation"
        )
    unnamed = [number for number in present if number not in names]
    if len(unnamed) == len(present):
        raise InputError(
            f"{role}: none of the named labels {_listed(list(names))} is in the label map, "
            f"which has {_listed(present)}; these must be the names of its labels"
        )
    if unnamed:
        raise InputError(
            f"{role}: expected a name for each label, got none for {_listed(unnamed)}; "
            "name them, or set them to 0"
        )


def _listed(numbers: list[int]) -> str:
    text = ", ".join(map(str, numbers[:_LISTED]))
    return text + (f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else "")
