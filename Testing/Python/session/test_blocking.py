"""The window stays alive while volumes are read and results are made.

How long it is kept waiting is measured by ``Testing/Benchmarks/panel_overhead.py``; the bounds here
are wide, for a busy machine, but not wide enough for work that is done in one piece.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from Testing.Python.session.runs import QUICK, Watched

BOUND = 0.5  # seconds of the processor


def test_no_step_takes_long(session: Watched, host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from SlicerLDMRegLib.slicer_app import run
    from SlicerLDMRegLib.slicer_app.plan import RegistrationPlan
    from SlicerLDMRegLib.slicer_app.transforms import grid_from_field
    from Testing.Python.slicer_app import scenes

    lattice = scenes.lattice((72, 64, 56))
    field = scenes.smooth_field(lattice, 1.0)
    start = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "start")
    start.SetAndObserveTransformFromParent(grid_from_field(field))
    plan = RegistrationPlan(
        scenes.volume_node(scenes.blobs(lattice), "fixed"),
        scenes.volume_node(scenes.blobs(lattice, (1.0, 1.0, 0.0)), "moving"),
        initial_transform=start,
        **{**QUICK, "refine": False},
    )
    threads = []
    real = run.Computation.__init__

    def note(self: Any, function: Any) -> None:
        threads.append(function)
        real(self, function)

    monkeypatch.setattr(run.Computation, "__init__", note)
    longest, polls = 0.0, 0
    advance = session.session._advance

    def timed(current: Any) -> None:
        nonlocal longest, polls
        began = time.thread_time()
        advance(current)
        longest, polls = max(longest, time.thread_time() - began), polls + 1

    monkeypatch.setattr(session.session, "_advance", timed)
    session.run(plan)
    assert longest < BOUND
    assert polls > 5 and len(threads) == 1
