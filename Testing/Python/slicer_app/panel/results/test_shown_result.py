"""The result that the scene tells of, also of a sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

GOOD = {
    "before": {"ncc": 0.7},
    "after": {"ncc": 0.9},
    "deformation": {"fold_count": 0, "fold_percent": 0.0},
}
WORSE = {**GOOD, "after": {"ncc": 0.6}}
WORST = {**GOOD, "after": {"ncc": 0.5}}


@pytest.fixture
def frames(host: Any) -> Any:
    """A volume with four frames, in a browser."""
    from SlicerLDMRegLib.slicer_app.scene.frames import sequence_of
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import set_image
    from Testing.Python.slicer_app.scenes import (
        blobs,
        lattice,
        volume_node,
    )

    slicer = host.slicer
    place = lattice((16, 15, 14))
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "heart")
    for number in range(4):
        node = slicer.vtkMRMLScalarVolumeNode()
        set_image(node, blobs(place, (0.5 * number, 0, 0)))
        sequence.SetDataNodeAtValue(node, str(number))
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    shown = volume_node(blobs(place), "heart")
    with slicer.util.NodeModify(browser):
        browser.AddSynchronizedSequenceNode(sequence)
        browser.AddProxyNode(shown, sequence, False)
    return sequence_of(shown)


def test_of_a_sequence_the_worst_frame_is_told(host: Any, frames: Any, tmp_path: Path) -> None:
    from SlicerLDMRegLib.slicer_app.panel.result_texts import verdict_text
    from SlicerLDMRegLib.slicer_app.panel.shown_result import shown_result
    from Testing.Python.slicer_app.scenes import result_of, scene_images, write_sequence

    results = {}
    for number, metrics in ((1, GOOD), (2, WORST), (3, WORSE)):
        images = scene_images(frames.frame(0), frames.frame(number))
        results[number] = (result_of(images, metrics=metrics), images)
    write_sequence(results, frames, ["transform", "warped"])

    def check(volume: Any) -> None:
        shown = shown_result(None, volume)
        assert {n: verdict.status for n, verdict in shown.frames.items()} == {
            1: "good",
            2: "bad",
            3: "bad",
        }
        assert (shown.frame, shown.metrics["after"]) == (2, {"ncc": 0.5})
        text = verdict_text(shown)
        assert "heart \u2192 heart" in text
        assert "1 of 3 frames good, shown the worst: frame 2" in text

    check(frames.shown)
    path = str(tmp_path / "scene.mrb")
    assert host.slicer.util.saveScene(path)
    host.slicer.mrmlScene.Clear(0)
    assert host.slicer.app.coreIOManager().loadScene(path)
    browser = host.slicer.util.getNode("browser")
    check(browser.GetProxyNode(browser.GetMasterSequenceNode()))


def test_the_newest_of_the_nodes_tells(host: Any, form: Any, registered: Any) -> None:
    from SlicerLDMRegLib.slicer_app.panel.shown_result import shown_result

    first = registered(metrics=GOOD)
    assert shown_result(None, None) is None
    fixed, moving = form.parameters.fixedVolume, form.parameters.movingVolume
    assert shown_result(moving, fixed) is None  # the other way round nothing was registered
    later = {"date": "2026-02-02T00:00:00+00:00"}
    second = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "second")
    registered({"transform": second}, metrics=WORSE, provenance=later)
    shown = shown_result(fixed, moving)
    assert shown.metrics["after"] == {"ncc": 0.6}
    assert first.nodes["metrics"] is shown.nodes["metrics"]


def test_a_volume_alone_tells_nothing(host: Any, form: Any, registered: Any) -> None:
    from SlicerLDMRegLib.slicer_app.panel.shown_result import shown_result

    registered({"warped": None}, metrics=GOOD)
    assert shown_result(form.parameters.fixedVolume, form.parameters.movingVolume) is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        '{"before": ' + "9" * 5000 + "}",
        "[1, 2]",
        '"good"',
        "7",
        '{"before": [1], "after": "x", "deformation": 3}',
        '{"before": {"dice": [1]}, "after": {"dice": "x", "ncc": {}}, "deformation": {}}',
        '{"after": {"dice": {"x": "y"}, "hd95": {"1": []}}}',
    ],
    ids=lambda text: text[:30],
)
def test_a_scene_with_spoilt_attributes(host: Any, form: Any, registered: Any, text: str) -> None:
    from SlicerLDMRegLib.slicer_app.panel.result_texts import metric_rows, structure_rows
    from SlicerLDMRegLib.slicer_app.panel.shown_result import shown_result

    run = registered()
    for node in run.nodes.values():
        if node.GetAttribute("LDMReg.Metrics"):
            node.SetAttribute("LDMReg.Metrics", text)
    form.session.last = None
    shown = shown_result(form.parameters.fixedVolume, form.parameters.movingVolume)
    if shown is not None:  # odd, but nothing that cannot be shown
        assert shown.verdict.headline
        metric_rows(shown.metrics)
        structure_rows(shown.structures)
