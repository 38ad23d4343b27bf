"""Turns and sizes that a deformation would not find: images are aligned though nobody asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import rotate, shift

from SlicerLDMRegLib.pipeline import RegistrationResult, register
from SlicerLDMRegLib.pipeline.inputs import Inputs
from SlicerLDMRegLib.pipeline.needed_alignment import needed_alignment
from SlicerLDMRegLib.report import judge
from Testing.Python.pipeline.test_other_orientation import bent, body, image_of


def needed(fixed: sitk.Image, moving: sitk.Image, **more: Any) -> tuple[str, str] | None:
    found = needed_alignment(Inputs(fixed, moving, **more))
    return None if found is None else (found.method, found.reason)


def turned(array: np.ndarray, degrees: float, axes: tuple[int, int]) -> np.ndarray:
    return rotate(array, degrees, axes, reshape=False, order=1)


@pytest.mark.parametrize(
    ("shape", "axes", "degrees", "words"),
    [
        ((64, 64), (0, 1), 27, "turned by about 30°"),
        ((64, 64), (0, 1), -42, "turned by about 45°"),
        ((26, 26, 26), (1, 2), 30, "turned by about 30° about the axis head to foot"),
        ((26, 26, 26), (0, 2), -33, "turned by about 30° about the axis front to back"),
    ],
)
def test_large_turns_need_a_rigid_alignment(
    shape: tuple[int, ...], axes: tuple[int, int], degrees: float, words: str
) -> None:
    array = body(shape)
    moving = turned(bent(array), degrees, axes)
    assert needed(image_of(array), image_of(moving)) == ("rigid", words)
    # Of another contrast, too.
    assert needed(image_of(array), image_of(3 - 2 * moving)) == ("rigid", words)


@pytest.mark.parametrize("factor", [1.35, 0.7])
@pytest.mark.parametrize("shape", [(64, 64), (26, 26, 26)])
def test_other_sizes_need_an_affine_alignment(shape: tuple[int, ...], factor: float) -> None:
    array = body(shape)
    moving = image_of(bent(array))
    moving.SetSpacing([factor] * len(shape))
    moving.SetOrigin([(n - 1) / 2 * (1 - factor) for n in shape])
    found = needed(image_of(array), moving)
    assert found is not None and found[0] == "affine"
    assert found[1] == f"at about {'71%' if factor > 1 else '140%'} of its size"


CHANGES = {
    "bent": bent,
    "turned a little": lambda a: turned(a, 12, (0, 1)),
    "shifted": lambda a: shift(a, [a.shape[0] / 6] + [0] * (a.ndim - 1), order=1),
    "mirrored": lambda a: a[..., ::-1],
    "upside down": lambda a: a[::-1, ::-1],
    "another body": lambda a: body(a.shape, seed=4),
    "noise": lambda a: np.random.default_rng(0).normal(size=a.shape),
    "blank": np.zeros_like,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("shape", [(64, 64), (24, 26, 28)])
def test_nothing_is_needed_for_what_no_turn_explains(shape: tuple[int, ...], change: str) -> None:
    array = body(shape)
    assert needed(image_of(array), image_of(CHANGES[change](array))) is None


def distance(result: RegistrationResult, degrees: float, array: np.ndarray) -> float:
    """Mean distance from the truth over a body that turns in its first plane, voxels."""
    places = np.argwhere(array > 0.5)[::7][:, ::-1].astype(float)
    middle = (np.asarray(array.shape[::-1]) - 1) / 2
    place = places - middle
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    truth = place.copy()
    truth[:, :2] = place[:, :2] @ np.array([[c, -s], [s, c]])
    truth += middle
    return float(np.linalg.norm(result.field.warp_points(places) - truth, axis=1).mean())


def test_a_turned_volume_is_registered_and_it_is_told() -> None:
    array = body((26, 28, 30))
    fixed, moving = image_of(array), image_of(turned(array, 40, (1, 2)))
    plain = register(fixed, moving, model="none", align="none")
    result = register(fixed, moving, model="none")
    assert distance(result, 40, array) < 0.5 < 1.5 < distance(plain, 40, array)
    note = result.metrics["alignment_note"]
    words = "turned by about 45° about the axis head to foot"
    assert note == f"the moving image matches better {words}; aligned, rigid"
    assert result.provenance["method"]["alignment"] == "rigid"
    assert any(note in finding for finding in judge(result.metrics).findings)
    # What is asked for is done.
    assert plain.provenance["method"]["alignment"] == "none"
    assert "alignment_note" not in plain.metrics


def test_an_initial_transform_or_slices_are_left_alone() -> None:
    array = body((26, 26, 26))
    fixed, moving = image_of(array), image_of(turned(array, 30, (1, 2)))
    options: dict[str, Any] = {"model": "none", "refine": {"iterations": [1, 1, 1]}}
    still = sitk.TranslationTransform(3)
    for more in ({"initial_transform": still}, {"slices": "k:10-12"}):
        result = register(fixed, moving, **options, **more)
        assert result.provenance["method"]["alignment"] in ("none", "given")
