"""Masks: what they hide does not move anything, neither in the alignment nor in the refinement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import AlignOptions, RegistrationRequest, Runner, register
from SlicerLDMRegLib.pipeline.align.alignment import align_images
from SlicerLDMRegLib.pipeline.align.phase_shift import find_shift
from SlicerLDMRegLib.pipeline.align.rigid_affine import centre_of_mass
from SlicerLDMRegLib.pipeline.masks import Masks, fill_outside
from SlicerLDMRegLib.report.verdict import judge

SIDE = 64
FEW = {"iterations": [20, 20, 10]}
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(float)


def pattern(shift: float = 0.0) -> np.ndarray:
    """Blobs everywhere, moved along x."""
    generator = np.random.default_rng(1)
    image = np.zeros((SIDE, SIDE))
    for _ in range(14):
        x, y = generator.uniform(6, SIDE - 6, 2)
        square = (COLUMNS - shift - x) ** 2 + (ROWS - y) ** 2
        image += generator.uniform(0.4, 1.0) * np.exp(-square / (2 * generator.uniform(3, 7) ** 2))
    return image


def disc(x: float = 34, y: float = 30, radius: float = 8) -> np.ndarray:
    return (COLUMNS - x) ** 2 + (ROWS - y) ** 2 < radius**2


def with_lesion(image: np.ndarray, **place: float) -> np.ndarray:
    return np.where(disc(**place), image.max(), image)


def lengths(field: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(field, axis=-1))


@pytest.mark.parametrize("similarity", ["mse", "mind"])
@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_a_lesion_of_one_image_distorts_nothing_where_it_is_masked(
    side: str, similarity: str
) -> None:
    images = {"fixed": pattern(), "moving": pattern()}
    images[side] = with_lesion(images[side])
    around = ~disc(radius=9)
    options = {"model": "none", "align": "none", "refine": {"similarity": similarity, **FEW}}
    without = register(**images, **options)
    assert lengths(without.field.vectors)[around].max() > 2.0
    masked = register(**images, **options, **{f"{side}_mask": around})
    assert lengths(masked.field.vectors).max() < 0.1
    assert masked.metrics["after"]["ncc"] > 0.999 > without.metrics["after"]["ncc"]
    assert masked.metrics["masks"] == [side]
    assert masked.provenance["inputs"][f"{side}_mask"]["voxels"] == around.sum()
    assert "masks" not in without.metrics


@pytest.mark.parametrize(("similarity", "share"), [("mse", 0.2), ("lncc", 0.5)])
def test_a_mask_of_the_moving_image_moves_with_it(similarity: str, share: float) -> None:
    fixed, moving = pattern(), pattern(5.0)
    # To its end, where only the lesion makes a difference.
    refine = {"similarity": similarity, "iterations": [60, 60, 40]}
    options = {"model": "none", "align": "none", "refine": refine}
    clean = register(fixed, moving, **options).field.vectors
    assert abs(np.median(clean[..., 0]) - 5.0) < 0.1
    moving = with_lesion(moving, x=39.0)
    seen = ~disc(radius=9)
    differences = []
    for masks in ({}, {"moving_mask": ~disc(x=39.0, radius=9)}):
        field = register(fixed, moving, **options, **masks).field.vectors
        differences.append(lengths(field - clean)[seen])
    assert differences[1].max() < share * differences[0].max()
    assert differences[1].mean() < share * differences[0].mean()


def test_metrics_are_those_inside_the_masks() -> None:
    fixed, moving = pattern(), with_lesion(pattern())
    result = register(fixed, moving, model="none", align="center", refine=False,
                      fixed_mask=disc(radius=20), moving_mask=~disc(radius=9))  # fmt: skip
    ring = disc(radius=20) & ~disc(radius=9)
    before = result.metrics["before"]
    assert before["ncc"] == pytest.approx(np.corrcoef(fixed[ring], moving[ring])[0, 1], abs=1e-6)
    assert before["overlap"] == 1.0
    hidden = register(fixed, moving, model="none", align="center", refine=False)
    assert hidden.metrics["before"]["ncc"] < before["ncc"]


def test_the_report_says_that_there_were_masks(tmp_path: Path) -> None:
    options = {"model": "none", "align": "none", "refine": {"iterations": [1]}}
    result = register(pattern(), pattern(1.0), **options,
                      fixed_mask=disc(radius=20), moving_mask=disc(radius=22))  # fmt: skip
    html = (result.save(tmp_path / "out") / "report.html").read_text(encoding="utf-8")
    assert "compared inside the mask of the fixed and of the moving image only" in html


# The alignment


def plates() -> tuple[list[sitk.Image], Masks]:
    """A pattern that moves by 9 mm along x, behind bright plates that pull it further; their masks.

    The images are of 64 x 64 pixels of 1.5 mm.
    """
    geometry = ImageGeometry((SIDE, SIDE), (1.5, 1.5), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    images, masks = [], []
    for image, first in ((pattern(), 4), (pattern(6.0), 26)):
        plate = np.zeros_like(image, dtype=bool)
        plate[4:60, first : first + 16] = True
        images.append(geometry.to_image(np.where(plate, 4 * image.max(), image)))
        masks.append(geometry.to_image((~plate).astype(np.uint8)))
    return images, Masks(*masks)


@pytest.mark.parametrize("metric", ["mattes", "correlation"])
def test_the_alignment_does_not_look_at_what_is_masked(metric: str) -> None:
    images, masks = plates()
    options = AlignOptions("rigid", metric=metric, iterations=100)
    errors = []
    for used in (None, masks):
        found = align_images(*images, options, masks=used)
        middle = np.array([47.25, 47.25])
        moved = np.asarray(found.transform.TransformPoint(middle.tolist())) - middle
        errors.append(float(np.linalg.norm(moved - np.array([9.0, 0.0]))))
    assert errors[1] < 0.1 < 1.0 < errors[0]


def test_a_shift_and_a_centre_are_those_inside_the_masks() -> None:
    geometry = ImageGeometry((64, 64), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    fixed, moving = (5 * disc(30, 30, 6) + 3.0 * disc(24, 36, 3) for _ in range(2))
    moving = np.roll(moving, 11, axis=1)
    plate = np.zeros_like(fixed)
    plate[50:62, 4:60] = 9.0
    images = [geometry.to_image((a + plate).astype(np.float32)) for a in (fixed, moving)]
    mask = geometry.to_image((plate == 0).astype(np.uint8))
    assert find_shift(*images) is None  # the plate does not move
    found = find_shift(*images, Masks(mask, mask))
    assert found is not None
    np.testing.assert_allclose(found.GetOffset(), (11, 0), atol=0.1)
    centres = [centre_of_mass(image, mask) for image in images]
    np.testing.assert_allclose(centres[1] - centres[0], (11, 0), atol=1e-6)
    assert abs((centre_of_mass(images[1]) - centre_of_mass(images[0]))[0]) < 3
    flat = geometry.to_image((3.0 + 0 * fixed).astype(np.float32))
    half = geometry.to_image((COLUMNS < 32).astype(np.uint8))
    np.testing.assert_allclose(centre_of_mass(flat, half), (15.5, 31.5))


# What a mask is


def test_any_integers_and_booleans_are_a_mask(tmp_path: Path) -> None:
    fixed, moving = pattern(), with_lesion(pattern(2.0))
    around = ~disc(radius=10)
    options = {"model": "none", "align": "none", "refine": {"iterations": [5], "similarity": "mse"}}
    image = sitk.GetImageFromArray((around * 255).astype(np.uint8))
    sitk.WriteImage(image, str(tmp_path / "mask.nrrd"))
    fields = [
        register(fixed, moving, **options, fixed_mask=mask).field.vectors
        for mask in (around, around * 7, around.astype(float), image, tmp_path / "mask.nrrd")
    ]
    for field in fields[1:]:
        np.testing.assert_array_equal(field, fields[0])
    everywhere = register(fixed, moving, **options, fixed_mask=np.ones_like(around))
    none = register(fixed, moving, **options)
    np.testing.assert_allclose(everywhere.field.vectors, none.field.vectors, atol=1e-4)


def test_masks_of_a_request_are_files(tmp_path: Path) -> None:
    for name, array in (("fixed", pattern()), ("moving", with_lesion(pattern()))):
        sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.float32)), f"{tmp_path}/{name}.nrrd")
    mask = sitk.GetImageFromArray((~disc(radius=9)).astype(np.uint8))
    sitk.WriteImage(mask, f"{tmp_path}/mask.nrrd")
    request = RegistrationRequest(
        f"{tmp_path}/fixed.nrrd", f"{tmp_path}/moving.nrrd", model="none", align="none",
        refine={"iterations": [4]}, moving_mask=tmp_path / "mask.nrrd",
    )  # fmt: skip
    assert RegistrationRequest.from_json(request.to_json()) == request
    result = Runner().run(request)
    assert result.provenance["inputs"]["moving_mask"]["path"] == f"{tmp_path}/mask.nrrd"


def test_masks_that_cannot_be_are_told_in_one_line() -> None:
    image, other = pattern(), pattern(1.0)
    far = sitk.GetImageFromArray(np.ones((SIDE, SIDE), np.uint8))
    far.SetOrigin((5.0, 0.0))
    for mask, said in (
        (np.zeros_like(image), "fixed mask: all voxels are 0, so that nothing would be compared"),
        (np.ones((8, SIDE, SIDE)), "fixed mask: expected the lattice of its image"),
        (np.ones((SIDE, 32)), "fixed mask: expected the lattice of its image"),
        (far, "fixed mask: expected the lattice of its image.*resample it onto the image"),
        (image, "fixed mask: expected whole numbers"),
        ("nowhere.nrrd", "fixed mask: there is no file"),
    ):
        with pytest.raises(InputError, match=said):
            register(image, other, model="none", fixed_mask=mask)
    halves = {"fixed_mask": COLUMNS < 30, "moving_mask": COLUMNS > 34}
    with pytest.raises(InputError, match="masks: they leave nothing to compare"):
        register(image, other, model="none", align="none", refine=True, **halves)


def test_slices_have_their_part_of_the_mask() -> None:
    array = np.stack([pattern(), pattern(), with_lesion(pattern())] + [pattern()] * 7)
    around = np.stack([~disc(radius=9)] * 10)
    fixed = np.stack([pattern()] * 10)
    options = {
        "model": "none",
        "align": "none",
        "refine": {"similarity": "mse", **FEW},
        "slices": "k:1-2",
    }
    lesion = lengths(register(fixed, array, **options).field.vectors)
    assert lesion[1].max() > 1.0
    masked = lengths(register(fixed, array, **options, moving_mask=around).field.vectors)
    assert masked.shape == (2, SIDE, SIDE)
    assert masked.max() < 0.1


@pytest.mark.parametrize("shape", [(48, 45), (20, 17, 12)])
def test_filling_continues_an_image_from_where_it_is_known(shape: tuple[int, ...]) -> None:
    ramp = torch.linspace(0, 1, shape[-1]).expand(1, 1, *shape).clone()
    known = torch.ones_like(ramp)
    known[(0, 0, *(slice(n // 3, n // 2) for n in shape))] = 0
    filled = fill_outside(torch.where(known > 0, ramp, torch.full_like(ramp, 9.0)), known)
    assert torch.equal(filled[known > 0], ramp[known > 0])
    assert (filled - ramp).abs().max() < 0.15
    assert fill_outside(ramp, torch.zeros_like(known)).abs().max() == 0
    one = torch.zeros_like(known)
    one[(0, 0, *(n // 2 for n in shape))] = 1
    value = ramp[one > 0]
    assert torch.allclose(fill_outside(ramp, one), value.expand_as(ramp))


def test_what_is_left_out_is_counted_and_told() -> None:
    image = pattern()
    healthy = 1 - disc().astype(np.uint8)
    options = {"model": "none", "align": "none", "refine": {"iterations": [5]}}
    free = register(image, image, **options)
    masked = register(image, image, fixed_mask=healthy, **options)
    counts = {"voxels": int(disc().sum()), "of": image.size}
    assert masked.metrics["left_out"] == {"fixed": counts}
    assert "left_out" not in free.metrics
    told = " ".join(judge(masked.metrics).findings)
    assert f"leaves out {counts['voxels']} of {counts['of']} voxels" in told
