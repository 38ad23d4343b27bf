"""Frames of a sequence, registered to one of them: what is shown follows the slider."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def beating(host: Any) -> Any:
    """Three frames registered to the second; the volume that shows them, and the result."""
    from SlicerLDMRegLib.slicer_app.scene.frames import sequence_of
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import set_image
    from Testing.Python.slicer_app.scenes import (
        blobs,
        lattice,
        result_of,
        scene_images,
        smooth_field,
        write_sequence,
    )

    slicer, geometry = host.slicer, lattice((20, 18, 16), (1.1, 1.2, 1.3))
    scene = slicer.mrmlScene
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "heart")
    for number in range(3):
        node = slicer.vtkMRMLScalarVolumeNode()
        set_image(node, blobs(geometry, (2.0 * number, 0, 0)))
        sequence.SetDataNodeAtValue(node, str(number))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.AddSynchronizedSequenceNode(sequence)
    shown = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "heart")
    set_image(shown, blobs(geometry))
    shown.CreateDefaultDisplayNodes()
    browser.AddProxyNode(shown, sequence, False)
    frames = sequence_of(shown)
    assert frames is not None
    results = {}
    for number in (0, 2):
        images = scene_images(frames.frame(1), frames.frame(number))
        results[number] = (result_of(images, smooth_field(geometry, 1.0 + number)), images)
    return frames, write_sequence(results, frames)


def _select(host: Any, frames: Any, number: int) -> None:
    frames.browser.SetSelectedItemNumber(number)
    host.slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(frames.browser)
    host.process_events()


def _layer(host: Any) -> np.ndarray:
    scene = host.slicer.mrmlScene
    layers = scene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    volume = scene.GetNodeByID(layers.GetBackgroundVolumeID())
    return host.slicer.util.arrayFromVolume(volume)


def _frame(host: Any, frames: Any, number: int) -> np.ndarray:
    return host.slicer.util.arrayFromVolume(frames.frame(number).node)


def test_the_fixed_frame_is_shown_whatever_is_selected(host: Any, beating: Any) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode, ResultDisplay

    frames, _ = beating
    before = host.slicer.mrmlScene.GetNumberOfNodes()
    display = ResultDisplay(frames.shown, frames.shown)
    display.show(Mode.BLEND)
    for number in (0, 2):
        _select(host, frames, number)
        assert np.array_equal(_layer(host), _frame(host, frames, 1))
    display.show(Mode.MOVING)
    for number in (0, 2):
        _select(host, frames, number)
        assert np.array_equal(_layer(host), _frame(host, frames, number))
    display.reset()
    assert host.slicer.mrmlScene.GetNumberOfNodes() == before


def test_the_difference_follows_the_slider(host: Any, form: Any, beating: Any) -> None:
    frames, written = beating
    form.parameters.fixedVolume = form.parameters.movingVolume = frames.shown
    form.section.update()
    _select(host, frames, 0)
    host.click(form.ui.differenceButton)
    for number in (0, 2):
        _select(host, frames, number)
        warped = host.slicer.util.arrayFromVolume(written.nodes["warped"])
        expected = warped - _frame(host, frames, 1)
        assert np.abs(expected).max() > 0.05
        host.wait_until(
            lambda expected=expected: (
                form.section.display.mode is not None
                and np.allclose(_layer(host), expected, atol=1e-5)
            )
        )
