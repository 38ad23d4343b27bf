"""What belongs to certain volumes goes with them, or is told before Apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

NAMES = (
    "fixedLabels",
    "fixedMask",
    "movingLabels",
    "movingMask",
    "initialTransform",
    "warpedNode",
)


@pytest.fixture
def chosen(host: Any, panel: Any, pair: tuple[Any, Any]) -> tuple[Any, Any]:
    """A chosen pair."""
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    host.process_events()
    return pair


@pytest.fixture
def segments_elsewhere(add_volume: Callable[..., Any], add_segmentation: Callable[..., Any]) -> Any:
    """A segmentation of a volume that lies half a metre aside."""
    far = add_volume("far away", seed=7)
    far.SetOrigin(500.0, 0.0, 0.0)
    return add_segmentation(far, "ball")


@pytest.fixture
def made_for(host: Any, add_segmentation: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a node for a parameter that belongs to a pair of volumes."""

    def make(name: str, fixed: Any, moving: Any) -> Any:
        from SlicerLDMRegLib.slicer_app.scene.nodes import set_roles

        slicer = host.slicer
        if name.endswith(("Labels", "Mask")):
            volume = fixed if name.startswith("fixed") else moving
            node = add_segmentation(volume, "ball")
            role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
            node.SetNodeReferenceID(role, volume.GetID())
            return node
        kind = {"initialTransform": "vtkMRMLTransformNode", "warpedNode": "vtkMRMLScalarVolumeNode"}
        node = slicer.mrmlScene.AddNewNodeByClass(kind[name], name)
        if name == "warpedNode":
            node.CopyContent(fixed)
        if name == "warpedNode":
            node.SetAttribute("LDMReg.Output", "warped")
        set_roles(node, fixed, moving)
        return node

    return make


def test_own_volumes_after_a_sample(host: Any, panel: Any, add_volume: Any) -> None:
    host.click("tryCardiacButton")
    host.wait_until(lambda: not panel.loading, 30, "the sample")
    parameters = panel.parameters
    assert parameters.model == "auto"
    assert parameters.fixedLabels is not None
    host.select("fixedSelector", add_volume("head", seed=2))
    assert parameters.fixedLabels is None
    assert parameters.movingLabels is not None, "these are still those of the moving heart"
    status = host.widget("statusLabel")
    assert "Taken out" in status.text and "Labels of Cardiac MR diastole" in status.text
    assert "color" in status.styleSheet
    host.select("movingSelector", add_volume("other head", seed=3))
    assert parameters.movingLabels is None
    assert not {"fixed_labels", "moving_labels"} & set(panel.plan().nodes)


def _choose(host: Any, panel: Any, volumes: Any, **nodes: Any) -> None:
    """Choose volumes and what belongs to them at once, as a script does."""
    with host.slicer.util.NodeModify(panel.parameters.parameterNode):
        panel.parameters.fixedVolume, panel.parameters.movingVolume = volumes
        for name in NAMES:
            setattr(panel.parameters, name, nodes.get(name))
    host.process_events()


def test_what_was_chosen_for_other_volumes_goes(
    host: Any, panel: Any, chosen: Any, made_for: Any, add_volume: Any
) -> None:
    another = add_volume("another", seed=4)
    for name in NAMES:
        node = made_for(name, *chosen)
        node.SetName(f"for {name}")
        _choose(host, panel, chosen, **{name: node})
        assert not host.widget("noticeLabel").visible, name
        assert getattr(panel.parameters, name) is node
        role = "moving" if name.startswith("moving") else "fixed"
        host.select(f"{role}Selector", another)
        assert getattr(panel.parameters, name) is None, name
        assert node.GetName() in host.widget("statusLabel").text
        told = f"warning: Taken out, as it was chosen for other volumes: {node.GetName()}."
        assert told in host.widget("logTextEdit").toPlainText()


def test_what_belongs_to_others_is_told_before_apply(
    host: Any, panel: Any, chosen: Any, made_for: Any, add_volume: Any
) -> None:
    others = add_volume("T1", seed=5), add_volume("T2", seed=6)
    notice = host.widget("noticeLabel")
    for name in NAMES:
        node = made_for(name, *others)
        node.SetName(f"for {name}")
        _choose(host, panel, chosen, **{name: node})
        assert notice.visible, name
        assert notice.text.startswith("! ") and node.GetName() in notice.text
        assert "color" in notice.styleSheet
        assert host.widget("applyButton").enabled, "it may be meant so"
        _choose(host, panel, others, **{name: node})
        assert not notice.visible, name
        assert getattr(panel.parameters, name) is node


