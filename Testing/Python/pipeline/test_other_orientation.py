"""The search for an orientation that explains the moving image better than a deformation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, map_coordinates

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.inputs import Inputs
from SlicerLDMRegLib.pipeline.masks import Masks
from SlicerLDMRegLib.pipeline.other_orientation import OtherOrientation, better_orientation
from SlicerLDMRegLib.pipeline.slices import SliceSelection

FLAT = ((1.0, 0.0), (0.0, 1.0))
UPRIGHT = np.eye(3).tolist()
# The patient lies on the side: the first axis runs from front to back.
ON_THE_SIDE = ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))


def body(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """An object that no turn brings onto itself."""
    rng = np.random.default_rng(seed)
    image = gaussian_filter(rng.normal(size=shape), [n / 14 for n in shape])
    places = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    inside = 1 / (1 + np.exp(12 * ((places**2).sum(0) ** 0.5 - 0.75)))
    return np.asarray(inside * (1 + 0.5 * image / image.std()))


def image_of(
    array: np.ndarray, spacing: Any = None, direction: Any = None, origin: Any = None
) -> sitk.Image:
    image = sitk.GetImageFromArray(array.astype(np.float32))
    if spacing is not None:
        image.SetSpacing(spacing)
    if direction is not None:
        image.SetDirection(np.ravel(direction).tolist())
    if origin is not None:
        image.SetOrigin(origin)
    return image


def bent(array: np.ndarray, size: float = 0.03) -> np.ndarray:
    rng = np.random.default_rng(7)
    way = [gaussian_filter(rng.normal(size=array.shape), [n / 8 for n in array.shape])
           for _ in array.shape]  # fmt: skip
    way = [size * max(array.shape) * w / np.abs(w).max() for w in way]
    return map_coordinates(array, np.indices(array.shape) + way, order=1, mode="nearest")


def found(fixed: sitk.Image, moving: sitk.Image, **more: Any) -> OtherOrientation | None:
    still = sitk.AffineTransform(fixed.GetDimension())
    return better_orientation(Inputs(fixed, moving, **more), still)


FLAT_TURNS = {
    "mirrored left to right": lambda a: a[:, ::-1],
    "mirrored top to bottom": lambda a: a[::-1],
    "turned by 180°": lambda a: a[::-1, ::-1],
    "turned by 90°": lambda a: np.rot90(a),
    "with exchanged axes": lambda a: a.T,
}
VOLUME_TURNS = {
    "mirrored left to right": lambda a: a[:, :, ::-1],
    "mirrored front to back": lambda a: a[:, ::-1],
    "mirrored head to foot": lambda a: a[::-1],
    "mirrored in all directions": lambda a: a[::-1, ::-1, ::-1],
    "turned by 180° about the axis head to foot": lambda a: a[:, ::-1, ::-1],
    "turned by 180° about the axis left to right": lambda a: a[::-1, ::-1],
    "turned by 90° about the axis front to back": lambda a: np.rot90(a, 1, (0, 2)),
    "with exchanged axes": lambda a: np.swapaxes(a, 1, 2),
    "turned, with its axes in another order": lambda a: np.moveaxis(a, 0, 2),
}


@pytest.mark.parametrize("name", FLAT_TURNS)
def test_the_turn_of_a_picture_is_named(name: str) -> None:
    array = body((70, 70))
    other = found(image_of(array), image_of(FLAT_TURNS[name](bent(array))))
    assert other is not None and other.name == name
    assert other.matched > other.matched_linear


@pytest.mark.parametrize("name", VOLUME_TURNS)
def test_the_turn_of_a_volume_is_named(name: str) -> None:
    array = body((24, 24, 24))
    other = found(image_of(array), image_of(VOLUME_TURNS[name](bent(array))))
    assert other is not None and other.name == name


@pytest.mark.parametrize("shape", [(70, 70), (30, 36, 24)])
def test_images_that_lie_alike_have_no_better_orientation(shape: tuple[int, ...]) -> None:
    array = body(shape)
    assert found(image_of(array), image_of(bent(array))) is None


def test_images_of_two_objects_have_no_better_orientation() -> None:
    for seed in range(1, 6):
        assert found(image_of(body((64, 64))), image_of(body((64, 64), seed))) is None


def test_the_contrast_does_not_matter() -> None:
    array = body((70, 70))
    moving = 3 - 2 * bent(array)[:, ::-1]
    other = found(image_of(array), image_of(moving))
    assert other is not None and other.name == "mirrored left to right"


def test_voxels_may_be_longer_than_wide_and_the_image_elsewhere() -> None:
    array = body((18, 40, 30))
    spacing = (1.0, 0.8, 2.5)
    moving = image_of(bent(array)[:, :, ::-1], spacing, origin=(40.0, -30.0, 90.0))
    middles = sitk.TranslationTransform(3, (40.0, -30.0, 90.0))
    inputs = Inputs(image_of(array, spacing), moving)
    assert better_orientation(inputs, middles).name == "mirrored left to right"  # type: ignore[union-attr]


def test_a_shift_beside_the_turn_is_found() -> None:
    array = body((64, 64))
    moving = np.roll(bent(array)[:, ::-1], (6, -8), (0, 1))
    other = found(image_of(array), image_of(moving))
    assert other is not None and other.name == "mirrored left to right"


def test_the_header_counts_not_the_order_of_the_voxels() -> None:
    array = body((28, 30, 32))
    fixed = image_of(array, direction=UPRIGHT)
    stored = image_of(np.swapaxes(array, 1, 2), direction=ON_THE_SIDE)
    start = ImageGeometry.from_image(fixed).index_to_physical((0, 0, 0))
    stored.SetOrigin(start.tolist())
    assert found(fixed, stored) is None
    wrong = image_of(np.swapaxes(array, 1, 2)[:, :, ::-1], direction=ON_THE_SIDE)
    other = found(fixed, wrong)
    assert other is not None and other.name == "mirrored front to back"


def test_slices_are_turned_in_their_plane_alone() -> None:
    array = np.stack([body((48, 48), n) for n in range(3)])
    fixed, moving = image_of(array), image_of(bent(array, 0.02)[:, :, ::-1])
    slices = SliceSelection().resolve(ImageGeometry.from_image(fixed))
    other = found(fixed, moving, slices=slices)
    assert other is not None and other.name == "mirrored left to right"
    upside_down = image_of(array[::-1])
    other = found(fixed, upside_down, slices=slices)
    assert other is None or "head" not in other.name


def test_one_slice_of_a_volume_is_turned_in_its_plane() -> None:
    array = body((60, 60))
    fixed, moving = image_of(array[None]), image_of(bent(array)[None, ::-1, ::-1])
    other = found(fixed, moving)
    assert other is not None and other.name.startswith("turned by 180°")


def test_what_a_mask_hides_does_not_count() -> None:
    array = body((64, 64))
    half = np.zeros((64, 64), np.uint8)
    half[:, :32] = 1
    moving = array.copy()
    moving[:, 32:] = body((64, 64), 3)[:, 32:]
    masks = Masks(fixed=sitk.GetImageFromArray(half))
    assert found(image_of(array), image_of(moving), masks=masks) is None


def test_a_blank_image_has_no_orientation() -> None:
    blank = np.zeros((40, 40))
    assert found(image_of(blank), image_of(body((40, 40)))) is None
    assert found(image_of(body((40, 40))), image_of(blank)) is None
