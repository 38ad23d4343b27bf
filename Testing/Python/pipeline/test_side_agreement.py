"""Images that lie mirrored and fit all the same: their sides tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib.pipeline.inputs import Inputs
from SlicerLDMRegLib.pipeline.masks import Masks
from SlicerLDMRegLib.pipeline.side_agreement import SideAgreement, side_agreement
from SlicerLDMRegLib.pipeline.slices import SliceSelection
from SlicerLDMRegLib.report import judge

Shape = tuple[int, ...]
FLAT, VOLUME = (72, 60), (34, 38, 30)


def body(shape: Shape, spots: tuple[tuple[float, ...], ...], noise: int | None = 0) -> np.ndarray:
    """An ellipsoid with a core, the same on all sides but for spots (in half-axes)."""
    places = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))

    def ball(middle: tuple[float, ...], radius: float) -> np.ndarray:
        way = places - np.reshape(middle, (-1, *[1] * len(shape)))
        return np.asarray(1 / (1 + np.exp(((way**2).sum(0) ** 0.5 - radius) * 30)))

    zero = (0.0,) * len(shape)
    image = ball(zero, 0.8) + 0.5 * ball(zero, 0.4)
    for spot in spots:
        image = image + 0.35 * ball(spot, 0.16)
    if noise is not None:
        image = image + 0.02 * np.random.default_rng(noise).normal(size=shape)
    return image


def of(fixed: np.ndarray, moving: np.ndarray, **more: Any) -> SideAgreement | None:
    images = [sitk.GetImageFromArray(a.astype(np.float32)) for a in (fixed, moving)]
    return side_agreement(Inputs(*images, **more), sitk.AffineTransform(fixed.ndim))


def agreement(fixed: np.ndarray, moving: np.ndarray, **more: Any) -> SideAgreement:
    found = of(fixed, moving, **more)
    assert found is not None
    return found


SPOTS = {FLAT: ((0.15, 0.55), (-0.5, 0.2)), VOLUME: ((0.1, 0.2, 0.5), (-0.45, 0.3, 0.2))}
REVERSED = {
    FLAT: {"mirrored left to right": (1,), "mirrored top to bottom": (0,),
           "turned by 180°": (0, 1)},
    VOLUME: {"mirrored left to right": (2,), "mirrored front to back": (1,),
             "mirrored head to foot": (0,), "turned by 180° about the axis head to foot": (1, 2),
             "mirrored in all directions": (0, 1, 2)},
}  # fmt: skip
CONTRASTS = {
    "the same": lambda a: a,
    "inverted": lambda a: 2.0 - a,
    "a curve": lambda a: np.clip(a, 0, None) ** 2.5,
    "rougher": lambda a: a + 0.08 * np.random.default_rng(9).normal(size=a.shape),
}


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("shape", [FLAT, VOLUME])
def test_sides_agree_of_what_lies_the_right_way_round(shape: Shape, contrast: str) -> None:
    fixed, moving = (body(shape, SPOTS[shape], seed) for seed in (0, 1))
    assert agreement(fixed, CONTRASTS[contrast](moving)).correlation > 0.3


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize(("shape", "name"), [(s, n) for s, ns in REVERSED.items() for n in ns])
def test_a_reversal_is_named(shape: Shape, name: str, contrast: str) -> None:
    fixed, moving = (body(shape, SPOTS[shape], seed) for seed in (0, 1))
    found = agreement(fixed, CONTRASTS[contrast](np.flip(moving, REVERSED[shape][name])))
    assert found.name == name
    assert found.correlation < -0.3


@pytest.mark.parametrize("coil", [(0.8, 1.25), (1.25, 0.8)])
@pytest.mark.parametrize("shape", [FLAT, VOLUME])
def test_what_is_brighter_on_one_side_is_not_taken_for_mirrored(
    shape: Shape, coil: tuple[float, float]
) -> None:
    fixed, moving = (body(shape, SPOTS[shape], seed) for seed in (0, 1))
    bright = np.linspace(*coil, shape[-1])
    right, wrong = (agreement(fixed, m * bright).correlation for m in (moving, np.flip(moving, -1)))
    assert right > -0.15 and right > wrong + 0.4


@pytest.mark.parametrize("shape", [FLAT, VOLUME])
def test_without_sides_nothing_is_said(shape: Shape) -> None:
    fixed, moving = (body(shape, (), seed) for seed in (0, 1))
    assert abs(agreement(fixed, np.flip(moving, -1)).correlation) < 0.2
    one, other = body(shape, SPOTS[shape][:1], 0), body(shape, SPOTS[shape][1:], 1)
    assert agreement(one, other).correlation > -0.2


def test_the_middle_need_not_be_that_of_the_image() -> None:
    spots = SPOTS[FLAT]
    fixed, moving = (np.pad(body(FLAT, spots, seed), ((0, 6), (14, 0))) for seed in (0, 1))
    assert agreement(fixed, moving).correlation > 0.3
    mirrored = np.pad(np.flip(body(FLAT, spots, 1), 1), ((0, 6), (14, 0)))
    found = agreement(fixed, mirrored)
    assert (found.name, found.correlation < -0.3) == ("mirrored left to right", True)


def test_burnt_in_letters_do_not_count() -> None:
    def lettered(array: np.ndarray, value: float) -> np.ndarray:
        out = array.copy()
        out[3:9, 4:30][np.random.default_rng(3).random((6, 26)) > 0.5] = value
        return out

    fixed, moving = body(FLAT, SPOTS[FLAT], 0), np.flip(body(FLAT, SPOTS[FLAT], 1), 1)
    saturated = agreement(lettered(fixed, 4.0), lettered(moving, 4.0))
    assert saturated.correlation < -0.3
    # A label map has its largest value in a structure, which is not left out.
    plain = np.round(body(FLAT, SPOTS[FLAT], None) * 2)
    assert agreement(plain, np.flip(plain, 1)).correlation < -0.3


def test_what_a_mask_hides_does_not_count() -> None:
    fixed, moving = body(FLAT, SPOTS[FLAT], 0), np.flip(body(FLAT, SPOTS[FLAT], 1), 1)
    strong = np.zeros(FLAT)
    strong[20:30, 45:55] = 3.0 * np.random.default_rng(2).random((10, 10))
    assert agreement(fixed + strong, moving + strong).correlation > 0
    mask = sitk.GetImageFromArray((gaussian_filter(strong, 2) < 1e-3).astype(np.uint8))
    masked = agreement(fixed + strong, moving + strong, masks=Masks(mask, mask))
    assert masked.correlation < -0.3


def test_slices_stay_in_their_plane() -> None:
    fixed, moving = (body(VOLUME, SPOTS[VOLUME], seed) for seed in (0, 1))
    image = sitk.GetImageFromArray(fixed.astype(np.float32))
    slices = SliceSelection().resolve(ImageGeometry.from_image(image))
    found = agreement(fixed, np.flip(moving, 2), slices=slices)
    assert (found.name, found.correlation < -0.3) == ("mirrored left to right", True)
    assert not agreement(fixed, np.flip(moving, 0), slices=slices).name.endswith("d head to foot")


@pytest.mark.parametrize("shape", [(8, 8), (1, 40, 40), (6, 6, 5), (40, 3)])
def test_thin_and_small_images(shape: Shape) -> None:
    array = np.random.default_rng(0).random(shape)
    found = of(array, np.flip(array, -1))
    assert found is None or -1 <= found.correlation <= 1
    assert of(np.zeros(shape), np.zeros(shape)) is None


def test_a_large_image_is_compared_on_means_of_blocks() -> None:
    fixed, moving = (np.kron(body(FLAT, SPOTS[FLAT], s), np.ones((9, 9))) for s in (0, 1))
    small, large = agreement(fixed[::9, ::9], moving[::9, ::9]), agreement(fixed, moving)
    assert large.correlation == pytest.approx(small.correlation, abs=0.1)


def test_a_mirrored_body_that_fits_is_not_good() -> None:
    fixed, moving = body(FLAT, SPOTS[FLAT], 0), body(FLAT, SPOTS[FLAT], 1)
    images = [sitk.GetImageFromArray(a.astype(np.float32)) for a in (fixed, np.flip(moving, 1))]
    result = register(*images, model=None)
    assert result.metrics["sides"]["name"] == "mirrored left to right"
    verdict = judge({k: v for k, v in result.metrics.items() if k != "other_orientation"})
    assert verdict.status == "check"
    assert any("opposite" in finding for finding in verdict.findings)
    right = register(images[0], sitk.GetImageFromArray(moving.astype(np.float32)), model=None)
    assert judge(right.metrics).status == "good"
