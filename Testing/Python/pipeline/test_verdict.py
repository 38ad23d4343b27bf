"""The verdict on whole registrations of generated images, sound and spoiled ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from SlicerLDMRegLib.pipeline import RegistrationRequest, Runner
from SlicerLDMRegLib.report import Verdict, judge

SIZE = 64
Change = Callable[[np.ndarray], np.ndarray]


@cache
def body(seed: int = 0) -> np.ndarray:
    """A body with many organs, whose sides differ."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    middle = SIZE / 2
    image = np.zeros((SIZE, SIZE))
    image[((x - middle) / 27) ** 2 + ((y - middle) / 23) ** 2 < 1] = 0.35
    for _ in range(45):
        row, column = middle + rng.uniform(-18, 18, 2)
        radii, angle = rng.uniform(1.0, 4.5, 2), rng.uniform(0, np.pi)
        along = (x - column) * np.cos(angle) + (y - row) * np.sin(angle)
        across = (y - row) * np.cos(angle) - (x - column) * np.sin(angle)
        image[(along / radii[0]) ** 2 + (across / radii[1]) ** 2 < 1] = rng.uniform(0.1, 1.0)
    return np.asarray(gaussian_filter(image, 0.7))


@cache
def pair() -> tuple[np.ndarray, np.ndarray]:
    """The body and itself after a smooth warp of up to 2.5 voxels, with noise."""
    rng = np.random.default_rng(50)
    way = np.stack([gaussian_filter(rng.normal(size=(SIZE, SIZE)), 8) for _ in range(2)])
    way *= 2.5 / np.abs(way).max()
    moving = map_coordinates(body(), np.indices(way.shape[1:]) + way, order=1, mode="nearest")
    return body() + 0.01 * rng.normal(size=way.shape[1:]), moving + 0.01 * rng.normal(
        size=way.shape[1:]
    )


def result_of(fixed: np.ndarray, moving: np.ndarray, **options: Any) -> Any:
    images = {"fixed": fixed.astype(np.float32), "moving": moving.astype(np.float32)}
    return Runner().run(RegistrationRequest(**images, model="none", **options))


def verdict_on(fixed: np.ndarray, moving: np.ndarray, **options: Any) -> Verdict:
    return judge(result_of(fixed, moving, **options).metrics)


SOUND: dict[str, Change] = {
    "as it is": lambda m: m,
    "inverted": lambda m: 1 - m,
    "inverted under a bias": lambda m: (1 - m) * np.linspace(0.7, 1.3, SIZE),
    "inverted curve": lambda m: 1 - np.clip(m, 0, 1) ** 2,
    "inverted, noisy": lambda m: 1 - m + 0.03 * np.random.default_rng(3).normal(size=m.shape),
    "inverted, cut off": lambda m: (1 - m)[:, :-6],
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_pair_is_good_whatever_its_contrast(name: str) -> None:
    fixed, moving = pair()
    found = verdict_on(fixed, SOUND[name](moving))
    assert found.status == "good", found.findings


# Seen on one lattice, where nothing turns the images back.
SPOILED: dict[str, Change] = {
    "turned by 90 degrees": np.rot90,
    "turned by 180 degrees": lambda m: m[::-1, ::-1],
    "mirrored": lambda m: m[:, ::-1],
    "axes swapped": lambda m: m.T,
    "another subject": lambda m: body(77),
    "rolled": lambda m: np.roll(m, 24, 1),
    "rolled downwards": lambda m: np.roll(m, 24, 0),
    "smooth noise": lambda m: gaussian_filter(np.random.default_rng(0).normal(size=m.shape), 3),
    "noise": lambda m: np.random.default_rng(0).normal(size=m.shape),
    "one half": lambda m: np.where(np.arange(SIZE) < SIZE // 2, m, 0),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_pair_is_not_good(name: str) -> None:
    fixed, moving = pair()
    found = verdict_on(fixed, SPOILED[name](moving))
    assert found.status != "good", found.findings
    assert found.advice


def test_what_was_spoiled_and_put_right_again_is_good() -> None:
    fixed, moving = pair()
    found = verdict_on(fixed, np.rot90(moving, 2), align="rigid")
    assert found.status == "good", found.findings


def test_swapped_labels_are_told_with_their_numbers() -> None:
    fixed, moving = pair()
    left = np.zeros(fixed.shape, np.uint8)
    left[20:44, 12:30], left[20:44, 34:52], left[6:14, 20:44] = 1, 2, 3
    swapped = np.array([0, 2, 1, 3], np.uint8)[left]
    options = {"refine": {"iterations": [10]}}
    result = result_of(fixed, moving, fixed_labels=left, moving_labels=swapped, **options)
    assert result.metrics["after"]["better_numbers"] == {1: 2, 2: 1}
    found = judge(result.metrics)
    assert found.status != "good"
    assert any("1 is 2, 2 is 1" in finding for finding in found.findings)
    right = result_of(fixed, moving, fixed_labels=left, moving_labels=left, **options)
    assert "better_numbers" not in right.metrics["after"]


def test_every_similarity_is_of_a_stated_share() -> None:
    fixed, moving = pair()
    metrics = result_of(fixed, moving[:, :48]).metrics
    assert metrics["after"]["overlap"] < 0.85
    for stage in ("before", "after"):
        assert {"overlap", "covered", "unlike"} <= set(metrics[stage])
    assert any("% of the fixed image" in finding for finding in judge(metrics).findings)
