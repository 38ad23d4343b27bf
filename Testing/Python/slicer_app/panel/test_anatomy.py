"""Labels, and the regions of the model that they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def brain(host: Any, panel: Any, pair: Any, add_segmentation: Any, region_model: str) -> Any:
    """Volumes with the labels of the fixed one, a model with regions, the section unfolded."""
    panel.models_changed()
    panel.parameters.model = region_model
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    labels = add_segmentation(pair[0], "hippocampus (L)", "Hippocampus_R", "tumour")
    host.click("anatomySection")
    host.select("anatomySelector", labels)
    return labels


def _rows(host: Any) -> list[tuple[str, ...]]:
    table = host.widget("regionsTable")
    return [
        tuple(table.item(row, column).text() for column in (1, 2, 3))
        for row in range(table.rowCount)
    ]


def test_structures_and_their_regions(host: Any, panel: Any, brain: Any) -> None:
    assert _rows(host) == [
        ("hippocampus (L)", "hippocampus (L)", "Left-Hippocampus"),
        ("Hippocampus_R", "Hippocampus_R", "Right-Hippocampus"),
        ("tumour", "tumour", "background"),
    ]
    assert host.widget("anatomyLabel").text == "2 of 3 structures are regions of the model."
    plan = panel.plan()
    assert plan.guided
    assert plan.nodes["fixed_labels"] is brain


def test_an_edited_prompt(host: Any, panel: Any, brain: Any) -> None:
    table = host.widget("regionsTable")
    table.item(2, 2).setText("  left   hippocampus ")
    host.process_events()
    assert _rows(host)[2] == ("tumour", "left hippocampus", "Left-Hippocampus")
    assert panel.plan().options["prompts"] == {3: "left hippocampus"}
    table.item(2, 2).setText("")
    host.process_events()
    assert _rows(host)[2][1] == "tumour"
    assert panel.plan().options["prompts"] == {}


def test_a_structure_that_is_left_out(host: Any, panel: Any, brain: Any) -> None:
    table = host.widget("regionsTable")
    table.item(0, 0).setCheckState(host.qt.Qt.Unchecked)
    host.process_events()
    assert _rows(host)[0][2] == "left out"
    assert panel.plan().segments == ("Segment_2", "Segment_3")
    table.item(0, 0).setCheckState(host.qt.Qt.Checked)
    host.process_events()
    assert panel.plan().segments is None


def test_prompts_follow_the_numbers_of_the_labels(host: Any, panel: Any, brain: Any) -> None:
    """Segments that have one label value are numbered in order, those left out aside."""
    segmentation = brain.GetSegmentation()
    for key in segmentation.GetSegmentIDs():
        segmentation.GetSegment(key).SetLabelValue(1)
    panel.parameters.prompts = {"Segment_3": "left hippocampus"}
    panel.parameters.leftOut = ["Segment_1"]
    assert panel.plan().options["prompts"] == {2: "left hippocampus"}


def test_segments_that_are_renamed(host: Any, panel: Any, brain: Any) -> None:
    brain.GetSegmentation().GetSegment("Segment_3").SetName("right hippocampus")
    brain.GetSegmentation().RemoveSegment("Segment_1")
    host.process_events()
    assert [row[2] for row in _rows(host)] == ["Right-Hippocampus", "Right-Hippocampus"]


def test_other_labels_forget_what_was_said_of_the_first(
    host: Any, panel: Any, brain: Any, pair: Any, add_segmentation: Any
) -> None:
    panel.parameters.prompts = {"Segment_3": "left hippocampus"}
    panel.parameters.leftOut = ["Segment_1"]
    host.process_events()
    host.select("anatomySelector", add_segmentation(pair[0], "left hippocampus"))
    assert dict(panel.parameters.prompts) == {}
    assert list(panel.parameters.leftOut) == []
    assert _rows(host) == [("left hippocampus", "left hippocampus", "Left-Hippocampus")]
    # What a script says together with other labels is of these.
    panel.parameters.fixedLabels = brain
    panel.parameters.prompts = {"Segment_3": "right hippocampus"}
    host.process_events()
    assert _rows(host)[2][2] == "Right-Hippocampus"


def test_what_guides_the_model(host: Any, panel: Any, brain: Any) -> None:
    host.choose("anatomyComboBox", "A segmentation by the model")
    assert panel.plan().options["fixed_segmentation"] == "auto"
    assert panel.plan().nodes["fixed_labels"] is brain  # it measures
    assert not host.widget("regionsTable").visible
    host.choose("anatomyComboBox", "Nothing")
    assert panel.plan().options["fixed_segmentation"] == "none"
    host.choose("anatomyComboBox", "The fixed labels below")
    assert panel.plan().guided is True
    host.select("anatomySelector", None)
    assert host.widget("applyButton").text == "Select the fixed labels"


def test_a_label_map_with_the_numbers_of_the_model(
    host: Any, panel: Any, pair: Any, region_model: str
) -> None:
    panel.models_changed()
    panel.parameters.model = region_model
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    array = np.zeros((6, 10, 12), np.int16)
    array[2], array[3] = 17, 53
    labels = host.slicer.util.addVolumeFromArray(
        array, name="aseg", nodeClassName="vtkMRMLLabelMapVolumeNode"
    )
    host.click("anatomySection")
    host.select("anatomySelector", labels)
    assert _rows(host) == [
        ("Label 17", "Left-Hippocampus", "\u2713"),
        ("Label 53", "Right-Hippocampus", "\u2713"),
    ]
    assert panel.plan().guided
    host.widget("regionsTable").item(0, 0).setCheckState(host.qt.Qt.Unchecked)
    host.process_events()
    assert panel.plan().options["prompts"] == {17: "background"}
    assert panel.plan().segments is None


def test_a_model_without_regions(
    host: Any, panel: Any, flat_pair: Any, add_segmentation: Any, choices: Any
) -> None:
    panel.parameters.fixedVolume, panel.parameters.movingVolume = flat_pair
    panel.parameters.fixedLabels = add_segmentation(flat_pair[0], "myocardium", "cavity")
    panel.parameters.anatomy = choices.Anatomy.LABELS
    panel.parameters.prompts = {"Segment_1": "heart muscle"}
    host.process_events()
    host.click("anatomySection")
    assert not host.widget("anatomyComboBox").visible
    table = host.widget("regionsTable")
    assert [table.isColumnHidden(column) for column in range(4)] == [False, False, True, True]
    plan = panel.plan()
    assert not plan.guided
    assert not {"fixed_segmentation", "prompts"} & set(plan.options)
    assert "takes no regions" in host.widget("anatomyLabel").text
