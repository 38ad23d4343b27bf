"""A scripted module lives in the host as it does in Slicer, and is used as by a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def volume(host: Any) -> Any:
    return host.slicer.util.addVolumeFromArray(np.arange(24.0).reshape(2, 3, 4) * 10, name="Input")


def test_the_module_is_registered(host: Any, tiny_path: Path) -> None:
    slicer = host.slicer
    module = host.load_module(tiny_path)
    assert slicer.modules.tinymodule is module
    assert slicer.util.modulePath("TinyModule") == str(tiny_path)
    assert slicer.modules.TinyModuleInstance.parent is module
    assert module.title == "Tiny Module"
    assert module.categories == ("Registration",)
    assert "TinyModule" in slicer.util.moduleNames()
    assert "TinyModule" in slicer.selfTests
    assert not hasattr(slicer.modules, "TinyModuleWidget")  # made when the panel is opened
    import SampleData

    sources = SampleData.SampleDataLogic.sampleDataSourcesByCategory("Tiny")
    assert [source.sampleName for source in sources] == ["TinySample"]  # at startupCompleted()


def test_the_panel_is_entered_and_left(host: Any, tiny_path: Path) -> None:
    host.load_module(tiny_path)
    panel = host.open_module("TinyModule")
    assert panel is host.slicer.modules.TinyModuleWidget
    assert panel.parent.isEntered
    host.close_module()
    host.open_module("TinyModule")
    host.unload_module("TinyModule")
    assert panel.calls == ["setup", "enter", "exit", "enter", "exit", "cleanup"]
    assert "TinyModule" not in sys.modules
    assert not hasattr(host.slicer.modules, "tinymodule")


def test_a_user_gets_a_result(host: Any, tiny_path: Path, volume: Any) -> None:
    slicer = host.slicer
    host.load_module(tiny_path)
    panel = host.open_module("TinyModule")
    button = host.widget("applyButton")
    assert not button.enabled
    assert button.toolTip == "Select two volumes"
    host.select("inputSelector", volume)
    host.select("outputSelector", "Create new Volume")
    output = host.widget("outputSelector").currentNode()
    assert panel._parameters.outputVolume is output
    host.set_value("thresholdSlider", 42.5)
    host.choose("modeBox", "Keep above")
    host.choose("deviceBox", "cuda")
    parameters = panel._parameters
    assert (parameters.threshold, parameters.mode.name, parameters.device) == (
        42.5,
        "ABOVE",
        "cuda",
    )
    host.click("applyButton")
    values = slicer.util.arrayFromVolume(volume)
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(output), np.where(values >= 42.5, values, 0)
    )


def test_the_panel_follows_the_parameter_node(host: Any, tiny_path: Path) -> None:
    host.load_module(tiny_path)
    panel = host.open_module("TinyModule")
    host.check("optionsButton")
    panel._parameters.threshold = 7.25
    panel._parameters.options.invert = True
    assert host.widget("thresholdSlider").value == 7.25
    assert host.widget("thresholdSlider").maximum == 500  # from the annotation, not the .ui file
    assert host.widget("invertBox").checked
    host.set_value("smoothingBox", 2.5)
    assert panel._parameters.options.smoothing == 2.5


def test_a_user_cannot_use_what_is_hidden_or_disabled(host: Any, tiny_path: Path) -> None:
    host.load_module(tiny_path)
    host.open_module("TinyModule")
    with pytest.raises(AssertionError, match=r"'applyButton': it is disabled \(Select two"):
        host.click("applyButton")
    with pytest.raises(AssertionError, match="'invertBox': it is hidden"):
        host.check("invertBox")  # in a collapsed section
    with pytest.raises(LookupError, match="0 widgets are named 'renamedButton'"):
        host.click("renamedButton")
    with pytest.raises(LookupError, match="offers \\['Keep above', 'Keep below'\\]"):
        host.choose("modeBox", "Keep")


def test_closing_the_scene_starts_anew(host: Any, tiny_path: Path, volume: Any) -> None:
    host.load_module(tiny_path)
    panel = host.open_module("TinyModule")
    host.select("inputSelector", volume)
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    assert panel._parameters.inputVolume is None
    assert host.widget("inputSelector").currentNode() is None
    assert host.widget("inputSelector").nodeCount() == 0


def test_a_scene_brings_the_parameters_back(
    host: Any, tiny_path: Path, volume: Any, tmp_path: Path
) -> None:
    slicer = host.slicer
    host.load_module(tiny_path)
    panel = host.open_module("TinyModule")
    host.select("inputSelector", volume)
    host.set_value("thresholdSlider", 12)
    host.choose("modeBox", "Keep above")
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    assert panel._parameters.threshold == 100
    assert slicer.app.coreIOManager().loadScene(path)
    host.process_events()
    panel.initialize()
    parameters = panel._parameters
    assert (parameters.inputVolume.GetName(), parameters.threshold) == ("Input", 12)
    assert host.widget("inputSelector").currentNode() is parameters.inputVolume
    assert host.widget("modeBox").currentText == "Keep above"


def test_dialogs_are_answered_by_the_test(host: Any, tiny_path: Path) -> None:
    host.load_module(tiny_path)
    panel = host.open_module("TinyModule")
    host.dialogs.answer("Delete all?", "Cancel")
    host.click("askButton")
    assert host.widget("statusLabel").text == "kept"
    host.dialogs.answer("Delete all?", host.qt.QMessageBox.Ok)
    host.click("askButton")
    assert host.widget("statusLabel").text == "deleted"
    host.wait_until(lambda: panel.calls.count("timer") == 2, 5, "the timers")
    host.click("askButton")  # nobody prepared an answer
    assert "UnexpectedDialog" in host.errors.pop()
    with host.testing():  # as under ctest: no dialog, the answer is yes
        host.click("askButton")
    assert [shown.text for shown in host.dialogs.shown] == ["Delete all?"] * 3


def test_an_exception_in_a_slot_is_caught(host: Any, tiny_path: Path) -> None:
    host.load_module(tiny_path)
    host.open_module("TinyModule")
    host.click("failButton")
    assert "ZeroDivisionError" in host.errors.pop()


def test_waiting_ends(host: Any) -> None:
    with pytest.raises(TimeoutError, match=r"waited 0.05 s for a miracle"):
        host.wait_until(lambda: False, 0.05, "a miracle")


def test_blocking_is_measured(host: Any) -> None:
    import time

    with host.measure_blocking() as measured:
        host.process_events()
        time.sleep(0.2)
        host.process_events()
    assert measured.longest >= 0.2


def test_self_tests_run_as_in_slicer(host: Any, tiny_path: Path) -> None:
    host.load_module(tiny_path)
    result = host.run_self_tests("TinyModule")  # as ctest
    # Two tests of its own; the imported base class counts as a third, in Slicer, too.
    assert (result.testsRun, result.wasSuccessful()) == (3, True)
    host.slicer.modules.TinyModuleInstance.runTest(msec=0)  # as "Reload and Test"


def test_the_module_is_reloaded(host: Any, tiny_path: Path) -> None:
    host.slicer.app.settings().setValue("Developer/DeveloperMode", True)
    host.load_module(tiny_path)
    before = host.open_module("TinyModule")
    assert before.developerMode
    before.onReloadAndTest()
    after = host.slicer.modules.TinyModuleWidget
    assert after is not before
    assert before.calls == ["setup", "enter", "cleanup"]
    assert after.calls == ["setup"]


def test_quitting_cleans_up(host: Any, tiny_path: Path) -> None:
    host.load_module(tiny_path)
    panel = host.open_module("TinyModule")
    quitting: list[bool] = []
    host.slicer.app.connect("aboutToQuit()", lambda: quitting.append(True))
    host.quit()
    assert quitting == [True]
    assert panel.calls[-1] == "cleanup"


def test_a_file_without_its_class_is_an_error(host: Any, tmp_path: Path) -> None:
    path = tmp_path / "Empty.py"
    path.write_text("class Other:\n    pass\n")
    with pytest.raises(RuntimeError, match="class Empty was not found"):
        host.load_module(path)
