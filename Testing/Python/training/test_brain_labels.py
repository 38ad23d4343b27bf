"""Brain label maps: alignment, sides, cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from training.datasets.brain_alignment import fit_affine, mean_brain, structure_centroids
from training.datasets.brain_labels import ALIGNED_GEOMETRY, BrainLabels, label_file, read_labels
from training.synthesis.brain_anatomy import (
    BRAIN,
    LABEL_NUMBERS,
    MIRROR,
    OUTER_CSF,
    REGION_NUMBERS,
    REGION_ROW,
    SULCAL_CSF,
    indices_of,
)


@pytest.fixture(scope="module")
def maps(phantoms: Any) -> BrainLabels:
    return BrainLabels(phantoms.root, [15, 16], phantoms.cache)


def row(number: int) -> int:
    return int(REGION_ROW[LABEL_NUMBERS.index(number)])


def apply(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ affine[:3, :3].T + affine[:3, 3]


def centroids(labels: np.ndarray) -> dict[int, np.ndarray]:
    g = ALIGNED_GEOMETRY
    return structure_centroids(labels, np.array(g.origin), g.matrix)


def test_affine_fit_recovers_a_map_in_spite_of_an_odd_structure(phantoms: Any) -> None:
    affine = phantoms.affines[3]
    source = phantoms.centres
    target = {n: apply(affine, p) for n, p in source.items()}
    np.testing.assert_allclose(fit_affine(source, target), affine, atol=1e-9)
    target[17] = target[17] + [25.0, 0.0, 0.0]
    found = apply(fit_affine(source, target), np.array([source[2], source[47]]))
    expected = apply(affine, np.array([source[2], source[47]]))
    assert np.abs(found - expected).max() < 1.5


def test_affine_fit_needs_structures_in_space(phantoms: Any) -> None:
    flat = {n: np.array([p[0], p[1], 0.0]) for n, p in phantoms.centres.items()}
    with pytest.raises(ValueError, match="not in one plane"):
        fit_affine(flat, flat)
    with pytest.raises(ValueError, match="at least 4 structures in both brains"):
        fit_affine({2: np.zeros(3)}, phantoms.centres)


def test_mean_brain_is_symmetric_upright_and_of_mean_size(phantoms: Any) -> None:
    brains = [
        {n: apply(phantoms.affines[s], p) for n, p in phantoms.centres.items()}
        for s in range(1, 41)
    ]
    mean = mean_brain(brains)
    for left, right in ((2, 41), (17, 53)):
        np.testing.assert_allclose(mean[left], mean[right] * [-1, 1, 1], atol=1e-9)
    assert mean[2][0] > 20, "left is where x is large"
    assert mean[2][2] > mean[16][2] + 50, "the white matter is above the brain stem"
    assert mean[8][1] > mean[11][1] + 40, "the cerebellum is behind the caudate"
    shape = np.array([mean[n] for n in sorted(mean)])
    truth = np.array([phantoms.centres[n] for n in sorted(mean)])
    shape, truth = shape - shape.mean(0), truth - truth.mean(0)
    assert np.abs(shape - truth).max() < 3


def test_aligned_maps_coincide_and_keep_left_and_right(phantoms: Any, maps: BrainLabels) -> None:
    assert [a.shape for a in maps.arrays] == [(225, 257, 193)] * 2
    first, second = (centroids(a) for a in maps.arrays)
    for number in phantoms.centres:
        if number in first:
            assert np.linalg.norm(first[number] - second[number]) < 2.5, "voxels of 4 mm"
    assert first[2][0] > 20 and first[41][0] < -20
    assert abs(first[2][0] + first[41][0]) < 1.5, "the middle is at x = 0"
    assert first[2][2] > first[16][2] + 40, "up is where z is large"


def test_affines_lead_back_to_the_subjects(phantoms: Any, maps: BrainLabels) -> None:
    known = phantoms.affines[16] @ np.linalg.inv(phantoms.affines[15])
    found = maps.affines[1] @ np.linalg.inv(maps.affines[0])
    points = np.array(list(phantoms.centres.values()))
    assert np.linalg.norm(apply(found, points) - apply(known, points), axis=1).max() < 2


def test_brain_is_centred_with_a_margin(maps: BrainLabels) -> None:
    for labels in maps.arrays:
        inside = np.argwhere(BRAIN[labels])
        centre = (inside.min(0) + inside.max(0)) / 2 - (np.array(labels.shape) - 1) / 2
        assert np.abs(centre).max() < 8


def test_cache_is_used_and_follows_the_files(phantoms: Any, tmp_path: Path) -> None:
    root, cache = phantoms.root, tmp_path
    maps = BrainLabels(root, [15, 16], cache)
    (folder,) = cache.iterdir()
    assert sorted(p.name for p in folder.iterdir()) == ["15.npz", "16.npz", "reference.npz"]
    files = {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    again = BrainLabels(root, [15], cache)
    np.testing.assert_array_equal(again.arrays[0], maps.arrays[0])
    assert {p: p.stat().st_mtime_ns for p in folder.iterdir()} == files
    extra = root / "training_seg_99.nii.gz"
    extra.write_bytes(b"another file")
    BrainLabels(root, [], cache)
    extra.unlink()
    assert len(list(cache.iterdir())) == 2


def test_fluid_in_gaps_of_the_brain_is_told_from_that_outside(tmp_path: Path) -> None:
    numbers = np.full((40, 40, 40), 24, np.int16)
    numbers[8:32, 8:32, 8:32] = 3
    numbers[8:32, 8:32, 18:21] = 24  # a sulcus, 3 mm wide
    sitk.WriteImage(sitk.GetImageFromArray(numbers), tmp_path / "training_seg_01.nii.gz")
    labels, _ = read_labels(label_file(tmp_path, 1))
    assert labels[20, 20, 19] == LABEL_NUMBERS.index(SULCAL_CSF)
    assert labels[20, 20, 3] == labels[3, 20, 19] == LABEL_NUMBERS.index(OUTER_CSF)
    plain, _ = read_labels(label_file(tmp_path, 1), split_fluid=False)
    assert (plain == LABEL_NUMBERS.index(SULCAL_CSF)).sum() == (numbers == 24).sum()


def test_region_rows_follow_the_label_numbers() -> None:
    assert len(REGION_NUMBERS) == 35
    assert [row(n) for n in (0, 2, 3, 16, 31, 41, 63)] == [0, 1, 2, 13, 19, 20, 35]
    assert row(25) == row(2) and row(57) == row(41), "lesions are white matter"
    assert row(85) == row(SULCAL_CSF) == row(515) == 0
    assert indices_of(np.array([136.0, 164.0])).tolist() == [
        LABEL_NUMBERS.index(31),
        LABEL_NUMBERS.index(63),
    ]
    assert LABEL_NUMBERS[MIRROR[LABEL_NUMBERS.index(17)]] == 53
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(len(MIRROR)))


def test_errors_name_file_and_label(phantoms: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train, validation, test; got 'dev'"):
        BrainLabels(tmp_path, "dev", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"subject 20: expected .*training_seg_20"):
        BrainLabels(phantoms.root, [20], phantoms.cache)
    image = sitk.GetImageFromArray(np.full((2, 2, 2), 1234, np.int32))
    sitk.WriteImage(image, tmp_path / "training_seg_07.nii.gz")
    with pytest.raises(ValueError, match=r"training_seg_07.nii.gz: .*got \[1234\]"):
        read_labels(label_file(tmp_path, 7))


def test_real_maps_align(shared_data: Path) -> None:
    folder = shared_data / "data" / "brain_label_maps"
    found = []
    for subject in (1, 13):  # the heads are pitched by 35 degrees against each other
        labels, geometry = read_labels(label_file(folder, subject), split_fluid=False)
        found.append(structure_centroids(labels, np.array(geometry.origin), geometry.matrix))
    first, second = found
    assert len(first) == 25 and first[2][0] > first[41][0] + 40
    before = np.mean([np.linalg.norm(first[n] - first[2] - second[n] + second[2]) for n in first])
    affine = fit_affine(first, second)
    after = np.mean([np.linalg.norm(apply(affine, first[n]) - second[n]) for n in first])
    assert before > 10 and after < 3
