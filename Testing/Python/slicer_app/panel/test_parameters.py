"""The choices are kept in the parameter node, with the scene, in several sets."""

from __future__ import annotations

from typing import Any

from SlicerLDMRegLib.pipeline import RegistrationRequest


def test_each_tied_widget_has_its_parameter(widget: Any) -> None:
    from SlicerLDMRegLib.slicer_app.run.parameters import OUTPUT_PARAMETERS, RegistrationParameters

    tied = {w.property("SlicerParameterName") for w in vars(widget.ui).values()} - {None, ""}
    known = set(RegistrationParameters.allParameters)  # type: ignore[attr-defined]
    by_hand = {"model", "view", "anatomy", "leftOut", "prompts"}
    assert tied <= known
    assert known - tied <= by_hand
    assert {name for names in OUTPUT_PARAMETERS.values() for name in names} <= tied


def test_what_the_user_chooses_is_stored(
    host: Any, widget: Any, pair: tuple[Any, Any], choices: Any
) -> None:
    fixed, moving = pair
    host.select("fixedSelector", fixed)
    host.select("movingSelector", moving)
    host.choose("modelComboBox", "None: optimise on this pair only")
    host.choose("extentComboBox", "A range of slices, one by one")
    host.choose("axisComboBox", "Coronal")
    host.set_value("firstSliceSpinBox", 3)
    host.set_value("lastSliceSpinBox", 5)
    for section in ("alignmentSection", "optionsSection", "outputsSection"):
        host.click(section)
    host.choose("alignmentComboBox", "Rigid")
    host.choose("deviceComboBox", "Processor (CPU)")
    host.choose("refineComboBox", "On")
    host.type_text("iterationsLineEdit", "20,10")
    host.set_value("smoothnessSpinBox", 0.25)
    host.set_value("seedSpinBox", 7)
    host.check("inverseOutputCheckBox")
    host.check("foldsOutputCheckBox", False)
    parameters = widget.panel.parameters
    assert parameters.fixedVolume is fixed
    assert parameters.movingVolume is moving
    assert parameters.model == "none"
    assert parameters.extent is choices.Extent.RANGE
    assert parameters.axis is choices.Axis.CORONAL
    assert (parameters.firstSlice, parameters.lastSlice) == (3, 5)
    assert parameters.alignment is choices.Alignment.RIGID
    assert parameters.device is choices.Device.CPU
    plan = widget.panel.plan()
    assert str(plan.options["slices"]) == "coronal:3-5"
    request = RegistrationRequest("fixed", "moving", **plan.options)
    assert request.refine == {"iterations": [20, 10], "smoothness": 0.25, "enabled": True}
    assert request.seed == 7
    assert "inverse" in plan.outputs
    assert "folds" not in plan.outputs


def test_two_sets_of_choices(host: Any, widget: Any, pair: tuple[Any, Any]) -> None:
    host.select("fixedSelector", pair[0])
    host.choose("modelComboBox", "None: optimise on this pair only")
    first = host.widget("parameterSetSelector").currentNode()
    host.select("parameterSetSelector", "Create new parameter set")
    second = host.widget("parameterSetSelector").currentNode()
    assert second is not first
    assert widget.panel.parameters.fixedVolume is None
    assert host.widget("modelComboBox").currentText == "Automatic"
    host.select("fixedSelector", pair[1])
    host.select("parameterSetSelector", first)
    assert widget.panel.parameters.fixedVolume is pair[0]
    assert host.widget("fixedSelector").currentNode() is pair[0]
    assert widget.panel.parameters.model == "none"
    # The last one that is deleted is followed by a new one.
    for node in (first, second):
        host.slicer.mrmlScene.RemoveNode(node)
        host.process_events()
    assert widget.panel.parameters is not None
    assert host.widget("fixedSelector").currentNode() is None


def test_choices_are_saved_with_the_scene(
    host: Any,
    widget: Any,
    pair: tuple[Any, Any],
    add_segmentation: Any,
    tmp_path: Any,
    choices: Any,
) -> None:
    parameters = widget.panel.parameters
    parameters.fixedVolume, parameters.movingVolume = pair
    parameters.fixedLabels = add_segmentation(pair[0], "left kidney", "right kidney")
    parameters.refinement = choices.Refinement.OFF
    parameters.anatomy = choices.Anatomy.NONE
    parameters.leftOut = ["Segment_2"]
    parameters.prompts = {"Segment_1": "kidney"}
    parameters.seed = 3
    file = str(tmp_path / "scene.mrb")
    assert host.slicer.util.saveScene(file)
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    assert widget.panel.parameters.seed == 0
    host.slicer.util.loadScene(file)
    host.process_events()
    found = widget.panel.parameters
    assert found.seed == 3
    assert found.refinement is choices.Refinement.OFF
    assert found.anatomy is choices.Anatomy.NONE
    assert found.fixedVolume.GetName() == "ED"
    assert found.fixedLabels.GetName() == "Labels"
    assert list(found.leftOut) == ["Segment_2"]
    assert dict(found.prompts) == {"Segment_1": "kidney"}
    assert host.widget("fixedSelector").currentNode() is found.fixedVolume
    # The empty set of the closed scene is gone.
    sets = host.widget("parameterSetSelector")
    assert sets.nodeCount() == 1


def test_restored_defaults(host: Any, widget: Any, choices: Any) -> None:
    parameters = widget.panel.parameters
    parameters.refinement = choices.Refinement.OFF
    parameters.alignment = choices.Alignment.AFFINE
    parameters.makeInverse = True
    host.process_events()
    assert host.widget("optionsSection").text == "Options: 1 changed"
    assert host.widget("alignmentSection").text == "Alignment: affine"
    host.click("optionsSection")
    host.click("restoreDefaultsButton")
    assert parameters.refinement is choices.Refinement.MODEL
    assert parameters.alignment is choices.Alignment.AUTO
    assert parameters.makeInverse  # no option, but what the user wants to have
    assert host.widget("optionsSection").text == "Options"
    assert not host.widget("restoreDefaultsButton").enabled
