"""From the choice of images to the result, with the real worker: what a user does first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.resources import sample_data_dir

from .conftest import REPOSITORY

_SECONDS = 300.0


@pytest.fixture
def opened(host: Any) -> Iterator[Any]:
    """The module's panel as it is, with its own session."""
    pytest.importorskip("torch")
    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    yield host.open_module("SlicerLDMReg").panel


@pytest.mark.slow
def test_select_images_apply_look(host: Any, opened: Any) -> None:
    slicer = host.slicer
    for role in ("fixed", "moving"):
        volume = slicer.util.loadVolume(str(sample_data_dir() / f"cardiac_{role}.nrrd"))
        host.select(f"{role}Selector", volume)
    host.click("applyButton")
    host.wait_until(lambda: not opened.running, _SECONDS, "the end of the registration")
    assert "Done" in host.widget("statusLabel").text, host.widget("logTextEdit").toPlainText()
    nodes = opened.session.last.nodes
    assert set(nodes) == {"warped", "transform", "jacobian", "displacement", "metrics"}

    fixed = slicer.util.arrayFromVolume(opened.parameters.fixedVolume).astype(float)
    moving = slicer.util.arrayFromVolume(opened.parameters.movingVolume).astype(float)
    warped = slicer.util.arrayFromVolume(nodes["warped"]).astype(float)
    before, after = (np.corrcoef(fixed.ravel(), m.ravel())[0, 1] for m in (moving, warped))
    assert after > 0.9
    assert after > before + 0.05

    # Once more, into the same nodes; the worker has its model by now.
    host.click("applyButton")
    host.wait_until(lambda: not opened.running, _SECONDS, "the end of the second registration")
    assert opened.session.last.nodes == nodes
    # The sections show the result one after the other, so as not to hold up the application.
    host.wait_until(lambda: host.widget("revertButton").enabled, 10, "the result on the panel")
    host.click("revertButton")
    assert opened.session.last is None


@pytest.mark.slow
def test_cancel_leaves_the_scene_alone(host: Any, opened: Any) -> None:
    host.click("tryCardiacButton")
    host.wait_until(lambda: not opened.loading, 30, "the sample")
    before = host.slicer.mrmlScene.GetNumberOfNodes()
    host.click("applyButton")
    host.wait_until(lambda: host.widget("progressBar").value > 0, _SECONDS, "progress")
    host.click("applyButton")
    host.wait_until(lambda: not opened.running, _SECONDS, "the end")
    assert "cancelled" in host.widget("statusLabel").text
    assert host.slicer.mrmlScene.GetNumberOfNodes() == before
    assert host.widget("applyButton").text == "Apply"
