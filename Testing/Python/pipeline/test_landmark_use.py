"""Landmarks that guide a registration: held by the refinement, or as a thin-plate transform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib import register
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.landmarks import Landmarks
from SlicerLDMRegLib.pipeline.request import RegistrationRequest
from SlicerLDMRegLib.pipeline.thin_plate import thin_plate_transform
from SlicerLDMRegLib.report.verdict import judge
from SlicerLDMRegLib.worker.transfer import read_value, write_value

# Turned, so that axes and directions cannot be mixed up unnoticed.
_TURN = (0.8, -0.6, 0.6, 0.8)
PLANE = ImageGeometry((36, 30), (1.5, 2.0), (3.0, -4.0), _TURN)
VOLUME = ImageGeometry(
    (20, 18, 12), (2.0, 2.0, 3.0), (5.0, -6.0, 7.0), (0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1)
)
FEW = {"iterations": [30, 20]}
MakeImage = Callable[..., sitk.Image]


def places(geometry: ImageGeometry, *shares: tuple[float, ...]) -> np.ndarray:
    """Points at shares of the size of a lattice, LPS mm."""
    index = np.array(shares) * (np.asarray(geometry.size) - 1)
    return np.asarray(geometry.index_to_physical(index))


FIXED = places(PLANE, (0.3, 0.4), (0.6, 0.35), (0.5, 0.7))
SHIFTS = np.array([[3.0, 1.0], [-1.0, 3.0], [-2.0, -2.0]])


def run(image: sitk.Image, fixed: Any, moving: Any, use: str, **options: Any) -> Any:
    """Register an image to itself, with landmarks that want something else."""
    options = {"model": "none", "align": "none", "refine": FEW} | options
    return register(
        image, image, fixed_landmarks=fixed, moving_landmarks=moving, landmark_use=use, **options
    )


def errors_after(result: Any) -> np.ndarray:
    return np.array(result.metrics["after"]["tre_per_landmark"])


@pytest.mark.parametrize("tolerance", [0.5, 1.5])
def test_the_refinement_brings_pairs_to_within_the_tolerance(
    make_image: MakeImage, tolerance: float
) -> None:
    image = make_image(PLANE)
    free = run(image, FIXED, FIXED + SHIFTS, "measure")
    held = run(image, FIXED, FIXED + SHIFTS, "hold", landmark_mm=tolerance)
    assert errors_after(free).min() > 2.0
    assert errors_after(held).max() < 1.3 * tolerance
    assert held.metrics["deformation"]["fold_count"] == 0
    assert judge(held.metrics).status != "bad"


def test_pairs_are_held_in_a_volume(make_image: MakeImage) -> None:
    image = make_image(VOLUME)
    fixed = places(VOLUME, (0.3, 0.4, 0.5), (0.7, 0.6, 0.4))
    shifts = np.array([[2.0, -3.0, 1.0], [-2.0, 1.0, 3.0]])
    held = run(image, fixed, fixed + shifts, "hold", refine={"iterations": [40]})
    assert errors_after(held).max() < 1.3


def test_pairs_are_held_after_an_alignment(make_image: MakeImage) -> None:
    image = make_image(PLANE)
    start = sitk.Euler2DTransform()
    start.SetCenter(list(PLANE.center()))
    start.SetAngle(0.2)
    start.SetTranslation((2.0, -1.0))
    there = np.array([start.TransformPoint(p.tolist()) for p in FIXED])
    held = run(image, FIXED, there + SHIFTS, "hold", initial_transform=start)
    assert errors_after(held).max() < 1.3


def test_pairs_are_held_in_their_slices(make_image: MakeImage) -> None:
    image = make_image(VOLUME)
    index = np.array([[6.0, 8.0, 3.0], [12.0, 9.0, 4.0], [12.0, 9.0, 9.0]])
    fixed = VOLUME.index_to_physical(index)
    steps = np.array([[1.5, 0, 0], [0, 1.5, 0], [1.5, 0, 0]])
    moving = VOLUME.index_to_physical(index + steps)
    held = run(image, fixed, moving, "hold", slices="k:3-4")
    assert len(errors_after(held)) == 2  # the third lies in no slice of these
    assert errors_after(held).max() < 1.3


def test_a_pair_that_is_wrong_does_not_outweigh_the_others(make_image: MakeImage) -> None:
    image = make_image(PLANE)
    near = FIXED + np.array([2.0, 0.0])
    fixed = np.vstack([FIXED, FIXED[:1] + np.array([1.0, 0.0])])
    moving = np.vstack(
        [near, FIXED[:1] - np.array([20.0, 10.0])]
    )  # beside the first one, far elsewhere
    labels = ("a", "b", "c", "wrong")
    points = [Landmarks(p, labels, (True,) * 4) for p in (fixed, moving)]
    held = run(image, *points, "hold")
    assert errors_after(held)[1:3].max() < 1.3
    findings = " ".join(judge(held.metrics).findings)
    assert "could not be held within 1 mm" in findings
    assert "wrong (" in findings and "b (" not in findings
    assert "not independent evidence" in findings
    assert judge(held.metrics).status == "check"


def test_landmarks_turn_the_refinement_on(make_image: MakeImage) -> None:
    request = RegistrationRequest(
        "a", "b", fixed_landmarks="c", moving_landmarks="d", landmark_use="hold"
    )
    assert request.refine_options({"refine": {"enabled": False}}).enabled
    assert not RegistrationRequest("a", "b").refine_options({"refine": {"enabled": False}}).enabled


def test_a_thin_plate_transform_comes_first(make_image: MakeImage) -> None:
    image = make_image(PLANE)
    fixed = np.vstack([FIXED, places(PLANE, (0.2, 0.8), (0.8, 0.8))])
    moving = fixed + np.vstack([SHIFTS, [[1.0, 2.0], [0.0, -3.0]]])
    result = run(image, fixed, moving, "start", refine=False, align="auto")
    assert result.provenance["method"]["alignment"] == "given"
    assert errors_after(result).max() < 0.3  # between the voxels of the result it is linear
    assert "tre" in result.metrics["aligned"]


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("kind", ["one", "two", "line", "plane", "general", "many"])
def test_the_thin_plate_goes_through_its_points(dimension: int, kind: str) -> None:
    geometry = PLANE if dimension == 2 else VOLUME
    generator = np.random.default_rng(3)
    count = {"one": 1, "two": 2, "line": 4, "plane": 6, "general": dimension + 2, "many": 25}[kind]
    shares = generator.uniform(0.1, 0.9, (count, dimension))
    if kind == "line":
        shares = np.linspace(0.1, 0.9, 4)[:, None] * np.ones(dimension)
    if kind == "plane":
        shares[:, -1] = 0.5
    fixed = places(geometry, *shares.tolist())
    moving = fixed + generator.uniform(-2, 2, fixed.shape)
    transform = thin_plate_transform(fixed, moving, geometry)
    found = np.array([transform.TransformPoint(p.tolist()) for p in fixed])
    # Two of the points are nearer to each other than the samples of the spline.
    np.testing.assert_allclose(found, moving, atol=0.2)
    if kind == "one":
        far = np.asarray(geometry.center()) + 500
        np.testing.assert_allclose(
            transform.TransformPoint(far.tolist()) - far, moving[0] - fixed[0]
        )


def test_the_thin_plate_of_an_affine_map_is_that_map() -> None:
    matrix = np.array([[1.1, 0.1, 0.0], [-0.2, 0.9, 0.1], [0.0, 0.1, 1.05]])
    fixed = places(VOLUME, *np.random.default_rng(1).uniform(0, 1, (9, 3)).tolist())
    transform = thin_plate_transform(fixed, fixed @ matrix.T + [1, 2, 3], VOLUME)
    far = np.array([300.0, -200.0, 100.0])
    np.testing.assert_allclose(transform.TransformPoint(far.tolist()), matrix @ far + [1, 2, 3])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"landmark_use": "pull"}, "landmark use: expected measure, hold, start, start.hold"),
        ({"landmark_use": "hold", "landmark_mm": 0}, "landmark mm: expected a positive number"),
        ({"landmark_mm": "1"}, "landmark mm: expected a positive number"),
        ({"landmark_mm": float("nan")}, "landmark mm: expected a positive number"),
        ({"landmark_use": "hold", "refine": False}, "held by the refinement, which is off"),
        ({"landmark_use": "start", "initial_transform": "t.h5"}, "cannot go with another initial"),
        ({"landmark_use": "start+hold", "diffeomorphic": False}, "always is diffeomorphic"),
    ],
)
def test_what_cannot_be_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        RegistrationRequest("a", "b", fixed_landmarks="c", moving_landmarks="d", **options)


def test_a_use_without_landmarks_is_told() -> None:
    with pytest.raises(InputError, match="expected landmarks of both images, got none"):
        RegistrationRequest("a", "b", landmark_use="hold")


def test_two_landmarks_in_one_place_are_named(make_image: MakeImage) -> None:
    twice = np.vstack([FIXED, FIXED[:1]])
    points = Landmarks(twice, ("a", "b", "c", "d"), (True,) * 4)
    with pytest.raises(InputError, match="'a' and 'd' of the fixed image lie in one place"):
        run(make_image(PLANE), points, twice + np.arange(4)[:, None], "start")


def test_landmarks_reach_the_worker(tmp_path: Path) -> None:
    points = np.vstack([FIXED, [[np.nan, np.nan]]])
    sent = Landmarks(points, ("a", "b", "c", "d"), (True, True, False, False), ("a note",))
    read = read_value(write_value(sent, tmp_path, "points"), tmp_path)
    np.testing.assert_array_equal(read.points, points)
    assert (read.labels, read.used, read.notes) == (sent.labels, sent.used, sent.notes)
    bare = Landmarks(FIXED, None, (True,) * 3)
    assert read_value(write_value(bare, tmp_path, "bare"), tmp_path).labels is None
