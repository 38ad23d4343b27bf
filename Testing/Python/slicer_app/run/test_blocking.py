"""The window stays alive while volumes are read and results are made.

How long it is kept waiting is measured by ``Testing/Benchmarks/panel_overhead.py``; here, that what
takes long is done in parts and beside the window.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from Testing.Python.calls import note_calls
from Testing.Python.slicer_app.run.runs import QUICK, Watched


def test_the_work_is_done_in_parts(
    session: Watched, host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from SlicerLDMRegLib.slicer_app.results import result_nodes
    from SlicerLDMRegLib.slicer_app.run import run
    from SlicerLDMRegLib.slicer_app.run.plan import RegistrationPlan
    from SlicerLDMRegLib.slicer_app.scene import scene_images
    from Testing.Python.slicer_app import scenes

    lattice = scenes.lattice((40, 36, 32))
    start = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "start")
    field = scenes.smooth_field(lattice, 1.0)
    start.SetAndObserveTransformFromParent(scenes.grid_from_field(field))
    plan = RegistrationPlan(
        {
            "fixed": scenes.volume_node(scenes.blobs(lattice), "fixed"),
            "moving": scenes.volume_node(scenes.blobs(lattice, (1.0, 1.0, 0.0)), "moving"),
            "initial_transform": start,
        },
        {**QUICK, "refine": False},
    )
    steps = note_calls(monkeypatch, run.Run, "check", lambda: 0)  # called before each step
    read = note_calls(monkeypatch, scene_images._Side, "__init__", lambda: len(steps))
    sampled = note_calls(monkeypatch, scene_images._Side, "image_on_lattice", lambda: len(steps))
    computed = note_calls(monkeypatch, result_nodes, "result_contents", threading.get_ident)
    written = note_calls(monkeypatch, result_nodes.ResultWriter, "write", lambda: len(steps))
    session.run(plan)
    first, second = read
    assert first < second < sampled[0] < written[0]
    assert len(computed) == 1 and computed[0] != threading.get_ident()
