from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import CancelledError, InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.align.alignment import Alignment, align_images, check_overlap
from SlicerLDMRegLib.pipeline.align.phase_shift import find_shift
from SlicerLDMRegLib.pipeline.align.pyramid import Pyramid
from SlicerLDMRegLib.pipeline.align.rigid_affine import centre_of_mass
from SlicerLDMRegLib.pipeline.initial_transform import read_transform
from SlicerLDMRegLib.pipeline.landmarks import read_landmarks
from SlicerLDMRegLib.pipeline.masks import Masks
from SlicerLDMRegLib.pipeline.options import AlignOptions
from SlicerLDMRegLib.pipeline.progress import Progress

MakeImage = Callable[..., sitk.Image]


@pytest.fixture(scope="module")
def square() -> ImageGeometry:
    return ImageGeometry((64, 56), (1.0, 1.0), (10.0, 20.0), (1.0, 0.0, 0.0, 1.0))


def moved_by(transform: sitk.Transform, image: sitk.Image) -> sitk.Image:
    """An image whose registration to ``image`` is the transform (fixed to moving)."""
    return sitk.Resample(image, image, transform.GetInverse(), sitk.sitkLinear, 0.0)


def error_of(found: Alignment, truth: sitk.Transform, geometry: ImageGeometry) -> float:
    """Largest distance in mm over the middle of the lattice."""
    center, extent = np.array(geometry.center()), np.array(geometry.extent_mm)
    generator = np.random.default_rng(0)
    points = center + generator.uniform(-0.3, 0.3, (50, len(center))) * extent
    return max(
        float(
            np.linalg.norm(np.subtract(found.transform.TransformPoint(p), truth.TransformPoint(p)))
        )
        for p in points.tolist()
    )


def test_auto_on_one_lattice_is_none(square: ImageGeometry, make_image: MakeImage) -> None:
    found = align_images(make_image(square), make_image(square, (2.0, 1.0)))
    assert found.is_identity
    assert found.transform.TransformPoint((3.0, 4.0)) == (3.0, 4.0)


def test_auto_finds_a_large_shift_on_one_lattice(make_image: MakeImage) -> None:
    wide = ImageGeometry((90, 80), (1.0, 1.3), (0.0, 0.0), (0.0, -1.0, 1.0, 0.0))
    place = np.array(wide.center())
    fixed = make_image(wide, center=np.add(place, (12.0, -14.0)))
    moving = make_image(wide, center=np.subtract(place, (11.0, -15.0)))
    found = align_images(fixed, moving)
    assert found.method == "shift"
    assert error_of(found, sitk.TranslationTransform(2, (-23.0, 29.0)), wide) < 3
    assert align_images(fixed, moving, AlignOptions("none")).is_identity
    # Images that have nothing to do with each other stay where they are.
    noise = np.random.default_rng(0).random(wide.array_shape).astype(np.float32)
    assert align_images(fixed, wide.to_image(noise)).is_identity


def test_rigid_2d(square: ImageGeometry, make_image: MakeImage) -> None:
    fixed = make_image(square)
    truth = sitk.Euler2DTransform(square.center(), 0.2, (4.0, -3.0))
    found = align_images(fixed, moved_by(truth, fixed), AlignOptions("rigid"))
    assert error_of(found, truth, square) < 0.5
    inverse = found.inverse()
    assert inverse is not None
    point = (31.0, 42.0)
    assert inverse.TransformPoint(found.transform.TransformPoint(point)) == pytest.approx(point)


def test_affine_2d(square: ImageGeometry, make_image: MakeImage) -> None:
    fixed = make_image(square)
    truth = sitk.AffineTransform([1.12, 0.08, -0.05, 0.95], (2.0, 3.0), square.center())
    options = AlignOptions("affine", metric="correlation")
    found = align_images(fixed, moved_by(truth, fixed), options)
    assert error_of(found, truth, square) < 0.7
    rigid = align_images(fixed, moved_by(truth, fixed), AlignOptions("rigid"))
    assert error_of(rigid, truth, square) > 1.0


def test_auto_on_other_lattices_is_rigid_3d(volume: ImageGeometry, make_image: MakeImage) -> None:
    other = replace(volume, size=(40, 34, 11), origin=(-9.0, 17.0, 64.0))
    fixed = make_image(volume)
    moving = make_image(other, (4.0, -5.0, 3.0), center=volume.center())
    found = align_images(fixed, moving)
    assert found.method == "rigid"
    truth = sitk.TranslationTransform(3, (4.0, -5.0, 3.0))
    assert error_of(found, truth, volume) < 1.5
    # A model may know its images better; what is kept may have no shear.
    assert align_images(fixed, moving, usual="affine").method in ("similarity", "affine")
    assert align_images(fixed, moving, AlignOptions("rigid"), usual="affine").method == "rigid"


