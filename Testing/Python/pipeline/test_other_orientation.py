"""The search for an orientation that explains the moving image better than a deformation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, map_coordinates, rotate

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


def comb(shape: tuple[int, ...], axis: int, start: int, period: int = 10) -> np.ndarray:
    """A part of a body with bars that repeat along an axis, and little that does not."""
    rng = np.random.default_rng(3)
    long = tuple(n + 60 if a == axis else n for a, n in enumerate(shape))
    own = gaussian_filter(rng.normal(size=long), [n / 12 for n in shape])
    along = np.arange(long[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    places = [np.linspace(-1, 1, n) for n in shape]
    across = sum(
        c.reshape([-1 if b == a else 1 for b in range(len(shape))]) ** 2
        for a, c in enumerate(places)
        if a != axis
    )
    bars = (1 + np.cos(2 * np.pi * along / period)) * (across < 0.5)
    image = gaussian_filter(bars + 0.6 * own / own.std() * (across < 0.8), 0.8)
    return image.take(np.arange(start, start + shape[axis]), axis)


@pytest.mark.parametrize(
    ("shape", "axis", "steps", "words"),
    [
        ((64, 64), 0, 10, "top to bottom"),
        ((64, 64), 0, -10, "top to bottom"),
        ((60, 70), 1, 20, "left to right"),
        ((66, 60), 1, -10, "left to right"),
        ((32, 20, 22), 0, 10, "head to foot"),
    ],
)
def test_a_neighbour_that_looks_alike(
    shape: tuple[int, ...], axis: int, steps: int, words: str
) -> None:
    """Bars lie on bars, one or two periods off."""
    fixed, moving = (image_of(comb(shape, axis, 30 + n)) for n in (0, steps))
    other = found(fixed, moving)
    assert other is not None and other.kind == "shifted"
    length, _, direction = other.name.removeprefix("shifted by ").partition(" mm ")
    assert float(length) == pytest.approx(abs(steps), abs=1) and direction == words
    assert found(fixed, fixed) is None


@pytest.mark.parametrize(
    ("shape", "axis", "factor", "words"),
    [
        ((60, 50), 1, 2.0, "at half its length top to bottom"),
        ((60, 50), 0, 2.0, "at half its length left to right"),
        ((60, 50), 0, 0.5, "at twice its length left to right"),
        ((24, 26, 28), 2, 2.0, "at half its length head to foot"),
        ((24, 26, 28), 2, 0.5, "at twice its length head to foot"),
    ],
)
def test_a_spacing_that_is_wrong(
    shape: tuple[int, ...], axis: int, factor: float, words: str
) -> None:
    """The header of the moving image makes an axis twice or half as long."""
    array = body(shape)
    fixed, moving = image_of(array), image_of(bent(array))
    spacing = [1.0] * len(shape)
    spacing[axis] = factor
    moving.SetSpacing(spacing)
    middle = (fixed.GetSize()[axis] - 1) / 2
    origin = [0.0] * len(shape)
    origin[axis] = middle * (1 - factor)
    moving.SetOrigin(origin)
    other = found(fixed, moving)
    assert other is not None and (other.kind, other.name) == ("stretched", words)


@pytest.mark.parametrize(
    ("shape", "axes", "degrees", "words"),
    [
        ((64, 64), (0, 1), 30, "turned by about 30°"),
        ((64, 64), (0, 1), -40, "turned by about 45°"),
        ((26, 26, 26), (1, 2), 35, "turned by about 30° about the axis head to foot"),
        ((26, 26, 26), (0, 1), -30, "turned by about 30° about the axis left to right"),
    ],
)
def test_a_turn_by_less_than_a_quarter(
    shape: tuple[int, ...], axes: tuple[int, int], degrees: float, words: str
) -> None:
    array = body(shape)
    moving = rotate(bent(array), degrees, axes, reshape=False, order=1)
    other = found(image_of(array), image_of(moving))
    assert other is not None and (other.kind, other.name) == ("oblique", words)


@pytest.mark.parametrize(
    ("shape", "factor", "words"),
    [
        ((64, 64), 1.4, "at about 71% of its size"),
        ((64, 64), 0.7, "at about 140% of its size"),
        ((26, 26, 26), 1.4, "at about 71% of its size"),
    ],
)
def test_a_spacing_that_is_wrong_along_all_axes(
    shape: tuple[int, ...], factor: float, words: str
) -> None:
    array = body(shape)
    moving = image_of(bent(array))
    moving.SetSpacing([factor] * len(shape))
    moving.SetOrigin([(n - 1) / 2 * (1 - factor) for n in shape])
    other = found(image_of(array), moving)
    assert other is not None and (other.kind, other.name) == ("scaled", words)


@pytest.mark.parametrize("degrees", [4, -8])
def test_a_turn_that_the_deformation_finds_is_none(degrees: float) -> None:
    array = body((64, 64))
    moving = rotate(array, degrees, (0, 1), reshape=False, order=1)
    assert found(image_of(array), image_of(moving)) is None


def test_a_turn_after_a_linear_map_is_seen_from_the_fixed_image() -> None:
    """Rows and columns exchanged: a quarter turn is found, the mirror image is left."""
    array = body((64, 64))
    moving = image_of(bent(array).T)
    quarter = sitk.AffineTransform(2)
    quarter.SetCenter((31.5, 31.5))
    quarter.SetMatrix((0.0, -1.0, 1.0, 0.0))
    other = better_orientation(Inputs(image_of(array), moving), quarter)
    assert other is not None and (other.kind, other.name) == ("turned", "with exchanged axes")
