"""The report: planes the right way up, honest scales, marked folds, and files that are safe."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from matplotlib.image import imread

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.report import judge, key_numbers, to_plain, write_json, write_reports
from SlicerLDMRegLib.report.canvas import DARK
from SlicerLDMRegLib.report.figure_data import build_figure_data
from SlicerLDMRegLib.report.figures import panel_png
from SlicerLDMRegLib.report.jacobian_map import FOLD_COLOR, JACOBIAN_MAP
from SlicerLDMRegLib.report.panels import PANELS
from SlicerLDMRegLib.report.planes import anatomical_axes, choose_planes
from SlicerLDMRegLib.report.tables import metric_tables, provenance_tables

IDENTITY_3D = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
LPS_FLIPPED = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
# i runs to posterior, j to superior, k to the left: a sagittal acquisition.
SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass
class Result:
    """Stands where the pipeline's result does; made from a field that is known exactly."""

    fixed: sitk.Image
    moving: sitk.Image
    warped: sitk.Image
    field: DisplacementField
    jacobian: sitk.Image
    folds: sitk.Image
    metrics: dict[str, Any]
    fixed_labels: sitk.Image | None = None
    moving_labels: sitk.Image | None = None
    warped_labels: sitk.Image | None = None
    timings: dict[str, Any] = field(default_factory=lambda: {"predict": 0.5, "total": 1.25})
    provenance: dict[str, Any] = field(default_factory=dict)


def geometry_2d(size: tuple[int, int] = (40, 30), spacing: float = 1.5) -> ImageGeometry:
    return ImageGeometry(size, (spacing, spacing), (5.0, -7.0), (1.0, 0.0, 0.0, 1.0))


def geometry_3d(direction: tuple[float, ...] = IDENTITY_3D) -> ImageGeometry:
    return ImageGeometry((16, 20, 12), (1.0, 2.0, 3.0), (-3.0, 4.0, 50.0), direction)


