"""How far structures move: the map in mm, the table, and which way."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from vtk.util.numpy_support import vtk_to_numpy

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.slicer_app.results.displacements import (
    direction_text,
    read_displacements,
    structure_displacements,
)
from SlicerLDMRegLib.slicer_app.scene.labels import segmentation_from_labels, set_segmentation
from SlicerLDMRegLib.slicer_app.scene.nodes import read_json
from SlicerLDMRegLib.slicer_app.scene.scene_images import LabelSource
from Testing.Python.slicer_app.scenes import (
    array_of,
    blobs,
    lattice,
    result_of,
    rotation,
    scene_images,
    volume_node,
    write_result,
)


def _labels(geometry: Any) -> Any:
    array = np.zeros(geometry.array_shape, np.uint8)
    half = geometry.size[0] // 2
    array[..., 1:half], array[..., half:-1] = 3, 7
    return geometry.to_image(array)


@pytest.mark.parametrize("direction", [np.eye(3), rotation(0.3, -0.2, 0.5)])
def test_a_shift_is_found_in_every_structure(direction: np.ndarray) -> None:
    """Fixed points go 3 mm to the left (LPS x) for their partners: tissue came by the opposite."""
    geometry = lattice((12, 10, 8), (1.0, 1.5, 2.0), direction)
    vectors = np.zeros((*geometry.array_shape, 3))
    vectors[..., 0], vectors[..., 2] = 3.0, -4.0
    field = DisplacementField(vectors, geometry)
    found = structure_displacements(field, _labels(geometry), {3: "ball"})
    assert [one.name for one in found] == ["ball", "Label 7"]
    for one in found:
        assert one.mean_mm == pytest.approx(5.0) and one.max_mm == pytest.approx(5.0)
        assert one.vector_mm == pytest.approx((3.0, 0.0, 4.0))  # to the right and up, RAS
        assert direction_text(one.vector_mm) == "SR"


def test_mean_and_largest_are_of_the_structure_alone() -> None:
    geometry = lattice((12, 10, 8))
    vectors = np.zeros((*geometry.array_shape, 3))
    vectors[..., :6, 1] = 2.0
    vectors[4, 4, 2, 1] = 9.0
    vectors[0, 0, 0] = 99.0  # background
    field = DisplacementField(vectors, geometry)
    ball, other = structure_displacements(field, _labels(geometry), {})
    count = 5 * 10 * 8
    assert ball.mean_mm == pytest.approx((2.0 * (count - 1) + 9.0) / count)
    assert ball.max_mm == pytest.approx(9.0)
    assert direction_text(ball.vector_mm) == "A"
    assert (other.mean_mm, other.max_mm) == (0.0, 0.0)
    assert direction_text(other.vector_mm) == "\u2013"


@pytest.mark.parametrize(
    "spoilt",
    [None, {}, [1], [{"name": "x"}], [{"name": "x", "mean_mm": "?", "max_mm": 1, "vector_mm": []}],
     [{"name": "x", "mean_mm": float("nan"), "max_mm": 1, "vector_mm": [0, 0, 0]}],
     [{"name": "x", "mean_mm": 1, "max_mm": 1, "vector_mm": [0, 0]}]],
)  # fmt: skip
def test_what_a_scene_of_others_spoilt_is_left_out(spoilt: Any) -> None:
    assert read_displacements(spoilt) == []


@pytest.fixture
def written(scene: Any, request: Any) -> Any:
    """A result of volumes, or of images of one slice, with fixed labels."""
    size = getattr(request, "param", (12, 10, 8))
    geometry = lattice(size, (1.5, 1.5, 3.0))
    fixed = volume_node(blobs(geometry), "fixed")
    moving = volume_node(blobs(geometry, (1.0, 0, 0)), "moving")
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "labels")
    labels = segmentation_from_labels(_labels(geometry), {3: "ball", 7: "<cube>"})
    set_segmentation(node, labels, fixed)
    images = scene_images(fixed, moving, fixed_labels=LabelSource(node))
    result = result_of(images)
    return write_result(result, images), result


@pytest.mark.parametrize("written", [(12, 10, 8), (14, 12, 1)], indirect=True)
def test_the_nodes_of_a_result_tell_it(written: Any) -> None:
    nodes, result = written[0].nodes, written[1]
    lengths = np.linalg.norm(result.field.vectors, axis=-1)
    found = array_of(nodes["displacement"]).reshape(lengths.shape)
    np.testing.assert_allclose(found, lengths, rtol=1e-5)
    moved = read_displacements(read_json(nodes["transform"], "Displacements"))
    assert [one.name for one in moved] == ["ball", "<cube>"]
    half = lengths.shape[-1] // 2
    assert moved[0].max_mm == pytest.approx(lengths[..., 1:half].max(), rel=1e-5)
    assert moved[0].mean_mm == pytest.approx(lengths[..., 1:half].mean(), rel=1e-5)
    assert json.loads(nodes["metrics"].GetAttribute("LDMReg.Displacements"))[0]["name"] == "ball"
    table = nodes["metrics"].GetTable()
    rows = {
        (table.GetValue(n, 0).ToString(), table.GetValue(n, 1).ToString()): n
        for n in range(table.GetNumberOfRows())
    }
    row = rows["Displacement, largest (mm)", "ball"]
    after = vtk_to_numpy(table.GetColumnByName("After"))
    assert after[row] == pytest.approx(moved[0].max_mm)
