"""What a registration makes of images of whole numbers and of labels, in memory and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib import register
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.evaluation import match_metrics
from SlicerLDMRegLib.pipeline.inputs import Inputs
from SlicerLDMRegLib.pipeline.masks import Masks
from SlicerLDMRegLib.pipeline.options import RefineOptions
from SlicerLDMRegLib.pipeline.prepare import IntensityMap
from SlicerLDMRegLib.pipeline.regions.image_regions import ImageRegions
from SlicerLDMRegLib.report.planes import choose_planes
from SlicerLDMRegLib.segmentation import Segmentation

SHIFT = sitk.TranslationTransform(3, (2.3, -1.7, 3.1))
NONE = sitk.Transform(3, sitk.sitkIdentity)
DARKEST = 967
# Labels that float64, through which ITK passes them, does not hold.
LARGE = (2**60 + 1, 2**60 + 3)


def array_of(image: sitk.Image) -> np.ndarray:
    return np.asarray(sitk.GetArrayFromImage(image))


def speckles(geometry: ImageGeometry, dtype: str = "i2") -> sitk.Image:
    rng = np.random.default_rng(0)
    return geometry.to_image(rng.integers(DARKEST, 2000, geometry.array_shape).astype(dtype))


def numbered(geometry: ImageGeometry, dtype: str = "i8") -> sitk.Image:
    """Two boxes with large numbers."""
    labels = np.zeros(geometry.array_shape, dtype)
    labels[2:8, 6:16, 8:20], labels[2:8, 18:26, 8:20] = LARGE
    return geometry.to_image(labels)


def in_small_numbers(labels: sitk.Image) -> np.ndarray:
    """The same labels as 1 and 2."""
    array = array_of(labels)
    return sum((array == label) * np.uint8(n) for n, label in enumerate(LARGE, 1))


def moved(fixed: sitk.Image, moving: sitk.Image, **options: Any) -> Any:
    """The result of a registration that finds a known shift and nothing else."""
    off = RefineOptions(enabled=False)
    return register(fixed, moving, model="none", refine=off, initial_transform=SHIFT, **options)


@pytest.mark.parametrize("slices", [None, "k:3-6"])
def test_a_registered_image_keeps_its_brightness(
    volume: ImageGeometry, tmp_path: Path, slices: str | None
) -> None:
    """Cut off, every voxel would lose half an intensity; 0 would lie around a smaller image."""
    image = speckles(volume)
    result = moved(image, image, slices=slices)
    warped = array_of(result.warped)
    exact = array_of(
        sitk.Resample(image, result.warped, SHIFT, sitk.sitkLinear, -1.0, sitk.sitkFloat64)
    )
    outside = exact == -1
    assert 0.05 < outside.mean() < 0.5
    assert warped.dtype == np.int16
    assert (warped[outside] == DARKEST).all()
    difference = (warped - exact)[~outside]
    assert np.abs(difference).max() < 0.5 + 1e-6
    assert abs(difference.mean()) < 0.03
    result.save(tmp_path / "results")
    saved = sitk.ReadImage(str(tmp_path / "results" / "warped.nrrd"))
    np.testing.assert_array_equal(array_of(saved), warped)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_large_labels_stay_what_they_are(volume: ImageGeometry, dtype: str) -> None:
    image, labels = speckles(volume, "f4"), numbered(volume, dtype)
    result = moved(image, image, fixed_labels=labels, moving_labels=labels)
    assert result.warped_labels is not None
    found = array_of(result.warped_labels)
    assert found.dtype == np.dtype(dtype)
    small = volume.to_image(in_small_numbers(labels))
    expected = array_of(sitk.Resample(small, small, SHIFT, sitk.sitkNearestNeighbor, 0))
    np.testing.assert_array_equal(found, np.array([0, *LARGE], dtype)[expected])
    assert set(result.metrics["before"]["dice"].items()) == dict.fromkeys(LARGE, 1.0).items()


def test_large_labels_are_measured_like_small_ones(volume: ImageGeometry) -> None:
    image, labels = speckles(volume, "f4"), numbered(volume)
    unit = IntensityMap(0.0, 1.0), IntensityMap(0.0, 1.0)
    found = []
    for array, alone in ((array_of(labels), 2**59), (in_small_numbers(labels), 9)):
        other = array.copy()
        array[0, 0, 0], other[9, 0, 0] = alone, alone + 1  # each in one of the images
        inputs = Inputs(image, image, volume.to_image(array), volume.to_image(other))
        found.append(match_metrics(inputs, SHIFT, unit))
    for name in ("dice", "hd95"):
        assert list(found[0][name]) == list(LARGE)
        assert list(found[0][name].values()) == list(found[1][name].values())
        assert found[0][f"{name}_mean"] == found[1][f"{name}_mean"]
    assert 0 < found[0]["dice_mean"] < 1


def test_regions_and_pictures_know_large_labels(volume: ImageGeometry) -> None:
    labels = numbered(volume)
    rows = ImageRegions(Segmentation(labels, {}, None), {LARGE[0]: 1, LARGE[1]: 2})
    found = rows.rows_on(volume)[0, 0].numpy()
    np.testing.assert_array_equal(found, in_small_numbers(labels))
    for plane in choose_planes(volume, [14, 12, 5], np.zeros(volume.array_shape, bool)):
        assert set(np.unique(plane.sample(labels, volume, nearest=True))) <= {0, *LARGE}


def test_a_mask_is_nothing_outside_of_its_image(volume: ImageGeometry) -> None:
    """What is outside is not compared, although the darkest value of the mask may be 1."""
    ones = volume.empty_image() + 1
    inside = Masks(moving=ones).inside(volume, SHIFT)
    other = sitk.Resample(ones, ones, SHIFT, sitk.sitkNearestNeighbor, 0.0)
    np.testing.assert_array_equal(inside, array_of(other) > 0)
    assert not inside.all()
    assert Masks(fixed=ones).inside(volume, SHIFT).all()
