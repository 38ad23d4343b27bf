"""Everything that goes into a registration, read and checked before any work begins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from .._c_numbers import c_numbers
from ..errors import InputError
from ..geometry import ImageGeometry
from ..images import as_image, as_labels, notes_of
from ..images.dimension import dimension_of_file
from ..images.loaded import add_notes
from ..segmentation.pairing import numbered_like
from ..segmentation.slicer_file import is_slicer_segmentation, read_segments
from .flat_moving import FlatMoving, check_planes
from .initial_transform import load_transform
from .landmark_files import Landmarks
from .landmarks import check_landmark_pair, load_landmarks, pair_landmarks
from .masks import Masks, as_mask
from .request import RegistrationRequest
from .slices import FEWEST_PIXELS, SliceRange, SliceSelection
from .thin_plate import thin_plate_transform

__all__ = ["Inputs", "read_dimension", "read_inputs"]


@dataclass(frozen=True)
class Inputs:
    """The checked inputs.

    Attributes:
        fixed, moving: scalar images of one dimension.
        fixed_labels, moving_labels: integer maps on the lattices of the images, or None.
        fixed_landmarks, moving_landmarks: corresponding points ``(N, d)``, LPS mm, or None.
        initial_transform: fixed points to moving points, or None.
        masks: where the images are compared.
        slices: the slices to register one by one, None for whole images.
        label_names: names of the fixed labels, where their file has them.
        paths: by role, the files that these came from; what came from memory has none.
        landmark_notes: how the points were paired, and which were left out.
        landmark_names: what each pair is called.
        transform_notes: what was guessed of the initial transform.
        moving_placed: whether the moving image and all that belongs to it were brought into the
            dimension of the fixed image, see :class:`.FlatMoving`.
    """

    fixed: sitk.Image
    moving: sitk.Image
    fixed_labels: sitk.Image | None = None
    moving_labels: sitk.Image | None = None
    fixed_landmarks: np.ndarray | None = None
    moving_landmarks: np.ndarray | None = None
    initial_transform: sitk.Transform | None = None
    masks: Masks = field(default_factory=Masks)
    slices: SliceRange | None = None
    label_names: dict[int, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    landmark_notes: tuple[str, ...] = ()
    landmark_names: tuple[str, ...] = ()
    transform_notes: tuple[str, ...] = ()
    moving_placed: bool = False

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return int(self.fixed.GetDimension())

    @property
    def registered_dimension(self) -> int:
        """2 for 2D images and for slices that go one by one, else 3."""
        return 2 if self.slices is not None else self.dimension

    @property
    def geometry(self) -> ImageGeometry:
        """The fixed lattice."""
        return ImageGeometry.from_image(self.fixed)

    def for_model(self, spatial_dims: int) -> Inputs:
        """Return the inputs of a model, which goes slice by slice through a volume if it is 2D."""
        if self.slices is not None or spatial_dims == self.dimension:
            return self
        slices = SliceSelection().resolve(self.geometry)
        slices.check(self.geometry)
        return replace(self, slices=slices)

    @property
    def notes(self) -> tuple[str, ...]:
        """Guesses, omissions and changes of reading the inputs, each with its role."""
        images = ("fixed", "moving", "fixed_labels", "moving_labels")
        named = [(role, getattr(self, role)) for role in images]
        found = [
            f"{role.replace('_', ' ')}: {note}"
            for role, image in named
            if image is not None
            for note in notes_of(image)
        ]
        found += [f"landmarks: {note}" for note in self.landmark_notes]
        return (*found, *(f"initial transform: {note}" for note in self.transform_notes))

    @property
    def output(self) -> ImageGeometry:
        """Lattice of the result: the fixed one, or the chosen slices of it."""
        return self.geometry if self.slices is None else self.slices.crop(self.geometry)


@c_numbers()
def read_dimension(source: Any) -> int:
    """Return 2 or 3, the dimension of an image, to choose a model before the images are read.

    A volume of one slice is 2D. Only the header of a file is read. Sources that cannot be read
    count as 3D: reading them tells.
    """
    if isinstance(source, str):
        return dimension_of_file(source) or 3
    size = source.GetSize() if isinstance(source, sitk.Image) else np.shape(source)
    return 2 if len(size) == 2 or (len(size) == 3 and 1 in size) else 3


@c_numbers()
def read_inputs(request: RegistrationRequest) -> Inputs:
    """Read and check the images, and all else that a request names.

    Raises:
        InputError: for the first thing that cannot be used.
    """
    fixed, moving = (as_image(getattr(request, r), f"{r} image") for r in ("fixed", "moving"))
    images = {"fixed": fixed, "moving": moving}
    for role, image in images.items():
        _check_size(image, role)
    flat = None
    if fixed.GetDimension() != moving.GetDimension():
        flat = FlatMoving(fixed, moving)
    else:
        check_planes(*map(ImageGeometry.from_image, (fixed, moving)))
    dimension = fixed.GetDimension()
    initial = request.initial_transform
    transform_notes: tuple[str, ...] = ()
    if isinstance(initial, str):
        given = load_transform(initial, dimension, ImageGeometry.from_image(moving))
        initial, transform_notes = given.transform, given.notes
    elif initial is not None:
        _check_transform(initial, dimension)
    labels: dict[str, sitk.Image | None] = {}
    masks: dict[str, sitk.Image | None] = {}
    points: dict[str, Landmarks | None] = {}
    names: dict[str, dict[int, str]] = {}
    for role, image in images.items():
        source = getattr(request, f"{role}_labels")
        labels[role], names[role] = _labels(source, image, f"{role} labels")
        name = f"{role} mask"
        mask, _ = _labels(getattr(request, f"{role}_mask"), image, name)
        masks[role] = None if mask is None else as_mask(mask, name)
        source = getattr(request, f"{role}_landmarks")
        geometry = ImageGeometry.from_image(image)
        points[role] = (
            None if source is None else load_landmarks(source, geometry, f"{role} landmarks")
        )
    if labels["moving"] is not None:
        labels["moving"], _ = numbered_like(
            labels["moving"], names["moving"], names["fixed"], "moving labels"
        )
    fixed_points = moving_points = None
    landmark_notes: tuple[str, ...] = ()
    landmark_names: tuple[str, ...] = ()
    if points["fixed"] is not None and points["moving"] is not None:
        pairs = pair_landmarks(points["fixed"], points["moving"])
        fixed_points, moving_points, landmark_notes, landmark_names = pairs
    else:
        check_landmark_pair(*(None if side is None else side.points for side in points.values()))
    if flat is not None:
        moving = add_notes(flat.image(moving), [flat.note])
        for kind in (labels, masks):
            if kind["moving"] is not None:
                kind["moving"] = flat.image(kind["moving"])
        if moving_points is not None:
            moving_points = flat.points(moving_points)
    if request.starts_at_landmarks and fixed_points is not None and moving_points is not None:
        _check_apart(fixed_points, landmark_names)
        place = ImageGeometry.from_image(fixed)
        initial = thin_plate_transform(fixed_points, moving_points, place)
    slices = _slices(request.slices, ImageGeometry.from_image(fixed))
    if slices is not None:
        slices.check(ImageGeometry.from_image(fixed))
    roles = (*images, "initial_transform", *(f"{r}_{kind}" for r in images for kind in _KINDS))
    return Inputs(
        fixed=fixed,
        moving=moving,
        fixed_labels=labels["fixed"],
        moving_labels=labels["moving"],
        fixed_landmarks=fixed_points,
        moving_landmarks=moving_points,
        initial_transform=initial,
        masks=Masks(masks["fixed"], masks["moving"]),
        slices=slices,
        label_names=names["fixed"],
        landmark_notes=landmark_notes,
        landmark_names=landmark_names,
        transform_notes=transform_notes,
        moving_placed=flat is not None,
        paths={
            role: getattr(request, role)
            for role in roles
            if isinstance(getattr(request, role), str)
        },
    )


_KINDS = ("labels", "landmarks", "mask")
_ONE_PLACE_MM = 1e-3


def _labels(source: Any, image: sitk.Image, role: str) -> tuple[sitk.Image | None, dict[int, str]]:
    """Return labels on the lattice of an image, and their names where a file of Slicer has them."""
    names: dict[int, str] = {}
    if source is None:
        return None, names
    if isinstance(source, str) and is_slicer_segmentation(Path(source)):
        source, names = read_segments(Path(source), ImageGeometry.from_image(image), role)
    return as_labels(source, image, role), names


def _slices(selection: SliceSelection | None, fixed: ImageGeometry) -> SliceRange | None:
    """Return the slices that were chosen, or the only one of a volume that has but one."""
    if selection is not None:
        return selection.resolve(fixed)
    if fixed.dimension == 3 and 1 in fixed.size:
        return SliceRange(fixed.size.index(1), 0, 1)
    return None


def _check_size(image: sitk.Image, role: str) -> None:
    """Refuse images of so few pixels that no displacement can be told from them."""
    if sorted(image.GetSize())[-2] < FEWEST_PIXELS:
        size = " x ".join(map(str, image.GetSize()))
        raise InputError(
            f"{role} image: expected at least {FEWEST_PIXELS} pixels along two axes, got {size}; "
            "a displacement cannot be told from fewer: give a larger part of the image, or all "
            "slices of the volume"
        )


def _check_apart(points: np.ndarray, names: tuple[str, ...]) -> None:
    """Refuse landmarks in one place, through which no transform can go."""
    order = np.lexsort(points.T)
    same = np.linalg.norm(np.diff(points[order], axis=0), axis=1) < _ONE_PLACE_MM
    if same.any():
        first, second = order[np.argmax(same)], order[np.argmax(same) + 1]
        raise InputError(
            f"landmarks: {names[first]!r} and {names[second]!r} of the fixed image lie in one "
            "place, so that no transform goes through both; move or remove one of them"
        )


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
