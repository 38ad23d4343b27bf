"""Metrics against analytic cases, independent implementations and the released evaluation."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib import metrics
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import fold_fraction, identity_grid, jacobian_determinant
from SlicerLDMRegLib.metrics import surface
from SlicerLDMRegLib.metrics.surface import element_areas, neighbour_codes


def ball(shape: tuple[int, ...], centre: tuple[float, ...], radius: float) -> np.ndarray:
    grid = np.indices(shape).astype(float)
    distance = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
    return (distance <= radius**2).astype(np.uint8)


def bars(*spans: tuple[int, int, int]) -> np.ndarray:
    labels = np.zeros((4, 20), np.int16)
    for label, start, stop in spans:
        labels[:, start:stop] = label
    return labels


# Dice


def test_dice_of_overlapping_and_disjoint_labels() -> None:
    a = bars((1, 0, 4), (2, 10, 12), (7, 15, 18))
    b = bars((1, 1, 7), (2, 13, 15), (7, 15, 18))
    # Label 1: 2 * 3 / (4 + 6); label 2: no overlap; label 7: the same.
    assert metrics.dice(a, b) == pytest.approx({1: 0.6, 2: 0.0, 7: 1.0})
    assert metrics.dice(torch.from_numpy(a), b, labels=[7]) == {7: 1.0}


def test_dice_agrees_with_simpleitk() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 600, (2, 9, 10, 11)).astype(np.uint16)
    filter_ = sitk.LabelOverlapMeasuresImageFilter()
    filter_.Execute(sitk.GetImageFromArray(a), sitk.GetImageFromArray(b))
    scores = metrics.dice(a, b)
    for label in (1, 42, 599):
        assert scores[label] == pytest.approx(filter_.GetDiceCoefficient(label))


@pytest.mark.parametrize("highest", [1, 3, 200, 255, 300, 5000])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint32, np.int64])
def test_dice_is_that_of_a_loop_however_large_the_labels(highest: int, kind: type) -> None:
    highest = min(highest, np.iinfo(kind).max)
    generator = np.random.default_rng(highest)
    known = np.unique([*generator.integers(0, highest + 1, 12).tolist(), 0, highest])
    first, second = (generator.choice(known, (20, 21, 22)).astype(kind) for _ in range(2))
    found = metrics.dice(first, second)
    assert sorted(found) == sorted(set(known.tolist()) - {0})
    for label, value in found.items():
        a, b = first == label, second == label
        assert value == 2 * int((a & b).sum()) / (int(a.sum()) + int(b.sum()))
    assert metrics.dice(first, second, [highest, highest + 7])[highest] == found[highest]
    assert np.isnan(metrics.dice(first, second, [highest + 7])[highest + 7])


def test_dice_of_absent_labels() -> None:
    a, empty = bars((3, 2, 5)), bars()
    scores = metrics.dice(a, empty, labels=[3, 4])
    assert scores[3] == 0.0
    assert np.isnan(scores[4])
    assert metrics.dice(empty, empty) == {}


def test_dice_takes_masks_and_whole_floats_only() -> None:
    mask = bars((1, 2, 5)).astype(bool)
    assert metrics.dice(mask, mask.astype(np.float32)) == {1: 1.0}
    with pytest.raises(InputError, match="whole numbers"):
        metrics.dice(mask, mask * 0.5)
    with pytest.raises(InputError, match="none below 0, got -1"):
        metrics.dice(mask, -mask.astype(int))
    with pytest.raises(InputError, match=r"one shape, got \(4, 20\) and \(4, 19\)"):
        metrics.dice(mask, mask[:, 1:])


# Surface distances


def element_of(voxels: list[tuple[int, ...]], spacing: tuple[float, ...]) -> float:
    """The area in the middle of a block of 2 voxels each way, of which some are inside."""
    block = np.zeros((2,) * len(spacing), bool)
    block[tuple(np.transpose(voxels))] = True
    code = neighbour_codes(block)[(1,) * len(spacing)]
    outside = neighbour_codes(~block)[(1,) * len(spacing)]
    areas = element_areas(spacing)
    # A surface has no side.
    assert areas[code] == pytest.approx(areas[outside], rel=1e-6)
    return float(areas[code])


@pytest.mark.parametrize("spacing", [(1, 1, 1), (1, 2, 3), (3.5, 0.7, 0.9), (5, 0.4, 0.4)])
def test_areas_of_the_elements_in_3d(spacing: tuple[float, ...]) -> None:
    a, b, c = spacing
    # One voxel is cut off by a triangle through the middles of three edges.
    triangle = np.hypot(np.hypot(a * b, b * c), c * a) / 8
    for corner in np.ndindex(2, 2, 2):
        assert element_of([corner], spacing) == pytest.approx(triangle, rel=1e-6)
    # Two on a diagonal of the block are cut off one by one.
    assert element_of([(0, 0, 0), (1, 1, 1)], spacing) == pytest.approx(2 * triangle, rel=1e-6)
    for axis in range(3):
        others = [spacing[i] for i in range(3) if i != axis]
        first = (0, 0, 0)
        along = tuple(int(i == axis) for i in range(3))
        # Two side by side: a roof over the whole block, between the middles of two edges.
        roof = spacing[axis] * np.hypot(*others) / 2
        assert element_of([first, along], spacing) == pytest.approx(roof, rel=1e-6)
        # Half of the block: a plane.
        layer = [voxel for voxel in np.ndindex(2, 2, 2) if voxel[axis] == 0]
        assert element_of(layer, spacing) == pytest.approx(np.prod(others), rel=1e-6)
    areas = element_areas(spacing)
    assert areas.shape == (256,) and areas[0] == areas[255] == 0 and (areas[1:255] > 0).all()


@pytest.mark.parametrize("spacing", [(1, 1), (0.5, 3), (4, 0.7)])
def test_lengths_of_the_elements_in_2d(spacing: tuple[float, ...]) -> None:
    a, b = spacing
    for pixel in np.ndindex(2, 2):
        assert element_of([pixel], spacing) == pytest.approx(np.hypot(a, b) / 2, rel=1e-6)
    for diagonal in ([(0, 0), (1, 1)], [(0, 1), (1, 0)]):
        assert element_of(diagonal, spacing) == pytest.approx(np.hypot(a, b), rel=1e-6)
    assert element_of([(0, 0), (0, 1)], spacing) == pytest.approx(b, rel=1e-6)
    assert element_of([(0, 0), (1, 0)], spacing) == pytest.approx(a, rel=1e-6)
    areas = element_areas(spacing)
    assert areas.shape == (16,) and areas[0] == areas[15] == 0


def test_areas_turn_and_mirror_with_the_image() -> None:
    # All blocks, also those whose surface is not flat.
    spacing = np.array([0.7, 1.0, 2.5])
    areas = element_areas(spacing)
    for code in range(256):
        block = np.array([code >> 7 - i & 1 for i in range(8)], bool).reshape(2, 2, 2)
        assert neighbour_codes(block)[1, 1, 1] == code
        for order in ((1, 2, 0), (0, 2, 1)):
            turned = neighbour_codes(block.transpose(order))[1, 1, 1]
            assert element_areas(spacing[list(order)])[turned] == pytest.approx(areas[code])
        mirrored = neighbour_codes(np.flip(block, 1))[1, 1, 1]
        assert areas[mirrored] == pytest.approx(areas[code])


def test_neighbour_codes_of_one_voxel_and_a_full_mask() -> None:
    codes = neighbour_codes(np.ones((1, 1, 1), bool))
    assert codes.shape == (2, 2, 2)
    assert sorted(codes.ravel()) == [1, 2, 4, 8, 16, 32, 64, 128]
    assert neighbour_codes(np.ones((3, 3), bool))[1, 1] == 15


def test_total_surface_area_approaches_that_of_a_box_and_a_ball() -> None:
    # A box of n voxels each way: faces n - 1 wide between the middles of its outer corners.
    box = neighbour_codes(np.ones((40, 40, 40), bool))
    assert element_areas((1, 1, 1))[box].sum() == pytest.approx(6 * 40**2, rel=0.03)
    # Thick slices: 2 faces of 40 x 40, 4 of 40 x 80.
    assert element_areas((2, 1, 1))[box].sum() == pytest.approx(2 * 1600 + 4 * 3200, rel=0.03)
    sphere = neighbour_codes(ball((45, 45, 45), (22, 22, 22), 18).astype(bool))
    assert element_areas((1, 1, 1))[sphere].sum() == pytest.approx(4 * np.pi * 18**2, rel=0.12)


def test_hd95_of_the_same_labels_is_0() -> None:
    labels = ball((20, 20, 20), (9, 10, 11), 6)
    assert metrics.hd95(labels, labels, (1, 1, 1)) == {1: 0.0}


@pytest.mark.parametrize(
    ("shape", "axis", "spacing"),
    [
        ((60, 60), 0, (1.0, 1.0)),
        ((60, 60), 1, (2.5, 0.5)),
        ((36, 36, 36), 0, (3.0, 1.0, 1.0)),
        ((36, 36, 36), 2, (1.0, 1.0, 0.4)),
    ],
)
def test_hd95_of_a_shifted_slab_is_the_shift(
    shape: tuple[int, ...], axis: int, spacing: tuple[float, ...]
) -> None:
    # Slab faces are much larger than its rim, so that 95 % of the area is exactly the shift away.
    a = np.zeros(shape, np.uint8)
    index: list[slice] = [slice(None)] * len(shape)
    index[axis] = slice(10, 20)
    a[tuple(index)] = 1
    b = np.roll(a, 3, axis)
    assert metrics.hd95(a, b, spacing)[1] == pytest.approx(3 * spacing[axis])


def test_hd95_of_a_shifted_disk_lies_just_below_the_shift() -> None:
    # Around a disk moved by s, the distance to the other circle is s * |cos|: 95 % of the
    # circumference is nearer than s * sin(0.95 * 90 degrees).
    a, b = ball((100, 100), (50, 44), 30), ball((100, 100), (50, 52), 30)
    expected = 8 * np.sin(np.deg2rad(0.95 * 90))
    assert metrics.hd95(a, b, (0.5, 0.5))[1] == pytest.approx(0.5 * expected, abs=0.3)


def test_hd95_ignores_a_far_speck_that_hd100_does_not() -> None:
    a = ball((80, 80), (40, 30), 20)
    b = a.copy()
    b[40, 78] = 1
    assert metrics.hd95(a, b, (1, 1))[1] == 0.0
    distances = metrics.surface_distances(a == 1, b == 1, (1, 1))
    assert distances.robust_hausdorff(100) == pytest.approx(28, abs=1)
    assert 0 < distances.mean() < 1


def test_hd95_weighs_with_the_area_and_not_with_the_number_of_elements() -> None:
    # A box moved along its last axis: the faces that are left behind hold 10 % of the elements,
    # but in slices of 0.1 mm only 3 % of the area.
    a = np.zeros((22, 22, 44), np.uint8)
    a[1:-1, 1:-1, 1:-3] = 1
    b = np.roll(a, 1, axis=2)
    assert metrics.hd95(a, b, (1, 1, 1))[1] == 1
    assert metrics.hd95(a, b, (0.1, 1, 1))[1] < 0.2


def test_surface_distances_agree_with_brute_force() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.random((2, 7, 8, 6)) > 0.7
    spacing = np.array([2.0, 0.5, 1.0])
    areas = element_areas(spacing)
    points, weights = [], []
    for mask in (a, b):
        codes = neighbour_codes(mask)
        surface = (codes != 0) & (codes != 255)
        points.append(np.argwhere(surface) * spacing)
        weights.append(areas[codes[surface]])
    gaps = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    distances = metrics.surface_distances(a, b, spacing)
    np.testing.assert_allclose(distances.a_to_b, np.sort(gaps.min(1)))
    np.testing.assert_allclose(distances.b_to_a, np.sort(gaps.min(0)))
    for nearest, weight in ((gaps.min(1), weights[0]), (gaps.min(0), weights[1])):
        reached = distances.robust_hausdorff(95)
        assert weight[nearest <= reached].sum() >= 0.95 * weight.sum() - 1e-9
    mean = (gaps.min(1) @ weights[0] + gaps.min(0) @ weights[1]) / np.concatenate(weights).sum()
    assert distances.mean() == pytest.approx(mean)


@pytest.mark.parametrize("shape", [(30, 40), (9, 12, 11)])
@pytest.mark.parametrize("seed", range(3))
def test_small_label_maps_are_measured_as_large_ones(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], seed: int
) -> None:
    generator = np.random.default_rng(seed)
    blocks = np.ones((2,) * len(shape), np.uint8)
    cut = tuple(slice(0, n) for n in shape)
    a, b = (
        np.kron(generator.choice([0, 0, 1, 2, 7, 900], [-(-n // 2) for n in shape]), blocks)[cut]
        for _ in range(2)
    )
    spacing = generator.uniform(0.5, 2.0, len(shape)).tolist()
    found = metrics.hd95(a, b, spacing), metrics.surface_distances(a == 1, b == 7, spacing)
    for name in ("_FEW_PAIRS", "_FEW_VOXELS"):
        monkeypatch.setattr(surface, name, 0)
    expected = metrics.hd95(a, b, spacing), metrics.surface_distances(a == 1, b == 7, spacing)
    assert list(found[0]) == list(expected[0]) == [1, 2, 7, 900]
    np.testing.assert_allclose(list(found[0].values()), list(expected[0].values()), rtol=1e-12)
    for own, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-12)


def test_small_label_maps_need_no_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import took a twentieth of a first registration."""
    for name in ("scipy", "scipy.ndimage", "scipy.spatial", "scipy.optimize"):
        monkeypatch.setitem(sys.modules, name, None)  # an import raises
    a, b = ball((128, 128), (64, 60), 30), ball((128, 128), (64, 64), 28)
    assert 3 < metrics.hd95(a, b, (1, 1))[1] < 7
    assert metrics.better_numbers(a, b) is None
    with pytest.raises(ImportError):  # they are needed for what is large
        metrics.hd95(
            ball((70, 70, 70), (35, 35, 35), 20), ball((70, 70, 70), (35, 35, 38), 20), [1] * 3
        )


