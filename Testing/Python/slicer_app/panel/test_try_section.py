"""A sample pair is loaded step by step: the window stays alive, and it can be cancelled."""

from __future__ import annotations

import time
from typing import Any


def _loaded(host: Any) -> set[str]:
    kinds = ("vtkMRMLVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLSegmentationDisplayNode")
    return {node.GetID() for kind in kinds for node in host.slicer.util.getNodesByClass(kind)}


def _in_the_middle(host: Any, panel: Any) -> None:
    """Go on until the first image is in the scene."""
    scene = host.slicer.mrmlScene
    host.wait_until(lambda: scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), 10, "a node")
    assert panel.loading


def test_the_event_loop_turns_while_a_pair_is_loaded(host: Any, panel: Any) -> None:
    turns, fractions, said = [], set(), set()
    timer = host.qt.QTimer()
    timer.setInterval(1)
    timer.connect("timeout()", lambda: turns.append(panel.loading))
    timer.start()
    host.click("tryBrainButton")
    assert panel.loading, "the click returns before anything is loaded"
    bar = host.widget("progressBar")
    while panel.loading:
        fractions.add(bar.value)
        said.add(host.widget("statusLabel").text)
        assert host.widget("applyButton").text == "Cancel"
        assert not host.widget("tryBrainButton").enabled
        # Half of a pair is not what "the two volumes of the scene" means.
        assert panel.parameters.fixedVolume is None
        host.process_events()
    timer.stop()
    assert sum(turns) >= 6, "each node is a step of its own"
    assert len(fractions) >= 6 and bar.isHidden()
    assert said == {"Loading the images..."}
    assert panel.parameters.movingLabels is not None
    assert "press Apply" in host.widget("statusLabel").text

    host.slicer.mrmlScene.Clear()
    from SlicerLDMRegLib.slicer_app.scene.sample_data import load_pair_in_steps

    steps, times, going_on = load_pair_in_steps("brain"), [], True
    while going_on:
        began = time.thread_time()
        going_on = next(steps, None) is not None
        times.append(time.thread_time() - began)
    assert max(times) < 0.5 * sum(times), times


def test_cancel_a_dialog_and_a_closed_scene(host: Any, panel: Any, add_volume: Any) -> None:
    host.click("tryBrainButton")
    _in_the_middle(host, panel)
    host.click("applyButton")
    assert not panel.loading and host.widget("progressBar").isHidden()
    assert not _loaded(host), "what was loaded is removed"
    assert "cancelled" in host.widget("statusLabel").text
    assert panel.parameters.fixedVolume is None

    host.click("tryCardiacButton")
    _in_the_middle(host, panel)
    dialog = host.qt.QDialog(host.slicer.util.mainWindow())
    dialog.setModal(True)
    dialog.show()
    before, end = _loaded(host), time.monotonic() + 0.2
    host.wait_until(lambda: time.monotonic() > end)
    assert panel.loading and _loaded(host) == before, "nothing is loaded behind a dialog"
    dialog.close()

    host.slicer.mrmlScene.Clear()
    mine = add_volume("mine")
    host.wait_until(lambda: not panel.loading, 30, "the end")
    assert _loaded(host) == {mine.GetID()}, "a new node with an ID of the sample's stays"
    assert "not loaded" in host.widget("statusLabel").text


def test_a_pair_that_arrives_while_another_module_is_open_is_chosen_on_return(
    host: Any, panel: Any
) -> None:
    host.click("tryCardiacButton")
    _in_the_middle(host, panel)
    host.close_module()
    host.wait_until(lambda: not panel.loading, 30, "the sample")
    assert panel.parameters is None
    host.open_module("SlicerLDMReg")
    assert panel.parameters.fixedVolume.GetName() == "Cardiac MR diastole"
