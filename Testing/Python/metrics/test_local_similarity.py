"""Local similarity and the numbers of labels."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.metrics import better_numbers
from SlicerLDMRegLib.metrics.local_similarity import LocalSimilarity


def texture(*shape: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape)
    return np.asarray(gaussian_filter(noise, 1.5), np.float32)


def identity(dimension: int) -> sitk.Transform:
    return sitk.Transform(dimension, sitk.sitkIdentity)


@pytest.mark.parametrize("shape", [(40, 50), (20, 24, 28), (1, 40, 50)])
def test_contrast_does_not_matter_and_content_does(shape: tuple[int, ...]) -> None:
    fixed = sitk.GetImageFromArray(texture(*shape))
    local = LocalSimilarity(fixed, ImageGeometry.from_image(fixed))
    gain = np.linspace(0.7, 1.3, shape[-1])
    for image in (texture(*shape), 5 - 3 * texture(*shape), texture(*shape) * gain):
        other = sitk.GetImageFromArray(np.asarray(image, np.float32))
        found = local.of(other, identity(len(shape)))
        assert found.unlike < 0.02
        assert found.covered == pytest.approx(1.0)
    other = sitk.GetImageFromArray(texture(*shape, seed=1))
    found = local.of(other, identity(len(shape)))
    assert found.unlike > 0.6
    assert found.mean < 0.85


def test_only_what_both_show_is_compared() -> None:
    fixed = sitk.GetImageFromArray(texture(40, 60))
    local = LocalSimilarity(fixed, ImageGeometry.from_image(fixed))
    found = local.of(fixed[:30], identity(2))
    assert found.covered == pytest.approx(0.5, abs=0.1)
    assert found.unlike < 0.15  # at the cut edge
    assert np.isnan(found.values[:, 30:]).all()
    mask = np.zeros((40, 60), bool)
    mask[:, :15] = True
    assert local.of(fixed[:30], identity(2), mask).covered == pytest.approx(1.0)
    away = local.of(fixed, sitk.TranslationTransform(2, (1e4, 0.0)))
    assert away.covered == 0
    assert np.isnan(away.unlike)


def test_slices_are_compared_one_by_one_and_large_images_coarser() -> None:
    array = texture(3, 40, 50)
    fixed = sitk.GetImageFromArray(array)
    fixed.SetSpacing((1.0, 1.0, 30.0))
    local = LocalSimilarity(fixed, ImageGeometry.from_image(fixed), slice_axis=2)
    array[1] = texture(40, 50, seed=4)
    other = ImageGeometry.from_image(fixed).to_image(array)
    found = local.of(other, identity(3))
    alike = [float(np.mean(found.values[n] > 0.95)) for n in range(3)]
    assert min(alike[0], alike[2]) > 0.95
    assert alike[1] < 0.1
    large = ImageGeometry((400, 300), (0.5, 0.5), (3.0, 4.0), (0.0, -1.0, 1.0, 0.0))
    coarse = LocalSimilarity(large.empty_image(), large).lattice
    assert max(coarse.size) == 128
    np.testing.assert_allclose(coarse.center(), large.center())


def test_a_flat_image_has_nothing_to_compare() -> None:
    fixed = sitk.GetImageFromArray(np.full((20, 20), 7.0, np.float32))
    found = LocalSimilarity(fixed, ImageGeometry.from_image(fixed)).of(fixed, identity(2))
    assert np.isnan(found.unlike)


def test_numbers_that_fit_better() -> None:
    labels = np.zeros((30, 40), int)
    labels[2:12, 2:18], labels[2:12, 20:38], labels[15:28, 2:18], labels[15:28, 20:38] = 1, 2, 3, 4
    table = np.array([0, 1, 3, 2, 4])
    assert better_numbers(labels, labels) is None
    found = better_numbers(labels, table[labels])
    assert found is not None
    assert found[0] == {2: 3, 3: 2}
    assert found[1] == pytest.approx(1.0)
    shifted = better_numbers(labels, np.roll(table[labels], 1, 1))  # not only where they are equal
    assert shifted is not None
    assert shifted[0] == {2: 3, 3: 2}
    other = better_numbers(labels, np.where(labels > 0, labels + 100, 0))
    assert other is not None
    assert other[0] == {1: 101, 2: 102, 3: 103, 4: 104}
    assert better_numbers(labels, np.roll(labels, 9, 1)) is None
    assert better_numbers(labels * 0, labels) is None
    assert better_numbers(np.arange(1200).reshape(30, 40), np.arange(1200).reshape(30, 40)) is None
