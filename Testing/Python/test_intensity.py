"""Percentiles are those of all voxels, in whatever order these are stored."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.intensity import IntensityMap, percentile

MANY = 2_600_000
PERCENTS = [0, 0.1, 0.5, 25, 50, 73.3, 99.5, 99.9, 99.99999, 100]

Draw = Callable[[np.random.Generator], np.ndarray]
VALUES: dict[str, Draw] = {
    "real": lambda rng: rng.standard_normal(MANY, np.float32),
    "double": lambda rng: rng.standard_normal(MANY),
    "whole": lambda rng: (300 * rng.standard_normal(MANY)).astype(np.int16),
    "few values": lambda rng: rng.integers(0, 5, MANY, np.uint8),
    "large numbers": lambda rng: rng.integers(0, 2**32, MANY, np.uint32),
    "black background": lambda rng: np.where(rng.random(MANY) < 0.6, 0, rng.gamma(2, 99, MANY)),
    "one value": lambda rng: np.full(MANY, 3.5, np.float32),
    "sorted": lambda rng: np.sort(rng.random(MANY)),
    "every other one": lambda rng: np.where(np.arange(MANY) % 2 == 0, 5.0, rng.random(MANY)),
    "dark first": lambda rng: np.where(np.arange(MANY) < MANY // 2, 0, 9.0) + rng.random(MANY),
    "outliers": lambda rng: rng.random(MANY) * np.where(rng.random(MANY) < 1e-6, 1e30, 1),
}


@pytest.mark.parametrize("name", VALUES)
def test_percentiles_of_many_values_are_those_of_all(name: str) -> None:
    values = VALUES[name](np.random.default_rng(0))
    found = percentile(values, PERCENTS)
    np.testing.assert_array_equal(found, np.percentile(values, PERCENTS))
    np.testing.assert_array_equal(percentile(values[::-1], PERCENTS), found)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_percentiles_of_few_values_are_those_of_numpy(dtype: type) -> None:
    values = (300 * np.random.default_rng(0).standard_normal(1_000_000)).astype(dtype)
    for percent in (0.1, 99.9):
        assert percentile(values, percent) == np.percentile(values, percent)
    np.testing.assert_array_equal(percentile(values, PERCENTS), np.percentile(values, PERCENTS))
    whole = IntensityMap.from_image(sitk.GetImageFromArray(values.reshape(1000, -1)), 0.1, 99.9)
    assert whole.low == np.percentile(values, 0.1)
    assert whole.high == np.percentile(values, 99.9)


def test_percentiles_of_what_is_not_known_are_not_known() -> None:
    values = np.zeros(MANY)
    values[7] = np.nan
    assert np.isnan(percentile(values, 50))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_bright_planes_are_seen_along_any_axis(axis: int, dtype: type) -> None:
    """A period of the storage order must not hide them, nor that they come late."""
    rng = np.random.default_rng(0)
    dim = rng.integers(0, 100, (160, 160, 160)).astype(dtype)
    bright = rng.integers(900, 1000, dim.shape).astype(dtype)
    for planes in (np.arange(160) % 8 == 5, np.arange(160) >= 150):
        where = planes.reshape([-1 if n == axis else 1 for n in range(3)])
        voxels = np.where(where, bright, dim)
        found = IntensityMap.from_image(sitk.GetImageFromArray(voxels), 0.1, 99.9)
        assert found.low == pytest.approx(np.percentile(voxels, [0.1])[0], rel=1e-6)
        assert found.high == pytest.approx(np.percentile(voxels, [99.9])[0], rel=1e-6)
        assert found.high > 990


@pytest.mark.parametrize("axes", [(0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_the_order_of_storage_changes_nothing(axes: tuple[int, int, int]) -> None:
    voxels = np.random.default_rng(0).gamma(2, 50, (120, 150, 140)).astype(np.float32)
    expected = IntensityMap.from_image(sitk.GetImageFromArray(voxels), 1, 99)
    turned = np.ascontiguousarray(voxels.transpose(axes)[:, ::-1])
    assert IntensityMap.from_image(sitk.GetImageFromArray(turned), 1, 99) == expected


def test_an_image_of_one_value_is_black() -> None:
    found = IntensityMap.from_values(np.full(100, 7, np.int16), 0.1, 99.9)
    assert (found.low, found.high) == (7, 8)
    assert found(np.array([7.0])) == 0