def test_what_is_chosen_together_with_the_volumes_stays(
    host: Any, panel: Any, chosen: Any, made_for: Any, add_volume: Any
) -> None:
    panel.parameters.fixedLabels = made_for("fixedLabels", *chosen)
    host.process_events()
    other = add_volume("another", seed=4)
    theirs = made_for("fixedLabels", other, chosen[1])
    with host.slicer.util.NodeModify(panel.parameters.parameterNode):
        panel.parameters.fixedVolume, panel.parameters.fixedLabels = other, theirs
    host.process_events()
    assert panel.parameters.fixedLabels is theirs
    assert not host.widget("statusLabel").visible or "Taken" not in host.widget("statusLabel").text


def test_a_volume_that_is_deselected_for_a_moment(
    host: Any, panel: Any, chosen: Any, made_for: Any, add_volume: Any
) -> None:
    labels = panel.parameters.fixedLabels = made_for("fixedLabels", *chosen)
    host.process_events()
    host.select("fixedSelector", None)
    host.select("fixedSelector", chosen[0])
    assert panel.parameters.fixedLabels is labels
    host.select("fixedSelector", None)
    host.select("fixedSelector", add_volume("another", seed=4))
    assert panel.parameters.fixedLabels is None


def test_a_label_map_on_the_same_voxels_stays(
    host: Any, panel: Any, chosen: Any, add_volume: Any
) -> None:
    array = np.ones((6, 10, 12), np.int16)
    labels = host.slicer.util.addVolumeFromArray(
        array, name="atlas", nodeClassName="vtkMRMLLabelMapVolumeNode"
    )
    labels.SetSpacing(2.0, 2.0, 2.0)
    panel.parameters.fixedLabels = labels
    host.process_events()
    host.select("fixedSelector", add_volume("the same lattice", seed=4))
    assert panel.parameters.fixedLabels is labels
    host.select("fixedSelector", add_volume("another lattice", (5, 10, 12), seed=4))
    assert panel.parameters.fixedLabels is None


def test_another_set_of_choices_keeps_its_own(
    host: Any, widget: Any, chosen: Any, made_for: Any, add_volume: Any
) -> None:
    panel = widget.panel
    first = panel.parameters.parameterNode
    labels = panel.parameters.fixedLabels = made_for("fixedLabels", *chosen)
    host.process_events()
    panel.use(host.slicer.mrmlScene.AddNode(panel.logic.createParameterNode()))
    host.select("fixedSelector", add_volume("another", seed=4))
    panel.use(first)
    host.process_events()
    assert panel.parameters.fixedLabels is labels


def test_labels_outside_of_their_image_are_refused(
    host: Any, panel: Any, chosen: Any, segments_elsewhere: Any
) -> None:
    label_map = host.slicer.util.addVolumeFromArray(
        np.ones((6, 10, 12), np.int16), nodeClassName="vtkMRMLLabelMapVolumeNode"
    )
    label_map.SetOrigin(500.0, 0.0, 0.0)
    shift = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[0, 3] = -500.0
    host.slicer.util.updateTransformMatrixFromArray(shift, matrix)
    button = host.widget("applyButton")
    for name in ("fixedLabels", "movingLabels", "fixedMask", "movingMask"):
        for labels in (segments_elsewhere, label_map):
            labels.SetName("far")
            labels.SetAndObserveTransformNodeID(None)
            _choose(host, panel, chosen, **{name: labels})
            assert not button.enabled, name
            volume = chosen[0] if name.startswith("fixed") else chosen[1]
            expected = f"far lies outside of {volume.GetName()}; select another one, or None."
            assert button.toolTip == expected
            labels.SetAndObserveTransformNodeID(shift.GetID())  # which brings them there
            panel.update()
            assert button.enabled, button.toolTip


def test_a_reason_that_the_button_has_no_room_for_is_told_above_it(
    host: Any, panel: Any, chosen: Any, segments_elsewhere: Any
) -> None:
    labels = segments_elsewhere
    labels.SetName("Segmentation of the first visit, by hand")
    button, notice = host.widget("applyButton"), host.widget("noticeLabel")
    _choose(host, panel, chosen, fixedMask=labels)
    assert button.text.endswith("\u2026"), "the advice is cut off"
    assert notice.visible
    reason = "Segmentation of the first visit, by hand lies outside of ED; select another one, "
    assert notice.text.startswith(f"! {reason}or None.")
    labels.SetName("S")
    panel.update()
    assert button.text == "S lies outside of ED; select another one, or None"
    assert reason not in notice.text and "S lies" not in notice.text
    _choose(host, panel, chosen)
    assert button.text == "Apply" and not notice.visible


def test_the_transform_of_other_volumes_is_not_offered(
    host: Any, panel: Any, chosen: Any, made_for: Any, add_volume: Any
) -> None:
    """To move nodes with, in the section "Apply to"."""
    transform = made_for("initialTransform", *chosen)
    transform.SetAttribute("LDMReg.Output", "transform")
    panel.update()
    selector = host.widget("applyTransformSelector")
    assert selector.currentNode() is transform
    host.select("fixedSelector", add_volume("another", seed=4))
    assert selector.currentNode() is None
