"""One fixed image and several moving ones: which volumes, and their results side by side."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

_LOADED, _TO_ONE = 2, 1


@pytest.fixture
def section(host: Any, panel: Any) -> Any:
    panel.ui.cohortSection.collapsed = False
    panel.ui.cohortSourceComboBox.setCurrentIndex(_LOADED)
    host.process_events()
    return panel.sections["cohort"]


@pytest.fixture
def scans(add_volume: Callable[..., Any]) -> list[Any]:
    return [add_volume(f"scan {n}", seed=n) for n in range(4)]


def tick(host: Any, panel: Any, *nodes: Any) -> None:
    for node in nodes:
        panel.ui.cohortVolumesSelector.setCheckState(node, host.qt.Qt.Checked)
    host.process_events()


def test_the_volumes_can_be_chosen(host: Any, panel: Any, section: Any, scans: list[Any]) -> None:
    assert panel.ui.cohortVolumesSelector.visible
    assert section._volumes(None) == scans
    tick(host, panel, scans[1], scans[2])
    assert section._volumes(None) == scans[1:3]
    # The one that others are registered to belongs to them.
    assert section._volumes(scans[3]) == scans[1:]
    assert section._volumes(scans[0]) == scans[:3]
    panel.ui.cohortSourceComboBox.setCurrentIndex(0)
    assert not panel.ui.cohortVolumesSelector.visible


def test_results_are_no_images_to_register(
    host: Any, panel: Any, section: Any, scans: list[Any]
) -> None:
    """The next run would make results of results; those that are ticked are meant."""
    scans[1].SetAttribute("LDMReg.Output", "jacobian")
    scans[2].SetNodeReferenceID("LDMReg.CopyOf", scans[0].GetID())
    scans[3].SetAttribute("LDMReg.CohortResult", "1")
    assert section._volumes(None) == scans[:1]
    assert section._volumes(scans[3]) == [scans[0], scans[3]]
    tick(host, panel, scans[1])
    assert section._volumes(None) == [scans[1]]


def test_the_fixed_one_is_named_as_the_scene_names_it(
    panel: Any, section: Any, scans: list[Any], add_volume: Callable[..., Any]
) -> None:
    from SlicerLDMRegLib.errors import InputError

    panel.ui.cohortPairsComboBox.setCurrentIndex(_TO_ONE)
    edit = panel.ui.cohortReferenceEdit
    for text in ("scan 2", " scan 2 ", scans[2].GetID()):
        edit.text = text
        assert section._reference() is scans[2]
    edit.text = ""
    panel.parameters.fixedVolume = scans[1]
    assert section._reference() is scans[1]
    edit.text = "scan 7"
    with pytest.raises(InputError, match="called scan 7; there are scan 0, scan 1, scan 2, scan 3"):
        section._reference()
    add_volume("scan 3")
    edit.text = "scan 3"
    with pytest.raises(InputError, match="2 loaded volumes are called scan 3; rename"):
        section._reference()
    panel.ui.cohortPairsComboBox.setCurrentIndex(2)
    assert section._reference() is None


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["Brain MR A", "Brain MR B"], ["Brain-MR-A", "Brain-MR-B"]),
        (["scan", "scan", "Scan"], ["scan", "scan-2", "Scan-3"]),
        (["a/b:c", "a b c"], ["a-b-c", "a-b-c-2"]),
        (["../etc", "..."], ["etc", "volume"]),
        (["Herz Ä", ""], ["Herz", "volume"]),
    ],
)
def test_files_are_called_as_their_volumes(
    running_host: Any, host: Any, tmp_path: Path, names: list[str], files: list[str]
) -> None:
    from SlicerLDMRegLib.slicer_app.scene.cohort_pairs import image_id, pair_names, write_volumes

    nodes = [host.slicer.util.addVolumeFromArray(np.ones((1, 4, 5), np.float32)) for _ in names]
    for node, name in zip(nodes, names, strict=True):
        node.SetName(name)
    table = write_volumes(tmp_path / "volumes", nodes)
    assert [image_id(node) for node in nodes] == files
    assert all((table.parent / f"{file}.nrrd").is_file() for file in files)
    row = {"id": f"{files[1]}_to_{files[0]}"}
    row |= {"fixed": f"{table.parent}/{files[0]}.nrrd", "moving": f"{table.parent}/{files[1]}.nrrd"}
    assert pair_names(row) == (names[1], names[0])
    # A volume of another scene has the same name and number, and is another one.
    host.slicer.mrmlScene.Clear(0)
    other = [host.slicer.util.addVolumeFromArray(np.ones((1, 4, 5), np.float32)) for _ in names]
    assert [node.GetID() for node in other] == [node.GetID() for node in nodes]
    assert pair_names(row) == (files[1], files[0])


@pytest.fixture
def results(section: Any, panel: Any, scans: list[Any], tmp_path: Path) -> list[dict[str, Any]]:
    """A cohort that is registered: all scans to the first one, of which one has failed."""
    rows = []
    for node in scans[1:]:
        folder = tmp_path / node.GetID()
        folder.mkdir()
        image = sitk.GetImageFromArray(np.full((6, 10, 12), len(rows), np.float32))
        image.SetSpacing((2, 2, 2))
        sitk.WriteImage(image, str(folder / "warped.nrrd"))
        transform = sitk.TranslationTransform(3, (1.0, 0.0, 0.0))
        sitk.WriteTransform(transform, str(folder / "transform.h5"))
        row = {"id": node.GetID(), "status": "done", "verdict": "good", "quality": 0.9}
        row |= {"fixed": f"/x/{scans[0].GetID()}.nrrd", "moving": f"/x/{node.GetID()}.nrrd"}
        rows.append(row)
    for node in scans:
        node.SetAttribute("LDMReg.CohortFile", f"/x/{node.GetID()}.nrrd")
    rows[-1]["status"] = "failed"
    section._folder = SimpleNamespace(results=lambda name: tmp_path / name, root=tmp_path)
    section._show_rows(rows)
    panel.ui.cohortSideButton.visible = True
    return rows


def _order(host: Any) -> list[str]:
    """The names of the slice views of the present layout, row by row."""
    (node,) = host.slicer.util.getNodesByClass("vtkMRMLLayoutNode")
    return re.findall('singletontag="(.*?)"', node.GetCurrentLayoutDescription())


def shown(host: Any) -> dict[str, str]:
    """The volume in each slice view of the layout, by the name of the view."""
    found = {}
    for node in host.slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        volume = host.slicer.mrmlScene.GetNodeByID(node.GetBackgroundVolumeID() or "")
        found[node.GetLayoutName()] = "" if volume is None else volume.GetName()
    return found


def test_results_side_by_side(
    host: Any, panel: Any, results: list[dict[str, Any]], scans: list[Any]
) -> None:
    layout = host.slicer.app.layoutManager()
    before, was = layout.layout, shown(host)
    host.click("cohortSideButton")
    assert layout.layout == host.slicer.vtkMRMLLayoutNode.SlicerLayoutTwoOverTwoView
    views = shown(host)
    names = ["scan 1 warped", "scan 2 warped"]
    assert [views[n] for n in _order(host)] == ["scan 0", *names, ""]
    slices = [
        node
        for node in host.slicer.util.getNodesByClass("vtkMRMLSliceNode")
        if node.GetLayoutName() in _order(host)
    ]
    assert len({node.GetSliceOffset() for node in slices}) == 1
    assert len({node.GetOrientation() for node in slices}) == 1
    assert "warped ones of scan 1; scan 2." in panel.ui.cohortStatusLabel.text
    host.click("cohortSideButton")
    assert layout.layout == before
    assert {name: shown(host)[name] for name in was} == was


def test_views_that_are_made_for_it_cut_alike_too(host: Any, results: list[dict[str, Any]]) -> None:
    """A new view goes to the slice at 0 mm once it gets its size, and takes linked ones along."""
    scene = host.slicer.mrmlScene
    host.click("cohortSideButton")
    views = [scene.GetSingletonNode(name, "vtkMRMLSliceNode") for name in _order(host)]
    layers = [scene.GetSingletonNode(n, "vtkMRMLSliceCompositeNode") for n in _order(host)]
    assert not any(node.GetLinkedControl() for node in layers)
    offset = views[0].GetSliceOffset()
    views[-1].SetSliceOffset(offset + 3.0)
    host.wait_until(lambda: all(node.GetLinkedControl() for node in layers), 10, "the links")
    assert {view.GetSliceOffset() for view in views} == {offset}


def test_labels_lie_over_the_images_of_their_lattice(
    host: Any, results: list[dict[str, Any]], scans: list[Any], add_segmentation: Any
) -> None:
    """Those of the fixed image over all warped ones, none in the view that stays empty."""
    role = host.slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    displays = []
    for scan in scans[:2]:
        labels = add_segmentation(scan, "Ventricle")
        labels.CreateDefaultDisplayNodes()
        labels.SetNodeReferenceID(role, scan.GetID())
        displays.append(labels.GetDisplayNode())
    host.click("cohortSideButton")
    names = [
        host.slicer.mrmlScene.GetNodeByID(v).GetLayoutName() for v in displays[0].GetViewNodeIDs()
    ]
    assert names == _order(host)[:3]
    assert [display.GetVisibility() for display in displays] == [1, 0]
    host.click("cohortSideButton")
    assert not displays[0].GetViewNodeIDs() and displays[1].GetVisibility()


def test_selected_rows_are_shown(
    host: Any, panel: Any, results: list[dict[str, Any]], scans: list[Any], section: Any
) -> None:
    results[-1]["status"] = "done"
    section._show_rows(results)
    for row in (1, 2):
        panel.ui.cohortTable.item(row, 0).setSelected(True)
    host.click("cohortSideButton")
    names = ["scan 2 warped", "scan 3 warped"]
    assert [shown(host)[n] for n in _order(host)] == ["scan 0", *names, ""]


def test_the_table_names_the_volumes_and_the_fixed_one_once(
    panel: Any, results: list[dict[str, Any]]
) -> None:
    table = panel.ui.cohortTable
    assert table.horizontalHeaderItem(0).text() == "To scan 0"
    assert [table.item(row, 0).text() for row in range(3)] == ["scan 1", "scan 2", "scan 3"]
    assert table.item(0, 0).toolTip() == "scan 1 to scan 0"


def test_pairs_of_other_fixed_images_are_left_out(
    host: Any, results: list[dict[str, Any]], scans: list[Any], section: Any
) -> None:
    results[1]["fixed"] = f"/x/{scans[3].GetID()}.nrrd"
    section._show_rows(results)
    host.click("cohortSideButton")
    layout = host.slicer.app.layoutManager().layout
    assert layout == host.slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView
    assert shown(host)[_order(host)[1]] == "scan 1 warped"


def test_a_result_that_is_gone_is_told(
    host: Any, panel: Any, results: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / results[0]["id"] / "warped.nrrd").unlink()
    before = host.slicer.app.layoutManager().layout
    host.click("cohortSideButton")
    assert "is not there any more" in panel.ui.cohortStatusLabel.text
    assert not panel.ui.cohortSideButton.checked
    assert host.slicer.app.layoutManager().layout == before


def test_the_views_come_back_with_the_end_of_the_panel(
    host: Any, widget: Any, results: list[dict[str, Any]]
) -> None:
    before = host.slicer.app.layoutManager().layout
    host.click("cohortSideButton")
    assert host.slicer.app.layoutManager().layout != before
    widget.cleanup()
    assert host.slicer.app.layoutManager().layout == before
