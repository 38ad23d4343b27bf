"""*Automatic* on the panel, for images that no model knows, with the real worker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .conftest import REPOSITORY

_SECONDS = 300.0


@pytest.mark.slow
def test_images_that_no_model_knows(host: Any) -> None:
    """Volumes of the size of a hippocampus: the refinement alone, and the panel says why."""
    pytest.importorskip("torch")
    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    opened = host.open_module("SlicerLDMReg").panel
    z, y, x = np.mgrid[:30, :44, :32] / 30.0
    for role, shift in (("fixed", 0.0), ("moving", 0.05)):
        inside = (x + shift - 0.5) ** 2 + (y - 0.7) ** 2 + (z - 0.5) ** 2 < 0.2
        values = (inside * (200 + 90 * np.sin(9 * (x + shift)) * np.cos(8 * y))).astype(np.int16)
        volume = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", role)
        host.slicer.util.updateVolumeFromArray(volume, values)
        host.select(f"{role}Selector", volume)
    host.click("applyButton")
    host.wait_until(lambda: not opened.running, _SECONDS, "the end of the registration")
    assert "Done" in host.widget("statusLabel").text, host.widget("logTextEdit").toPlainText()
    host.wait_until(lambda: host.widget("revertButton").enabled, 10, "the result on the panel")
    told = host.widget("findingsLabel").text
    assert "Registered without a model: textscf-brain-mr does not know these images" in told
    assert "expected 90 to 280 mm along each axis" in told
