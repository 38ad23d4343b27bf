"""Generated pairs: what they promise about determinism, ranges, labels and ground truth."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from SlicerLDMRegLib.resources import sample_data_dir
from training.synthesis.apical import APICAL_LABELS
from training.synthesis.cardiac import CARDIAC_LABELS
from training.synthesis.deformation import Contraction, VelocityFlow
from training.synthesis.echo import ECHO_LABELS
from training.synthesis.make_samples import make_brain_samples, make_samples
from training.synthesis.phantoms import KINDS, PhantomPair, generate_pair
from training.synthesis.random_fields import pixel_grid, smooth_noise

SEEDS = range(12)


@pytest.fixture(scope="module", params=KINDS)
def pairs(request: pytest.FixtureRequest) -> list[PhantomPair]:
    return [generate_pair(request.param, seed) for seed in SEEDS]


def warp(image: np.ndarray, displacement: np.ndarray, order: int) -> np.ndarray:
    """Return ``image(x + u(x))``, written here from its definition."""
    where = np.mgrid[: image.shape[0], : image.shape[1]] + displacement
    return map_coordinates(image, where, order=order, mode="nearest")


def stays_inside(displacement: np.ndarray) -> np.ndarray:
    where = pixel_grid(displacement.shape[1]) + displacement
    return ((where > 0) & (where < displacement.shape[1] - 1)).all(axis=0)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_shapes_types_and_ranges(pairs: list[PhantomPair]) -> None:
    for pair in pairs:
        for image in (pair.fixed, pair.moving):
            assert image.shape == (128, 128) and image.dtype == np.float32
            assert image.min() >= 0 and image.max() <= 1
            assert image.std() > 0.05, "an image without contrast"
        for labels in (pair.fixed_labels, pair.moving_labels):
            assert labels.shape == (128, 128) and labels.dtype == np.uint8
        assert pair.displacement.shape == (2, 128, 128)
        assert pair.displacement.dtype == np.float32


def test_displacement_takes_moving_labels_onto_fixed_labels(pairs: list[PhantomPair]) -> None:
    for pair in pairs:
        inside = stays_inside(pair.displacement)
        warped = warp(pair.moving_labels, pair.displacement, order=0)
        # Of tissue that enters or leaves the sector of an echo, one image shows nothing.
        image = warp(pair.moving, pair.displacement, order=0)
        inside &= (warped > 0) | (image > 0)
        inside &= (pair.fixed_labels > 0) | (pair.fixed > 0)
        after = (warped == pair.fixed_labels)[inside].mean()
        backwards = warp(pair.moving_labels, -pair.displacement, order=0)
        wrong_sign = (backwards == pair.fixed_labels)[inside].mean()
        before = (pair.moving_labels == pair.fixed_labels)[inside].mean()
        assert after > 0.95  # what remains is rims cut by the pixel grid
        assert after > before > wrong_sign


def test_displacement_aligns_the_images(pairs: list[PhantomPair]) -> None:
    before = [correlation(p.fixed, p.moving) for p in pairs]
    after = [correlation(p.fixed, warp(p.moving, p.displacement, order=1)) for p in pairs]
    assert np.mean(after) > np.mean(before) + 0.02


def test_displacement_never_folds(pairs: list[PhantomPair]) -> None:
    for pair in pairs:
        for axis_step in (1, -1):
            # One-sided differences: central ones do not see a fold of a single pixel.
            row, column = (
                (np.roll(pair.displacement, -axis_step, axis) - pair.displacement) * axis_step
                for axis in (1, 2)
            )
            determinant = (1 + row[0]) * (1 + column[1]) - row[1] * column[0]
            assert determinant[1:-1, 1:-1].min() > 0.02


def test_another_seed_gives_another_pair(pairs: list[PhantomPair]) -> None:
    for first, second in pairwise(pairs):
        assert not np.array_equal(first.fixed, second.fixed)
        assert not np.array_equal(first.displacement, second.displacement)


@pytest.mark.parametrize("kind", KINDS)
def test_generator_is_deterministic(kind: str) -> None:
    first, second = generate_pair(kind, 5), generate_pair(kind, 5)
    for name in vars(first):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize(("kind", "labels"), [("cardiac", CARDIAC_LABELS), ("echo", ECHO_LABELS)])
def test_hearts_have_their_chambers_and_contract(kind: str, labels: dict[int, str]) -> None:
    pairs = [generate_pair(kind, seed) for seed in SEEDS]
    for pair in pairs:
        assert set(np.unique(pair.fixed_labels)) == {0, *labels}
        cavity, contracted = (pair.fixed_labels == 1).sum(), (pair.moving_labels == 1).sum()
        assert 500 < cavity < 3500
        assert 0.1 < contracted / cavity < 1.15
    before = [dice(p.fixed_labels == 1, p.moving_labels == 1) for p in pairs]
    assert 0.5 < np.mean(before) < 0.85, "as far apart as real end-diastole and end-systole"


def test_apical_views_have_two_or_four_chambers_and_contract() -> None:
    pairs = [generate_pair("apical", seed) for seed in range(30)]
    four = 0
    for pair in pairs:
        found = set(np.unique(pair.fixed_labels))
        assert {0, 1, 2, 3} <= found <= {0, *APICAL_LABELS}
        four += found == {0, *APICAL_LABELS}
        cavity, contracted = (pair.fixed_labels == 1).sum(), (pair.moving_labels == 1).sum()
        assert 400 < cavity < 5000
        assert 0.1 < contracted / cavity < 1.15
    assert 10 <= four <= 26
    before = [dice(p.fixed_labels == 1, p.moving_labels == 1) for p in pairs]
    assert 0.5 < np.mean(before) < 0.85


def test_the_marks_of_a_scanner_stay_where_they_are() -> None:
    marked = 0
    for seed in range(20):
        pair = generate_pair("apical", seed)
        for image in (pair.fixed, pair.moving):
            assert (image[-4:, :4] == 0).all(), "outside of the sector nothing is shown"
        still = (pair.fixed == pair.moving) & (pair.fixed > 0.4)
        moved = np.abs(pair.displacement).max(axis=0) > 0.5
        marked += bool((still & moved).sum() > 4)
    assert 3 <= marked <= 17


def test_cardiac_resembles_real_cine_mr(shared_data: Path) -> None:
    real = [np.load(f) for f in sorted((shared_data / "data/cardiac_mr").glob("*.npz"))]
    generated = [generate_pair("cardiac", seed) for seed in range(40)]

    def summary(image: np.ndarray, labels: np.ndarray) -> list[float]:
        image = np.clip(image / np.percentile(image, 99.9), 0, 1)
        return [image.mean(), image.std(), image[labels == 1].mean(), (labels == 1).sum() / 5000]

    for phase in ("fixed", "moving"):
        target = np.mean([summary(d[phase].astype(float), d[f"{phase}_seg"]) for d in real], axis=0)
        got = np.mean(
            [summary(getattr(p, phase), getattr(p, f"{phase}_labels")) for p in generated], axis=0
        )
        np.testing.assert_allclose(got, target, rtol=0.35)


def test_blood_is_bright_in_mr_and_dark_in_ultrasound() -> None:
    for seed in SEEDS:
        cardiac, echo = generate_pair("cardiac", seed), generate_pair("echo", seed)
        means = [cardiac.fixed[cardiac.fixed_labels == k].mean() for k in (1, 2)]
        assert means[0] > means[1]
        means = [echo.fixed[echo.fixed_labels == k].mean() for k in (1, 2)]
        assert means[0] < means[1]


def test_echo_is_a_sector_with_speckle() -> None:
    for seed in SEEDS:
        pair = generate_pair("echo", seed)
        assert not pair.fixed[:20, :20].any() and not pair.fixed[:20, -20:].any()
        assert not (pair.fixed_labels[pair.fixed == 0] == 2).mean() > 0.2
        muscle = pair.fixed_labels == 2
        shaken = np.roll(pair.fixed, 1, axis=0)
        assert np.abs(pair.fixed - shaken)[muscle].mean() > 0.02


def test_size_scales_the_scene() -> None:
    small, large = generate_pair("cardiac", 3, size=64), generate_pair("cardiac", 3, size=128)
    assert small.fixed.shape == (64, 64)
    assert (large.fixed_labels == 1).sum() == pytest.approx(
        4 * (small.fixed_labels == 1).sum(), rel=0.1
    )


def test_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"cardiac, echo, shapes, apical, got 'brain'"):
        generate_pair("brain", 0)


def test_velocity_flow_and_its_inverse_cancel() -> None:
    flow = VelocityFlow.random(np.random.default_rng(0), 64, [(30, 3.0), (12, 1.0)])
    grid = pixel_grid(64)
    assert np.abs(flow.forward(grid) - grid).max() > 2
    assert np.abs(flow.inverse(flow.forward(grid)) - grid).max() < 0.1


def test_contraction_and_its_inverse_cancel_and_keep_the_walls_area() -> None:
    inner, outer, ratio, growth = 20.0, 30.0, 0.6, 1.2
    motion = Contraction(np.array([63.5, 63.5]), inner, outer, ratio, growth, twist=0.2)
    grid = pixel_grid(128)
    assert np.abs(motion.inverse(motion.forward(grid)) - grid).max() < 0.05

    def radius_after(radius: float) -> float:
        mapped = motion.forward(np.array([[63.5], [63.5 + radius]]))
        return float(np.hypot(*(mapped[:, 0] - 63.5)))

    assert radius_after(10) == pytest.approx(ratio * 10, abs=0.1)
    area = radius_after(outer) ** 2 - radius_after(inner) ** 2
    assert area == pytest.approx(growth * (outer**2 - inner**2), rel=0.1)
    assert radius_after(300) == pytest.approx(300, abs=0.1)


def test_smooth_noise_has_unit_variance_everywhere() -> None:
    rng = np.random.default_rng(0)
    draws = np.stack([smooth_noise(rng, (32, 40), 7.0) for _ in range(800)])
    np.testing.assert_allclose(draws.std(axis=0), 1.0, atol=0.15)
    neighbours = np.abs(np.diff(draws, axis=1)).mean()
    assert neighbours < 0.25, "neighbouring pixels are alike"


def assert_bundled(path: Path) -> sitk.Image:
    again, bundled = sitk.ReadImage(path), sitk.ReadImage(sample_data_dir() / path.name)
    np.testing.assert_array_equal(
        sitk.GetArrayViewFromImage(again), sitk.GetArrayViewFromImage(bundled)
    )
    for where in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(again, where)(), getattr(bundled, where)(), atol=1e-6)
    return bundled


def test_bundled_samples_are_what_the_command_makes(tmp_path: Path) -> None:
    written = make_samples(tmp_path)
    bundled = {p.name for p in sample_data_dir().glob("*.nrrd")}
    assert {p.name for p in written} == {n for n in bundled if not n.startswith("brain")}
    for path in written:
        assert assert_bundled(path).GetSize() == (128, 128)


def test_bundled_brains_are_what_the_command_makes(tmp_path: Path, shared_data: Path) -> None:
    written = make_brain_samples(tmp_path, shared_data / "data" / "brain_label_maps")
    bundled = {p.name for p in sample_data_dir().glob("brain*.nrrd")}
    assert {p.name for p in written} == bundled
    for path in written:
        image = assert_bundled(path)
        assert image.GetSpacing() == (2.0, 2.0, 2.0)
        if path.stem.endswith("labels"):
            assert len(np.unique(sitk.GetArrayViewFromImage(image))) == 36
