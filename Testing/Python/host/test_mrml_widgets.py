"""The stand-ins for the qMRML widgets show the scene and change it as the widgets do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def _volume(host: Any, name: str) -> Any:
    return host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


@pytest.fixture
def selector(host: Any) -> Any:
    selector = host.slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.noneEnabled = True
    selector.show()
    yield selector
    selector.deleteLater()


def _changes(selector: Any) -> list[str | None]:
    names: list[str | None] = []
    selector.connect(
        "currentNodeChanged(vtkMRMLNode*)",
        lambda node: names.append(node.GetName() if node is not None else None),
    )
    return names


def test_it_is_disabled_without_a_scene(host: Any, selector: Any) -> None:
    _volume(host, "A")
    assert (selector.enabled, selector.nodeCount()) == (False, 0)
    selector.setMRMLScene(host.slicer.mrmlScene)
    assert (selector.enabled, selector.nodeCount()) == (True, 1)


def test_nodes_come_and_go(host: Any, selector: Any) -> None:
    scene = host.slicer.mrmlScene
    selector.setMRMLScene(scene)
    changes, added = _changes(selector), []
    selector.connect("nodeAdded(vtkMRMLNode*)", lambda node: added.append(node.GetName()))
    first, second = _volume(host, "A"), _volume(host, "B")
    scene.AddNewNodeByClass("vtkMRMLModelNode", "M")
    assert added == ["A", "B"]
    assert selector.currentNode() is None
    selector.setCurrentNode(second)
    scene.RemoveNode(second)
    assert [n.GetName() for n in map(selector.nodeFromIndex, range(selector.nodeCount()))] == ["A"]
    assert changes[0] == "B"
    assert selector.currentNode() in (None, first)  # as Qt's combo box chooses


def test_only_nodes_of_its_types_change_its_rows(
    host: Any, selector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = host.slicer.mrmlScene
    selector.setMRMLScene(scene)
    volume, model = _volume(host, "A"), scene.AddNewNodeByClass("vtkMRMLModelNode", "M")
    looks: list[None] = []
    rows = type(selector)._rows
    monkeypatch.setattr(type(selector), "_rows", lambda s: looks.append(None) or rows(s))
    model.SetName("N")
    scene.RemoveNode(scene.AddNewNodeByClass("vtkMRMLTextNode", "T"))
    assert len(looks) == 1, "of the node that was removed"
    volume.SetName("B")
    assert (len(looks), selector.nodeFromIndex(0).GetName()) == (2, "B")
    # Other types: their nodes are observed from now on.
    selector.nodeTypes = ["vtkMRMLModelNode"]
    model.SetName("O")
    assert selector._row("none") == 0 and selector._combo.itemText(1) == "O"


def test_a_selection_is_told_once(host: Any, selector: Any) -> None:
    selector.setMRMLScene(host.slicer.mrmlScene)
    a, b = _volume(host, "A"), _volume(host, "B")
    changes, ids, valid = _changes(selector), [], []
    selector.connect("currentNodeIDChanged(QString)", ids.append)
    selector.connect("currentNodeChanged(bool)", valid.append)
    selector.setCurrentNode(a)
    selector.setCurrentNode(a)
    selector.currentNodeID = b.GetID()
    selector.setCurrentNode(None)
    assert changes == ["A", "B", None]
    assert ids == [a.GetID(), b.GetID(), ""]
    assert valid == [True, True, False]
    with pytest.raises(ValueError, match="setCurrentNodeID takes an ID"):
        selector.setCurrentNode(a.GetID())


def test_another_node_of_the_same_name_is_told(host: Any, selector: Any) -> None:
    selector.setMRMLScene(host.slicer.mrmlScene)
    first, second = _volume(host, "A"), _volume(host, "A")
    selector.setCurrentNode(first)
    changes = _changes(selector)
    selector.setCurrentNode(second)
    assert changes == ["A"]
    assert selector.currentNode() is second


def test_renaming_is_shown(host: Any, selector: Any) -> None:
    selector.setMRMLScene(host.slicer.mrmlScene)
    node = _volume(host, "Before")
    selector.setCurrentNode(node)
    node.SetName("After")
    assert selector.findChild("QComboBox").currentText == "After"


@pytest.mark.parametrize("none_enabled", [True, False])
def test_the_first_node_is_selected_where_none_cannot_be(host: Any, none_enabled: bool) -> None:
    node = _volume(host, "A")
    selector = host.slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.noneEnabled = none_enabled
    selector.setMRMLScene(host.slicer.mrmlScene)
    assert selector.currentNode() is (None if none_enabled else node)


def test_nodes_are_filtered(host: Any, selector: Any) -> None:
    scene = host.slicer.mrmlScene
    selector.setMRMLScene(scene)
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")  # derives from scalar volume
    hidden = _volume(host, "Hidden")
    hidden.SetHideFromEditors(True)

    def names() -> list[str]:
        nodes = map(selector.nodeFromIndex, range(selector.nodeCount()))
        return sorted(node.GetName() for node in nodes)

    assert names() == ["Labels"]
    selector.showChildNodeTypes = False
    assert names() == []
    selector.showHidden = True
    assert names() == ["Hidden"]
    selector.nodeTypes = ("vtkMRMLScalarVolumeNode", "vtkMRMLLabelMapVolumeNode")
    assert names() == ["Hidden", "Labels"]
    selector.addAttribute("vtkMRMLScalarVolumeNode", "LDMReg.Role", "warped")
    assert names() == ["Labels"]
    hidden.SetAttribute("LDMReg.Role", "warped")
    assert names() == ["Hidden", "Labels"]
    selector.sortFilterProxyModel().hiddenNodeIDs = [hidden.GetID()]
    assert names() == ["Labels"]


def test_a_user_creates_renames_and_deletes(host: Any, selector: Any) -> None:
    selector.setMRMLScene(host.slicer.mrmlScene)
    selector.baseName = "Warped"
    selector.renameEnabled = True
    selector.addAttribute("vtkMRMLScalarVolumeNode", "LDMReg.Role", "warped")
    by_user: list[str] = []
    selector.connect("nodeAddedByUser(vtkMRMLNode*)", lambda node: by_user.append(node.GetName()))
    host.select(selector, "Create new Volume")
    node = selector.currentNode()
    assert by_user == [node.GetName()] == ["Warped"]
    assert node.GetAttribute("LDMReg.Role") == "warped"
    host.dialogs.answer("Rename Volume", "Result")
    host.select(selector, "Rename current Volume")
    assert node.GetName() == "Result"
    host.dialogs.answer("Create new Volume", "Named")
    host.select(selector, "Create new Volume as...")
    assert selector.currentNode().GetName() == "Named"
    host.select(selector, "Delete current Volume")
    host.slicer.mrmlScene.RemoveNode(node)
    assert selector.currentNode() is None
    assert host.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []
    first, second = _volume(host, "Same"), _volume(host, "Same")
    for twin in (second, first):  # of one name
        twin.SetAttribute("LDMReg.Role", "warped")
        host.select(selector, twin)
        assert selector.currentNode() is twin
    with pytest.raises(LookupError, match="no row 'Create new Model'"):
        host.select(selector, "Create new Model")


def test_a_batch_is_shown_at_its_end(host: Any, selector: Any) -> None:
    scene = host.slicer.mrmlScene
    selector.setMRMLScene(scene)
    scene.StartState(scene.BatchProcessState)
    _volume(host, "A")
    assert selector.nodeCount() == 0
    scene.EndState(scene.BatchProcessState)
    assert selector.nodeCount() == 1


@pytest.mark.parametrize("none_enabled", [True, False])
def test_an_import_takes_the_selection_away(
    host: Any, selector: Any, none_enabled: bool, tmp_path: Any
) -> None:
    """The model of the rows is filled anew when it ends: until then the new nodes are unknown."""
    scene = host.slicer.mrmlScene
    path = str(tmp_path / "scene.mrml")
    scene.AddNewNodeByClass("vtkMRMLTextNode", "Saved")
    assert host.slicer.util.saveScene(path)
    selector.noneEnabled = none_enabled
    selector.setMRMLScene(scene)
    kept = _volume(host, "Kept")
    selector.setCurrentNode(kept)
    changes = _changes(selector)
    host.slicer.util.loadScene(path)
    assert kept.GetScene() is scene
    assert changes == [None]
    assert (selector.currentNode(), selector.nodeCount()) == (None, 1)


def test_a_deleted_selector_stops_observing(host: Any) -> None:
    selector = host.slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(host.slicer.mrmlScene)
    selector.deleteLater()
    del selector
    host.process_events()
    _volume(host, "A")  # host.errors stays empty


def test_several_nodes_are_checked(host: Any) -> None:
    a, b = _volume(host, "A"), _volume(host, "B")
    selector = host.slicer.qMRMLCheckableNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(host.slicer.mrmlScene)
    changed: list[bool] = []
    selector.connect("checkedNodesChanged()", lambda: changed.append(True))
    assert selector.noneChecked()
    selector.check(b)
    assert (selector.checkedNodes(), selector.uncheckedNodes()) == ((b,), (a,))
    assert changed == [True]


@pytest.fixture
def segmentation(host: Any) -> Any:
    node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Heart")
    node.CreateDefaultDisplayNodes()
    for name in ("LV", "RV"):
        node.GetSegmentation().AddEmptySegment(name, name)
    return node


def test_segments_are_selected(host: Any, segmentation: Any) -> None:
    selector = host.slicer.qMRMLSegmentSelectorWidget()
    selector.setMRMLScene(host.slicer.mrmlScene)
    chosen: list[str] = []
    selector.connect("currentSegmentChanged(QString)", chosen.append)
    selector.setCurrentNode(segmentation)
    assert selector.segmentIDs() == ("LV", "RV")
    selector.setCurrentSegmentID("RV")
    segmentation.GetSegmentation().RemoveSegment("RV")
    assert selector.segmentIDs() == ("LV",)
    assert selector.currentSegmentID() == "LV"
    assert chosen == ["RV", "LV"]


def test_segments_are_listed(host: Any, segmentation: Any) -> None:
    table = host.slicer.qMRMLSegmentsTableView()
    table.setSegmentationNode(segmentation)
    segmentation.GetSegmentation().AddEmptySegment("Myo", "Myo")
    assert table.displayedSegmentIDs() == ("LV", "RV", "Myo")
    table.setSelectedSegmentIDs(["RV"])
    assert table.selectedSegmentIDs() == ("RV",)


def test_the_hierarchy_is_shown(host: Any, segmentation: Any) -> None:
    slicer = host.slicer
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Results")
    item = hierarchy.GetItemByDataNode(segmentation)
    hierarchy.SetItemParent(item, folder)
    tree = slicer.qMRMLSubjectHierarchyTreeView()
    tree.setMRMLScene(slicer.mrmlScene)
    tree.setCurrentNode(segmentation)
    assert (tree.currentItem(), tree.currentNode()) == (item, segmentation)
    box = slicer.qMRMLSubjectHierarchyComboBox()
    box.nodeTypes = ["vtkMRMLSegmentationNode"]
    box.setMRMLScene(slicer.mrmlScene)
    assert [box.itemText(row).strip() for row in range(box.count)] == ["Results", "Heart"]


def test_a_table_is_shown_and_edited(host: Any) -> None:
    node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Metrics")
    host.slicer.util.updateTableFromArray(node, np.array([[0.5, 0.75]]), ["Before", "After"])
    view = host.slicer.qMRMLTableView()
    view.setMRMLTableNode(node)
    model = view.model()
    offset = 0 if node.GetUseColumnNameAsColumnHeader() else 1
    assert float(model.index(offset, 1).data()) == 0.75
    model.setData(model.index(offset, 0), "0.6")
    assert float(node.GetCellText(0, 0)) == 0.6


def test_units_come_from_the_scene(host: Any) -> None:
    slider = host.slicer.qMRMLSliderWidget()
    slider.quantity = "length"
    slider.setMRMLScene(host.slicer.mrmlScene)
    assert slider.suffix.strip() == "mm"
