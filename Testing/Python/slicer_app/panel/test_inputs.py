"""The volumes, the model, and what of the volumes is registered."""

from __future__ import annotations

from typing import Any

from SlicerLDMRegLib.model_store import automatic_models


def _select(host: Any, pair: tuple[Any, Any]) -> None:
    host.select("fixedSelector", pair[0])
    host.select("movingSelector", pair[1])


def test_apply_says_what_is_missing(host: Any, widget: Any, pair: tuple[Any, Any]) -> None:
    button = host.widget("applyButton")
    _select(host, (None, None))
    assert not button.enabled
    assert button.text == "Select a fixed and a moving volume"
    host.select("fixedSelector", pair[0])
    assert button.text == "Select a moving volume"
    host.select("movingSelector", pair[0])
    assert not button.enabled
    assert button.text == "Fixed and moving volume are the same"
    host.select("movingSelector", pair[1])
    assert button.enabled
    assert button.text == "Apply"
    host.click("outputsSection")
    for name in ("warped", "transform", "jacobian", "displacement", "folds", "metrics"):
        host.check(f"{name}OutputCheckBox", False)
    widget.panel.parameters.makeWarpedLabels = False
    host.process_events()
    assert button.text == "Select an output"
    host.slicer.mrmlScene.RemoveNode(pair[1])
    host.process_events()
    # Qt's combo box may then select another volume; here there is only the fixed one.
    assert not button.enabled


def test_a_wrong_option_is_told_before_the_run(
    host: Any, widget: Any, pair: tuple[Any, Any]
) -> None:
    _select(host, pair)
    host.click("optionsSection")
    host.type_text("iterationsLineEdit", "many")
    button = host.widget("applyButton")
    assert not button.enabled
    assert "40,40,30" in button.toolTip
    host.type_text("iterationsLineEdit", "")
    assert button.enabled


def test_what_will_be_registered(host: Any, widget: Any, pair: Any, flat_pair: Any) -> None:
    note = host.widget("extentLabel")
    _select(host, (None, None))
    assert not note.visible
    _select(host, pair)
    assert note.text.startswith("12 x 10 x 6 voxels")
    widget.panel.parameters.model = "ldm-morph-cardiac-mr"
    host.process_events()
    assert "all 6 slices" in note.text
    widget.panel.parameters.model = "none"
    host.process_events()
    assert note.text == "12 x 10 x 6 voxels, in 3D."
    _select(host, flat_pair)
    assert note.text == "A 2D image of 12 x 10 pixels."


def test_a_range_begins_with_all_slices(host: Any, widget: Any, pair: Any) -> None:
    _select(host, pair)
    assert not host.widget("rangeWidget").visible
    host.choose("extentComboBox", "A range of slices, one by one")
    parameters = widget.panel.parameters
    assert (parameters.firstSlice, parameters.lastSlice) == (0, 5)
    host.choose("axisComboBox", "Sagittal")
    assert (parameters.firstSlice, parameters.lastSlice) == (0, 11)
    assert "Of 12 slices, 0 to 11" in host.widget("extentLabel").text
    host.set_value("lastSliceSpinBox", 12)
    assert host.widget("applyButton").text == "The fixed volume has slices 0 to 11"
    host.set_value("lastSliceSpinBox", 4)
    host.set_value("firstSliceSpinBox", 5)
    assert host.widget("applyButton").text == "The last slice comes before the first one"


def test_the_slice_of_a_view(host: Any, widget: Any, pair: Any, choices: Any) -> None:
    _select(host, pair)
    host.choose("extentComboBox", "The slice shown in a view")
    host.choose("viewComboBox", "Green")
    plan = widget.panel.plan()
    assert plan.extent is choices.Extent.VIEW
    assert plan.view == "Green"
    assert not host.widget("referenceFrameSpinBox").visible


def test_frames_of_what_is_no_sequence(host: Any, widget: Any, pair: Any) -> None:
    _select(host, pair)
    host.choose("extentComboBox", "All frames of a sequence")
    assert host.widget("referenceFrameSpinBox").visible
    assert host.widget("fixedSelectorLabel").text == "Fixed or sequence:"
    assert not host.widget("applyButton").enabled
    assert not host.widget("foldsOutputCheckBox").enabled  # one still image has them


def test_swap(host: Any, widget: Any, pair: Any, add_segmentation: Any) -> None:
    _select(host, pair)
    parameters = widget.panel.parameters
    labels = add_segmentation(pair[0], "heart")
    transform = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    parameters.fixedLabels = parameters.fixedMask = labels
    parameters.initialTransform = transform
    host.click("swapButton")
    assert (parameters.fixedVolume, parameters.movingVolume) == (pair[1], pair[0])
    assert (parameters.fixedLabels, parameters.movingLabels) == (None, labels)
    assert (parameters.fixedMask, parameters.movingMask) == (None, labels)
    assert parameters.initialTransform is None
    assert "initial transform" in host.widget("statusLabel").text


