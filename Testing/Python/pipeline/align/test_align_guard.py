"""What an alignment keeps where there is nothing to gain: no pair is worse afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.metrics import dice
from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib.pipeline.align.alignment import Alignment, align_images
from SlicerLDMRegLib.pipeline.align.phase_shift import find_shift
from SlicerLDMRegLib.pipeline.masks import Masks
from SlicerLDMRegLib.pipeline.options import AlignOptions
from SlicerLDMRegLib.pipeline.prepare import coverage
from SlicerLDMRegLib.pipeline.progress import Progress
from Testing.Benchmarks.alignment_cases import Phantom, linear_part, make_case

MakeImage = Callable[..., sitk.Image]

AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
SQUARE = ImageGeometry((80, 72), (1.5, 1.5), (10.0, -20.0), (1.0, 0.0, 0.0, 1.0))
VOLUME = ImageGeometry((30, 26, 20), (2.0, 2.0, 4.0), (0.0, 0.0, 0.0), AXES)


def covered(found: Alignment, fixed: sitk.Image, moving: sitk.Image) -> float:
    """The share of the fixed image that the moving one covers."""
    return float(coverage(moving, ImageGeometry.from_image(fixed), found.transform).mean())


def noise(seed: int, geometry: ImageGeometry, sigma: float = 0.0) -> sitk.Image:
    array = np.random.default_rng(seed).normal(size=geometry.array_shape)
    return geometry.to_image(gaussian_filter(array, sigma).astype(np.float32))


@pytest.mark.parametrize("metric", ["mattes", "correlation"])
def test_identical_images_stay(metric: str) -> None:
    for seed in (3, 4):  # 2D and 3D
        image = make_case(seed).fixed
        found = align_images(image, image, AlignOptions("affine", metric=metric))
        assert found.is_identity
        assert found.transform.TransformPoint(image.GetOrigin()) == image.GetOrigin()
        assert found.note == (
            "affine was not better than the coordinates of the images: "
            "the coordinates of the images kept"
        )
        assert found.value is not None and found.value > 0.5


@pytest.mark.parametrize("metric", ["mattes", "correlation"])
@pytest.mark.parametrize("sigma", [0.0, 1.5])
def test_images_without_any_relation_stay(metric: str, sigma: float) -> None:
    for geometry in (SQUARE, VOLUME):
        images = noise(1, geometry, sigma), noise(2, geometry, sigma)
        assert align_images(*images, AlignOptions("affine", metric=metric)).is_identity


def test_a_flat_image_moves_nothing() -> None:
    flat = SQUARE.to_image(np.full(SQUARE.array_shape, 7.0, dtype=np.float32))
    for images in ((flat, noise(1, SQUARE)), (noise(1, SQUARE), flat), (flat, flat)):
        for metric in ("mattes", "correlation"):
            found = align_images(*images, AlignOptions("affine", metric=metric))
            assert found.is_identity and found.value == pytest.approx(0, abs=1e-5)


def asymmetric(geometry: ImageGeometry) -> np.ndarray:
    """An object without any symmetry, in the middle of a lattice."""
    points = geometry.points() - np.array(geometry.center())
    size = 0.5 * min(geometry.extent_mm)
    image = 1.0 * (np.linalg.norm(points / [1.3, 0.8], axis=-1) < 0.6 * size)
    parts = ((0.3, 0.2, 1.0), (-0.1, -0.25, 0.7), (0.45, -0.1, -0.6), (-0.4, 0.15, 0.4))
    for x, y, height in parts:
        near = ((points - np.array([x, y]) * size) ** 2).sum(axis=-1)
        image = image + height * np.exp(-near / (2 * (0.13 * size) ** 2))
    return np.asarray(gaussian_filter(image, 1.0), dtype=np.float32)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("method", ["auto", "rigid", "affine"])
def test_mirrored_images_are_neither_reflected_nor_pushed_out(axis: int, method: str) -> None:
    array = asymmetric(SQUARE)
    images = SQUARE.to_image(array), SQUARE.to_image(np.ascontiguousarray(np.flip(array, axis)))
    found = align_images(*images, AlignOptions(method))
    assert 0.25 <= np.linalg.det(linear_part(found.transform)) <= 4
    assert covered(found, *images) > 0.8


def test_a_shift_does_not_push_the_image_out_of_view() -> None:
    """A bright edge on either side: moved onto each other, all that is left looks alike."""
    generator = np.random.default_rng(0)
    pattern = gaussian_filter(generator.random((64, 6)), 1.0) * 20
    arrays = [0.05 * generator.random((64, 80)) for _ in range(2)]
    arrays[0][:, :6] += pattern
    arrays[1][:, -6:] += pattern
    geometry = ImageGeometry((80, 64), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    images = [geometry.to_image(array.astype(np.float32)) for array in arrays]
    assert find_shift(*images) is None
    assert align_images(*images).is_identity
    # A quarter of the image leaves the view where that is right.
    wide = noise(5, replace_width(geometry, 100), 2.0)
    parts = [geometry.to_image(sitk.GetArrayFromImage(wide)[:, n : n + 80]) for n in (20, 0)]
    found = find_shift(*parts)
    assert found is not None
    np.testing.assert_allclose(found.GetOffset(), (20, 0), atol=0.1)


def replace_width(geometry: ImageGeometry, width: int) -> ImageGeometry:
    return geometry.crop((0, 0), (width, geometry.size[1]))


def test_what_brings_too_little_is_not_kept(make_image: MakeImage) -> None:
    """A pair of few pixels: a shift is clear, but not the four more parameters of an affine map."""
    small = ImageGeometry((16, 16), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    fixed = make_image(small) + noise(1, small) * 0.1
    moving = make_image(small, (2.0, -2.0)) + noise(2, small) * 0.1
    found = align_images(fixed, moving, AlignOptions("affine", metric="correlation"))
    assert found.method == "rigid"
    assert found.note == "affine was not better than rigid: rigid kept"
    rigid = align_images(fixed, moving, AlignOptions("rigid", metric="correlation"))
    assert rigid.method == "rigid" and rigid.note is None
    goal = np.add(small.center(), (2.0, -2.0))
    for alignment in (found, rigid):
        moved = alignment.transform.TransformPoint(small.center())
        np.testing.assert_allclose(moved, goal, atol=0.5)


def test_few_pixels_in_a_mask_are_enough(make_image: MakeImage) -> None:
    fixed, moving = make_image(SQUARE), make_image(SQUARE, (4.0, -3.0))
    rows, columns = np.mgrid[:72, :80]
    disc = (rows - 36) ** 2 + (columns - 40) ** 2 < 13**2
    hidden = [np.where(disc, sitk.GetArrayFromImage(fixed), 9.0), sitk.GetArrayFromImage(moving)]
    images = [SQUARE.to_image(a.astype(np.float32)) for a in hidden]
    masks = Masks(SQUARE.to_image(disc.astype(np.uint8)))
    for metric, pixels in (("mattes", 0.6), ("correlation", 0.2)):
        found = align_images(*images, AlignOptions("rigid", metric=metric), masks=masks)
        moved = np.subtract(found.transform.TransformPoint(SQUARE.center()), SQUARE.center())
        np.testing.assert_allclose(moved, (4.0, -3.0), atol=1.5 * pixels)
    # Next to nothing: it does not fail, and moves nothing far.
    dot = SQUARE.to_image(((rows == 36) & (columns == 40)).astype(np.uint8))
    edges = [SQUARE.to_image(m.astype(np.uint8)) for m in (columns < 8, columns > 71)]
    for mask in (Masks(dot), Masks(None, dot), Masks(dot, dot), Masks(*edges)):
        found = align_images(*images, AlignOptions("affine"), masks=mask)
        assert 0.25 <= np.linalg.det(linear_part(found.transform)) <= 4


def test_a_thin_pair_is_centred_only_where_that_is_better(make_image: MakeImage) -> None:
    thick = ImageGeometry((64, 64, 8), (1.0, 1.0, 5.0), (0.0, 0.0, 0.0), AXES)
    thin = thick.crop((0, 0, 3), (64, 64, 2))
    fixed = thin.to_image(sitk.GetArrayFromImage(make_image(thick))[3:5])
    other = thin.to_image(sitk.GetArrayFromImage(make_image(thick, (6.0, 4.0, 0.0)))[3:5])
    found = align_images(fixed, other[1:, :, :])
    assert found.method == "center"
    np.testing.assert_allclose(found.transform.TransformPoint((30, 30, 17)), (36, 34, 17), atol=2)
    # The center of mass of a part is not that of the whole.
    half = fixed[30:, :, :]
    kept = align_images(fixed, half)
    assert kept.is_identity
    assert kept.note is not None and kept.note.startswith("center was not better")
    assert align_images(fixed, half, AlignOptions("center")).method == "center"


def test_an_initial_transform_without_an_inverse_is_gone_on_from() -> None:
    """A bend is given, which acts after the shift that is found."""
    bend = np.zeros((*SQUARE.array_shape, 2))
    bend[..., 0] = 8.0 + 2 * np.sin(SQUARE.points()[..., 1] / 15)
    given = DisplacementField(bend, SQUARE).to_transform()
    phantom = Phantom.random(np.array([45.0, 35.0]), np.random.default_rng(1))
    center, shift = np.array(SQUARE.center()), np.array([3.0, -5.0])
    points = SQUARE.points()
    straight = points.copy()
    straight[..., 0] -= 8.0 + 2 * np.sin(points[..., 1] / 15)
    fixed = SQUARE.to_image(phantom(points - center).astype(np.float32))
    moving = SQUARE.to_image(phantom(straight - shift - center).astype(np.float32))
    found = align_images(fixed, moving, AlignOptions("affine"), initial=given)
    assert found.method.startswith("given+") and found.inverse() is None
    truth = sitk.CompositeTransform([given, sitk.TranslationTransform(2, shift.tolist())])
    some = center + np.random.default_rng(0).uniform(-25, 25, (30, 2))
    errors = [
        np.linalg.norm(np.subtract(found.transform.TransformPoint(p), truth.TransformPoint(p)))
        for p in some.tolist()
    ]
    assert max(errors) < 0.6
    # Nothing is left to do.
    aligned = sitk.Resample(
        moving, SQUARE.empty_image(), truth, sitk.sitkLinear, 0.0, sitk.sitkFloat32
    )
    done = align_images(aligned, moving, AlignOptions("affine"), initial=truth)
    assert done.method == "given" and done.note is not None


def test_what_was_kept_is_in_the_result() -> None:
    """Without a model and a refinement it is a result, too, that nothing is better."""
    images = noise(1, SQUARE), noise(2, SQUARE)
    result = register(*images, model="none", refine=False, align="affine")
    method = result.provenance["method"]
    assert method["alignment"] == "none" and method["alignment_metric"] < 0.1
    assert method["alignment_note"].endswith("the coordinates of the images kept")
    with pytest.raises(InputError, match="nothing to do"):
        register(*images, model="none", refine=False, align="none")


def test_the_progress_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[float] = []
    report = Progress.report

    def noted(self: Progress, stage: str, fraction: float, message: str = "") -> None:
        # What is said, not what the root of all progress makes of it.
        whole, step = fraction, self
        while step._parent is not None:
            whole = step._start + (step._end - step._start) * whole
            step = step._parent
        reported.append(whole)
        report(self, stage, fraction, message)

    monkeypatch.setattr(Progress, "report", noted)
    case = make_case(16)
    align_images(case.fixed, case.moving, AlignOptions("affine"))
    assert reported == sorted(reported) and len(reported) > 50
    assert reported[-1] <= 1


@pytest.mark.parametrize("mirrored", [False, True])
def test_hippocampi_do_not_lose(shared_data: Path, mirrored: bool) -> None:
    folder = shared_data / "data" / "hippocampus_mr"

    def read(kind: str, name: str, mirror: bool = False) -> sitk.Image:
        image = sitk.ReadImage(str(folder / kind / f"hippocampus_{name}.nii.gz"))
        array = sitk.GetArrayFromImage(image)
        flipped = np.ascontiguousarray(array[:, :, ::-1]) if mirror else array
        return ImageGeometry.from_image(image).to_image(flipped)

    for fixed, moving in itertools.pairwise(["008", "011", "007"]):
        images = read("images", fixed), read("images", moving, mirrored)
        labels = read("labels", fixed), read("labels", moving, mirrored)
        still = sitk.Transform(3, sitk.sitkIdentity)
        found = [align_images(*images, AlignOptions(m)).transform for m in ("rigid", "affine")]
        scores = []
        for transform in (still, *found):
            warped = sitk.Resample(labels[1], labels[0], transform, sitk.sitkNearestNeighbor, 0)
            arrays = sitk.GetArrayFromImage(labels[0]), sitk.GetArrayFromImage(warped)
            scores.append(np.mean(list(dice(*arrays).values())))
        if mirrored:
            assert min(scores[1:]) > scores[0] - 0.05
        else:
            assert min(scores[1:]) > scores[0] + 0.1


@pytest.mark.parametrize("kept", [True, False])
def test_slices_on_two_lattices_stay_where_they_are(kept: bool) -> None:
    """A motion through slices would mix neighbours that are far apart."""
    axes = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    fixed = ImageGeometry((48, 44, 5), (1.0, 1.0, 8.0), (0.0, 0.0, 0.0), axes)
    moving = ImageGeometry((40, 42, 6), (1.25, 1.1, 8.0), (-1.0, 0.0, -2.0), axes)
    images = [
        lattice.to_image((np.sin(lattice.points() @ [0.2, 0.15, 0.05]) * 100).astype(np.float32))
        for lattice in (fixed, moving)
    ]
    align = "auto" if kept else "rigid"
    result = register(*images, model="none", slices="all", align=align, refine={"iterations": [1]})
    assert (result.provenance["method"]["alignment"] == "none") == kept
