"""The frames of a sequence are registered to one of them; the results follow the slider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.slicer_app.scene.coordinates import FLIP
from SlicerLDMRegLib.slicer_app.scene.frames import FrameSequence, sequence_of
from SlicerLDMRegLib.slicer_app.scene.nodes import read_attributes, read_json, roles_of
from SlicerLDMRegLib.slicer_app.scene.scene_change import SceneChange
from SlicerLDMRegLib.slicer_app.scene.transform_nodes import field_from_transform
from SlicerLDMRegLib.slicer_app.scene.view_slices import slice_node
from SlicerLDMRegLib.slicer_app.scene.volume_nodes import set_image, volume_geometry
from Testing.Python.slicer_app.failures import failures
from Testing.Python.slicer_app.scenes import (
    array_of,
    blobs,
    lattice,
    resliced,
    result_of,
    rotation,
    scene_images,
    scene_text,
    smooth_field,
    volume_node,
    write_sequence,
)

LATTICE = lattice((20, 18, 16), (1.1, 1.2, 1.3), np.diag([-1.0, -1, 1]))
TIMES = ("0", "0.25", "0.5", "0.75")


@pytest.fixture
def frames(scene: Any) -> FrameSequence:
    """A beating image with four frames, in a browser."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "heart")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    for number, value in enumerate(TIMES):
        node = slicer.vtkMRMLScalarVolumeNode()
        set_image(node, blobs(LATTICE, (0.8 * number, 0, 0)))
        sequence.SetDataNodeAtValue(node, value)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.AddSynchronizedSequenceNode(sequence)
    shown = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "heart")
    set_image(shown, blobs(LATTICE))
    shown.CreateDefaultDisplayNodes()
    browser.AddProxyNode(shown, sequence, False)
    return sequence_of(shown)


def registered(frames: FrameSequence, fixed: Any = None, amplitude: float = 1.0) -> dict[int, Any]:
    """Results of all frames but the first one, to which the others are registered."""
    results = {}
    for number in range(len(frames)):
        if fixed is None and number == 0:
            continue
        images = scene_images(fixed or frames.frame(0), frames.frame(number))
        field = smooth_field(LATTICE, amplitude * (number + 1) / 4)
        metrics = {"before": {"ncc": number / 10}, "after": {"ncc": number / 5}}
        results[number] = (result_of(images, field, metrics=metrics), images)
    return results


def select(frames: FrameSequence, number: int) -> None:
    """Select a frame as the slider of the browser does."""
    frames.browser.SetSelectedItemNumber(number)
    slicer.mrmlScene.sequences_logic.UpdateProxyNodesFromSequences(frames.browser)


def test_a_volume_knows_its_sequence(scene: Any, frames: FrameSequence) -> None:
    assert frames.browser.GetName() == "browser"
    assert frames.node.GetNumberOfDataNodes() == len(frames) == 4
    assert sequence_of(volume_node(blobs(LATTICE), "still")) is None
    image = frames.frame(2).image()
    assert np.array_equal(
        sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(blobs(LATTICE, (1.6, 0, 0)))
    )
    with pytest.raises(InputError, match="expected 0 to 3 of 'heart', got 4"):
        frames.frame(4)


def test_frames_lie_where_the_scene_shows_them(scene: Any, frames: FrameSequence) -> None:
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "own")
    matrix = np.eye(4)
    matrix[:3, 3] = FLIP * (1, 2, 3)
    own.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    frames.shown.SetAndObserveTransformNodeID(own.GetID())
    origin = frames.frame(1).image().GetOrigin()
    assert np.allclose(origin, np.add(LATTICE.origin, (1, 2, 3)))


def test_results_follow_the_slider(scene: Any, frames: FrameSequence) -> None:
    results = registered(frames)
    nodes = write_sequence(results, frames, ("warped", "transform")).nodes
    assert frames.browser.GetNumberOfSynchronizedSequenceNodes(True) == 3
    for number in (0, 1, 3, 2):
        select(frames, number)
        found = field_from_transform(nodes["transform"], LATTICE)
        if number == 0:  # the frame that the others were registered to
            assert np.abs(found.vectors).max() == 0
            assert np.abs(array_of(nodes["warped"]) - array_of(frames.shown)).max() < 1e-6
            continue
        result = results[number][0]
        assert np.abs(found.vectors - result.field.vectors).max() < 1e-9
        # The transform moves the frame that is shown onto the reference frame.
        frames.shown.SetAndObserveTransformNodeID(nodes["transform"].GetID())
        difference = np.abs(resliced(frames.shown, LATTICE) - array_of(nodes["warped"]))
        frames.shown.SetAndObserveTransformNodeID(None)
        assert difference.max() < 1e-5
        assert read_json(nodes["transform"], "Metrics")["after"]["ncc"] == number / 5
    for output, node in nodes.items():
        assert roles_of(node) == (frames.shown, frames.shown)
        assert read_attributes(node)["Output"] == output
        sequence = frames.browser.GetSequenceNode(node)
        assert sequence.GetNumberOfDataNodes() == 4
        assert [sequence.GetNthIndexValue(n) for n in range(4)] == list(TIMES)
        assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")


