from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.segmentation import assignment
from SlicerLDMRegLib.segmentation.assignment import most_likely_labels

AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
TURNED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
LATTICE = ImageGeometry((10, 9, 8), (4.0, 4.0, 4.0), (-16.0, -14.0, -12.0), AXES)


def random_probabilities(classes: int, seed: int = 0) -> np.ndarray:
    """Smooth enough that every class wins somewhere, and none everywhere."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(classes, *LATTICE.array_shape))
    exponentials = np.exp(logits)
    return (exponentials / exponentials.sum(axis=0)).astype(np.float16)


def all_at_once(probabilities: np.ndarray, target: ImageGeometry) -> np.ndarray:
    """Interpolate all classes onto the whole target: what must come out, in much memory."""
    volumes = []
    for row, values in enumerate(probabilities):
        source = LATTICE.to_image(values.astype(np.float32))
        transform, outside = sitk.Transform(3, sitk.sitkIdentity), float(row == 0)
        reference = target.empty_image()
        volume = sitk.Resample(source, reference, transform, sitk.sitkLinear, outside)
        volumes.append(sitk.GetArrayFromImage(volume))
    return np.stack(volumes)


@pytest.mark.parametrize("classes", [2, 12])
@pytest.mark.parametrize(
    "target",
    [
        LATTICE,
        ImageGeometry((21, 18, 17), (1.9, 1.9, 1.9), (-16.0, -15.0, -13.0), AXES),
        ImageGeometry((30, 28, 25), (1.7, 1.5, 1.6), (-9.0, -31.0, -16.0), TURNED),
    ],
    ids=["same", "finer", "oblique and larger"],
)
def test_one_class_after_the_other_is_the_same_as_all_at_once(
    classes: int, target: ImageGeometry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignment, "_VOXELS_AT_ONCE", 4000)  # several slabs
    probabilities = random_probabilities(classes)
    expected = all_at_once(probabilities, target)
    numbers = [0, *range(10, 9 + classes)]
    labels, confidence = most_likely_labels(probabilities, LATTICE, numbers, target)
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(confidence), expected.max(axis=0), rtol=0, atol=1e-6
    )
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(labels), np.asarray(numbers)[expected.argmax(axis=0)]
    )
    assert ImageGeometry.from_image(labels) == target


def test_outside_of_the_network_there_is_certain_background() -> None:
    probabilities = np.zeros((2, *LATTICE.array_shape), np.float16)
    probabilities[1] = 1
    target = ImageGeometry((40, 9, 8), (4.0, 4.0, 4.0), LATTICE.origin, AXES)
    labels, confidence = most_likely_labels(probabilities, LATTICE, (0, 7), target)
    array = sitk.GetArrayFromImage(labels)
    assert (array[..., :10] == 7).all() and not array[..., 10:].any()
    assert (sitk.GetArrayFromImage(confidence) == 1).all()


def test_numbers_above_255_are_kept() -> None:
    probabilities = np.zeros((2, *LATTICE.array_shape), np.float16)
    probabilities[1] = 1
    labels, _ = most_likely_labels(probabilities, LATTICE, (0, 2035), LATTICE)
    assert (sitk.GetArrayFromImage(labels) == 2035).all()
