"""A chosen node is deleted: Qt's combo boxes would choose the one beside it, unasked."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def parameters(host: Any, panel: Any, pair: tuple[Any, Any], add_volume: Any) -> Any:
    """The choices of the panel, two volumes chosen of three."""
    add_volume("Other", seed=2)
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    host.process_events()
    return panel.parameters


@pytest.mark.parametrize("name", ["fixedVolume", "movingVolume"])
def test_no_other_volume_is_chosen(host: Any, parameters: Any, name: str) -> None:
    other = {"fixedVolume": "movingVolume", "movingVolume": "fixedVolume"}[name]
    kept = getattr(parameters, other)
    host.slicer.mrmlScene.RemoveNode(getattr(parameters, name))
    host.process_events()
    assert getattr(parameters, name) is None
    assert getattr(parameters, other) is kept
    assert host.widget(name.replace("Volume", "Selector")).currentNode() is None
    assert host.widget("applyButton").text.startswith("Select a")


@pytest.mark.parametrize("name", ["fixedLabels", "movingLabels", "fixedMask", "movingMask"])
def test_no_other_labels_are_chosen(
    host: Any, parameters: Any, add_segmentation: Any, name: str
) -> None:
    volume = parameters.fixedVolume
    nodes = [add_segmentation(volume, "ball") for _ in range(3)]
    setattr(parameters, name, nodes[1])
    host.process_events()
    host.slicer.mrmlScene.RemoveNode(nodes[1])
    host.process_events()
    assert getattr(parameters, name) is None
    assert parameters.fixedVolume is volume


def test_no_other_transform_is_chosen(host: Any, parameters: Any) -> None:
    scene = host.slicer.mrmlScene
    nodes = [scene.AddNewNodeByClass("vtkMRMLTransformNode", f"T{n}") for n in range(3)]
    parameters.initialTransform = nodes[1]
    host.process_events()
    scene.RemoveNode(nodes[1])
    host.process_events()
    assert parameters.initialTransform is None


def test_another_node_that_goes_changes_nothing(host: Any, parameters: Any) -> None:
    before = parameters.fixedVolume, parameters.movingVolume
    host.slicer.mrmlScene.RemoveNode(host.slicer.util.getNode("Other"))
    host.process_events()
    assert (parameters.fixedVolume, parameters.movingVolume) == before


def test_the_reason_why_a_run_ended_stays(
    host: Any, panel: Any, parameters: Any, session: Any, add_segmentation: Any
) -> None:
    parameters.movingLabels = add_segmentation(parameters.movingVolume, "ball")
    host.process_events()
    host.click("applyButton")
    host.slicer.mrmlScene.RemoveNode(parameters.movingVolume)
    session.cancel("ES was removed from the scene; the registration was cancelled.")
    session.fail()
    host.process_events()
    assert "was removed" in host.widget("statusLabel").text