def test_the_reference_frame_is_rounded_like_the_others(scene: Any, frames: FrameSequence) -> None:
    """The slice of a view, cut out of frames of whole numbers that begin far from 0."""
    for number in range(len(frames)):
        image = sitk.Cast(blobs(LATTICE, (0.8 * number, 0, 0)) * 1000 + 967, sitk.sitkInt16)
        set_image(frames.node.GetNthDataNode(number), image)
    select(frames, 0)
    view = slice_node(scene, "Red")
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(0.5, 0.4, 0.3)
    view.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(matrix))
    view.UpdateMatrices()
    results = {}
    for number in range(1, len(frames)):
        images = scene_images(frames.frame(0), frames.frame(number), view=view)
        results[number] = (result_of(images), images)
    nodes = write_sequence(results, frames, ("warped",)).nodes
    select(frames, 0)
    warped = array_of(nodes["warped"])
    assert warped.dtype == np.int16
    reference = volume_geometry(nodes["warped"]).empty_image()
    none = sitk.Transform(3, sitk.sitkIdentity)
    image = frames.frame(0).image()
    exact = sitk.GetArrayFromImage(
        sitk.Resample(image, reference, none, sitk.sitkLinear, 967.0, sitk.sitkFloat64)
    )
    assert np.ptp(exact) > 500
    assert np.abs(warped - exact).max() < 0.5 + 1e-3


def test_a_still_image_may_be_the_reference(scene: Any, frames: FrameSequence) -> None:
    still = volume_node(blobs(LATTICE), "still")
    nodes = write_sequence(registered(frames, still), frames, ("transform", "inverse")).nodes
    assert roles_of(nodes["transform"]) == (still, frames.shown)
    assert roles_of(nodes["inverse"]) == (frames.shown, still)
    assert nodes["transform"].GetName() == "heart to still"


def test_the_selected_frame_is_shown_at_once(scene: Any, frames: FrameSequence) -> None:
    select(frames, 2)
    results = registered(frames)
    nodes = write_sequence(results, frames).nodes
    found = field_from_transform(nodes["transform"], LATTICE)
    assert np.abs(found.vectors - results[2][0].field.vectors).max() < 1e-9
    assert set(nodes) == {"warped", "transform", "inverse", "jacobian", "displacement"}
    assert nodes["jacobian"].GetDisplayNode().GetWindow() == 2


def test_running_again_updates_the_same_sequences(scene: Any, frames: FrameSequence) -> None:
    first = write_sequence(registered(frames), frames)
    count, before = scene.GetNumberOfNodes(), scene_text(scene)
    results = registered(frames, amplitude=2.0)
    second = write_sequence(results, frames)
    assert second.nodes == first.nodes
    assert scene.GetNumberOfNodes() == count
    select(frames, 3)
    found = field_from_transform(second.nodes["transform"], LATTICE)
    assert np.abs(found.vectors - results[3][0].field.vectors).max() < 1e-9
    select(frames, 0)
    second.change.revert()
    assert scene_text(scene) == before
    select(frames, 3)
    found = field_from_transform(second.nodes["transform"], LATTICE)
    assert np.abs(found.vectors - smooth_field(LATTICE, 1.0).vectors).max() < 1e-9


def test_reverting_leaves_nothing(scene: Any, frames: FrameSequence) -> None:
    before = scene_text(scene)
    write_sequence(registered(frames), frames).change.revert()
    assert scene_text(scene) == before
    assert frames.browser.GetNumberOfSynchronizedSequenceNodes(True) == 1
    select(frames, 3)
    assert (
        np.abs(array_of(frames.shown) - sitk.GetArrayFromImage(frames.frame(3).image())).max() == 0
    )


@pytest.mark.parametrize("again", [False, True], ids=["new nodes", "existing nodes"])
def test_a_failure_at_any_line_leaves_the_scene_as_it_was(
    scene: Any, frames: FrameSequence, again: bool
) -> None:
    outputs = ("warped", "transform")
    if again:
        write_sequence(registered(frames), frames, outputs)
    before = scene_text(scene)
    results = {1: registered(frames, amplitude=2.0)[1]}

    def write() -> SceneChange:
        return write_sequence(results, frames, outputs).change

    count = 0
    for where in failures(write, often=("sequence_results.py",)):
        assert scene_text(scene) == before, where
        assert frames.browser.GetNumberOfSynchronizedSequenceNodes(True) == (3 if again else 1)
        count += 1
    print(f"{count} failures")
    assert count > 200


def test_what_cannot_be_written_is_told(scene: Any, frames: FrameSequence) -> None:
    with pytest.raises(InputError, match="needs the results of some frames"):
        write_sequence({}, frames)
    still = volume_node(blobs(LATTICE), "still")
    mixed = {**registered(frames), 1: registered(frames, still)[1]}
    with pytest.raises(InputError, match="one and the same fixed image"):
        write_sequence(mixed, frames)
    results = registered(frames, still)
    scene.RemoveNode(still)
    with pytest.raises(InputError, match="'still' was removed"):
        write_sequence(results, frames)


def test_a_saved_scene_plays_the_results(scene: Any, frames: FrameSequence, tmp_path: Path) -> None:
    results = registered(frames)
    write_sequence(results, frames, ("warped", "transform"))
    messages = slicer.vtkMRMLMessageCollection()
    path = str(tmp_path / "scene.mrb")
    assert scene.WriteToMRB(path, vtk.vtkImageData(), messages), messages.GetAllMessagesAsString()
    scene.Clear(0)
    assert scene.ReadFromMRB(path, True, messages), messages.GetAllMessagesAsString()
    shown = next(
        node
        for node in slicer.util.getNodesByClass("vtkMRMLTransformNode")
        if read_attributes(node).get("Output") == "transform"
    )
    loaded = sequence_of(shown)
    select(loaded, 3)
    found = field_from_transform(shown, LATTICE)
    assert np.abs(found.vectors - results[3][0].field.vectors).max() < 1e-6
