"""A plan runs through the worker into nodes."""

from __future__ import annotations

from typing import Any

from Testing.Python.session.runs import QUICK, Watched


def test_a_run(session: Watched, blobs: tuple[Any, Any]) -> None:
    from SlicerLDMRegLib.slicer_app.plan import RegistrationPlan

    run = session.run(RegistrationPlan(*blobs, **QUICK))
    assert set(run.nodes) == {"warped", "transform", "inverse", "jacobian", "folds", "metrics"}
    assert run.result.metrics["after"]["ncc"] > run.result.metrics["before"]["ncc"]
    assert session.session.last is run
