"""Labels of most images on a template, carried to each image."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cohort.majority import MajorityLabels, mean_overlap
from SlicerLDMRegLib.geometry import ImageGeometry

LATTICE = ImageGeometry((32, 32), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
SHIFTS = np.array([[0.0, 0.0], [0.5, 0.25], [-0.5, 0.5], [0.25, -0.5], [-0.25, -0.25]])


def distance(shift: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.linalg.norm(LATTICE.points() - 15.5 - shift, axis=-1)
    return found


def rings(shift: np.ndarray, width: float) -> sitk.Image:
    """Rings around a middle, of a voxel or a few."""
    return LATTICE.to_image(np.clip(distance(shift) // width, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("width", [1.5, 2.0, 2.5, 3.0, 4.0])
def test_labels_between_the_voxels_of_a_template_are_carried_precisely(width: float) -> None:
    # The maps are known: what is lost is lost by taking labels at other places than the voxels.
    majority, ways = MajorityLabels(LATTICE), [sitk.TranslationTransform(2, s) for s in SHIFTS]
    images = [rings(shift, width) for shift in SHIFTS]
    for image, way in zip(images, ways, strict=True):
        majority.vote(image, way)
    carried = [majority.carried(LATTICE, way.GetInverse()) for way in ways]
    found = [mean_overlap(*pair) for pair in zip(carried, images, strict=True)]
    # The nearest label of the template is off by up to a voxel.
    nearest = [
        mean_overlap(sitk.Resample(majority.image(), image, way.GetInverse(), 1), image)
        for image, way in zip(images, ways, strict=True)
    ]
    assert np.mean(found) > np.mean(nearest) + 0.02
    assert np.mean(found) > 0.8


@pytest.mark.parametrize(
    ("found", "own", "expected"),
    [
        ([[1, 1], [0, 0]], [[1, 1], [0, 0]], 1.0),  # all are small: all count
        ([[0, 0], [0, 0]], [[1, 1], [0, 0]], 0.0),
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]], np.nan),
        ([[1] * 12, [0] * 12], [[1] * 12, [2] + [0] * 11], 1.0),  # one voxel of 2 is chance
        ([[1] * 12, [0] * 12], [[1] * 12, [2] * 12], 0.5),
    ],
)
def test_structures_of_a_few_voxels_do_not_count(
    found: list[list[int]], own: list[list[int]], expected: float
) -> None:
    images = [sitk.GetImageFromArray(np.array(values, np.uint8)) for values in (found, own)]
    assert mean_overlap(*images) == pytest.approx(expected, nan_ok=True)


def test_beyond_the_template_is_background_and_large_numbers_stay() -> None:
    majority = MajorityLabels(LATTICE)
    far = sitk.TranslationTransform(2, (0.0, 0.0))
    majority.vote(LATTICE.to_image(np.full(LATTICE.array_shape, 70_000, np.uint32)), far)
    carried = majority.carried(LATTICE, sitk.TranslationTransform(2, (16.0, 0.0)))
    values = sitk.GetArrayFromImage(carried)
    assert set(np.unique(values[:, :15])) == {70_000} and set(np.unique(values[:, 17:])) == {0}
