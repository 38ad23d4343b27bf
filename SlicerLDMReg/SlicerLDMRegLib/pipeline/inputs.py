"""Everything that goes into a registration, read and checked before any work begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..geometry import ImageGeometry
from ..images import as_image, as_labels, check_same_dimension
from ..segmentation.pairing import numbered_like
from ..segmentation.slicer_file import is_slicer_segmentation, read_segments
from .align.initial_transform import load_transform
from .landmarks import check_landmark_pair, load_landmarks, pair_landmarks
from .masks import Masks, as_mask

__all__ = ["Inputs", "read_inputs"]


@dataclass(frozen=True)
class Inputs:
    """The checked inputs.

    Attributes:
        fixed, moving: scalar images of one dimension.
        fixed_labels, moving_labels: integer maps on the lattices of the images, or None.
        fixed_landmarks, moving_landmarks: corresponding points ``(N, d)``, LPS mm, or None.
        initial_transform: fixed points to moving points, or None.
        paths: by role, the files that these came from; what came from memory has none.
        label_names: names of the fixed labels, where their file has them.
        masks: where the images are compared.
        landmark_notes: how the points were paired, and which were left out.
        transform_notes: what was guessed of the initial transform.
    """

    fixed: sitk.Image
    moving: sitk.Image
    fixed_labels: sitk.Image | None
    moving_labels: sitk.Image | None
    fixed_landmarks: np.ndarray | None
    moving_landmarks: np.ndarray | None
    initial_transform: sitk.Transform | None
    paths: dict[str, str]
    label_names: dict[int, str] = field(default_factory=dict)
    masks: Masks = field(default_factory=Masks)
    landmark_notes: tuple[str, ...] = ()
    transform_notes: tuple[str, ...] = ()

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return int(self.fixed.GetDimension())

    @property
    def geometry(self) -> ImageGeometry:
        """The fixed lattice."""
        return ImageGeometry.from_image(self.fixed)


def read_inputs(
    fixed: Any,
    moving: Any,
    fixed_labels: Any = None,
    moving_labels: Any = None,
    fixed_landmarks: Any = None,
    moving_landmarks: Any = None,
    initial_transform: Any = None,
    fixed_mask: Any = None,
    moving_mask: Any = None,
) -> Inputs:
    """Read and check paths, SimpleITK images or arrays.

    Raises:
        InputError: for the first thing that cannot be used.
    """
    named = {
        "fixed": fixed,
        "moving": moving,
        "fixed_labels": fixed_labels,
        "moving_labels": moving_labels,
        "fixed_landmarks": fixed_landmarks,
        "moving_landmarks": moving_landmarks,
        "initial_transform": initial_transform,
        "fixed_mask": fixed_mask,
        "moving_mask": moving_mask,
    }
    paths = {role: str(v) for role, v in named.items() if isinstance(v, str | Path)}
    images = as_image(fixed, "fixed image"), as_image(moving, "moving image")
    check_same_dimension(*images)
    transform_notes: tuple[str, ...] = ()
    if isinstance(initial_transform, str | Path):
        given = load_transform(initial_transform, images[0].GetDimension())
        initial_transform, transform_notes = given.transform, given.notes
    elif initial_transform is not None:
        _check_transform(initial_transform, images[0].GetDimension())
    labels = [
        (None, {}) if source is None else _labels(source, image, f"{role} labels")
        for source, image, role in zip(
            (fixed_labels, moving_labels), images, ("fixed", "moving"), strict=True
        )
    ]
    if labels[1][0] is not None:
        labels[1] = numbered_like(labels[1][0], labels[1][1], labels[0][1], "moving labels")
    masks = [
        None if source is None else as_mask(_labels(source, image, role)[0], role)
        for source, image, role in zip(
            (fixed_mask, moving_mask), images, ("fixed mask", "moving mask"), strict=True
        )
    ]
    points = [
        None
        if source is None
        else load_landmarks(source, ImageGeometry.from_image(image), f"{role} landmarks")
        for source, image, role in zip(
            (fixed_landmarks, moving_landmarks), images, ("fixed", "moving"), strict=True
        )
    ]
    fixed_points = moving_points = None
    landmark_notes: tuple[str, ...] = ()
    if points[0] is not None and points[1] is not None:
        fixed_points, moving_points, landmark_notes = pair_landmarks(points[0], points[1])
    else:
        check_landmark_pair(*(None if side is None else side.points for side in points))
    return Inputs(
        fixed=images[0],
        moving=images[1],
        fixed_labels=labels[0][0],
        moving_labels=labels[1][0],
        fixed_landmarks=fixed_points,
        moving_landmarks=moving_points,
        initial_transform=initial_transform,
        paths=paths,
        label_names=labels[0][1],
        masks=Masks(*masks),
        landmark_notes=landmark_notes,
        transform_notes=transform_notes,
    )


def _labels(source: Any, image: sitk.Image, role: str) -> tuple[sitk.Image, dict[int, str]]:
    """Return labels on the lattice of an image, and their names where a file of Slicer has them."""
    names: dict[int, str] = {}
    if isinstance(source, str | Path) and is_slicer_segmentation(Path(source)):
        source, names = read_segments(Path(source), ImageGeometry.from_image(image), role)
    return as_labels(source, image, role), names


def _check_transform(transform: Any, dimension: int) -> None:
    if not isinstance(transform, sitk.Transform):
        raise InputError(
            "initial transform: expected a path or a SimpleITK transform, "
            f"got {type(transform).__name__}"
        )
    if transform.GetDimension() != dimension:
        raise InputError(
            f"initial transform: expected a {dimension}D transform as the images are, "
            f"got {transform.GetDimension()}D"
        )