def test_hd95_of_absent_labels_is_nan() -> None:
    a, empty = ball((20, 20), (9, 9), 4), np.zeros((20, 20), np.uint8)
    for pair in ((a, empty), (empty, a)):
        assert np.isnan(metrics.hd95(*pair, (1, 1))[1])
    assert np.isnan(metrics.hd95(empty, empty, (1, 1), labels=[5])[5])
    assert metrics.hd95(empty, empty, (1, 1)) == {}
    assert np.isnan(metrics.surface_distances(empty, empty, (1, 1)).mean())


def test_hd95_checks_the_spacing() -> None:
    a = ball((9, 9), (4, 4), 2)
    with pytest.raises(InputError, match="2 positive numbers, got"):
        metrics.hd95(a, a, (1, 1, 1))
    with pytest.raises(InputError, match="2 positive numbers, got"):
        metrics.hd95(a, a, (1, 0))


# Deformation


def test_identity_and_uniform_scaling_have_no_spread() -> None:
    shape = (8, 9, 10)
    grid = identity_grid(shape)
    for scale in (0.0, 0.3):
        field = scale * grid
        determinant = jacobian_determinant(field[None])[0]
        assert metrics.fold_percentage(determinant) == 0
        assert metrics.sdlogj(determinant) == pytest.approx(0, abs=1e-5)
        assert metrics.sdlogj_learn2reg(determinant) == pytest.approx(0, abs=1e-6)


