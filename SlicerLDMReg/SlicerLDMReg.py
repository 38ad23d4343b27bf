"""The Slicer module "LDM Registration"."""

from pathlib import Path

import qt
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

    def resourcePath(self, filename):
        return _resource(filename)


class SlicerLDMRegWidget(ScriptedLoadableModuleWidget):
    def resourcePath(self, filename):
        return _resource(filename)


class SlicerLDMRegLogic(ScriptedLoadableModuleLogic):
    pass


class SlicerLDMRegTest(ScriptedLoadableModuleTest):
    def test_resources(self):
        for name in ("Icons/SlicerLDMReg.png", "Models", "SampleData"):
            self.assertTrue(Path(_resource(name)).exists(), name)
