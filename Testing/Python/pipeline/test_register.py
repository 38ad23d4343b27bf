from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import CancelledError, InputError, ModelError, OutOfMemoryError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import (
    Progress,
    RefineOptions,
    RegistrationResult,
    deform,
    memory_estimate,
    register,
)

MakeImage = Callable[..., sitk.Image]
FAST = RefineOptions(iterations=(30, 30, 20), similarity="mse", smoothness=0.01)


def interior(geometry: ImageGeometry, margin: float = 0.25) -> tuple[slice, ...]:
    """The middle of a lattice, where the pattern is."""
    return tuple(
        slice(int(margin * n), int((1 - margin) * n) or None) for n in geometry.array_shape
    )


def in_plane(vector: np.ndarray, geometry: ImageGeometry, axis: int) -> np.ndarray:
    """The part of a vector (mm) that lies in the slices."""
    normal = geometry.direction_matrix[:, axis]
    return vector - normal * (vector @ normal)


@pytest.fixture(scope="module")
def shifted(plane: ImageGeometry, make_image: MakeImage) -> RegistrationResult:
    shift = (2.5, -1.5)
    return register(
        make_image(plane),
        make_image(plane, shift),
        model="none",
        refine=FAST,
        fixed_labels=make_image(plane, labels=True),
        moving_labels=make_image(plane, shift, labels=True),
        fixed_landmarks=[plane.center(), np.add(plane.center(), (3.0, 2.0))],
        moving_landmarks=[
            np.add(plane.center(), shift),
            np.add(plane.center(), (3.0 + shift[0], 2.0 + shift[1])),
        ],
    )


def test_translation_in_an_oblique_anisotropic_frame(
    shifted: RegistrationResult, plane: ImageGeometry
) -> None:
    assert shifted.field.geometry == plane
    found = shifted.field.vectors[interior(plane)].reshape(-1, 2)
    np.testing.assert_allclose(found.mean(axis=0), (2.5, -1.5), atol=0.25)
    assert np.abs(found - (2.5, -1.5)).mean() < 0.4
    back = shifted.inverse.vectors[interior(plane)].reshape(-1, 2)
    np.testing.assert_allclose(back.mean(axis=0), (-2.5, 1.5), atol=0.25)


def test_numbers_of_the_translation(shifted: RegistrationResult) -> None:
    before, after = shifted.metrics["before"], shifted.metrics["after"]
    assert set(shifted.metrics) == {"before", "after", "deformation", "landmarks", "sides"}
    assert after["ncc"] > 0.99 > before["ncc"]
    assert after["mse"] < 0.1 * before["mse"]
    assert after["dice_mean"] > 0.93 > before["dice_mean"]
    assert set(after["dice"]) == set(after["hd95"]) == {1, 2}
    assert after["hd95_mean"] < before["hd95_mean"]
    assert before["tre"] == pytest.approx(np.hypot(2.5, 1.5))
    assert after["tre"] < 0.5
    assert len(after["tre_per_landmark"]) == 2
    deformation = shifted.metrics["deformation"]
    assert deformation["fold_count"] == 0
    assert deformation["jacobian_min"] > 0
    assert deformation["inverse_consistency_mm"] < 0.1
    assert deformation["displacement_max_mm"] == pytest.approx(
        np.linalg.norm(shifted.field.vectors, axis=-1).max()
    )


def test_result_images_agree_with_the_field(
    shifted: RegistrationResult, plane: ImageGeometry
) -> None:
    transform = shifted.field.to_transform()
    for moving, warped, how in (
        (shifted.moving, shifted.warped, sitk.sitkLinear),
        (shifted.moving_labels, shifted.warped_labels, sitk.sitkNearestNeighbor),
    ):
        assert warped is not None
        outside = float(sitk.GetArrayViewFromImage(moving).min())
        expected = sitk.Resample(moving, shifted.fixed, transform, how, outside)
        np.testing.assert_array_equal(
            sitk.GetArrayFromImage(warped), sitk.GetArrayFromImage(expected)
        )
        assert ImageGeometry.from_image(warped).matches(plane)
        assert warped.GetPixelID() == moving.GetPixelID()
    jacobian = sitk.GetArrayFromImage(shifted.jacobian)
    np.testing.assert_allclose(jacobian, shifted.field.jacobian_determinant(), rtol=1e-5)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(shifted.folds), jacobian <= 0)


def test_provenance_and_timings(shifted: RegistrationResult) -> None:
    stages_ = {"read", "model", "align", "prepare", "refine", "output", "measure", "total"}
    assert set(shifted.timings) == stages_
    assert shifted.timings["total"] >= max(shifted.timings.values())
    provenance = shifted.provenance
    assert provenance["model"] is None
    assert provenance["seed"] == 0
    assert len(provenance["inputs"]["fixed"]["sha256"]) == 64
    assert provenance["options"]["refine"]["iterations"] == [30, 30, 20]
    assert provenance["method"]["alignment"] == "none"
    assert provenance["versions"]["ldmreg"]
    assert provenance["memory"]["process_mib"] > 0


