"""Synthetic brain images: anatomy, contrast, scanner, streams and the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from threadpoolctl import threadpool_limits

from SlicerLDMRegLib.functional import smallest_jacobian_determinant
from training.datasets.brain_labels import ALIGNED_GEOMETRY, BrainLabels, centred_geometry
from training.datasets.brain_streams import (
    BrainImageStream,
    BrainPairStream,
    BrainStreamOptions,
    evaluation_brain_pairs,
    evaluation_brains,
)
from training.synthesis.brain import ScannerOptions, canonical_image, normalise, render, stripped
from training.synthesis.brain_anatomy import (
    BRAIN,
    LABEL_NUMBERS,
    MIRROR,
    REGION_NUMBERS,
    REGION_ROW,
)
from training.synthesis.brain_contrast import TISSUES, canonical, draw_contrast, vary
from training.synthesis.brain_deformation import (
    Affine,
    DeformationOptions,
    RandomMap,
    lattice_points,
    read_labels_at,
    smooth_volume,
)
from training.synthesis.make_brain_images import main, make_brain_images

COARSE = {"size": (40, 56, 48), "spacing": 4.0}
STILL = {"deformation": {"strength": 0.0}, "placement": {"strength": 0.0}}


@pytest.fixture(scope="module")
def data(phantoms: Any) -> dict[str, Any]:
    """What all streams here have in common."""
    return {**COARSE, "cache": str(phantoms.cache)}


@pytest.fixture(scope="module")
def pairs(phantoms: Any, data: dict[str, Any]) -> BrainPairStream:
    return BrainPairStream(phantoms.root, "validation", 8, 3, {**data, "canonical": True})


@pytest.fixture(scope="module")
def head(phantoms: Any) -> np.ndarray:
    """Labels of one subject at 4 mm."""
    array = BrainLabels(phantoms.root, [15], phantoms.cache).arrays[0]
    points = lattice_points(centred_geometry(*COARSE.values()))
    return read_labels_at(array, ALIGNED_GEOMETRY, points, 4.0)[0]


def rows(*numbers: int) -> list[int]:
    return [REGION_NUMBERS.index(n) + 1 for n in numbers]


def index(number: int) -> int:
    return LABEL_NUMBERS.index(number)


def test_items_hold_images_and_rows_of_the_regions(pairs: BrainPairStream) -> None:
    assert len(pairs) == 8
    for item in (pairs[0], pairs[5]):
        for name in ("moving", "fixed", "moving_canonical", "fixed_canonical"):
            assert item[name].shape == (1, 48, 56, 40) and item[name].dtype == torch.float32
            assert item[name].min() == 0 and 0.5 < item[name].max() <= 1
        for name in ("moving_labels", "fixed_labels"):
            assert item[name].shape == (1, 48, 56, 40) and item[name].dtype == torch.uint8
            assert set(rows(2, 3, 16, 17, 42, 53)) <= set(item[name].unique().tolist())
            assert item[name].max() <= 35


def test_items_depend_on_seed_and_index_alone(
    phantoms: Any, data: dict[str, Any], pairs: BrainPairStream
) -> None:
    again = BrainPairStream(phantoms.root, "validation", 99, 3, {**data, "canonical": True})
    again[0], again[6]
    first, second = pairs[5], again[5]
    for name in first:
        assert torch.equal(first[name], second[name])
    other = BrainPairStream(phantoms.root, "validation", 8, 4, data)
    assert not torch.equal(first["fixed"], other[5]["fixed"])
    assert not torch.equal(first["fixed"], pairs[4]["fixed"])


def test_items_are_the_same_with_any_number_of_threads(phantoms: Any) -> None:
    for grid in (COARSE, {"size": (80, 112, 96), "spacing": 2.0}):
        options = {**grid, "cache": str(phantoms.cache), "scanner": {"thick_slices": 1.0}}
        stream = BrainImageStream(phantoms.root, "validation", 1, 0, options)
        items = []
        for threads in (1, 2):
            with threadpool_limits(threads):
                items.append(stream[0])
        assert torch.equal(items[0]["image"], items[1]["image"])
        assert torch.equal(items[0]["labels"], items[1]["labels"])


@pytest.mark.parametrize("strength", [1.0, 4.0])
def test_deformation_never_folds(strength: float) -> None:
    geometry = centred_geometry((40, 56, 48), 4.0)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        placement = Affine.random(rng, DeformationOptions(waves=(), scaling=0.1))
        options = DeformationOptions(strength=1.0, waves=((64.0, 5 * strength), (16.0, strength)))
        points = RandomMap(rng, geometry, options, placement).points()
        moved = torch.from_numpy(points[::-1] / 4.0 + [[[[n / 2 - 0.5]]] for n in (48, 56, 40)])
        grid = torch.stack(torch.meshgrid(*(torch.arange(n) for n in (48, 56, 40)), indexing="ij"))
        displacement = (moved - grid)[None].float()
        assert displacement.abs().max() > 1
        assert smallest_jacobian_determinant(displacement).min() > 0.05


def test_map_is_affine_without_waves_and_mirrors() -> None:
    geometry = centred_geometry((8, 10, 12), 4.0)
    rng = np.random.default_rng(1)
    placement = Affine.random(rng, DeformationOptions())
    random_map = RandomMap(rng, geometry, DeformationOptions(waves=()), placement)
    points = lattice_points(geometry)
    affine = random_map.affine
    placed = np.tensordot(placement.matrix, points, 1) + placement.translation[:, None, None, None]
    expected = np.tensordot(affine.matrix, placed, 1) + affine.translation[:, None, None, None]
    np.testing.assert_allclose(random_map.points(), expected, atol=1e-3)
    expected[0] *= -1
    np.testing.assert_allclose(random_map.points(flip=True), expected, atol=1e-3)


def test_flip_mirrors_the_anatomy_and_exchanges_the_sides(
    phantoms: Any, data: dict[str, Any]
) -> None:
    labels = {}
    for flip in (0.0, 1.0):
        options = {**data, **STILL, "flip": flip}
        stream = BrainImageStream(phantoms.root, "validation", 4, 0, options)
        item = stream[0]
        labels[flip] = item["labels"][0].numpy()
        x = np.arange(40) - 19.5
        for left, right in ((2, 41), (17, 53), (8, 47)):
            inside = [labels[flip] == row for row in rows(left, right)]
            assert (x * inside[0]).sum() > 0 > (x * inside[1]).sum(), "left is where x is large"
    number = {row: n for n, row in zip(REGION_NUMBERS, range(1, 36), strict=True)}
    swap = np.zeros(36, np.uint8)
    for row, n in number.items():
        swap[row] = REGION_ROW[MIRROR[index(n)]]
    np.testing.assert_array_equal(labels[1.0], swap[labels[0.0]][:, :, ::-1])
    assert (labels[1.0] != labels[0.0]).any()


def test_labels_are_read_where_the_points_are() -> None:
    rng = np.random.default_rng(0)
    geometry = centred_geometry((9, 11, 7), 1.0)
    labels = rng.integers(0, 40, (7, 11, 9)).astype(np.uint8)
    points = lattice_points(geometry)
    np.testing.assert_array_equal(read_labels_at(labels, geometry, points, 1.0)[0], labels)
    assert read_labels_at(labels, geometry, points, 1.0)[1] == []
    coarse = lattice_points(centred_geometry((5, 6, 4), 2.0))
    centre, around = read_labels_at(labels, geometry, coarse, 2.0)
    np.testing.assert_array_equal(centre[1:-1, 1:-1, 1:-1], labels[2:-2:2, 2:-2:2, 2:-2:2])
    np.testing.assert_array_equal(around[0][1:-1, 1:-1, 1:-1], labels[3:-1:2, 3:-1:2, 3:-1:2])
    flipped, _ = read_labels_at(labels, geometry, points * [[[[-1]]], [[[1]]], [[[1]]]], 1.0, True)
    np.testing.assert_array_equal(flipped, MIRROR[labels[:, :, ::-1]])


def test_voxels_mix_the_labels_around_them() -> None:
    labels = np.full((6, 6, 6), index(2), np.uint8)
    fluid = np.full((6, 6, 6), index(4), np.uint8)
    pure = canonical_image(labels, 2.0, [labels] * 4)
    mixed = canonical_image(labels, 2.0, [labels, labels, fluid, fluid])
    ventricle = canonical_image(fluid, 2.0, [fluid] * 4)
    np.testing.assert_allclose(mixed, 0.75 * pure + 0.25 * ventricle, rtol=1e-4)


def test_contrasts_have_the_order_of_their_name(phantoms: Any, data: dict[str, Any]) -> None:
    for seed in range(3):
        means = {}
        for kind in ("t1", "t2"):
            brains = evaluation_brains(
                phantoms.root, [15], kind, seed, cache=phantoms.cache, **COARSE
            )
            image, labels = brains[15]
            means[kind] = [float(image[labels == row].mean()) for row in rows(2, 3, 4)]
        white, grey, fluid = means["t1"]
        assert white > grey + 0.1 > fluid + 0.2
        white, grey, fluid = means["t2"]
        assert white < grey - 0.05 < fluid - 0.1


def test_random_contrast_is_any_and_its_variation_small() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_contrast(rng, "random") for _ in range(200)]
    white, grey = (TISSUES.index(n) for n in ("white-matter", "cortex"))
    brighter = np.mean([c.means[white] > c.means[grey] for c in drawn])
    assert 0.4 < brighter < 0.6
    assert np.std([c.means[white] for c in drawn]) > 0.2
    varied = vary(rng, drawn[0])
    assert 0 < np.abs(varied.means - drawn[0].means).max() < 0.15
    with pytest.raises(ValueError, match="random, t1, t2; got 'flair'"):
        draw_contrast(rng, "flair")


def test_images_of_one_scanner_are_alike(phantoms: Any, data: dict[str, Any]) -> None:
    def mean_difference(same_contrast: float) -> float:
        options = {**data, **STILL, "contrasts": {"random": 1.0}, "same_contrast": same_contrast}
        calm = {"bias": (0.0, 0.0), "noise": (0.0, 0.0), "gamma": 1.0, "thick_slices": 0.0}
        stream = BrainPairStream(
            phantoms.root, "validation", 6, 0, {**options, "skull": 0.0, "scanner": calm}
        )
        out = []
        for i in range(6):
            item = stream[i]
            for row in rows(2, 3, 8):
                sides = [item[n][item[f"{n}_labels"] == row].mean() for n in ("moving", "fixed")]
                out.append(abs(float(sides[0] - sides[1])))
        return float(np.mean(out))

    assert mean_difference(1.0) < 0.5 * mean_difference(0.0)


def test_stripped_heads_are_zero_outside_the_brain(head: np.ndarray) -> None:
    contrast = draw_contrast(np.random.default_rng(0), "t1")
    options = ScannerOptions(bare_brain=1.0)
    bare = render(np.random.default_rng(1), head, 4.0, contrast, options=options)
    whole = render(np.random.default_rng(1), head, 4.0, contrast, options=options, skull=True)
    assert not bare[~BRAIN[head]].any() and bare[BRAIN[head]].mean() > 0.3
    assert whole[head == index(511)].mean() > 0.3, "the skin is bright in T1"
    assert whole[head == index(515)].mean() < 0.3, "compact bone is dark"
    assert stripped(head).sum() >= stripped(head, bare=True).sum() == BRAIN[head].sum()


def test_render_adds_blur_noise_and_thick_slices(head: np.ndarray) -> None:
    plain = {"bias": (0, 0), "thick_slices": 0.0, "noise": (0, 0), "gamma": 1.0}

    def image(**changes: Any) -> np.ndarray:
        options = ScannerOptions(**{**plain, "blur": (0.1, 0.1), **changes})
        rng = np.random.default_rng(0)
        return render(rng, head, 4.0, canonical(), options=options, skull=True)

    def roughness(array: np.ndarray) -> list[float]:
        return [float(np.abs(np.diff(array, axis=a)).mean()) for a in range(3)]

    sharp = roughness(image())
    assert max(roughness(image(blur=(6.0, 6.0)))) < 0.7 * min(sharp)
    assert min(roughness(image(noise=(0.1, 0.1)))) > 1.2 * max(sharp)
    thick = roughness(image(thick_slices=1.0, slice_distance=(12.0, 12.0)))
    ratios = sorted(t / s for t, s in zip(thick, sharp, strict=True))
    assert ratios[0] < 0.75 * ratios[1], "slices are thick along one axis"
    shaded = image(bias=(0.3, 0.3))
    brain = head == index(3)
    assert shaded[brain].std() > 2 * image()[brain].std()


def test_normalise_is_the_rule_of_the_model_card() -> None:
    from SlicerLDMRegLib.pipeline.prepare import IntensityMap

    values = np.random.default_rng(0).gamma(2.0, 100.0, (20, 20, 20)).astype(np.float32)
    rule = IntensityMap.from_image(sitk.GetImageFromArray(values), 0.1, 99.9)
    np.testing.assert_allclose(normalise(values), rule(values), atol=1e-5)
    assert normalise(np.full((4, 4, 4), 7.0, np.float32)).max() == 0


def test_smooth_volume_has_the_asked_deviation() -> None:
    rng = np.random.default_rng(0)
    draws = np.stack([smooth_volume(rng, (12, 14, 10), [6.0, 3.0], [3.0, 4.0]) for _ in range(300)])
    np.testing.assert_allclose(draws.std(axis=0), 5.0, rtol=0.25)
    assert np.abs(np.diff(draws, axis=1)).mean() < 2.5, "neighbouring voxels are alike"


def test_evaluation_pairs_are_all_ordered_pairs(phantoms: Any, data: dict[str, Any]) -> None:
    options = {**COARSE, "cache": phantoms.cache}
    pairs = evaluation_brain_pairs(phantoms.root, "validation", **options)
    assert [p.name for p in pairs] == ["15-16", "16-15"]
    assert torch.equal(pairs[0].moving, pairs[1].fixed)
    assert torch.equal(pairs[0].fixed_labels, pairs[1].moving_labels)
    alone = evaluation_brains(phantoms.root, [16], **options)[16]
    assert torch.equal(alone[0], pairs[0].fixed), "an image does not depend on the others"


def test_options_are_read_from_a_config_and_checked() -> None:
    options = BrainStreamOptions.from_mapping(
        {"root": "x", "size": [40, 56, 48], "placement": {"translation": 3.0}}
    )
    assert options.size == (40, 56, 48)
    assert options.placement.translation == 3.0 and options.placement.rotation[0] == 18.0
    with pytest.raises(ValueError, match=r"unknown options \['skul'\]"):
        BrainStreamOptions.from_mapping({"skul": 1.0})
    with pytest.raises(ValueError, match=r"unknown options \['blurr'\].*ScannerOptions"):
        BrainStreamOptions.from_mapping({"scanner": {"blurr": 1.0}})
    with pytest.raises(ValueError, match="probabilities of random, t1, t2"):
        BrainStreamOptions(contrasts={"flair": 1.0})


def test_command_writes_images_that_lie_on_their_subject(phantoms: Any, tmp_path: Path) -> None:
    common = {"root": phantoms.root, "subjects": [15], "cache": phantoms.cache}
    written = make_brain_images(output=tmp_path / "a", spacing=4.0, **common)
    assert [p.name for p in written] == ["subject-15_t1.nii.gz", "subject-15_labels.nii.gz"]
    image, labels = (sitk.ReadImage(str(p)) for p in written)
    assert image.GetSize() == labels.GetSize() == (40, 56, 48)
    assert image.GetDirection() == tuple(np.eye(3).ravel())
    values, numbers = (sitk.GetArrayFromImage(i) for i in (image, labels))
    assert values.min() == 0 and values.max() == 1000
    assert {2, 41, 17, 53} <= set(np.unique(numbers)) <= {0, *REGION_NUMBERS}
    assert values[numbers == 2].mean() > values[numbers == 4].mean()

    source = sitk.ReadImage(str(phantoms.root / "training_seg_15.nii.gz"))
    for spacing in (4.0, 6.0):
        image, labels = (
            sitk.ReadImage(str(p))
            for p in make_brain_images(
                output=tmp_path / f"n{spacing}", space="native", spacing=spacing, **common
            )
        )
        assert labels.GetSpacing() == pytest.approx((spacing,) * 3)
        assert labels.GetDirection() == pytest.approx(source.GetDirection())
        expected = sitk.Resample(source, labels, sitk.Transform(), sitk.sitkNearestNeighbor)
        ours = sitk.GetArrayFromImage(labels) == 8
        theirs = sitk.GetArrayFromImage(expected) == 8
        assert 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()) > 0.85


def test_command_says_what_is_wrong(
    phantoms: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--subjects", "77", "--output", str(tmp_path), "--root", str(phantoms.root)])
    assert "no label map of subject 77" in capsys.readouterr().err
    with pytest.raises(ValueError, match="aligned or native, got 'mni'"):
        make_brain_images(phantoms.root, [15], tmp_path, space="mni")
    with pytest.raises(ValueError, match="spacing must be positive"):
        make_brain_images(phantoms.root, [15], tmp_path, spacing=0)
