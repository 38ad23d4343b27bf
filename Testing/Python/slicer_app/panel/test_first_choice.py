"""Two volumes in a scene are chosen by themselves, once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .conftest import REPOSITORY


def test_two_volumes_are_there_when_the_module_is_opened(host: Any) -> None:
    slicer = host.slicer
    for name in ("first", "second"):
        slicer.util.addVolumeFromArray(np.zeros((5, 6, 7), np.int16), name=name)
    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    host.open_module("SlicerLDMReg")
    assert host.widget("fixedSelector").currentNode().GetName() == "first"
    assert host.widget("movingSelector").currentNode().GetName() == "second"
    assert "first stays, second is warped" in host.widget("statusLabel").text


def test_two_volumes_are_loaded_while_the_module_is_open(
    host: Any, panel: Any, add_volume: Any
) -> None:
    first = add_volume("first")
    assert panel.parameters.fixedVolume is None
    second = add_volume("second")
    assert (panel.parameters.fixedVolume, panel.parameters.movingVolume) == (first, second)
    add_volume("third")
    assert panel.parameters.movingVolume is second


def test_what_the_user_takes_out_stays_out(host: Any, panel: Any, pair: Any) -> None:
    host.select("fixedSelector", None)
    host.select("movingSelector", None)
    panel.update()
    host.close_module()
    host.open_module("SlicerLDMReg")
    assert panel.parameters.fixedVolume is None and panel.parameters.movingVolume is None


def test_what_is_chosen_already_stays(host: Any, panel: Any, add_volume: Any) -> None:
    first = add_volume("first")
    host.select("movingSelector", first)
    add_volume("second")
    assert panel.parameters.fixedVolume is None and panel.parameters.movingVolume is first


def test_only_images_that_were_loaded_are_chosen(host: Any, panel: Any, add_volume: Any) -> None:
    slicer = host.slicer
    add_volume("first")
    slicer.util.addVolumeFromArray(
        np.zeros((5, 6, 7), np.int16), name="map", nodeClassName="vtkMRMLLabelMapVolumeNode"
    )
    host.process_events()
    assert panel.parameters.fixedVolume is None
    with slicer.util.NodeModify(panel.parameters.parameterNode):
        for kind in ("result", "hidden", "empty"):
            node = slicer.vtkMRMLScalarVolumeNode()
            if kind != "empty":
                node.CopyContent(slicer.util.getNode("first"))
            node.SetName(kind)
            node.SetAttribute("LDMReg.Output", "warped" if kind == "result" else None)
            node.SetHideFromEditors(kind == "hidden")
            slicer.mrmlScene.AddNode(node)
            host.process_events()
    assert panel.parameters.fixedVolume is None


def test_another_scene_is_asked_anew(host: Any, panel: Any, pair: Any, add_volume: Any) -> None:
    host.select("fixedSelector", None)
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    first, second = add_volume("first"), add_volume("second")
    assert (panel.parameters.fixedVolume, panel.parameters.movingVolume) == (first, second)