def test_models(host: Any, widget: Any, flat_pair: Any, region_model: str) -> None:
    widget.panel.models_changed()
    box, note = host.widget("modelComboBox"), host.widget("modelLabel")
    texts = [box.itemText(row) for row in range(box.count)]
    assert texts[0] == "Automatic"
    assert "Brain regions" in texts
    assert texts[-1].startswith("None")
    _select(host, (None, None))
    assert "2D or 3D" in note.text
    _select(host, flat_pair)
    assert "LDM-Morph, cardiac" in note.text
    host.choose(box, "Brain regions")
    assert widget.panel.parameters.model == "brain-regions"
    assert note.text == "Brain MR."
    assert "needs whole volumes" in host.widget("applyButton").text
    host.choose(box, "None: optimise on this pair only")
    assert "this pair alone" in note.text
    # The scene of somebody who has another model.
    widget.panel.parameters.model = "theirs"
    host.process_events()
    assert box.currentText == "theirs (not installed)"
    assert host.widget("applyButton").text == "The chosen model is not installed"


def test_automatic_takes_the_model_of_the_dimension(
    host: Any, widget: Any, pair: Any, flat_pair: Any, region_model: str
) -> None:
    widget.panel.models_changed()
    for volume in pair:
        volume.SetSpacing(10.0, 12.0, 20.0)  # as large as a head
    _select(host, pair)
    widget.panel.update()
    card = widget.panel.card()
    assert card.spatial_dims == 3
    told = f"{card.title}, where it knows the images, else none: {card.use}."
    assert host.widget("modelLabel").text == told
    host.choose("extentComboBox", "A range of slices, one by one")
    assert widget.panel.card().spatial_dims == 2
    _select(host, flat_pair)
    assert widget.panel.card().spatial_dims == 2


def test_frames_of_a_sequence(host: Any, widget: Any, add_volume: Any) -> None:
    scene, volume = host.slicer.mrmlScene, add_volume("cine")
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine frames")
    for number in range(4):
        sequence.SetDataNodeAtValue(volume, str(number))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.AddSynchronizedSequenceNode(sequence)
    browser.AddProxyNode(volume, sequence, False)
    browser.SetSelectedItemNumber(2)
    host.select("movingSelector", volume)
    host.choose("extentComboBox", "All frames of a sequence")
    assert widget.panel.parameters.referenceFrame == 2
    assert host.widget("extentLabel").text == "4 frames, 0 to 3, each to frame 2."
    assert host.widget("applyButton").enabled
    assert widget.panel.plan().frame_numbers() == [0, 1, 3]


def test_a_makeshift_is_called_one(
    host: Any, widget: Any, pair: Any, monkeypatch: Any, tmp_path: Any
) -> None:
    """There is no model for volumes: a 2D one would take the slices one by one."""
    from SlicerLDMRegLib.model_store import find_model, store

    flat = find_model("ldm-morph-cardiac-mr")
    monkeypatch.setattr(store, "list_models", lambda kind=None: [flat])
    _select(host, pair)
    widget.panel.models_changed()
    note = host.widget("modelLabel")
    assert note.text.startswith("No model for 3D images is installed.")
    assert "color" in note.styleSheet
    host.choose("modelComboBox", "None: optimise on this pair only")
    assert note.styleSheet == ""


# Automatic promises no model, and says what is known before the run


def test_a_slice_of_a_volume(host: Any, widget: Any, pair: Any) -> None:
    """Such as one of a brain, which the cardiac model does not know."""
    _select(host, pair)
    note = host.widget("modelLabel")
    for extent in ("The slice shown in a view", "A range of slices, one by one"):
        host.choose("extentComboBox", extent)
        assert "cardiac" in note.text and "makeshift" in note.text
        assert "only where it knows them" in note.text
        assert "color" in note.styleSheet
    host.choose("modelComboBox", widget.panel.card().title)
    assert "makeshift" not in note.text
    assert note.styleSheet == "", "it was chosen"


def test_an_image_of_one_slice_is_promised_nothing(host: Any, widget: Any, flat_pair: Any) -> None:
    _select(host, flat_pair)
    note = host.widget("modelLabel")
    text = "The one that knows the images best, or none where none knows them: "
    assert note.text.startswith(text)
    titles = [card.title for card in automatic_models(2)]
    assert len(titles) > 1
    assert note.text == text + "; ".join(titles)
    assert note.styleSheet == ""


def test_volumes_too_small_for_the_brain_model(
    host: Any, widget: Any, pair: Any, add_volume: Any, add_segmentation: Any
) -> None:
    """Of 24 x 20 x 12 mm: whatever they show, the model does not know it."""
    _select(host, pair)
    note = host.widget("modelLabel")
    assert "does not know images of 24 x 20 x 12 mm" in note.text
    assert "registered without a model" in note.text
    assert "color" in note.styleSheet
    host.choose("modelComboBox", widget.panel.card().title)
    assert "None may do better" in note.text
    assert "color" in note.styleSheet
    # With regions of the model it is not asked whether it knows the images.
    widget.panel.parameters.model = "auto"
    widget.panel.parameters.fixedLabels = add_segmentation(pair[0], "left hippocampus")
    host.process_events()
    assert "None may do better" in note.text


def test_volumes_that_may_be_brains(host: Any, widget: Any, pair: Any) -> None:
    for volume in pair:
        volume.SetSpacing(10.0, 12.0, 20.0)
    _select(host, pair)
    widget.panel.update()
    assert host.widget("modelLabel").styleSheet == ""
    assert "where it knows the images" in host.widget("modelLabel").text
