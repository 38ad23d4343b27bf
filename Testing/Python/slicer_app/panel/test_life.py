"""Opening, leaving, closing the scene, unloading: nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from .conftest import REPOSITORY


def test_opening_imports_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from Testing.Host import SlicerHost\n"
        "host = SlicerHost()\n"
        f"host.load_module({str(REPOSITORY / 'SlicerLDMReg' / 'SlicerLDMReg.py')!r})\n"
        "host.open_module('SlicerLDMReg')\n"
        # scipy took two thirds of the time that importing the panel took.
        "slow = {'torch', 'monai', 'scipy.ndimage', 'matplotlib'} & set(sys.modules)\n"
        "assert not slow, slow\n"
        "assert not host.errors, host.errors\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True)


def test_the_scene_is_closed(host: Any, widget: Any, pair: Any, session: Any) -> None:
    host.select("fixedSelector", pair[0])
    host.select("movingSelector", pair[1])
    host.click("applyButton")
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    assert session.cancelled_because
    assert "scene was closed" in session.cancelled_because
    session.fail()
    host.process_events()
    assert "scene was closed" in host.widget("statusLabel").text
    assert widget.panel.parameters.fixedVolume is None
    assert host.widget("applyButton").text == "Select a fixed and a moving volume"


def test_the_scene_is_closed_while_another_module_is_open(host: Any, widget: Any) -> None:
    host.close_module()
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    assert widget.panel.parameters is None
    host.open_module("SlicerLDMReg")
    assert widget.panel.parameters is not None


def test_leaving_and_coming_back(host: Any, widget: Any, pair: Any) -> None:
    host.select("fixedSelector", pair[0])
    node = widget.panel.parameters.parameterNode
    host.close_module()
    assert widget.panel.parameters is None
    host.open_module("SlicerLDMReg")
    assert widget.panel.parameters.parameterNode is node
    assert host.widget("fixedSelector").currentNode() is pair[0]


def test_unloading_stops_what_was_started(host: Any, widget: Any, pair: Any) -> None:
    panel, session = widget.panel, widget.panel.session
    host.select("fixedSelector", pair[0])
    host.unload_module("SlicerLDMReg")
    assert session.closed
    assert widget.panel is None
    assert not panel.Observations
    host.slicer.mrmlScene.Clear(0)  # nothing answers
    host.process_events()


def test_loaded_transforms_are_linear_again(
    host: Any, widget: Any, tmp_path: Any, pair: Any
) -> None:
    """Slicer interpolates the grids that it reads with splines."""
    import vtk

    slicer = host.slicer
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "Field")
    node.SetAttribute("LDMReg.Output", "transform")
    grid = slicer.vtkOrientedGridTransform()
    image = vtk.vtkImageData()
    image.SetDimensions(3, 3, 3)
    image.AllocateScalars(vtk.VTK_DOUBLE, 3)
    image.GetPointData().GetScalars().Fill(0)
    grid.SetDisplacementGridData(image)
    grid.SetInterpolationModeToLinear()
    node.SetAndObserveTransformFromParent(grid)
    file = str(tmp_path / "scene.mrb")
    slicer.util.saveScene(file)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(file)
    host.process_events()
    loaded = slicer.util.getNode("Field").GetTransformFromParent()
    assert loaded.GetInterpolationModeAsString() == "Linear"


def test_reload(same_library: None, host: Any, widget: Any, pair: Any) -> None:
    """A developer changes the code and presses Reload."""
    before, session = sys.modules["SlicerLDMRegLib"], widget.panel.session
    host.select("fixedSelector", pair[0])
    node = widget.panel.parameters.parameterNode
    widget.onReload()
    host.process_events()
    reloaded = host.slicer.modules.SlicerLDMRegWidget
    assert reloaded is not widget
    assert sys.modules["SlicerLDMRegLib"] is not before
    assert session.closed
    assert reloaded.panel.parameters.parameterNode is node
    assert reloaded.ui.fixedSelector.currentNode() is pair[0]
    reloaded.cleanup()
