"""The Slicer module "LDM Registration"."""

import sys
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


def _resource(filename):
    """The path of a resource: beside the module once installed, beside its folder in the source."""
    folder = Path(__file__).resolve().parent
    roots = [root for root in (folder, folder.parent) if (root / "Resources" / filename).exists()]
    return str((roots or [folder])[0] / "Resources" / filename)


class SlicerLDMReg(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("LDM Registration")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        parent.dependencies = []
        parent.contributors = ["LDMReg contributors"]
        parent.helpText = _(
            "Registers a moving to a fixed image with a trained deep network, refines the result on"
            " the pair, and tells how far to trust it. Not for clinical use."
        )
        parent.acknowledgementText = _(
            "LDM-Morph is a method of Wu and Gong (2026), textSCF of Zhang and others (2023)."
        )
        # The base class looks for it beside the module only.
        parent.icon = qt.QIcon(self.resourcePath("Icons/SlicerLDMReg.png"))
        slicer.app.connect("startupCompleted()", _on_startup)

    def resourcePath(self, filename):
        return _resource(filename)


def _on_startup():
    from SlicerLDMRegLib.slicer_app.sample_data import register_sample_data

    register_sample_data()
    slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.EndImportEvent, _on_scene_loaded)


def _on_scene_loaded(_scene, _event):
    """Bring back what files do not hold of results, also while the panel is not open."""
    transforms = slicer.util.getNodesByClass("vtkMRMLTransformNode")
    if any(node.GetAttribute("LDMReg.Output") for node in transforms):
        from SlicerLDMRegLib.slicer_app.results import after_loading

        after_loading(slicer.mrmlScene)


class SlicerLDMRegWidget(ScriptedLoadableModuleWidget):
    """The panel lives in SlicerLDMRegLib.slicer_app.panel; here it is tied to Slicer."""

    panel = None

    def resourcePath(self, filename):
        return _resource(filename)

    def setup(self):
        from SlicerLDMRegLib.slicer_app.panel.widget import Panel

        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/SlicerLDMReg.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = SlicerLDMRegLogic()
        self.panel = Panel(self.ui, self.logic)
        self.panel.setup()
        self.panel.enter()  # a reloaded module is not entered anew

    def enter(self):
        if self.panel is not None:
            self.panel.enter()

    def exit(self):
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self):
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = None

    def onReload(self):
        for name in [n for n in sys.modules if n.partition(".")[0] == "SlicerLDMRegLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class SlicerLDMRegLogic(ScriptedLoadableModuleLogic):
    """Registers nodes of the scene; needs no panel."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self.isSingletonParameterNode = False  # a scene can hold several sets of choices

    def createParameterNode(self):
        node = ScriptedLoadableModuleLogic.createParameterNode(self)
        node.SetName(slicer.mrmlScene.GenerateUniqueName("LDM Registration"))
        return node

    def register(self, fixedNode, movingNode, **options):
        """Register two volumes and write the results into the scene, in this process.

        It takes the options of SlicerLDMRegLib.slicer_app.logic.register_nodes, and returns what
        that returns: ``.nodes`` by name, and ``.change.revert()``.
        """
        from SlicerLDMRegLib.slicer_app.logic import register_nodes

        return register_nodes(fixedNode, movingNode, **options)


class SlicerLDMRegTest(ScriptedLoadableModuleTest):
    def test_resources(self):
        for name in ("Icons/SlicerLDMReg.png", "Models", "SampleData"):
            self.assertTrue(Path(_resource(name)).exists(), name)
