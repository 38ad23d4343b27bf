"""Lists of control points as landmarks; what a table shows of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.pipeline.planes import Plane
from SlicerLDMRegLib.slicer_app.scene.landmarks import landmarks_in_plane, landmarks_of, live_pairs
from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry
from Testing.Python.slicer_app.scenes import blobs, lattice, scene_images, volume_node


def points(name: str, **places: tuple[float, float, float] | None) -> Any:
    """A list of points in RAS, by label; None: not placed."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    for label, place in places.items():
        number = node.AddControlPoint(*(place or (0, 0, 0)), label)
        if place is None:
            node.UnsetNthControlPointPosition(number)
    return node


def test_points_are_those_of_the_world_in_lps(scene: Any) -> None:
    node = points("F", a=(1, 2, 3), b=None, c=(4, 5, 6))
    node.SetNthControlPointSelected(2, False)
    shift = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    matrix = np.eye(4)
    matrix[:3, 3] = 10, 20, 30
    slicer.util.updateTransformMatrixFromArray(shift, matrix)
    node.SetAndObserveTransformNodeID(shift.GetID())
    found = landmarks_of(node)
    np.testing.assert_allclose(found.points[[0, 2]], [[-11, -22, 33], [-14, -25, 36]])
    assert np.isnan(found.points[1]).all()
    assert found.labels == ("a", "b", "c")
    assert found.used == (True, False, False)
    assert found.notes == (
        "points that are not placed were left out: b",
        "points that are not selected were left out: c",
    )


def test_an_empty_list_is_told(scene: Any) -> None:
    with pytest.raises(InputError, match="'F' has no points"):
        landmarks_of(points("F"))


def test_pairs_are_those_of_one_label_and_the_others_are_named(scene: Any) -> None:
    fixed = points("F", a=(0, 0, 0), b=(0, 0, 0), c=None, d=(9, 9, 9), e=(0, 0, 0))
    moving = points("M", b=(0, 3, 4), A=(1, 0, 0), c=(0, 0, 0), e=None, x=(0, 0, 0))
    pairs, note = live_pairs(fixed, moving)
    told = {pair.name: (pair.rows, pair.before, pair.note) for pair in pairs}
    assert told == {
        "a": ((0, 1), 1.0, ""),
        "b": ((1, 0), 5.0, ""),
        "c": ((2, 2), None, "fixed not placed"),
        "e": ((4, 3), None, "moving not placed"),
        "d": ((3, None), None, "only fixed"),
        "x": ((None, 4), None, "only moving"),
    }
    assert "different orders" in note


def test_a_transform_measures_what_is_left(scene: Any) -> None:
    class Shift:
        def TransformPoint(self, x: float, y: float, z: float) -> tuple[float, float, float]:
            return x + 1, y, z

    pairs, _note = live_pairs(points("F", a=(1, 2, 3)), points("M", a=(4, 2, 3)), Shift())
    assert (pairs[0].before, pairs[0].after) == (3.0, 2.0)


@pytest.mark.parametrize(
    ("fixed", "moving", "told"),
    [
        ({"a": (0, 0, 0), "b": (1, 0, 0)}, {"x": (0, 0, 0)}, "none of the 2 fixed and 1 moving"),
        ({"F-1": (0, 0, 0)}, {"M-1": (0, 0, 0)}, "paired by their numbers"),
        ({"left": (0, 0, 0)}, {"right": (0, 0, 0)}, "paired in their order"),
    ],
)
def test_how_they_were_paired_is_told(
    scene: Any, fixed: dict[str, Any], moving: dict[str, Any], told: str
) -> None:
    assert told in live_pairs(points("F", **fixed), points("M", **moving))[1]


def test_landmarks_go_along_with_the_images(scene: Any, pair: Any) -> None:
    fixed, moving = pair()
    lists = points("F", a=(1, 2, 3)), points("M", a=(4, 5, 6))
    images = scene_images(fixed, moving, fixed_landmarks=lists[0], moving_landmarks=lists[1])
    np.testing.assert_allclose(images.fields()["fixed_landmarks"].points, [[-1, -2, 3]])
    np.testing.assert_allclose(images.fields()["moving_landmarks"].points, [[-4, -5, 6]])


def test_those_of_a_slice_are_those_that_lie_in_it(scene: Any, pair: Any) -> None:
    geometry = lattice((20, 18, 1), (1.0, 1.5, 2.0), center=(3, 2, 7))
    node = volume_node(blobs(geometry), "slice")
    plane = Plane.of(volume_geometry(node))
    listed = landmarks_of(points("F", on=(-3, -2, 7.9), off=(-3, -2, 11), none=None))
    found = landmarks_in_plane(listed, plane)
    assert found.used == (True, False, False)
    np.testing.assert_allclose(plane.to_3d(found.points[0]), [3, 2, 7])
    assert "beside the slice were left out: 'off'" in found.notes[-1]
    with pytest.raises(InputError, match="none of the points lies in the slice"):
        landmarks_in_plane(landmarks_of(points("G", off=(-3, -2, 11))), plane)