def test_center(square: ImageGeometry, make_image: MakeImage) -> None:
    far = replace(square, origin=(1000.0, -500.0))
    found = align_images(make_image(square), make_image(far), AlignOptions("center"))
    truth = sitk.TranslationTransform(2, (990.0, -520.0))
    assert error_of(found, truth, square) < 0.1


def test_given_transform_acts_after_the_one_that_is_found(
    square: ImageGeometry, make_image: MakeImage, tmp_path: Path
) -> None:
    fixed = make_image(square)
    # A rotation that does not commute with the translation that is to be found.
    given = sitk.Euler2DTransform(square.center(), 0.6, (3.0, 1.0))
    sitk.WriteTransform(given, str(tmp_path / "a.tfm"))
    initial = read_transform(tmp_path / "a.tfm", 2)
    truth = sitk.CompositeTransform([given, sitk.TranslationTransform(2, (4.0, -3.0))])
    moving = moved_by(truth, fixed)
    alone = align_images(fixed, moving, initial=initial)
    assert alone.method == "given"
    assert error_of(alone, given, square) == pytest.approx(0, abs=1e-6)
    for method in ("rigid", "center"):
        both = align_images(fixed, moving, AlignOptions(method), initial)
        assert both.method == f"given+{method}"
        assert error_of(both, truth, square) < 0.7


def test_wrong_transform_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_transform(tmp_path / "a.tfm", 2)
    (tmp_path / "b.tfm").write_text("text")
    with pytest.raises(InputError, match="not an ITK transform"):
        read_transform(tmp_path / "b.tfm", 2)
    sitk.WriteTransform(sitk.TranslationTransform(3), str(tmp_path / "c.tfm"))
    with pytest.raises(InputError, match="expected a 2D transform"):
        read_transform(tmp_path / "c.tfm", 2)


@pytest.mark.parametrize("method", ["auto", "none"])
def test_no_overlap(square: ImageGeometry, make_image: MakeImage, method: str) -> None:
    far = make_image(replace(square, origin=(1000.0, -500.0)))
    with pytest.raises(
        InputError, match=r"do not overlap.*10..73.*1000..1063.*align='center' or 'rigid'"
    ):
        align_images(make_image(square), far, AlignOptions(method))


@pytest.mark.parametrize(("times", "which"), [(0.1, "moving"), (0.001, "moving"), (10, "fixed")])
def test_lengths_in_other_units(
    square: ImageGeometry, make_image: MakeImage, times: float, which: str
) -> None:
    spacing, origin = (tuple(times * v for v in a) for a in (square.spacing, square.origin))
    other = make_image(replace(square, spacing=spacing, origin=origin))
    factor = round(max(times, 1 / times))
    with pytest.raises(
        InputError, match=rf"the {which} one is {factor} times smaller.*spacing.*align='center'"
    ):
        align_images(make_image(square), other)


def test_thin_volume(make_image: MakeImage) -> None:
    axes = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    thin = ImageGeometry((40, 40, 1), (1, 1, 5), (0, 0, 0), axes)
    image = make_image(replace(thin, size=(40, 40, 8)))[:, :, 3:4]
    with pytest.raises(InputError, match="at least 4 slices"):
        align_images(image, image, AlignOptions("rigid"))
    assert align_images(image, image).is_identity
    few = make_image(replace(thin, size=(40, 40, 4)))
    with pytest.raises(InputError, match="at least 4 slices"):
        align_images(few[:, :, :3], few, AlignOptions("affine"))
    assert align_images(few, few, AlignOptions("rigid", iterations=1)).is_identity


def test_same_numbers_every_time(square: ImageGeometry, make_image: MakeImage) -> None:
    fixed, moving = make_image(square), make_image(square, (3.0, 2.0))
    first, second = (align_images(fixed, moving, AlignOptions("rigid"), seed=3) for _ in range(2))
    assert first.transform.GetParameters() == second.transform.GetParameters()


def test_cancel_inside_itk(square: ImageGeometry, make_image: MakeImage) -> None:
    calls = 0

    def should_cancel() -> bool:
        nonlocal calls
        calls += 1
        return calls > 3

    with pytest.raises(CancelledError):
        align_images(
            make_image(square),
            make_image(square, (3.0, 2.0)),
            AlignOptions("rigid"),
            progress=Progress(should_cancel=should_cancel),
        )


