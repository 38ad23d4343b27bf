"""The Slicer module "LDM Registration"."""

import sys
import time
import unittest
from pathlib import Path

import numpy as np
import qt
import slicer
import vtk
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


_translators = []  # Qt does not keep them


def _load_translation():
    """Load the texts of the module in the language of Slicer, where there are such.

    Slicer itself looks into its own folder only, not into those of extensions.
    """
    language = str(getattr(slicer.app, "applicationLocaleName", "")).replace("-", "_")
    for name in (language, language.partition("_")[0]):
        path = Path(_resource(f"Translations/LDMReg_{name}.qm"))
        translator = qt.QTranslator()
        if path.exists() and translator.load(str(path)):
            _translators.append(translator)
            qt.QCoreApplication.installTranslator(translator)
            return


class SlicerLDMReg(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        _load_translation()
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
    from SlicerLDMRegLib.slicer_app.scene.sample_data import register_sample_data

    register_sample_data()
    slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.EndImportEvent, _on_scene_loaded)


def _on_scene_loaded(_scene, _event):
    """Bring back what files do not hold of results, also while the panel is not open."""
    transforms = slicer.util.getNodesByClass("vtkMRMLTransformNode")
    if any(node.GetAttribute("LDMReg.Output") for node in transforms):
        from SlicerLDMRegLib.slicer_app.results.result_nodes import after_loading

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

        Its options are those of SlicerLDMRegLib.slicer_app.run.register_nodes.register_nodes; it
        returns what that returns: ``.nodes`` by name, and ``.change.revert()``.
        """
        from SlicerLDMRegLib.slicer_app.run.register_nodes import register_nodes

        return register_nodes(fixedNode, movingNode, **options)


class SlicerLDMRegTest(ScriptedLoadableModuleTest):
    """Each test stands alone: ctest runs one after the other, "Reload and Test" calls runTest.

    What registers is skipped where packages are missing.
    """

    MODEL = "ldm-morph-cardiac-mr"
    SECONDS = 600.0  # for a busy computer, on which importing torch takes a minute

    def runTest(self, **_options):
        # The base class would call a test that is skipped an error.
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(type(self))
        result = unittest.TextTestRunner(verbosity=2).run(suite)
        self.assertTrue(result.wasSuccessful(), "self-tests failed, see above")

    def setUp(self):
        slicer.mrmlScene.Clear()

    def tearDown(self):
        slicer.mrmlScene.Clear()

    def test_resources_are_found(self):
        for name in ("Icons/SlicerLDMReg.png", "Models", "SampleData", "UI", "requirements.txt"):
            self.assertTrue(Path(_resource(name)).exists(), name)

    def test_panel_opens_and_says_what_is_missing(self):
        from SlicerLDMRegLib.slicer_app.setup.dependencies import check_setup

        panel = _open_panel()
        ui, status = panel.ui, check_setup()
        self.assertFalse(ui.applyButton.enabled)
        self.assertNotEqual(ui.setupSection.isHidden(), bool(status.missing()))
        for package in status.missing():
            self.assertIn(f"{package.requirement}: ", ui.setupDetails.toPlainText())
        if status.missing():
            self.assertIn("Setup", ui.applyButton.text)
            self.assertTrue(ui.setupLabel.text)
        if not status.torch.present:
            self.assertIn("PyTorch", ui.setupLabel.text)
        ui.tryCardiacButton.click()
        self._wait_until(lambda: not panel.loading)
        self.assertEqual(ui.fixedSelector.currentNode().GetName(), "Cardiac MR diastole")
        self.assertEqual(ui.movingSelector.currentNode().GetName(), "Cardiac MR systole")
        self.assertEqual(ui.applyButton.enabled, status.is_ready)

    def test_register_the_sample_pair(self):
        self._need_packages()
        from SlicerLDMRegLib.slicer_app.scene.sample_data import load_pair

        pair = load_pair("cardiac")
        # Not rounded to whole numbers, so that the results can be compared closely.
        voxels = slicer.util.arrayFromVolume(pair.moving).astype(np.float32)
        slicer.util.updateVolumeFromArray(pair.moving, voxels)
        before = _state_of_scene()
        run = SlicerLDMRegLogic().register(
            pair.fixed,
            pair.moving,
            model=self.MODEL,
            segmentation=pair.fixed_labels,
            movingLabels=pair.moving_labels,
        )
        overlaps = [
            _mean_dice(pair.fixed_labels, labels, pair.fixed)
            for labels in (pair.moving_labels, run.nodes["warped_labels"])
        ]
        self.assertAlmostEqual(overlaps[0], 0.663, delta=0.005)
        self.assertAlmostEqual(overlaps[1], 0.980, delta=0.015)
        for overlap, side in zip(overlaps, ("before", "after"), strict=True):
            self.assertAlmostEqual(run.metrics[side]["dice_mean"], overlap, delta=0.005)

        self.assertEqual(run.metrics["deformation"]["fold_count"], 0)
        self.assertGreater(slicer.util.arrayFromVolume(run.nodes["jacobian"]).min(), 0.0)
        self.assertEqual(run.nodes["transform"].GetAttribute("LDMReg.Model"), self.MODEL)

        # The warped volume is what Slicer itself makes of the moving one under the transform.
        warped = slicer.util.arrayFromVolume(run.nodes["warped"]).astype(float)
        pair.moving.SetAndObserveTransformNodeID(run.nodes["transform"].GetID())
        logic = slicer.modules.volumes.logic()
        resampled = logic.ResampleVolumeToReferenceVolume(pair.moving, pair.fixed)
        difference = np.abs(slicer.util.arrayFromVolume(resampled) - warped).max()
        self.assertLess(difference, 1e-3 * np.ptp(warped))
        pair.moving.SetAndObserveTransformNodeID(None)
        slicer.mrmlScene.RemoveNode(resampled)

        self.assertNotEqual(_state_of_scene(), before)
        run.change.revert()
        self.assertEqual(_state_of_scene(), before)

    def test_a_known_translation_is_found(self):
        self._need_packages()
        from SlicerLDMRegLib.slicer_app.scene.sample_data import load_pair

        fixed = load_pair("cardiac").fixed
        shift = np.array([6.0, -9.0, 0.0])
        moving = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, fixed, "Moved")
        moving.SetOrigin(*(np.array(fixed.GetOrigin()) + shift))
        run = SlicerLDMRegLogic().register(
            fixed, moving, model="none", align="rigid", outputs=["transform", "inverse"]
        )
        bounds = [0.0] * 6
        fixed.GetRASBounds(bounds)
        center = (np.array(bounds[::2]) + bounds[1::2]) / 2
        to_moving = vtk.vtkGeneralTransform()
        run.nodes["transform"].GetTransformFromWorld(to_moving)
        for offset in ((0.0, 0.0, 0.0), (25.0, 10.0, 0.0), (-15.0, -30.0, 0.0)):
            point = center + offset
            found = np.array(to_moving.TransformPoint(point)) - point
            self.assertLess(np.linalg.norm(found - shift), 0.3, f"{found} at {point}")
        # What lies on the moving image comes onto the fixed one, and back by the inverse.
        for name, start, end in (
            ("transform", center + shift, center),
            ("inverse", center, center + shift),
        ):
            mark = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
            mark.AddControlPoint(start)
            mark.SetAndObserveTransformNodeID(run.nodes[name].GetID())
            where = [0.0] * 3
            mark.GetNthControlPointPositionWorld(0, where)
            self.assertLess(np.linalg.norm(where - end), 0.3, f"{name}: {where}")

    def test_the_panel_cancels_registers_and_reverts(self):
        self._need_packages()
        panel = _open_panel()
        ui = panel.ui
        ui.tryCardiacButton.click()
        self._wait_until(lambda: not panel.loading)
        before = _state_of_scene()

        ui.applyButton.click()
        self._wait_until(lambda: ui.progressBar.value > 0 or not panel.running)
        self.assertTrue(panel.running, ui.statusLabel.text)
        ui.applyButton.click()
        self._wait_until(lambda: not panel.running)
        self.assertIn("cancelled", ui.statusLabel.text)
        self.assertEqual(_state_of_scene(), before)

        ui.applyButton.click()
        self._wait_until(lambda: not panel.running)
        run = panel.session.last
        self.assertIsNotNone(run, ui.logTextEdit.toPlainText())
        self._wait_until(lambda: "Cardiac MR systole" in ui.verdictLabel.text)
        overlap = np.mean([float(ui.structuresTable.item(row, 2).text()) for row in range(3)])
        self.assertAlmostEqual(overlap, 0.980, delta=0.015)
        self.assertAlmostEqual(run.metrics["before"]["dice_mean"], 0.663, delta=0.005)
        self.assertEqual(run.metrics["deformation"]["fold_count"], 0)

        self._wait_until(lambda: ui.revertButton.enabled)
        ui.revertButton.click()
        slicer.app.processEvents()
        self.assertEqual(_state_of_scene(), before)

    def _need_packages(self):
        from SlicerLDMRegLib.slicer_app.setup.dependencies import check_setup

        missing = check_setup().missing()
        if missing:
            names = ", ".join(package.requirement for package in missing)
            self.skipTest(f"needs {names}: install them in the section Setup of LDM Registration")

    def _wait_until(self, condition):
        end = time.monotonic() + self.SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end, "waited too long")
            slicer.app.processEvents()
            time.sleep(0.005)


def _open_panel():
    """Open the module as a user does, or without a main window make its panel; for the tests."""
    if slicer.util.mainWindow() is not None:
        slicer.util.selectModule("SlicerLDMReg")
    slicer.modules.slicerldmreg.widgetRepresentation()
    slicer.app.processEvents()
    return slicer.modules.SlicerLDMRegWidget.panel


def _state_of_scene():
    """Return what a revert brings back: all data, how they relate, and what the views show."""
    state = {}
    for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
        if node.IsA("vtkMRMLModelNode"):
            continue  # the slices in 3D, which follow the views
        roles = []
        node.GetNodeReferenceRoles(roles)
        references = {role: node.GetNodeReferenceID(role) for role in roles if role != "storage"}
        attributes = {name: node.GetAttribute(name) for name in node.GetAttributeNames()}
        state[node.GetID()] = node.GetName(), references, attributes
    for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        layers = node.GetBackgroundVolumeID(), node.GetForegroundVolumeID(), node.GetLabelVolumeID()
        state[node.GetID()] = layers
    return state


def _mean_dice(first, second, volume):
    """Return the mean overlap of segments of the same name, on the lattice of a volume."""
    voxels = {}
    for node in (first, second):
        segmentation = node.GetSegmentation()
        for identifier in segmentation.GetSegmentIDs():
            name = segmentation.GetSegment(identifier).GetName()
            array = slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, volume)
            voxels.setdefault(name, []).append(array > 0)
    return np.mean([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in voxels.values()])