def make_result(
    geometry: ImageGeometry,
    displacement: Callable[[np.ndarray], np.ndarray] = np.zeros_like,
    labels: bool = False,
) -> Result:
    """Return a result whose field is ``displacement(points)``; the moving image is a gradient."""
    points = geometry.points()
    u = DisplacementField(displacement(points), geometry)
    ramp = points @ np.arange(1.0, geometry.dimension + 1)
    moving = geometry.to_image(ramp.astype(np.float32))
    transform = u.to_transform()
    warped = sitk.Resample(moving, moving, transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    jacobian = u.jacobian_determinant()
    folds = jacobian <= 0
    metrics: dict[str, Any] = {
        "before": {"ncc": 0.5, "mse": 0.1},
        "after": {"ncc": 0.9, "mse": 0.02},
        "deformation": {
            "fold_count": int(folds.sum()),
            "fold_percent": 100.0 * float(folds.mean()),
            "sdlogj": float("nan"),
            "displacement_mean_mm": float(np.linalg.norm(u.vectors, axis=-1).mean()),
            "displacement_max_mm": float(np.linalg.norm(u.vectors, axis=-1).max()),
        },
    }
    result = Result(
        fixed=warped,
        moving=moving,
        warped=warped,
        field=u,
        jacobian=geometry.to_image(jacobian.astype(np.float32)),
        folds=geometry.to_image(folds.astype(np.uint8)),
        metrics=metrics,
    )
    if labels:
        low, high = np.percentile(ramp, [30, 60])
        image = geometry.to_image(((ramp > low) & (ramp < high)).astype(np.uint8))
        result.fixed_labels = result.moving_labels = result.warped_labels = image
        for side, dice in (("before", 0.5), ("after", 0.8)):
            metrics[side].update(dice={1: dice}, dice_mean=dice, hd95={1: 3.0})
    return result


def folding(points: np.ndarray) -> np.ndarray:
    """Turn the surroundings of the lattice's middle inside out."""
    offset = points - points.reshape(-1, points.shape[-1]).mean(axis=0)
    weight = np.exp(-(offset**2).sum(-1, keepdims=True) / (2 * 4.0**2))
    return np.asarray(-1.8 * offset * weight)


def constant(points: np.ndarray, *shift: float) -> np.ndarray:
    return np.broadcast_to(shift, points.shape)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(imread(io.BytesIO(png), format="png"))[..., :3]


def count_color(image: np.ndarray, color: str, tolerance: float = 0.06) -> int:
    rgb = np.array([int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    return int((np.abs(image - rgb).max(axis=-1) < tolerance).sum())


def panel(key: str) -> Any:
    return next(p for p in PANELS if p.key == key)


# Planes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [IDENTITY_3D, LPS_FLIPPED, SAGITTAL])
def test_planes_follow_the_radiological_convention(direction: tuple[float, ...]) -> None:
    geometry = geometry_3d(direction)
    points = geometry.points()
    planes = choose_planes(geometry, (3, 4, 5))
    assert [plane.title.split()[0] for plane in planes] == ["axial", "coronal", "sagittal"]
    assert [plane.edges for plane in planes] == [
        ("R", "L", "A", "P"),
        ("R", "L", "S", "I"),
        ("A", "P", "S", "I"),
    ]
    # Along each screen axis the LPS coordinate must really go where the letters say.
    for plane, (across, down) in zip(planes, [(0, 1), (0, -2), (1, -2)], strict=True):
        shown = plane.orient(points[plane.array_slice(3)])
        x, y = shown[..., across], shown[..., abs(down)]
        assert (np.diff(x, axis=1) > 0).all()
        assert (np.diff(y, axis=0) * (1 if down > 0 else -1) > 0).all()
        assert np.allclose(np.abs(np.diff(x, axis=1)), plane.spacing[0])
        assert np.allclose(np.abs(np.diff(y, axis=0)), plane.spacing[1])


def test_anatomical_axes_are_a_permutation_even_at_45_degrees() -> None:
    c = float(np.sqrt(0.5))
    direction = (c, -c, 0.0, c, c, 0.0, 0.0, 0.0, 1.0)
    assert sorted(anatomical_axes(geometry_3d(direction))) == [0, 1, 2]


def test_planes_go_through_the_folds() -> None:
    mask = np.zeros((12, 20, 16), dtype=bool)
    mask[7, 15, 2] = mask[7, 15, 3] = True
    positions = {p.normal: p.index for p in choose_planes(geometry_3d(), (8, 8, 8), mask)}
    assert positions[2] == 7
    assert positions[1] == 15
    assert positions[0] in (2, 3)


def test_slice_by_slice_shows_slices_of_that_axis() -> None:
    planes = choose_planes(geometry_3d(), (8, 8, 8), slice_axis=2)
    assert [plane.normal for plane in planes] == [2, 2, 2]
    assert len({plane.index for plane in planes}) == 3
    one = ImageGeometry((16, 20, 1), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), IDENTITY_3D)
    assert [p.normal for p in choose_planes(one, (8, 8, 0))] == [2]


def test_sampling_a_plane_reproduces_the_voxels() -> None:
    geometry = geometry_3d(LPS_FLIPPED)
    array = np.random.default_rng(0).normal(size=geometry.array_shape).astype(np.float32)
    for plane in choose_planes(geometry, (3, 4, 5)):
        expected = plane.orient(array[plane.array_slice(3)])
        assert np.allclose(plane.sample(geometry.to_image(array), geometry), expected, atol=1e-5)


# Scene -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [IDENTITY_3D, LPS_FLIPPED, SAGITTAL])
def test_motion_on_the_screen_is_the_physical_motion(direction: tuple[float, ...]) -> None:
    # mm to the left, posterior, superior
    data = build_figure_data(
        make_result(geometry_3d(direction), lambda p: constant(p, 1.0, 2.0, 3.0))
    )
    expected = {"axial": (1.0, 2.0), "coronal": (1.0, -3.0), "sagittal": (2.0, -3.0)}
    for view in data.views:
        name = view.plane.title.split()[0]
        assert np.allclose(view.motion.reshape(-1, 2), expected[name])


def test_differences_share_one_scale_and_vanish_for_a_perfect_result() -> None:
    result = make_result(geometry_2d(), lambda p: constant(p, 6.0, 0.0))
    data = build_figure_data(result)
    view = data.views[0]
    inner = (slice(None), slice(0, 30))  # to the right the moving image ends
    assert np.abs(view.after[inner]).max() < 1e-6
    assert np.abs(view.before[inner]).max() > 0.04
    assert np.percentile(np.abs(view.before), 99.5) == pytest.approx(data.difference_limit)


def test_images_of_different_contrast_get_their_own_windows() -> None:
    result = make_result(geometry_2d())
    result.fixed = result.fixed * 1000.0 + 5e4
    view = build_figure_data(result).views[0]
    assert np.abs(view.before).max() < 0.02


def test_field_on_a_coarser_lattice_is_drawn_on_the_result_lattice() -> None:
    result = make_result(geometry_2d(), lambda p: 0.1 * p)
    coarse = ImageGeometry((20, 15), (3.0, 3.0), (5.0, -7.0), (1.0, 0.0, 0.0, 1.0))
    result.field = DisplacementField(0.1 * coarse.points(), coarse)
    motion = build_figure_data(result).views[0].motion
    assert np.allclose(motion[:28, :38], 0.1 * geometry_2d().points()[:28, :38], atol=1e-6)


def test_alignment_is_left_out_of_the_colours() -> None:
    def bump(points: np.ndarray) -> np.ndarray:
        middle = points.reshape(-1, 2).mean(axis=0)
        weight = np.exp(-((points - middle) ** 2).sum(-1, keepdims=True) / (2 * 3.0**2))
        return np.asarray(40.0 + 0.1 * points + weight * [2.0, 0.0])

    result = make_result(geometry_2d(), bump)
    assert build_figure_data(result).displacement_limit > 40
    result.metrics["aligned"] = {"ncc": 0.6}
    data = build_figure_data(result)
    assert data.displacement_limit < 2.5
    assert data.views[0].local[..., 0].max() > 1.5
    assert data.views[0].motion[..., 0].max() > 40  # the grid shows everything


def test_slices_are_counted_in_the_fixed_image() -> None:
    whole, part = geometry_3d(SAGITTAL), geometry_3d(SAGITTAL).crop((0, 0, 4), (16, 20, 3))
    result = make_result(part)
    result.fixed = whole.to_image(np.ones(whole.array_shape, np.float32))
    titles = [view.plane.title for view in build_figure_data(result, slice_axis=2).views]
    assert titles[0] == "sagittal k=4"
    assert titles[-1] == "sagittal k=6"


def test_constant_and_tiny_images_do_not_break_the_scales() -> None:
    geometry = geometry_2d((2, 3))
    result = make_result(geometry)
    result.fixed = result.moving = result.warped = geometry.to_image(np.ones((3, 2), np.float32))
    data = build_figure_data(result)
    assert np.isfinite([data.difference_limit, data.displacement_limit]).all()
    for p in PANELS:
        assert panel_png(p, data)


# Panels ------------------------------------------------------------------------------------------


def test_folds_are_marked_in_the_jacobian_map_and_only_there() -> None:
    folded = build_figure_data(make_result(geometry_2d(), folding))
    sound = build_figure_data(make_result(geometry_2d()))
    assert folded.fold_count > 0
    marked = pixels(panel_png(panel("jacobian"), folded))
    # Every folded sample must show: its share of the picture's area, apart from rings and text.
    share = folded.fold_count / folded.views[0].fixed.size
    area = marked.shape[0] * marked.shape[1]
    assert count_color(marked, FOLD_COLOR) > 0.5 * share * area
    assert count_color(pixels(panel_png(panel("jacobian"), sound)), FOLD_COLOR) == 0


def test_jacobian_map_is_centred_at_one() -> None:
    def middle(factor: float) -> np.ndarray:
        data = build_figure_data(make_result(geometry_2d(), lambda p: (factor - 1) * p))
        image = pixels(panel_png(panel("jacobian"), data))
        return np.asarray(image[image.shape[0] // 2, image.shape[1] // 2])

    assert np.allclose(middle(1.0), JACOBIAN_MAP(0.5)[:3], atol=0.02)
    grown, shrunk = middle(0.9), middle(1.1)
    assert shrunk[0] > shrunk[2]  # red: determinant above 1
    assert grown[2] > grown[0]  # blue: below 1


def test_grid_lines_are_level_lines_of_the_moving_coordinate() -> None:
    """Under a translation by half a grid spacing the lines move by half a spacing, to the left."""

    def columns(shift: float) -> np.ndarray:
        geometry = ImageGeometry((96, 96), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
        result = make_result(geometry, lambda p: constant(p, shift, 0.0))
        result.fixed = geometry.to_image(np.zeros(geometry.array_shape, np.float32))
        data = build_figure_data(result)
        assert data.grid_spacing == 5.0
        image = pixels(panel_png(panel("grid"), data, DARK))
        row = image[image.shape[0] // 2 - 10 : image.shape[0] // 2 + 10, :, 0].min(axis=0)
        size = image.shape[1] / 96
        found = np.flatnonzero((row[1:-1] > row[:-2]) & (row[1:-1] >= row[2:]) & (row[1:-1] > 0.3))
        return np.asarray((found + 1.5) / size - 0.5)

    still, moved = columns(0.0), columns(2.0)
    assert np.allclose(np.mod(still + 0.3, 5.0), 0.3, atol=0.3)
    assert np.allclose(np.mod(moved + 2.3, 5.0), 0.3, atol=0.3)


def test_direction_colours_differ_for_opposite_motion() -> None:
    def hue(shift: float) -> np.ndarray:
        data = build_figure_data(make_result(geometry_2d(), lambda p: constant(p, shift, 0.0)))
        image = pixels(panel_png(panel("displacement"), data))
        return np.asarray(image[image.shape[0] // 2, image.shape[1] // 2])

    right, left = hue(2.0), hue(-2.0)
    assert right[0] > right[1] and right[0] > right[2]  # red
    assert left[0] < left[1] and left[0] < left[2]  # cyan


def test_pictures_keep_the_physical_aspect_ratio() -> None:
    geometry = ImageGeometry((20, 20), (1.0, 2.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    image = pixels(panel_png(panel("fixed"), build_figure_data(make_result(geometry))))
    assert image.shape[0] / image.shape[1] == pytest.approx(2.0, abs=0.02)
    geometry = ImageGeometry((20, 20), (2.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    image = pixels(panel_png(panel("fixed"), build_figure_data(make_result(geometry))))
    assert image.shape[0] / image.shape[1] == pytest.approx(0.5, abs=0.02)


# Verdict -----------------------------------------------------------------------------------------


def metrics(**deformation: float) -> dict[str, Any]:
    return {
        "before": {"ncc": 0.5, "dice_mean": 0.6},
        "after": {"ncc": 0.9, "dice_mean": 0.8},
        "deformation": {"fold_count": 0, "fold_percent": 0.0, **deformation},
    }


def test_verdict_good_check_and_bad() -> None:
    assert judge(metrics()).status == "good"
    few = judge(metrics(fold_count=3, fold_percent=0.01))
    assert few.status == "check"
    assert "refinement" in few.advice[0]
    assert judge(metrics(fold_count=300, fold_percent=1.0)).status == "bad"
    for name in ("ncc", "dice_mean"):
        worse = metrics()
        worse["after"][name] = 0.3
        assert judge(worse).status == "bad", name
        assert judge(worse).advice
    assert judge({"before": {"tre": 1.0}, "after": {"tre": 2.0}}).status == "bad"
    assert judge(metrics(displacement_mean_mm=0.0, displacement_max_mm=0.0)).status == "check"


def test_verdict_sees_uneven_deformation_and_a_spoilt_alignment() -> None:
    assert judge(metrics(sdlogj=0.3, jacobian_min=0.1, jacobian_max=5.0)).status == "good"
    for uneven in ({"sdlogj": 0.9}, {"jacobian_min": 0.005, "jacobian_max": 2.0}):
        verdict = judge(metrics(**uneven))
        assert verdict.status == "check"
        assert "smoothness" in verdict.advice[0]
    spoilt = metrics()
    spoilt["before"]["tre"], spoilt["after"]["tre"] = 30.0, 12.0
    assert judge(spoilt).status == "good"
    spoilt["aligned"] = {"tre": 8.0}
    assert judge(spoilt).status == "check"


def test_verdict_names_images_that_the_model_does_not_know() -> None:
    for distance, told in ((0.4, False), (2.3, True)):
        verdict = judge({**metrics(), "model": {"distance_to_training_images": distance}})
        assert any("unlike" in finding for finding in verdict.findings) == told


def test_verdict_goes_by_what_looks_unlike_where_it_is_known() -> None:
    for unlike, linear, status in (
        (0.1, 0.2, "good"), (0.4, 0.2, "check"), (0.7, 0.8, "bad"), (0.1, 0.6, "check"),
        (float("nan"), float("nan"), "bad"),
    ):  # fmt: skip
        inverted = metrics()
        inverted["before"] |= {"ncc": -0.5, "unlike": 0.6}
        inverted["after"] |= {"ncc": -0.9, "unlike": unlike, "unlike_linear": linear}
        assert judge(inverted).status == status, (unlike, linear)
    worse = metrics()
    worse["before"]["unlike"], worse["after"]["unlike"] = 0.05, 0.2
    assert judge(worse).status == "check"


def test_labels_that_fit_tell_that_the_bending_is_right() -> None:
    bent = metrics()
    bent["after"] |= {"unlike": 0.1, "unlike_linear": 0.6}
    bent["before"]["unlike"] = 0.6
    for values, status in (
        ({1: 0.98, 2: 0.96, 3: 0.97}, "good"),
        ({1: 0.98, 2: 0.96, 3: 0.93}, "check"),
        ({1: 0.98, 2: 0.96}, "check"),
    ):
        bent["after"]["dice"] = {str(n): v for n, v in values.items()}
        assert judge(bent).status == status, values
    # Labels that drove the deformation confirm nothing.
    bent["after"]["dice"] = {"1": 0.98, "2": 0.98, "3": 0.98}
    assert judge({**bent, "structures": {"by": "both"}}).status == "check"


def test_sides_that_agree_tell_that_the_bending_is_right() -> None:
    bent = metrics()
    bent["after"] |= {"unlike": 0.1, "unlike_linear": 0.6}
    bent["before"]["unlike"] = 0.6
    assert judge(bent).status == "check"
    for correlation, status in ((0.45, "good"), (0.2, "check"), (-0.5, "check")):
        bent["sides"] = {"name": "mirrored", "correlation": correlation, "largest": 0.6}
        assert judge(bent).status == status, correlation
    bent["sides"]["correlation"] = 0.45
    assert any("as the sides of the images confirm" in text for text in judge(bent).findings)


@pytest.mark.parametrize(
    ("other", "finding", "advice"),
    [
        ({"name": "mirrored left to right"}, "lie the wrong way round", "Check the orientation"),
        ({"name": "at half its length", "kind": "stretched"}, "voxel spacing", "voxel spacing"),
        ({"name": "shifted by 30 mm", "kind": "shifted"}, "repeated structures", "repeat"),
        ({"name": "turned by 90°", "kind": ["odd"]}, "lie the wrong way round", "orientation"),
        ({"name": "turned by about 30°", "kind": "oblique"}, "hidden a turn", "rigidly"),
        ({"name": "at about 71% of its size", "kind": "scaled"}, "another one", "affine"),
    ],
)
def test_a_better_place_needs_a_look(other: dict[str, Any], finding: str, advice: str) -> None:
    verdict = judge(metrics() | {"other_orientation": other})
    assert verdict.status == "check"
    (told,) = (text for text in verdict.findings if other["name"] in text)
    assert finding in told and any(advice in text for text in verdict.advice)


@pytest.mark.parametrize(
    ("correlation", "largest", "unlike", "words"),
    [
        (0.1, 0.2, 0.3, "different places of a body"),
        (-0.1, -0.004, 0.3, "(correlation 0.00 at most)"),
        (-0.5, 0.2, 0.2, "opposite in them"),
        (0.1, 0.2, 0.05, None),
        (0.1, 0.25, 0.2, None),
        (0.1, None, 0.2, None),
    ],
)
def test_sides_that_have_nothing_in_common_need_a_look(
    correlation: float, largest: float | None, unlike: float, words: str | None
) -> None:
    found = metrics()
    found["sides"] = {"name": "mirrored", "correlation": correlation, "largest": largest}
    for stage in ("before", "after"):
        found[stage]["unlike"] = unlike
    verdict = judge(found)
    assert verdict.status == ("check" if words else "good")
    assert any(words in text for text in verdict.findings) if words else True


def test_what_the_images_cannot_tell_of_their_sides_is_said() -> None:
    said = "Whether the moving image is mirrored left to right cannot be told from the images"
    for correlation, expected in ((0.05, True), (-0.2, True), (0.6, False), (-0.5, False)):
        sides = {"name": "mirrored left to right", "correlation": correlation, "largest": 0.9}
        verdict = judge(metrics() | {"sides": sides})
        assert any(text.startswith(said) for text in verdict.findings) is expected, correlation
        assert verdict.status == ("check" if correlation < -0.3 else "good")


@pytest.mark.parametrize(
    ("residual", "iterations", "correlation", "status"),
    [
        (0.020, 0, 0.6, "good"),
        (0.023, 0, 0.6, "check"),
        (0.020, 0, 0.1, "check"),
        (0.014, 0, 0.1, "good"),
        (0.020, 0, None, "good"),
        (0.015, 5, 0.6, "check"),
    ],
)
def test_motion_that_is_left_counts_more_where_the_sides_agree_little(
    residual: float, iterations: int, correlation: float | None, status: str
) -> None:
    moved = {"displacement_mean_mm": 3.0, "displacement_max_mm": 5.0, "diagonal_mm": 100.0}
    found = metrics(**moved, residual_motion_mm=100 * residual, iterations=iterations)
    if correlation is not None:
        found["sides"] = {"name": "mirrored", "correlation": correlation, "largest": 0.9}
    assert judge(found).status == status


def test_lost_overlap_worsens_the_verdict_and_is_stated_beside_the_similarity() -> None:
    def covered(before: float, aligned: float | None, after: float) -> dict[str, Any]:
        found = metrics()
        for side, share in (("before", before), ("aligned", aligned), ("after", after)):
            if share is not None:
                found.setdefault(side, {}).update(covered=share, overlap=share)
        return found

    assert judge(covered(1.0, 0.85, 0.84)).status == "good"  # what the alignment needed
    for lost in (covered(1.0, None, 0.7), covered(0.95, 0.9, 0.78), covered(0.55, None, 0.55)):
        verdict = judge(lost)
        assert verdict.status == "check"
        assert any("out of view" in finding for finding in verdict.findings)
    assert dict(key_numbers(covered(1.0, None, 0.9), None))["Overlap"] == "100 → 90 %"
    rows = [row[0] for row in metric_tables(covered(1.0, None, 0.9))[0].rows]
    assert "covers" in rows[1]  # beside the NCC


def test_images_that_are_led_out_of_each_others_view_need_a_look() -> None:
    # A heart that is found although its image was rolled: most structures have a partner.
    found = metrics()
    for side, covered, overlap in (("before", 1.0, 1.0), ("after", 0.92, 0.64)):
        found[side].update(covered=covered, overlap=overlap)
    verdict = judge(found)
    assert verdict.status == "check"
    assert any("100 → 64 %" in text and "out of view" in text for text in verdict.findings)
    found["after"]["overlap"] = 0.75
    assert judge(found).status == "good"
    found["before"]["overlap"], found["after"]["overlap"] = 0.3, 0.64  # brought into view
    assert judge(found).status == "good"


def test_motion_is_judged_by_the_size_of_the_image() -> None:
    moved = {"displacement_mean_mm": 8.0, "displacement_max_mm": 20.0, "diagonal_mm": 100.0}
    assert judge(metrics(**moved, bending_mm=3.0)).status == "good"
    assert judge(metrics(**moved, bending_mm=8.0)).status == "check"
    assert judge(metrics(**{**moved, "diagonal_mm": 400.0}, bending_mm=8.0)).status == "good"
    assert judge(metrics(**moved, inverse_consistency_mm=2.0)).status == "check"
    stretched = judge(metrics(**moved, linear_stretch_min=0.9, linear_stretch_max=2.4))
    assert stretched.status == "check"
    assert "spacing" in " ".join(stretched.advice)


def test_labels_under_other_numbers_and_the_note_of_the_alignment_are_told() -> None:
    swapped = metrics()
    swapped["after"] |= {"better_numbers": {"1": 2, "2": 1}, "better_numbers_dice": 0.9}
    swapped["label_names"] = {1: "left lung"}
    verdict = judge(swapped)
    assert verdict.status == "check"
    assert any("left lung is 2, 2 is 1" in finding for finding in verdict.findings)
    noted = judge({**metrics(), "alignment_note": "affine was not better than rigid: rigid kept"})
    assert any("rigid kept" in finding for finding in noted.findings)
    assert noted.status == "good"


def test_verdict_does_not_claim_a_gain_that_is_none() -> None:
    same = metrics()
    same["after"] = same["before"]
    assert "hardly changed" in judge(same).headline
    assert judge({}).headline
    unmeasured = {"before": {"ncc": float("nan")}, "after": {"ncc": 0.9}, "deformation": {}}
    assert not judge(unmeasured).findings


def test_key_numbers_skip_what_was_not_measured() -> None:
    assert dict(key_numbers(metrics(), 2.0)) == {
        "NCC": "0.500 → 0.900",
        "Dice": "0.600 → 0.800",
        "Folds": "0",
        "Seconds": "2.0",
    }
    assert key_numbers({}, None) == []


# Files -------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Collects tags with their attributes, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


NASTY = '<script>alert("x")</script> $x_1$ & {{ 7 * 7 }}.nrrd'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = make_result(geometry_2d(), folding, labels=True)
    result.provenance = {
        "inputs": {"fixed": {"path": NASTY}, "moving": {"path": "/data/moving.nrrd"}},
        "model": {"id": "m", "title": NASTY},
        "seed": 0,
    }
    folder = tmp_path_factory.mktemp("report")
    write_reports(result, folder)
    return folder


def test_writes_three_files(written: Path) -> None:
    assert {p.name for p in written.iterdir()} == {"overview.png", "report.html", "report.json"}
    overview = pixels((written / "overview.png").read_bytes())
    assert overview.shape[1] > 1500
    assert overview.std() > 0.1


def test_html_needs_nothing_from_outside_and_runs_nothing(written: Path) -> None:
    text = (written / "report.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in reader.tags}
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:image/png;base64,").startswith("data:image/png")
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style is not None
    assert "url(" not in style[1]
    assert "&#" not in style[1]
    assert "prefers-color-scheme: dark" in style[1]


def test_html_shows_outside_text_as_text(written: Path) -> None:
    reader = Reader()
    reader.feed((written / "report.html").read_text(encoding="utf-8"))
    assert NASTY in reader.text


def test_html_has_every_panel_and_table(written: Path) -> None:
    reader = Reader()
    reader.feed((written / "report.html").read_text(encoding="utf-8"))
    figures = [attributes.get("id") for tag, attributes in reader.tags if tag == "figure"]
    # The uncertainty is there only where it was asked for.
    assert set(figures) == {p.key for p in PANELS} - {"uncertainty"} | {"flicker"}
    images = [attributes for tag, attributes in reader.tags if tag == "img"]
    assert all(attributes.get("alt") for attributes in images)
    for title in ("Match before and after", "1 structure", "Deformation", "Time", "Provenance"):
        assert title in reader.text


def test_json_is_strict(written: Path, tmp_path: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text = (written / "report.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    assert document["metrics"]["deformation"]["sdlogj"] is None
    assert document["metrics"]["after"]["dice"] == {"1": 0.8}
    assert document["verdict"]["status"] in ("check", "bad")
    assert document["timings"]["total"] == 1.25
    result = make_result(geometry_2d())
    result.provenance = {"a": np.float32(1.5), "b": np.arange(2), "c": Path("x"), "d": (np.inf, 1)}
    write_json(result, tmp_path / "r.json")
    provenance = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["provenance"]
    assert provenance == {"a": 1.5, "b": [0, 1], "c": "x", "d": [None, 1]}


def test_to_plain_refuses_what_is_not_data() -> None:
    with pytest.raises(TypeError, match="object"):
        to_plain({"a": object()})


def test_volume_report(tmp_path: Path) -> None:
    write_reports(make_result(geometry_3d(SAGITTAL), folding, labels=True), tmp_path)
    reader = Reader()
    reader.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Radiological convention" in reader.text
    assert all(name in reader.text for name in ("axial", "coronal", "sagittal"))


# Tables ------------------------------------------------------------------------------------------


def test_tables_tell_better_from_worse() -> None:
    values = {
        "before": {"ncc": 0.5, "mse": 0.2},
        "after": {"ncc": 0.9, "mse": 0.3},
        "deformation": {"fold_count": 2},
    }
    tables = {table.title: table for table in metric_tables(values)}
    match = tables["Match before and after"]
    assert dict(zip([row[0] for row in match.rows], match.tones, strict=True)) == {
        "Normalised cross-correlation (NCC)": "better",
        "Mean squared error (MSE)": "worse",
    }
    assert tables["Deformation"].tones == ["worse"]


def test_alignment_and_landmarks_have_their_columns() -> None:
    values = {
        "before": {"ncc": 0.5, "tre": 4.0, "tre_per_landmark": [3.0, 5.0]},
        "aligned": {"ncc": 0.7, "tre": 3.0, "tre_per_landmark": [2.0, 4.0]},
        "after": {"ncc": 0.9, "tre": 2.0, "tre_per_landmark": [1.0, 6.0]},
    }
    tables = {table.title: table for table in metric_tables(values)}
    match = tables["Match before and after"]
    assert match.columns == ["Metric", "Before", "Aligned", "After", "Change"]
    assert match.rows[0][1:] == ["0.5", "0.7", "0.9", "+0.4"]
    assert tables["Landmark error (mm)"].rows[1] == ["2", "5", "6", "+1"]
    assert tables["Landmark error (mm)"].tones == ["better", "worse"]


def test_provenance_becomes_sections() -> None:
    tables = provenance_tables(
        {"seed": 3, "options": {"refine": {"enabled": True}, "names": ["a"]}}
    )
    assert [(t.title, t.rows) for t in tables] == [
        ("General", [["seed", "3"]]),
        ("Options", [["refine: enabled", "yes"], ["names", "a"]]),
    ]
