"""Two segmentations without any volume: Apply makes the images that the results lie on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _anatomy(host: Any, widget: Any) -> None:
    host.widget("anatomySection").collapsed = False


@pytest.fixture
def visits(host: Any, panel: Any, add_volume: Any, add_segmentation: Any) -> tuple[Any, Any]:
    """Segmentations of two visits, chosen to be registered alone; their volumes are gone."""
    nodes = []
    for name in ("first visit", "second visit"):
        volume = add_volume(name)
        nodes.append(add_segmentation(volume, "ball", "rod"))
        nodes[-1].SetName(name)
        host.slicer.mrmlScene.RemoveNode(volume)
    host.select("anatomySelector", nodes[0])
    host.select("movingLabelsSelector", nodes[1])
    host.choose("registerByComboBox", "The labels alone")
    return nodes[0], nodes[1]


def test_segmentations_are_registered_without_volumes(
    host: Any, panel: Any, session: Any, visits: Any
) -> None:
    assert panel.parameters.fixedVolume is None
    needed = "Select a fixed and a moving volume"
    host.choose("registerByComboBox", "The images and the labels")
    assert host.widget("applyButton").text == needed
    host.choose("registerByComboBox", "The labels alone")
    host.choose("extentComboBox", "The slice shown in a view")
    assert host.widget("applyButton").text == needed
    host.choose("extentComboBox", "Whole volumes")
    assert host.widget("applyButton").text == "Apply" and host.widget("applyButton").enabled
    assert "Apply makes some of the labels" in host.widget("anatomyLabel").text
    host.click("applyButton")
    plan = session.plan
    assert (plan.fixed.GetName(), plan.moving.GetName()) == (
        "first visit, as an image",
        "second visit, as an image",
    )
    assert plan.nodes["fixed_labels"] is visits[0] and plan.nodes["moving_labels"] is visits[1]
    array = host.slicer.util.arrayFromVolume(plan.fixed)
    assert np.bincount(array.ravel())[1:].tolist() == [60, 60], "each is 6 x 10 voxels"
    where = np.argwhere(array)
    room = np.minimum(where.min(axis=0), np.array(array.shape) - 1 - where.max(axis=0))
    assert room.min() >= 8, "structures can move"
    assert panel.parameters.fixedLabels is visits[0], "they belong to the new image"
    assert not host.widget("noticeLabel").visible


def test_images_that_are_there_are_taken(
    host: Any, panel: Any, session: Any, visits: Any, add_volume: Any
) -> None:
    own = add_volume("the image of the first visit")
    role = host.slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    visits[0].SetNodeReferenceID(role, own.GetID())
    other = add_volume("chosen", seed=3)
    host.select("movingSelector", other)
    panel.parameters.fixedLabels, panel.parameters.movingLabels = visits
    host.process_events()
    host.click("applyButton")
    assert session.plan.fixed is own and session.plan.moving is other


def test_label_maps_are_registered_without_volumes(host: Any, panel: Any, session: Any) -> None:
    for selector in ("anatomySelector", "movingLabelsSelector"):
        array = np.zeros((6, 10, 12), np.int16)
        array[2:4, 3:6, 4:8] = 7
        kind = "vtkMRMLLabelMapVolumeNode"
        node = host.slicer.util.addVolumeFromArray(array, name="map", nodeClassName=kind)
        host.process_events()
        host.select(selector, node)
    host.choose("registerByComboBox", "The labels alone")
    host.click("applyButton")
    assert host.slicer.util.arrayFromVolume(session.plan.fixed).max() == 7
    assert session.plan.fixed is not session.plan.moving


def test_surfaces_and_one_segmentation_twice_are_refused(
    host: Any, panel: Any, session: Any, visits: Any
) -> None:
    host.select("movingLabelsSelector", visits[0])
    assert not host.widget("applyButton").enabled
    surface = host.slicer.vtkSegmentation()
    surface.SetSourceRepresentationName("Closed surface")
    surface.AddEmptySegment("ball")
    visits[1].SetAndObserveSegmentation(surface)
    host.select("movingLabelsSelector", visits[1])
    before: Callable[[], int] = host.slicer.mrmlScene.GetNumberOfNodes
    count = before()
    host.click("applyButton")
    assert session.plan is None
    assert "'second visit' has no voxels, only surfaces" in host.widget("statusLabel").text
    assert before() == count, "nothing is left behind"