def test_sdlogj_of_known_determinants() -> None:
    determinant = np.exp(np.array([[1.0, -1.0], [3.0, -3.0]]))
    assert metrics.sdlogj(determinant) == pytest.approx(np.sqrt(5))
    mask = np.array([[1, 1], [0, 0]])
    assert metrics.sdlogj(determinant, mask) == pytest.approx(1)
    assert np.isnan(metrics.sdlogj(determinant, 0 * mask))
    folded = np.array([1.0, -2.0])
    assert metrics.sdlogj(folded) == pytest.approx(-np.log(1e-9) / 2)


@pytest.mark.parametrize("shape", [(14, 12, 13), (16, 15)])
def test_learn2reg_sdlogj_equals_its_definition(shape: tuple[int, ...]) -> None:
    d = len(shape)
    field = np.random.default_rng(1).normal(0, 0.8, (d, *shape))
    total = field + np.indices(shape)
    inner = [np.s_[2 : s - 2] for s in shape]
    logs = []
    for x in np.ndindex(*(s - 4 for s in shape)):
        centre = np.array(x) + 2
        matrix = np.zeros((d, d))
        for axis in range(d):
            step = np.eye(d, dtype=int)[axis]
            ahead, behind = tuple(centre + step), tuple(centre - step)
            matrix[:, axis] = (total[(slice(None), *ahead)] - total[(slice(None), *behind)]) / 2
        logs.append(np.log(np.clip(np.linalg.det(matrix) + 3, 1e-9, 1e9)))
    determinant = jacobian_determinant(torch.from_numpy(field)[None])[0]
    assert metrics.sdlogj_learn2reg(determinant) == pytest.approx(np.std(logs))
    mask = np.zeros(shape, bool)
    mask[: shape[0] // 2] = True
    half = np.array(logs).reshape([s - 4 for s in shape])[mask[tuple(inner)]]
    assert metrics.sdlogj_learn2reg(determinant, mask) == pytest.approx(np.std(half))


def test_learn2reg_sdlogj_of_a_tiny_field_or_a_wrong_mask() -> None:
    assert np.isnan(metrics.sdlogj_learn2reg(np.ones((4, 9))))
    with pytest.raises(InputError, match="mask: expected shape"):
        metrics.sdlogj_learn2reg(np.ones((9, 9)), np.ones((9, 8)))


def test_fold_percentage_counts_zero_negative_and_nan() -> None:
    determinant = np.array([[1.0, 0.0, -0.1, np.nan], [2.0, 1.0, 1.0, 1e-6]])
    assert metrics.fold_percentage(determinant) == 37.5
    mask = determinant >= 0
    assert metrics.fold_percentage(determinant, mask) == pytest.approx(100 / 6)
    assert np.isnan(metrics.fold_percentage(determinant, np.zeros_like(mask)))
    with pytest.raises(InputError, match=r"mask: expected shape \(2, 4\)"):
        metrics.fold_percentage(determinant, mask[:1])


def test_folds_equal_those_of_the_released_evaluation(shared_data: Path) -> None:
    reference = np.load(shared_data / "parity" / "ldm_morph.npz")
    displacement = torch.from_numpy(reference["flow"])[None] * 64  # released: half the size
    determinant = jacobian_determinant(displacement)
    expected = float(reference["fold_fraction"])
    assert metrics.fold_percentage(determinant) == pytest.approx(100 * expected, abs=1e-9)
    assert fold_fraction(determinant).item() == pytest.approx(expected)


def test_displacement_statistics() -> None:
    vectors = np.zeros((2, 2, 3))
    vectors[0, 0] = (2, 3, 6)
    vectors[1, 1] = (0, 0, 1)
    result = metrics.displacement_statistics(vectors)
    assert result == pytest.approx({"mean": 2.0, "std": np.std([7, 1, 0, 0]), "max": 7.0})


# Landmarks


def test_target_registration_error() -> None:
    fixed = np.array([[0.0, 0, 0], [10, 0, 0]])
    moving = np.array([[3.0, 4, 0], [13, 4, 1]])
    np.testing.assert_allclose(metrics.target_registration_error(fixed, moving), [5, np.sqrt(26)])
    moved = metrics.target_registration_error(fixed, moving, lambda p: p + np.array([3, 4, 0]))
    np.testing.assert_allclose(moved, [0, 1])
    with pytest.raises(InputError, match=r"one length, got \(2, 3\) and \(1, 3\)"):
        metrics.target_registration_error(fixed, moving[:1])


# Similarity


def test_similarities_of_known_images() -> None:
    image = np.random.default_rng(0).random((20, 24)).astype(np.float32)
    other = np.random.default_rng(1).random((20, 24)).astype(np.float32)
    assert metrics.mse(image, image) == 0
    assert metrics.mse(image, image + 2) == pytest.approx(4, rel=1e-5)
    assert metrics.ncc(image, 5 - 3 * image) == pytest.approx(-1)
    expected = np.corrcoef(image.ravel(), other.ravel())[0, 1]
    assert metrics.ncc(torch.from_numpy(image), other) == pytest.approx(expected)
    assert metrics.lncc(image, image) == pytest.approx(1)
    assert metrics.lncc(1000 * image, -7 * image) == pytest.approx(1)
    assert metrics.lncc(image, other) < 0.2


def test_similarities_do_not_overflow_small_integers() -> None:
    bright, dark = np.full((4, 4), 250, np.uint8), np.zeros((4, 4), np.uint8)
    assert metrics.mse(dark, bright) == 62500


def test_similarities_of_a_constant_image() -> None:
    image = np.random.default_rng(0).random((12, 12))
    assert np.isnan(metrics.ncc(image, np.ones((12, 12))))
    assert metrics.lncc(image, np.ones((12, 12))) == 0
    with pytest.raises(InputError, match="one shape"):
        metrics.mse(image, image[1:])


def test_hd95_of_many_labels_is_that_of_each_alone() -> None:
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 9, (5, 4, 4))
    a = np.kron(cells, np.ones((4, 4, 4), int))
    b = np.roll(a, (1, 0, 2), axis=(0, 1, 2))
    b[b == 3] = 0
    spacing = (1.0, 1.5, 2.0)
    found = metrics.hd95(a, b, spacing)
    for label in range(1, 9):
        alone = metrics.surface_distances(a == label, b == label, spacing).robust_hausdorff()
        expected = alone if np.isfinite(alone) else np.nan
        assert found[label] == pytest.approx(expected, nan_ok=True)
    assert np.isnan(found[3])
