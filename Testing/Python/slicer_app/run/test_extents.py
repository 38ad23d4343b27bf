"""Slices, slices of views, and the frames of sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.errors import CancelledError, InputError
from SlicerLDMRegLib.pipeline import SliceSelection
from Testing.Python.slicer_app.run.runs import Watched, make_plan

Text = Callable[[], str]


def test_some_slices(session: Watched, volumes: tuple[Any, Any]) -> None:
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry

    slices = SliceSelection("axial", 2, 4)
    run = session.run(make_plan(*volumes, extent="RANGE", slices=slices))
    whole, part = (volume_geometry(node) for node in (volumes[0], run.nodes["warped"]))
    assert part.matches(whole.crop((0, 0, 2), (22, 20, 3)))
    assert str(run.result.slices) == "k:2-4"


def test_the_slice_of_a_view(session: Watched, host: Any, volumes: tuple[Any, Any]) -> None:
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry

    view = host.slicer.app.layoutManager().sliceWidget("Green").mrmlSliceNode()
    view.SetSliceOffset(3.0)
    run = session.run(make_plan(*volumes, extent="VIEW", view="Green"))
    size = volume_geometry(run.nodes["warped"]).size
    assert sorted(size) == [1, 9, 22]
    view.SetSliceOffset(300.0)
    session.done.clear()
    assert "lies outside" in str(session.fail(make_plan(*volumes, extent="VIEW", view="Green")))


@pytest.mark.parametrize(("count", "axis"), [(1, 0), (2, 1), (3, 2), (5, 0), (7, 2)])
def test_few_slices_whole_and_one_by_one(
    session: Watched, host: Any, count: int, axis: int
) -> None:
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry
    from Testing.Python.slicer_app import scenes

    size, spacing = [24, 22, 20], [1.6, 1.7, 1.8]
    size[axis], spacing[axis] = count, 6.0
    place = scenes.lattice(tuple(size), tuple(spacing))
    nodes = [
        scenes.volume_node(scenes.blobs(place, shift), name)
        for name, shift in (("fixed", (0.0, 0.0, 0.0)), ("moving", (1.0, -1.0, 0.5)))
    ]
    run = session.run(make_plan(*nodes))
    assert volume_geometry(run.nodes["warped"]).matches(place)
    session.done.clear()
    slices = SliceSelection("ijk"[axis], 0, count - 1)
    if count == 1:
        said = str(session.fail(make_plan(*nodes, extent="RANGE", slices=slices)))
        assert said == "The fixed volume is one slice only; register the whole volumes."
        return
    run = session.run(make_plan(*nodes, extent="RANGE", slices=slices))
    assert volume_geometry(run.nodes["warped"]).matches(place)
    assert run.result.slices.count == count
    assert not run.result.field.vectors[..., axis].any()


def test_too_few_pixels_are_told(session: Watched, host: Any) -> None:
    from Testing.Python.slicer_app import scenes

    nodes = [scenes.volume_node(scenes.blobs(scenes.lattice((3, 9, 1))), name) for name in "ab"]
    said = str(session.fail(make_plan(*nodes)))
    assert "expected at least 4 pixels along two axes, got 3 x 9" in said
    nodes = [scenes.volume_node(scenes.blobs(scenes.lattice((9, 9, 3))), name) for name in "cd"]
    slices = SliceSelection("i", 0, 8)
    said = str(session.fail(make_plan(*nodes, extent="RANGE", slices=slices)))
    assert "9 x 3 pixels, expected at least 4 along both axes" in said


def test_a_start_that_is_not_linear(
    session: Watched, volumes: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from SlicerLDMRegLib.slicer_app.scene import transform_nodes
    from SlicerLDMRegLib.slicer_app.scene.transform_nodes import field_from_transform
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry

    first = session.run(make_plan(*volumes, extent="WHOLE", outputs={"transform": None}))
    start = first.nodes["transform"]
    where = volume_geometry(volumes[0])
    found = field_from_transform(start, where).vectors
    monkeypatch.setattr(transform_nodes, "_STEP_POINTS", 900)  # two slices
    options = {"initial_transform": start, "refine": False, "outputs": {"inverse": None}}
    run = session.run(make_plan(*volumes, extent="WHOLE", **options))
    assert np.abs(run.result.field.vectors - found).max() < 1e-6


def test_the_frames_of_a_sequence(session: Watched, frames: Any, text: Text) -> None:
    from SlicerLDMRegLib.slicer_app.scene.nodes import read_json

    before = text()
    run = session.run(make_plan(None, frames.shown, extent="FRAMES", reference_frame=1))
    assert set(run.nodes) == {"warped", "transform", "inverse", "jacobian", "displacement"}
    assert run.result is None and sorted(run.frame_metrics) == [0, 2, 3]
    assert frames.browser.GetNumberOfSynchronizedSequenceNodes(True) == 6
    sequence = frames.browser.GetSequenceNode(run.nodes["transform"])
    assert sequence.GetNumberOfDataNodes() == 4
    found = [read_json(sequence.GetNthDataNode(n), "Metrics") for n in range(4)]
    assert found[3]["after"]["ncc"] == run.frame_metrics[3]["after"]["ncc"]
    assert found[1] == {}  # nothing was registered
    fractions = [fraction for _, fraction, _ in session.progress]
    assert fractions == sorted(fractions) and fractions[-1] < 1
    assert any("frame 2, 2 of 3" in message for _, _, message in session.progress)
    session.session.revert()
    assert text() == before


def test_frames_and_a_still_image(session: Watched, frames: Any, blobs: tuple[Any, Any]) -> None:
    still = blobs[0]
    run = session.run(make_plan(still, frames.shown, extent="FRAMES"))
    assert sorted(run.frame_metrics) == [0, 1, 2, 3]
    assert run.nodes["transform"].GetName() == "heart to fixed"


@pytest.mark.parametrize("end", ["cancelled", "an input is removed", "a frame fails"])
def test_frames_that_end_early_leave_nothing(
    session: Watched, host: Any, frames: Any, text: Text, end: str
) -> None:
    scene = host.slicer.mrmlScene
    after = [text()]

    def act(now: str) -> None:
        message = session.progress[-1][2]
        if "frame 2" not in message or session.on_progress is not act:
            return
        if end == "cancelled":
            session.session.cancel()
        elif end == "a frame fails":
            frames.node.GetNthDataNode(3).SetAndObserveImageData(None)
        else:
            scene.RemoveNode(frames.node)
        after.append(text())
        session.on_progress = lambda now: None

    session.on_progress = act
    session.start(make_plan(None, frames.shown, extent="FRAMES"))
    session.finish()
    assert not session.done
    kind = InputError if end == "a frame fails" else CancelledError
    assert isinstance(session.errors[0], kind), session.errors
    assert text() == after[-1]


def test_parts_of_volumes_do_not_replace_the_whole(
    session: Watched, volumes: tuple[Any, Any]
) -> None:
    whole = session.run(make_plan(*volumes))
    found = {o: (n, n.GetName()) for o, n in whole.nodes.items()}
    view = session.run(make_plan(*volumes, extent="VIEW"))
    slices = SliceSelection("axial", 2, 4)
    part = session.run(make_plan(*volumes, extent="RANGE", slices=slices))
    runs = [whole, view, part]
    nodes = [node for run in runs for node in run.nodes.values()]
    assert len(set(nodes)) == len(nodes)
    assert {o: (n, n.GetName()) for o, n in whole.nodes.items()} == found
    names = [run.nodes["transform"].GetName() for run in runs]
    assert names == [
        "moving to fixed",
        "moving to fixed, axial slice at 0.0 mm",
        "moving to fixed, axial slices 2 to 4",
    ]


def test_a_still_run_leaves_the_frames_of_a_sequence_alone(
    session: Watched, frames: Any, blobs: tuple[Any, Any]
) -> None:
    """Also where the same two volumes were chosen."""
    run = session.run(make_plan(blobs[0], frames.shown, extent="FRAMES"))
    still = session.run(make_plan(blobs[0], frames.shown, extent="WHOLE"))
    assert not set(run.nodes.values()) & set(still.nodes.values())
    assert frames.browser.GetSequenceNode(run.nodes["transform"]) is not None
    assert frames.browser.GetSequenceNode(still.nodes["transform"]) is None