def test_swapped_images_give_about_the_inverse(
    shifted: RegistrationResult, plane: ImageGeometry
) -> None:
    swapped = register(shifted.moving, shifted.fixed, model=None, refine=FAST)
    middle = interior(plane)
    difference = swapped.field.vectors[middle] - shifted.inverse.vectors[middle]
    assert np.linalg.norm(difference, axis=-1).mean() < 0.5


def test_same_bits_every_time(shifted: RegistrationResult, make_image: MakeImage) -> None:
    other = replace(ImageGeometry.from_image(shifted.moving), origin=(29.0, -11.0))
    runs = [
        register(shifted.fixed, make_image(other), model="none", refine=FAST, seed=3)
        for _ in range(2)
    ]
    assert runs[0].provenance["method"]["alignment"] == "rigid"
    np.testing.assert_array_equal(runs[0].field.vectors, runs[1].field.vectors)
    np.testing.assert_array_equal(runs[0].inverse.vectors, runs[1].inverse.vectors)


@pytest.mark.parametrize("selection", ["i:15-18", "j:14-17", "k:3-6", "axial:14-17"])
def test_slices_land_in_the_right_place(
    volume: ImageGeometry, make_image: MakeImage, selection: str
) -> None:
    shift = np.array((3.0, -2.0, 2.0))
    fixed = make_image(volume)
    axis = {"i": 0, "j": 1, "k": 2, "a": 1}[selection[0]]
    motion = in_plane(shift, volume, axis)
    moving = make_image(volume, motion.tolist())
    result = register(fixed, moving, model="none", refine=FAST, slices=selection)
    geometry = result.field.geometry
    start = int(selection.split(":")[1].split("-")[0])
    np.testing.assert_allclose(
        geometry.origin, volume.index_to_physical(np.eye(3)[axis] * start), atol=1e-9
    )
    normal = volume.direction_matrix[:, axis]
    np.testing.assert_allclose(result.field.vectors @ normal, 0, atol=1e-9)
    found = result.field.vectors[interior(geometry)].reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(found, motion, atol=0.5)
    # At physical points, SimpleITK sees in the warped slices what the fixed image has there.
    index = geometry.index_to_physical(np.asarray(geometry.size) // 2)
    point = tuple(index.tolist())
    moved = result.transform.TransformPoint(point)
    value = moving.EvaluateAtPhysicalPoint(moved)
    assert result.warped.EvaluateAtPhysicalPoint(point) == pytest.approx(value, abs=1e-4)
    assert value == pytest.approx(fixed.EvaluateAtPhysicalPoint(point), abs=0.1)
    assert result.metrics["after"]["ncc"] > max(0.97, result.metrics["before"]["ncc"])
    assert result.metrics["deformation"]["fold_count"] == 0
    assert result.slices is not None
    assert result.inverse.geometry == geometry


def test_slices_of_a_moving_volume_on_another_lattice(
    volume: ImageGeometry, make_image: MakeImage
) -> None:
    other = ImageGeometry(
        (30, 40, 28), (2.0, 1.6, 1.8), (-18.0, 12.0, 66.0), (1, 0, 0, 0, 1, 0, 0, 0, 1)
    )
    moving = make_image(other, (0.0, 2.0, 1.5), center=volume.center())
    fixed = make_image(volume)
    result = register(fixed, moving, model="none", refine=FAST, slices="k:4-5", align="none")
    assert result.warped.GetSize() == (36, 32, 2)
    assert result.metrics["after"]["ncc"] > 0.97
    found = result.field.vectors[interior(result.field.geometry)].reshape(-1, 3).mean(axis=0)
    assert np.linalg.norm(found - (0.0, 2.0, 1.5)) < 0.6


def test_3d_with_different_lattices(volume: ImageGeometry, make_image: MakeImage) -> None:
    other = replace(volume, size=(40, 34, 12), origin=(-14.0, 17.0, 66.0))
    fixed = make_image(volume)
    moving = make_image(other, (3.0, -2.0, 2.0), center=volume.center())
    result = register(fixed, moving, model="none", refine=replace(FAST, iterations=(20, 15)))
    assert result.provenance["method"]["alignment"] == "rigid"
    assert {"before", "aligned", "after"} < set(result.metrics)
    assert result.metrics["after"]["ncc"] > max(0.98, result.metrics["before"]["ncc"])
    assert result.field.geometry == volume
    assert result.inverse.geometry.matches(other)
    assert result.metrics["deformation"]["fold_count"] == 0
    assert result.metrics["deformation"]["inverse_consistency_mm"] < 0.3


def test_one_slice_with_a_place_in_space(volume: ImageGeometry, make_image: MakeImage) -> None:
    fixed, moving = make_image(volume)[:, :, 4:5], make_image(volume, (0.0, 2.0, 1.0))[:, :, 4:5]
    result = register(fixed, moving, model="none", refine=FAST)
    assert result.field.dimension == 3
    assert result.warped.GetSize() == fixed.GetSize()
    assert result.metrics["after"]["ncc"] > 0.98
    assert np.isfinite(result.metrics["deformation"]["sdlogj_learn2reg"])


def test_final_lattice_has_no_folds_even_when_it_is_finer_than_the_work(
    make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lattice = ImageGeometry((40, 36), (1.0, 0.8), (0.0, 0.0), (0.0, 1.0, -1.0, 0.0))
    noise = np.random.default_rng(0).random((2, *lattice.array_shape)).astype(np.float32)
    images = [sitk.DiscreteGaussian(lattice.to_image(n), 0.8) for n in noise]
    wild = RefineOptions(
        iterations=(10, 30), similarity="mse", smoothness=0.0, sigma=0.7, learning_rate=1.0
    )
    coarse = lattice.resampled(spacing=(1.3, 1.3))
    monkeypatch.setattr(deform, "refinement_lattice", lambda *_: coarse)
    result = register(images[0], images[1], model="none", refine=wild)
    determinant = result.field.jacobian_determinant()
    assert determinant.min() > 0
    assert determinant.max() > 1.5  # it did deform
    assert result.metrics["deformation"]["fold_count"] == 0


def test_arrays_are_images_of_1_mm(make_image: MakeImage) -> None:
    lattice = ImageGeometry((48, 40), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    fixed, moving = (
        sitk.GetArrayFromImage(make_image(lattice, shift)) for shift in ((0, 0), (2, 1))
    )
    result = register(fixed, moving, model="none", refine=FAST)
    assert result.field.geometry == lattice
    found = result.field.vectors[interior(lattice)].reshape(-1, 2).mean(axis=0)
    np.testing.assert_allclose(found, (2, 1), atol=0.3)


def test_alignment_alone(plane: ImageGeometry, make_image: MakeImage) -> None:
    fixed, moving = make_image(plane), make_image(plane, (3.0, 2.0))
    result = register(fixed, moving, model="none", refine=False, align="rigid")
    found = result.field.vectors[interior(plane)].reshape(-1, 2)
    np.testing.assert_allclose(found, np.broadcast_to((3.0, 2.0), found.shape), atol=0.4)
    assert result.metrics["deformation"]["sdlogj"] == pytest.approx(0, abs=1e-3)


def test_initial_transform_without_an_inverse(
    plane: ImageGeometry, make_image: MakeImage, tmp_path: Path
) -> None:
    bend = np.zeros((*plane.array_shape, 2))
    bend[..., 0], bend[..., 1] = 2.0, -1.0
    DisplacementField(bend, plane).write(tmp_path / "bend.h5")
    result = register(
        make_image(plane),
        make_image(plane, (2.5, -1.5)),
        model="none",
        refine=FAST,
        initial_transform=tmp_path / "bend.h5",
    )
    assert result.provenance["method"]["alignment"] == "given"
    middle = interior(plane)
    found = result.field.vectors[middle].reshape(-1, 2).mean(axis=0)
    np.testing.assert_allclose(found, (2.5, -1.5), atol=0.25)
    assert result.metrics["deformation"]["inverse_consistency_mm"] < 0.3


def test_cancel_in_each_stage(plane: ImageGeometry, make_image: MakeImage) -> None:
    fixed, moving = make_image(plane), make_image(plane, (2.0, 1.0))
    for stage in ("read", "model", "align", "refine", "output", "measure", "done"):
        reached: list[str] = []
        progress = Progress(
            lambda name, fraction, text, seen=reached: seen.append(name),
            lambda last=stage, seen=reached: bool(seen) and seen[-1] == last,
        )
        run: dict[str, Any] = {"model": "none", "refine": FAST, "progress": progress}
        if stage == "done":
            register(fixed, moving, **run)
        else:
            with pytest.raises(CancelledError):
                register(fixed, moving, align="rigid" if stage == "align" else "none", **run)
        assert reached[-1] == stage


def test_progress_goes_from_0_to_1(plane: ImageGeometry, make_image: MakeImage) -> None:
    told: list[tuple[str, float, str]] = []
    register(
        make_image(plane),
        make_image(plane, (2.0, 1.0)),
        model="none",
        refine=FAST,
        progress=Progress(lambda *report: told.append(report)),
    )
    seen = [fraction for _, fraction, _ in told]
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert seen == sorted(seen)
    assert len(seen) > 50
    # Measuring takes seconds in volumes.
    shares = [message for stage, _, message in told if stage == "measure" and message]
    assert shares == ["0%", "33%", "67%"]


def test_bad_input_is_one_clear_line(
    plane: ImageGeometry, volume: ImageGeometry, make_image: MakeImage, tmp_path: Path
) -> None:
    good = make_image(plane)
    far = make_image(replace(plane, origin=(5000.0, 0.0)))
    other = make_image(replace(plane, origin=(31.0, -12.0)), labels=True)
    holes = sitk.GetArrayFromImage(good)
    holes[3, 3] = np.nan
    cases: list[tuple[Any, Any, dict[str, Any], str]] = [
        (tmp_path / "none.nrrd", good, {}, "there is no file"),
        (
            good,
            make_image(volume),
            {},
            "36x32x10 voxels and the fixed image is 2D; expected a volume of one",
        ),
        (good, far, {}, "do not overlap"),
        (good, holes, {}, "NaN"),
        (good, np.ones((40, 40)), {}, "nothing to register"),
        (good, np.ones((5, 5, 40, 40)), {}, "shape"),
        (good, good, {"fixed_labels": other}, "lattice of its image"),
        (good, good, {"fixed_landmarks": [[1.0, 2.0]]}, "without the moving"),
        (good, good, {"align": "fast"}, "align"),
        (good, good, {"refine": "fast"}, "refine"),
        (good, good, {"device": "tpu"}, "device"),
        (good, good, {"precision": "int8"}, "precision"),
        (good, good, {"slices": "k:1"}, "2D"),
        (good, good, {"slices": "x"}, "slices"),
        (good, good, {"seed": -1}, "seed"),
        (good, good, {"refine": False}, "nothing to do"),
        (good, good, {"initial_transform": 5}, "initial transform"),
        (make_image(volume), make_image(volume), {"slices": "j:99"}, "slice 99"),
    ]
    for fixed, moving, options, said in cases:
        with pytest.raises(InputError, match=said) as caught:
            register(fixed, moving, model="none", **options)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400


def test_unknown_model(plane: ImageGeometry, make_image: MakeImage) -> None:
    with pytest.raises(ModelError, match="no-such-model"):
        register(make_image(plane), make_image(plane), model="no-such-model")


def test_too_large_for_the_memory(
    plane: ImageGeometry, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_estimate, "available_memory", lambda: 2**10)
    with pytest.raises(OutOfMemoryError, match=r"GiB.*use slices"):
        register(make_image(plane), make_image(plane, (1.0, 1.0)), model="none")


@pytest.mark.slow
def test_lung_ct_landmarks_come_together(shared_data: Path) -> None:
    """Two CT volumes on different lattices, 33 mm apart, with 10 landmarks."""
    folder = shared_data / "data" / "lung_ct"
    result = register(
        folder / "3DCT_lung_baseline.mha",
        folder / "3DCT_lung_followup.mha",
        model="none",
        refine={"iterations": (40, 15)},
        fixed_landmarks=folder / "3DCT_lung_baseline.txt",
        moving_landmarks=folder / "3DCT_lung_followup.txt",
    )
    errors = {state: result.metrics[state]["tre"] for state in ("before", "aligned", "after")}
    assert errors["before"] > 30
    assert errors["aligned"] < 10
    assert errors["after"] < 4
    assert result.metrics["deformation"]["fold_count"] == 0
    assert result.inverse.geometry.size == (115, 166, 131)


def test_cine_mr_labels_overlap_more(shared_data: Path) -> None:
    pair = np.load(shared_data / "data" / "cardiac_mr" / "SC-HF-I-01_s05.npz")
    result = register(
        pair["fixed"],
        pair["moving"],
        model="none",
        fixed_labels=pair["fixed_seg"],
        moving_labels=pair["moving_seg"],
    )
    before, after = (result.metrics[state]["dice_mean"] for state in ("before", "after"))
    assert after > max(0.9, before + 0.05)
    assert result.metrics["deformation"]["fold_count"] == 0
    assert result.provenance["method"]["alignment"] == "none"


def test_outside_of_a_ct_is_air(plane: ImageGeometry, make_image: MakeImage) -> None:
    fixed = make_image(plane) * 500 - 1000
    away = sitk.TranslationTransform(2, (25.0, 0.0))
    result = register(fixed, fixed, model="none", refine=FAST, initial_transform=away)
    outside = sitk.GetArrayFromImage(result.warped)[:, -1]
    assert outside.min() == sitk.GetArrayFromImage(fixed).min()
