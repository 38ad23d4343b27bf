"""A module for the tests of the host: thresholds a volume. It uses Slicer as real modules do."""

import enum
import pathlib
from typing import Annotated

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import (
    Choice,
    Decimals,
    WithinRange,
    parameterNodeWrapper,
    parameterPack,
)
from slicer.ScriptedLoadableModule import *  # noqa: F403
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class TinyModule(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Tiny Module")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        parent.contributors = ["LDMReg contributors"]
        parent.helpText = _("Thresholds a volume.")
        parent.acknowledgementText = _("None needed.")
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="Tiny",
        sampleName="TinySample",
        uris=pathlib.Path(__file__).with_name("missing.nrrd").as_uri(),
        fileNames="tiny.nrrd",
        nodeNames="Tiny",
    )


class Mode(enum.Enum):
    ABOVE = "above"
    BELOW = "below"

    def label(self):
        return f"Keep {self.value}"


@parameterPack
class Options:
    invert: bool = False
    smoothing: Annotated[float, WithinRange(0, 5), Decimals(1)] = 1.5


@parameterNodeWrapper
class TinyParameters:
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    outputVolume: slicer.vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(0, 500)] = 100
    mode: Mode = Mode.BELOW
    device: Annotated[str, Choice(["cpu", "cuda"])] = "cpu"
    options: Options


class TinyModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.calls = []
        self._parameters = None
        self._tag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/TinyModule.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = TinyModuleLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.askButton.connect("clicked()", self.onAsk)
        self.ui.failButton.clicked.connect(lambda: 1 / 0)
        self.initialize()
        self.calls.append("setup")

    def cleanup(self):
        self.calls.append("cleanup")
        self.removeObservers()

    def enter(self):
        self.calls.append("enter")
        self.initialize()

    def exit(self):
        self.calls.append("exit")
        self.setParameters(None)

    def onStartClose(self, caller, event):
        self.setParameters(None)

    def onEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initialize()

    def initialize(self):
        self.setParameters(self.logic.getParameterNode())

    def setParameters(self, parameters):
        if self._parameters:
            self._parameters.disconnectGui(self._tag)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self.checkCanApply)
        self._parameters = parameters
        if parameters:
            self._tag = parameters.connectGui(self.ui)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self.checkCanApply)
            self.checkCanApply()

    def checkCanApply(self, caller=None, event=None):
        ready = bool(self._parameters.inputVolume and self._parameters.outputVolume)
        self.ui.applyButton.enabled = ready
        self.ui.applyButton.toolTip = _("Threshold") if ready else _("Select two volumes")

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("Failed."), waitCursor=True):
            parameters = self._parameters
            self.logic.process(
                parameters.inputVolume,
                parameters.outputVolume,
                parameters.threshold,
                parameters.mode,
            )

    def onAsk(self):
        agreed = slicer.util.confirmOkCancelDisplay(_("Delete all?"), _("Tiny"))
        self.ui.statusLabel.text = "deleted" if agreed else "kept"
        qt.QTimer.singleShot(10, lambda: self.calls.append("timer"))


class TinyModuleLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return TinyParameters(super().getParameterNode())

    def process(self, inputVolume, outputVolume, threshold, mode=Mode.ABOVE):
        if not inputVolume or not outputVolume:
            raise ValueError("Input or output volume is invalid")
        array = slicer.util.arrayFromVolume(inputVolume)
        keep = array >= threshold if mode is Mode.ABOVE else array <= threshold
        outputVolume.CopyOrientation(inputVolume)
        slicer.util.updateVolumeFromArray(outputVolume, array * keep)


class TinyModuleTest(ScriptedLoadableModuleTest):
    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_threshold(self):
        import numpy as np

        volume = slicer.util.addVolumeFromArray(np.arange(24.0).reshape(2, 3, 4))
        output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        TinyModuleLogic().process(volume, output, 10.0)
        self.assertEqual(slicer.util.arrayFromVolume(output).sum(), sum(range(10, 24)))

    def test_invalid_input(self):
        with self.assertRaises(ValueError):
            TinyModuleLogic().process(None, None, 1.0)
