"""However a run ends before its time: nothing changes in the scene, and the next one runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from SlicerLDMRegLib.errors import CancelledError
from SlicerLDMRegLib.worker import WorkerError
from SlicerLDMRegLib.worker.processes import is_running
from Testing.Python.slicer_app.run.runs import LONG, PATIENCE, Watched

MakePlan = Callable[..., Any]
Text = Callable[[], str]

STAGES = ("read", "model", "align", "refine", "output", "measure", "write")


@pytest.mark.parametrize("stage", ["start", *STAGES])
def test_cancel_at_each_stage(session: Watched, plan: MakePlan, text: Text, stage: str) -> None:
    before = text()
    session.start(plan(align="rigid"))
    pid = session.worker_pid
    if stage == "start":
        session.session.cancel()
    else:
        session.on_progress = lambda now: session.session.cancel() if now == stage else None
    session.finish()
    assert not session.done and isinstance(session.errors[0], CancelledError)
    assert "the scene is as it was" in str(session.errors[0])
    assert text() == before
    session.session.cancel()  # of nothing
    told = len(session.progress)
    session.on_progress = lambda now: None
    session.errors.clear()
    assert session.run(plan()).nodes
    assert all(fraction < 1 for _, fraction, _ in session.progress[told:])
    assert pid is None or session.worker_pid == pid


def test_cancel_while_it_refines_for_long(session: Watched, plan: MakePlan, text: Text) -> None:
    before = text()
    session.start(plan(**LONG))
    session.wait_for("refine")
    session.session.cancel("The model was removed.")
    session.finish()
    assert str(session.errors[0]) == "The model was removed."
    assert text() == before


def test_kill_9_of_the_worker(own_session: Watched, plan: MakePlan, text: Text) -> None:
    before, session = text(), own_session
    session.start(plan(**LONG))
    session.wait_for("refine")
    pid = session.worker_pid
    os.kill(pid, signal.SIGKILL)
    session.finish()
    (error,) = session.errors
    assert isinstance(error, WorkerError) and "SIGKILL" in str(error)
    assert any(level == "error" for level, _ in session.log)
    assert not session.done and text() == before
    session.errors.clear()
    assert session.run(plan()).nodes
    second = session.worker_pid
    assert second != pid and not is_running(pid)
    # And while nothing runs: nobody is troubled with it.
    os.kill(second, signal.SIGKILL)
    session.host.wait_until(lambda: not is_running(second), PATIENCE)
    session.run(plan())
    assert session.worker_pid not in (pid, second)


@pytest.mark.parametrize("stage", ["read", "write"])
def test_a_scene_that_is_being_loaded_is_left_alone(
    session: Watched, host: Any, plan: MakePlan, text: Text, stage: str
) -> None:
    scene = host.slicer.mrmlScene
    before = text()

    def begin(now: str) -> None:
        if now == stage and not scene.IsBatchProcessing():
            scene.StartState(scene.ImportState)

    session.on_progress = begin
    session.start(plan())
    session.wait_for(stage)
    for _ in range(20):
        host.process_events()
        time.sleep(0.02)
    assert session.stages[-1] == stage and text() == before
    session.on_progress = lambda now: None
    scene.EndState(scene.ImportState)
    session.finish()
    assert session.done[0].nodes["warped"].GetScene() is scene


@pytest.mark.parametrize("stage", ["read", "refine", "write"])
def test_closing_the_scene(
    session: Watched, host: Any, plan: MakePlan, text: Text, stage: str
) -> None:
    after = []

    def close(now: str) -> None:
        if now == stage and not after:
            host.slicer.mrmlScene.Clear(0)
            after.append(text())

    session.on_progress = close
    session.start(plan())
    session.finish()
    assert isinstance(session.errors[0], CancelledError) and not session.done
    assert "scene was closed" in str(session.errors[0])
    assert text() == after[0]


@pytest.mark.parametrize("stage", ["read", "refine", "write"])
@pytest.mark.parametrize("role", ["fixed", "moving", "initial_transform"])
def test_deleting_an_input(
    session: Watched, host: Any, plan: MakePlan, text: Text, role: str, stage: str
) -> None:
    scene = host.slicer.mrmlScene
    start = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "start")
    chosen = plan(initial_transform=start)
    node = chosen.nodes[role]
    after = []

    def remove(now: str) -> None:
        if now == stage and node.GetScene() is not None:
            scene.RemoveNode(node)
            after.append(text())

    session.on_progress = remove
    session.start(chosen)
    session.finish()
    error = session.errors[0]
    assert isinstance(error, CancelledError) and not session.done
    assert str(error).startswith(f"{node.GetName()} was removed from the scene")
    assert text() == after[0]


def test_deleting_an_output(session: Watched, host: Any, plan: MakePlan) -> None:
    scene = host.slicer.mrmlScene
    mine = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "mine")

    def remove(now: str) -> None:
        if now == "refine" and mine.GetScene() is not None:
            scene.RemoveNode(mine)

    session.on_progress = remove
    run = session.run(plan(outputs={"warped": mine, "transform": None}))
    assert run.nodes["warped"] is not mine and run.nodes["warped"].GetScene() is scene


def test_a_node_that_cannot_be_written_fails_the_run(
    session: Watched, host: Any, plan: MakePlan, text: Text
) -> None:
    before = []
    scene = host.slicer.mrmlScene
    linear = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "linear")
    outputs = {"warped": None}

    def exchange(now: str) -> None:
        if now == "write":
            outputs["transform"] = linear
            before.append(text())

    session.on_progress = exchange
    error = session.fail(plan(outputs=outputs))
    assert "'linear' cannot hold" in str(error)
    assert text() == before[0]


def test_closing_the_session(own_session: Watched, plan: MakePlan, text: Text) -> None:
    before, session = text(), own_session
    session.start(plan(**LONG))
    session.wait_for("refine")
    pid = session.worker_pid
    session.session.close()
    assert not is_running(pid) and not session.session.running and not session.timer.active
    assert not session.done and not session.errors and text() == before
    session.session.close()
    session.run(plan())  # it can be used again
    # Also from a callback, which the worker's answer may follow.
    session.on_progress = lambda stage: session.session.close()
    session.start(plan())
    session.host.wait_until(lambda: not session.session.running, PATIENCE)
    session.host.process_events()
    assert len(session.done) == 1 and not session.errors


def test_a_callback_that_fails(session: Watched, host: Any, plan: MakePlan) -> None:
    def fail(run: Any) -> None:
        raise ZeroDivisionError

    session.session.start(plan(), on_done=fail)
    session.finish()
    host.wait_until(lambda: host.errors, PATIENCE)
    assert "ZeroDivisionError" in host.errors.pop()
    assert session.session.last is not None
    assert session.run(plan()).nodes
