"""A scene is loaded while the module is open: Slicer empties and fills all its selectors then."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def saved(
    host: Any, widget: Any, pair: tuple[Any, Any], add_segmentation: Any, tmp_path: Any
) -> str:
    """The file of a scene with two volumes, and choices for them."""
    parameters = widget.panel.parameters
    parameters.fixedVolume, parameters.movingVolume = pair
    parameters.fixedLabels = add_segmentation(pair[0], "left kidney")
    parameters.seed = 3
    host.process_events()
    file = str(tmp_path / "scene.mrb")
    assert host.slicer.util.saveScene(file)
    return file


def _shown(host: Any) -> dict[str, Any]:
    names = ("fixedSelector", "movingSelector", "anatomySelector", "parameterSetSelector")
    return {name: host.widget(name).currentNode() for name in names}


def test_its_choices_are_shown(host: Any, widget: Any, saved: str) -> None:
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    host.slicer.util.loadScene(saved)
    host.process_events()
    parameters = widget.panel.parameters
    assert parameters.seed == 3
    assert (parameters.fixedVolume.GetName(), parameters.fixedLabels.GetName()) == ("ED", "Labels")
    assert _shown(host) == {
        "fixedSelector": parameters.fixedVolume,
        "movingSelector": parameters.movingVolume,
        "anatomySelector": parameters.fixedLabels,
        "parameterSetSelector": parameters.parameterNode,
    }
    assert host.widget("parameterSetSelector").nodeCount() == 1
    assert not host.widget("statusLabel").text  # nothing was chosen by itself


def test_the_set_that_replaces_an_empty_one_keeps_its_name(
    host: Any, widget: Any, saved: str
) -> None:
    name = widget.panel.parameters.parameterNode.GetName()
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    host.slicer.util.loadScene(saved)
    host.process_events()
    assert widget.panel.parameters.seed == 3
    assert widget.panel.parameters.parameterNode.GetName() == name


def test_what_was_chosen_before_stays(host: Any, widget: Any, saved: str) -> None:
    parameters = widget.panel.parameters
    before, seed = _shown(host), 5
    parameters.seed = seed
    host.slicer.util.loadScene(saved)
    host.process_events()
    assert _shown(host) == before
    now = widget.panel.parameters
    assert now.parameterNode is before["parameterSetSelector"]
    assert (now.fixedVolume, now.movingVolume) == (
        before["fixedSelector"],
        before["movingSelector"],
    )
    assert (now.fixedLabels, now.seed) == (before["anatomySelector"], seed)
    # The choices of the other scene are one selection away.
    assert host.widget("parameterSetSelector").nodeCount() == 2


def test_its_choices_are_shown_by_the_module_that_is_opened_later(
    host: Any, widget: Any, saved: str
) -> None:
    host.slicer.mrmlScene.Clear(0)
    host.close_module()
    host.slicer.util.loadScene(saved)
    host.process_events()
    assert widget.panel.parameters is None
    host.open_module("SlicerLDMReg")
    assert widget.panel.parameters.seed == 3
    assert host.widget("fixedSelector").currentNode() is widget.panel.parameters.fixedVolume


def test_the_choices_of_the_module_that_is_opened_later_stay(
    host: Any, widget: Any, pair: Any, saved: str
) -> None:
    node = widget.panel.parameters.parameterNode
    host.close_module()
    host.slicer.util.loadScene(saved)
    host.process_events()
    host.open_module("SlicerLDMReg")
    assert widget.panel.parameters.parameterNode is node
    assert host.widget("fixedSelector").currentNode() is pair[0]


def test_a_file_that_is_no_scene_changes_nothing(
    host: Any, widget: Any, saved: str, tmp_path: Any
) -> None:
    before = _shown(host)
    path = tmp_path / "broken.mrml"
    path.write_text("<MRML><Volume", "utf-8")
    with pytest.raises(RuntimeError):
        host.slicer.util.loadScene(str(path))
    host.process_events()
    assert _shown(host) == before
    assert widget.panel.parameters.seed == 3


def test_a_scene_without_choices_leaves_an_empty_form(
    host: Any, widget: Any, add_volume: Any, tmp_path: Any
) -> None:
    node = widget.panel.parameters.parameterNode
    add_volume("Lone")
    file = str(tmp_path / "scene.mrml")
    scene = host.slicer.mrmlScene
    scene.RemoveNode(node)
    assert host.slicer.util.saveScene(file)
    scene.Clear(0)
    host.process_events()
    node = widget.panel.parameters.parameterNode
    host.slicer.util.loadScene(file)
    host.process_events()
    assert widget.panel.parameters.parameterNode is node
    assert host.widget("parameterSetSelector").currentNode() is node


def test_a_scene_that_is_loaded_during_a_run(
    host: Any, widget: Any, session: Any, saved: str
) -> None:
    host.click("applyButton")
    assert widget.panel.running
    host.slicer.util.loadScene(saved)
    host.process_events()
    assert not session.cancelled_because
    assert host.widget("applyButton").text == "Cancel"
    session.fail()


def test_sets_of_one_name_are_told_apart(host: Any, widget: Any, saved: str) -> None:
    own = widget.panel.parameters.parameterNode
    name = own.GetName()
    for count in (2, 3):  # the scene is added, and once more
        host.slicer.util.loadScene(saved)
        host.process_events()
        nodes = host.slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        sets = [node for node in nodes if node.GetAttribute("ModuleName") == "SlicerLDMReg"]
        assert len({node.GetName() for node in sets}) == len(sets) == count
    assert own.GetName() == name  # those that were there keep theirs


def test_ticks_come_back_with_their_scene(
    host: Any, widget: Any, pair: Any, add_volume: Any, tmp_path: Any
) -> None:
    """Of *Apply to* and of *Many pairs*; neither selector is saved by itself."""
    ui, panel = widget.ui, widget.panel
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    others = [add_volume(f"contrast {n}", seed=n) for n in range(3)]
    for node in others[:2]:
        ui.applyNodesSelector.setCheckState(node, host.qt.Qt.Checked)
    ui.cohortVolumesSelector.setCheckState(others[2], host.qt.Qt.Checked)
    ui.alongCheckBox.checked = ui.inverseCheckBox.checked = True
    host.process_events()
    file = str(tmp_path / "scene.mrb")
    assert host.slicer.util.saveScene(file)

    def ticked() -> list[list[str]]:
        selectors = ui.applyNodesSelector, ui.cohortVolumesSelector
        return [[node.GetName() for node in s.checkedNodes()] for s in selectors]

    expected = [["contrast 0", "contrast 1"], ["contrast 2"]]
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    assert ticked() == [[], []] and not ui.alongCheckBox.checked
    host.slicer.util.loadScene(file)
    host.process_events()
    assert ticked() == expected
    assert ui.alongCheckBox.checked and ui.inverseCheckBox.checked and not ui.copiesCheckBox.checked

    # Each set of choices has its own; a node that goes takes its tick along.
    first = panel.parameters.parameterNode
    host.select(
        "parameterSetSelector", host.slicer.mrmlScene.AddNode(panel.logic.createParameterNode())
    )
    assert ticked() == [[], []] and not ui.alongCheckBox.checked
    host.select("parameterSetSelector", first)
    assert ticked() == expected
    host.slicer.mrmlScene.RemoveNode(host.slicer.util.getNode("contrast 0"))
    host.close_module()
    host.open_module("SlicerLDMReg")
    assert ticked() == [["contrast 1"], ["contrast 2"]]
