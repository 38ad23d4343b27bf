"""Stacks of few slices, single slices, 2D images and small ones, against a known warp."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import choose_model, list_models
from SlicerLDMRegLib.pipeline import RegistrationResult, register
from SlicerLDMRegLib.pipeline import runner as runner_module
from SlicerLDMRegLib.resampling import warp_image

CARDIAC = "ldm-morph-cardiac-mr"
HALF = np.array([34.0, 29.0, 50.0])  # mm of the body in which errors count
SAGITTAL = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
FLIPPED = ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0))
TURNED = ((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0))
UPRIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def displacement(points: np.ndarray, through: int | None = None) -> np.ndarray:
    """Fixed to moving, mm; nothing along the axis ``through``."""
    x, y, z = np.moveaxis(points, -1, 0)
    weight = np.exp(-((points / (HALF + 3)) ** 2).sum(-1))
    parts = [np.sin(y / 14 + 0.4), np.cos(x / 15), 0.7 * np.sin((x + z) / 16)]
    found = 3.0 * weight[..., None] * np.stack(parts, -1)
    if through is not None:
        found[..., through] = 0
    return found


def tissue(points: np.ndarray) -> np.ndarray:
    x, y, z = np.moveaxis(points, -1, 0)
    body = 1 / (1 + np.exp((((points / (HALF + 6)) ** 2).sum(-1) - 1) * 8))
    inner = np.sin(x / 6 + 0.3 * np.sin(z / 9)) * np.cos(y / 7 + z / 20)
    return 1000 * body * (1 + 0.25 * inner + 0.2 * np.cos((x + y) / 9 + z / 12))


def lattice(
    size: Sequence[int], spacing: Sequence[float], direction: Any = UPRIGHT
) -> ImageGeometry:
    matrix = np.array(direction)
    origin = -matrix @ ((np.array(size) - 1) / 2 * np.array(spacing))
    return ImageGeometry(tuple(size), tuple(spacing), tuple(origin), tuple(matrix.ravel()))


def images(geometry: ImageGeometry, through: int | None = None) -> tuple[sitk.Image, sitk.Image]:
    points = geometry.points()
    fixed = tissue(points + displacement(points, through))
    return tuple(geometry.to_image(a.astype(np.float32)) for a in (fixed, tissue(points)))


def errors(result: RegistrationResult, through: int | None = None) -> tuple[float, float]:
    """Mean error in mm within the body: without registration, and left."""
    points = result.field.geometry.points()
    inside = ((points / HALF) ** 2).sum(-1) < 1
    truth = displacement(points, through)[inside]
    left = result.field.vectors[inside] - truth
    return tuple(float(np.linalg.norm(v, axis=-1).mean()) for v in (truth, left))


def chosen_model(result: RegistrationResult) -> str:
    """The model that Automatic took, or that it left out because it does not know the anatomy."""
    known = result.provenance["model"]
    return str(known["id"] if known else result.metrics["model"]["unused"])


def cut(image: sitk.Image, axis: int) -> sitk.Image:
    index: list[Any] = [slice(None)] * 3
    index[axis] = 0
    return image[tuple(index)]


def stack(axis: int, count: int) -> ImageGeometry:
    size, spacing = [52, 48, 50], [1.7, 1.5, 1.9]
    size[axis], spacing[axis] = count, 6.0
    return lattice(size, spacing)


@pytest.mark.parametrize(("axis", "count"), [(0, 1), (1, 2), (0, 3), (2, 5), (1, 7)])
def test_few_slices_one_by_one(axis: int, count: int) -> None:
    fixed, moving = images(stack(axis, count), axis)
    result = register(fixed, moving, model="none", slices=f"{'ijk'[axis]}:all")
    before, left = errors(result, axis)
    assert left < 0.42 * before
    assert not result.field.vectors[..., axis].any()
    assert str(result.slices) == f"{'ijk'[axis]}:0" + (f"-{count - 1}" if count > 1 else "")
    assert result.metrics["deformation"]["fold_count"] == 0


@pytest.mark.parametrize("count", [1, 3])
def test_few_slices_with_the_cardiac_model(count: int) -> None:
    fixed, moving = images(stack(2, count), 2)
    result = register(fixed, moving, model=CARDIAC, slices="all")
    before, left = errors(result, 2)
    assert left < 0.3 * before
    assert result.provenance["model"]["id"] == CARDIAC


@pytest.mark.parametrize(("axis", "count"), [(2, 2), (0, 3), (1, 7)])
def test_few_slices_as_a_volume(axis: int, count: int) -> None:
    size, spacing = [28, 26, 26], [3.1, 2.9, 3.1]
    size[axis], spacing[axis] = count, 7.0
    fixed, moving = images(lattice(size, spacing), axis)
    whole = register(fixed, moving, model="none")
    before, left = errors(whole, axis)
    assert whole.slices is None
    assert left < 0.62 * before
    assert whole.metrics["after"]["overlap"] > 0.9


def test_motion_through_the_slices_needs_the_volume() -> None:
    """Which is why a stack is not cut up unless it is asked for."""
    geometry = lattice((28, 26, 4), (3.1, 2.9, 6.0))
    whole, sliced = (
        errors(register(*images(geometry), model="none", slices=s)) for s in (None, "all")
    )
    assert whole[1] < 0.9 * sliced[1] and whole[1] < 0.75 * whole[0]


@pytest.mark.parametrize(("axis", "model"), [(0, "auto"), (1, "auto"), (2, "none")])
def test_one_slice_is_a_2d_image_of_any_plane(axis: int, model: str) -> None:
    fixed, moving = images(stack(axis, 1), axis)
    result = register(fixed, moving, model=model)
    before, left = errors(result, axis)
    assert left < 0.42 * before
    assert result.field.geometry.matches(ImageGeometry.from_image(fixed))
    if model == "auto":
        assert chosen_model(result) == choose_model("auto", 2).id


def test_one_slice_never_meets_a_3d_model(region_model: Path) -> None:
    fixed, moving = images(stack(2, 1), 2)
    with pytest.raises(InputError, match=r"2D or have one slice; use model='none', or a model"):
        register(fixed, moving, model=region_model)


def test_one_slice_of_an_array_and_of_a_file(tmp_path: Path) -> None:
    """The model is chosen by the header alone: also by that of a file without a dimension more."""
    fixed, moving = images(stack(1, 1), 1)
    paths = [tmp_path / f"{name}.nii.gz" for name in ("fixed", "moving")]
    for image, path in zip((fixed, moving), paths, strict=True):
        sitk.WriteImage(image, str(path))
    for sources in (paths, [sitk.GetArrayFromImage(image) for image in (fixed, moving)]):
        result = register(*sources, refine={"iterations": (2, 2, 2)})
        assert chosen_model(result) == choose_model("auto", 2).id
        assert result.field.dimension == 3


def test_slices_of_a_3d_stack_choose_a_2d_model() -> None:
    fixed, moving = images(stack(2, 3), 2)
    result = register(fixed, moving, slices="all", refine={"iterations": (2, 2, 2)})
    assert chosen_model(result) == choose_model("auto", 3, True).id


# A 2D image and one slice


@pytest.mark.parametrize(
    ("axis", "direction", "flat"),
    [
        (0, UPRIGHT, "fixed"),
        (1, UPRIGHT, "moving"),
        (2, UPRIGHT, "fixed"),
        (0, FLIPPED, "moving"),
        (1, FLIPPED, "fixed"),
        (2, FLIPPED, "moving"),
        (2, TURNED, "fixed"),
        (2, TURNED, "moving"),
        (0, SAGITTAL, "fixed"),
        (1, SAGITTAL, "moving"),
        (2, SAGITTAL, "fixed"),
        (2, SAGITTAL, "moving"),
    ],
)
def test_a_2d_image_meets_a_slice(axis: int, direction: Any, flat: str) -> None:
    size, spacing = [52, 48, 50], [1.7, 1.5, 1.9]
    size[axis] = 1
    geometry = lattice(size, spacing, direction)
    through = int(np.abs(geometry.direction_matrix[:, axis]).argmax())
    fixed, moving = images(geometry, through)
    if flat == "moving":
        result = register(fixed, cut(moving, axis), model="none", align="none")
        vectors = np.squeeze(result.field.vectors, 2 - axis)
        assert result.field.geometry.matches(geometry)
    else:
        # What is known of the lattice in 3D, from the steps in voxels along its axes.
        result = register(cut(fixed, axis), moving, model="none", align="none")
        steps = result.field.vectors @ np.linalg.inv(result.field.geometry.matrix).T
        columns = [n for n in range(3) if n != axis]
        vectors = steps @ geometry.matrix[:, columns].T
        assert result.field.geometry.matches(ImageGeometry.from_image(cut(fixed, axis)))
    points = np.squeeze(geometry.points(), 2 - axis)
    inside = ((points / HALF) ** 2).sum(-1) < 1
    truth = displacement(points, through)[inside]
    left = np.linalg.norm(vectors[inside] - truth, axis=-1).mean()
    assert left < 0.5 * np.linalg.norm(truth, axis=-1).mean()
    assert "plane of the other slice" in result.metrics["reading"][0]
    again = warp_image(result.moving, result.field.geometry, result.transform)
    np.testing.assert_array_equal(
        *(sitk.GetArrayFromImage(image) for image in (again, result.warped))
    )


def test_a_2d_image_that_lies_elsewhere_keeps_its_place() -> None:
    """A shift between the positions is not lost: the positions of the files are believed."""
    geometry = stack(1, 1)
    fixed, moving = images(geometry, 1)
    flat = cut(moving, 1)
    part = flat[6:, 3:]  # begins elsewhere, and its origin says so
    result = register(fixed, part, model="none", align="none")
    before, left = errors(result, 1)
    assert left < 0.5 * before
    assert "at its place" in result.metrics["reading"][0]


@pytest.mark.parametrize("upside_down", [False, True])
def test_a_picture_without_a_place_shows_the_slice_as_programs_do(upside_down: bool) -> None:
    """Rows of a picture go down; the slices of a volume mostly go up."""
    direction = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0 if upside_down else 1.0))
    geometry = lattice((52, 1, 50), (1.7, 6.0, 1.9), direction)
    fixed, moving = images(geometry, 1)
    rows = sitk.GetArrayFromImage(moving)[:, 0]
    picture = sitk.GetImageFromArray(rows if upside_down else rows[::-1].copy())
    picture.SetSpacing((1.7, 1.9))
    result = register(fixed, picture, model="none", align="none")
    before, left = errors(result, 1)
    assert left < 0.5 * before
    assert "by its content" in result.metrics["reading"][0]


def test_labels_masks_and_landmarks_go_with_the_2d_image(tmp_path: Path) -> None:
    geometry = stack(1, 1)
    fixed, moving = images(geometry, 1)
    labels, masks = (
        [cut(i > limit, 1) if i is moving else i > limit for i in (fixed, moving)]
        for limit in (700, 100)
    )
    points = np.array([[0.0, 0.0, 0.0], [8.0, 0.0, -6.0], [-9.0, 0.0, 7.0], [4.0, 0.0, 12.0]])
    ends = (points + displacement(points, 1))[:, [0, 2]]
    result = register(
        fixed,
        cut(moving, 1),
        model="none",
        fixed_labels=labels[0],
        moving_labels=labels[1],
        fixed_mask=masks[0],
        moving_mask=masks[1],
        fixed_landmarks=points,
        moving_landmarks=ends,
        output=tmp_path / "results",
    )
    before, after = result.metrics["before"], result.metrics["after"]
    assert before["tre"] > 1.0 and after["tre"] < 0.5 * before["tre"]
    assert after["dice_mean"] > max(0.97, before["dice_mean"])
    assert result.warped_labels.GetSize() == fixed.GetSize()
    placed = sitk.ReadImage(str(tmp_path / "results" / "moving.nrrd"))
    np.testing.assert_allclose(placed.GetOrigin(), result.moving.GetOrigin())
    transform = sitk.ReadTransform(str(tmp_path / "results" / "transform.h5"))
    again = warp_image(placed, geometry, transform)
    difference = sitk.GetArrayFromImage(again) - sitk.GetArrayFromImage(result.warped)
    assert np.abs(difference).max() < 0.1


def test_a_2d_image_and_a_volume_of_several_slices_is_told_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(runner_module, "Registration")
    fixed, moving = images(stack(2, 3), 2)
    flat = moving[:, :, 1]
    for pair in ((fixed, flat), (flat, fixed)):
        with pytest.raises(InputError, match="cut the slice that shows the same out of the"):
            register(*pair, model="none")


def test_slices_across_each_other_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(runner_module, "Registration")
    fixed, moving = images(stack(2, 1))[0], images(stack(1, 1))[1]
    with pytest.raises(InputError, match=r"planes 90 degrees apart.*2D image"):
        register(fixed, moving, model="none")
    assert cut(moving, 1).GetDimension() == 2  # and as a 2D image it is taken


# Small images


def small_pair(size: Sequence[int], seed: int) -> tuple[sitk.Image, sitk.Image, np.ndarray]:
    """Smooth images, each pixel the mean over its area, and the displacement between them."""
    generator = np.random.default_rng(seed)
    d, extent = len(size), np.array(size, dtype=float)
    place = generator.uniform(-0.5, 0.5, (12, d)) * extent
    width, height = extent.min() / 3 * generator.uniform(0.6, 1.2, 12), generator.uniform(0.3, 1)
    shift = generator.normal(size=d)
    shift /= np.linalg.norm(shift)

    def truth(p: np.ndarray) -> np.ndarray:
        return np.cos(np.clip(p / extent, -0.5, 0.5) * 2.5).prod(-1)[..., None] * shift

    def content(p: np.ndarray) -> np.ndarray:
        squares = [((p - c) ** 2).sum(-1) / (2 * w * w) for c, w in zip(place, width, strict=True)]
        return height * np.exp(-np.array(squares)).sum(0)

    geometry = ImageGeometry(
        tuple(size), (1.0,) * d, tuple(-(extent - 1) / 2), tuple(np.eye(d).ravel())
    )
    points = geometry.points()
    within = [np.array(o) for o in itertools.product((-0.375, -0.125, 0.125, 0.375), repeat=d)]
    fixed = np.mean([content(points + o + truth(points + o)) for o in within], axis=0)
    moving = np.mean([content(points + o) for o in within], axis=0)
    return geometry.to_image(fixed), geometry.to_image(moving), truth(points)


@pytest.mark.parametrize(
    "size", [(4, 4), (5, 5), (6, 7), (8, 8), (4, 30), (30, 5), (8, 8, 8), (5, 6, 7)]
)
def test_images_of_few_pixels(size: tuple[int, ...]) -> None:
    fixed, moving, truth = small_pair(size, 0)
    result = register(fixed, moving, model="none")
    left = np.linalg.norm(result.field.vectors - truth, axis=-1).mean()
    assert left < 0.75 * np.linalg.norm(truth, axis=-1).mean()
    assert result.metrics["deformation"]["fold_count"] == 0


@pytest.mark.parametrize(
    ("size", "options", "said"),
    [
        ((3, 3), {}, "at least 4 pixels along two axes, got 3 x 3; a displacement cannot be told"),
        ((2, 40), {}, "at least 4 pixels along two axes, got 2 x 40"),
        ((3, 40, 1), {}, "at least 4 pixels along two axes, got 3 x 40 x 1"),
        ((2, 2, 40), {}, "at least 4 pixels along two axes, got 2 x 2 x 40"),
        ((3, 3, 3), {}, "at least 4 pixels along two axes, got 3 x 3 x 3"),
        ((1, 1, 40), {}, "at least 2 pixels along two axes.*give a larger part"),
        ((40, 3, 40), {"slices": "i:all"}, "3 x 40 pixels, expected at least 4.*slices='j:all'"),
        ((1, 40, 40), {"slices": "k:0"}, "1 x 40 pixels, expected at least 4.*slices='i:all'"),
        ((40, 2, 40), {"model": CARDIAC}, "40 x 2 pixels, expected at least 4.*slices='j:all'"),
    ],
)
def test_too_few_pixels_are_told_before_it_begins(
    size: tuple[int, ...],
    options: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(runner_module, "Registration")
    image = np.random.default_rng(0).random(size[::-1])
    options = {"model": "none", **options}
    with pytest.raises(InputError, match=said):
        register(image, image[..., ::-1].copy(), **options)
    if options["model"] != "none" or "slices" in options:
        return
    good = np.random.default_rng(0).random((40, 40, 40) if len(size) == 3 else (40, 40))
    with pytest.raises(InputError, match="expected at least"):
        register(good, image, model="none")


def test_stacks_of_the_cases(shared_data: Path) -> None:
    folder = shared_data / "cases" / "9-few-slices"
    for count, model in ((5, CARDIAC), (7, "none")):
        fixed, moving = (folder / f"{count}_{role}.nii.gz" for role in ("fixed", "moving"))
        quick = {"iterations": (20, 10, 5)}
        result = register(fixed, moving, model=model, slices="all", refine=quick)
        assert result.slices.count == count
        assert result.metrics["after"]["ncc"] > result.metrics["before"]["ncc"]


def test_every_model_is_for_2_or_3_dimensions() -> None:
    """What the tests above call automatic is there."""
    assert {card.spatial_dims for card in list_models(kind="registration")} >= {2}