@pytest.mark.slow
@pytest.mark.parametrize(("method", "most"), [("auto", 10.0), ("affine", 7.0)])
def test_lung_ct_comes_together(shared_data: Path, method: str, most: float) -> None:
    folder = shared_data / "data" / "lung_ct"
    images, points = [], []
    for name in ("baseline", "followup"):
        images.append(sitk.ReadImage(str(folder / f"3DCT_lung_{name}.mha")))
        geometry = ImageGeometry.from_image(images[-1])
        points.append(read_landmarks(folder / f"3DCT_lung_{name}.txt", geometry))

    def error(transform: sitk.Transform) -> float:
        moved = np.array([transform.TransformPoint(p) for p in points[0].tolist()])
        return float(np.linalg.norm(moved - points[1], axis=1).mean())

    assert error(sitk.Transform(3, sitk.sitkIdentity)) > 30
    assert error(align_images(images[0], images[1], AlignOptions(method)).transform) < most


def disc(geometry: ImageGeometry, centre: tuple[float, float], darkest: float = 0.0) -> sitk.Image:
    """A disc with a bright side, of 8 mm."""
    offset = geometry.points() - np.asarray(centre)
    inside = np.exp(-((np.linalg.norm(offset, axis=-1) / 8) ** 6))
    values = darkest + 100 * inside * (1 + 0.05 * offset[..., 0])
    return geometry.to_image(values.astype(np.float32))


@pytest.mark.parametrize(("noise", "found"), [(0.4, True), (1.2, False)])
def test_a_shift_needs_images_that_are_clearly_alike_then(noise: float, found: bool) -> None:
    """It may explain much of what little they have in common."""
    wide = ImageGeometry((120, 110), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    rng = np.random.default_rng(0)
    images = []
    for centre in ((35.0, 40.0), (80.0, 70.0)):
        image = sitk.GetArrayFromImage(disc(wide, centre)) / 100
        grain = noise * image.std() * rng.standard_normal(image.shape)
        images.append(wide.to_image((image + grain).astype(np.float32)))
    shift = find_shift(*images)
    assert (shift is not None) == found
    if shift is not None:
        assert np.abs(np.subtract(shift.GetOffset(), (45.0, 30.0))).max() <= 1


def test_centre_of_mass_does_not_depend_on_what_black_is(square: ImageGeometry) -> None:
    expected = centre_of_mass(disc(square, (30.0, 55.0)))
    assert np.abs(expected - (30.0, 55.0)).max() < 1.0
    for darkest in (-1000.0, 967.0):
        found = centre_of_mass(disc(square, (30.0, 55.0), darkest))
        np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("metric", ["mattes", "correlation"])
def test_objects_far_apart_meet_by_their_centres_of_mass(metric: str) -> None:
    """Neither the coordinates of the scanner nor the middles of the images bring them together."""
    wide = ImageGeometry((128, 120), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    fixed, moving = disc(wide, (25.0, 30.0), 967.0), disc(wide, (100.0, 88.0), 967.0)
    found = align_images(fixed, moving, AlignOptions("rigid", metric=metric))
    moved = np.asarray(found.transform.TransformPoint((25.0, 30.0)))
    assert np.abs(moved - (100.0, 88.0)).max() < 1.0


def test_a_little_overlap_is_enough(square: ImageGeometry, make_image: MakeImage) -> None:
    image = make_image(square)
    check_overlap(image, image, sitk.TranslationTransform(2, (62.0, 0.0)))  # 2 of 64 columns
    with pytest.raises(InputError, match="do not overlap"):
        check_overlap(image, image, sitk.TranslationTransform(2, (63.6, 0.0)))
    corner = sitk.TranslationTransform(2, (58.0, 52.0))  # 6 x 4 of 64 x 56: 0.7 percent
    with pytest.raises(InputError, match="do not overlap"):
        check_overlap(image, image, corner)


def test_the_seed_draws_the_samples(make_image: MakeImage) -> None:
    large = ImageGeometry((300, 290), (0.3, 0.3), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    fixed = make_image(large)
    truth = sitk.Euler2DTransform(large.center(), 0.1, (3.0, -2.0))
    moving = moved_by(truth, fixed)
    options = AlignOptions("rigid", iterations=8)
    found = [align_images(fixed, moving, options, seed=seed) for seed in (0, 0, 1)]
    moved = [alignment.transform.TransformPoint((10.0, 20.0)) for alignment in found]
    assert moved[0] == moved[1]
    assert moved[0] != moved[2]


def test_a_small_mask_is_sampled_more_densely(make_image: MakeImage) -> None:
    """As many samples lie inside a mask as in a whole image, at most one for each voxel."""
    lattice = ImageGeometry((40, 40, 40), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    image = make_image(lattice)
    for planes, expected in ((40, 12_000), (10, 12_000), (2, 3_200)):
        mask = np.zeros(lattice.array_shape, np.uint8)
        mask[:planes] = 1
        masks = Masks(fixed=lattice.to_image(mask))
        pyramid = Pyramid(image, image, masks, "mattes", 0)
        samples = pyramid.samples(2, 12_000)
        assert len(samples.points) == expected
        height = samples.points[:, 2].double() + pyramid.frame.center[2]
        assert height.min() >= -0.5 and height.max() <= planes - 0.5
