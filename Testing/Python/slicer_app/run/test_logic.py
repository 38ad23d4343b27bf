"""Registrations of nodes from scripts, in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.errors import CancelledError, InputError
from SlicerLDMRegLib.pipeline import Progress
from Testing.Python.slicer_app.run.runs import QUICK, Watched

Text = Callable[[], str]


@pytest.fixture
def register(host: Any) -> Callable[..., Any]:
    """The function that scripts call, with quick options."""
    from SlicerLDMRegLib.slicer_app.run.register_nodes import register_nodes

    return lambda *nodes, **options: register_nodes(*nodes, **{**QUICK, **options})


def host_matrix(volume: Any) -> np.ndarray:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])


def test_as_in_the_panel(
    register: Callable[..., Any], session: Watched, blobs: tuple[Any, Any], plan: Any
) -> None:
    from Testing.Python.slicer_app.scenes import array_of

    told: list[tuple[str, float, str]] = []
    run = register(*blobs, progress=lambda *news: told.append(news))
    assert run.nodes["warped"].GetName() == "moving warped to fixed"
    assert told[-1][1] == pytest.approx(1, abs=0.06) and len({stage for stage, *_ in told}) > 3
    mine = array_of(run.nodes["warped"]).copy()
    other = session.run(plan())
    assert other.nodes == run.nodes
    assert np.abs(array_of(other.nodes["warped"]) - mine).max() < 1e-4


def test_outputs(register: Callable[..., Any], host: Any, blobs: tuple[Any, Any]) -> None:
    assert set(register(*blobs, outputs=["warped", "metrics"]).nodes) == {"warped", "metrics"}
    mine = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "mine")
    assert register(*blobs, outputs={"transform": mine}).nodes == {"transform": mine}


def test_the_uncertainty_is_there_where_it_is_asked_for(
    register: Callable[..., Any], blobs: tuple[Any, Any]
) -> None:
    from Testing.Python.slicer_app.scenes import array_of

    assert "uncertainty" not in register(*blobs).nodes
    for options in ({"uncertainty": True}, {"outputs": ["warped", "uncertainty"]}):
        nodes = register(*blobs, **options).nodes
        error, warped = array_of(nodes["uncertainty"]), array_of(nodes["warped"])
        assert error.shape == warped.shape and 0 < error.max() < 50
        matrices = [host_matrix(nodes[name]) for name in ("uncertainty", "warped")]
        np.testing.assert_allclose(*matrices)


def test_extents(register: Callable[..., Any], frames: Any, volumes: tuple[Any, Any]) -> None:
    assert str(register(*volumes, slices="axial:all").result.slices) == "k:0-8"
    assert str(register(*volumes, slices="j:3").result.slices) == "j:3"
    assert register(*volumes, view="Red").result.warped.GetDimension() == 2
    run = register(frames.shown, frames.shown, referenceFrame=2, outputs=["transform"])
    assert sorted(run.frame_metrics) == [0, 1, 3]


def test_what_cannot_be_changes_nothing(
    register: Callable[..., Any], blobs: tuple[Any, Any], text: Text
) -> None:
    fixed, moving = blobs
    before = text()
    for nodes, options, expected in (
        ((fixed, fixed), {}, "are the same"),
        ((fixed, moving), {"view": "Red", "slices": "k"}, "expected one of"),
        ((fixed, moving), {"view": "Purple"}, "Purple"),
        ((fixed, moving), {"slices": "k:7"}, "slice 7"),
        ((fixed, moving), {"slices": "k"}, "is one slice"),
        ((fixed, moving), {"referenceFrame": 0}, "no sequence"),
        ((fixed, moving), {"segmentation": "automatic"}, "automatic"),
        ((fixed, moving), {"outputs": ["warp"]}, "warp"),
        ((fixed, moving), {"seed": -1}, "seed"),
    ):
        with pytest.raises(InputError, match=expected):
            register(*nodes, **options)
    assert text() == before


def test_a_script_can_cancel(
    register: Callable[..., Any], blobs: tuple[Any, Any], text: Text
) -> None:
    before = text()
    stages: list[str] = []
    progress = Progress(lambda stage, *_: stages.append(stage), lambda: "refine" in stages)
    with pytest.raises(CancelledError):
        register(*blobs, progress=progress)
    assert text() == before
