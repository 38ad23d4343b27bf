"""A plan runs through the worker into the scene."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.worker import WorkerClient
from Testing.Python.slicer_app.run.runs import LONG, PATIENCE, Watched

HERE = Path(__file__).parent

MakePlan = Callable[..., Any]


def test_a_run(session: Watched, plan: MakePlan) -> None:
    from SlicerLDMRegLib.slicer_app.results.result_nodes import OUTPUTS

    chosen = plan()
    session.start(chosen)
    assert session.session.running and not session.progress  # callbacks come from poll alone
    session.finish()
    (run,) = session.done
    assert not session.errors
    assert set(run.nodes) == set(OUTPUTS) - {"warped_labels", "folds", "uncertainty"}
    assert run.metrics["after"]["ncc"] > run.metrics["before"]["ncc"]
    assert run.plan is chosen and session.session.last is run
    assert run.metrics is run.result.metrics and run.provenance["seed"] == 0
    assert session.stages[:2] == ["read", "model"] and session.stages[-1] == "write"
    fractions = [fraction for _, fraction, _ in session.progress]
    assert fractions == sorted(fractions) and 0 <= fractions[0] <= fractions[-1] < 1
    session.host.wait_until(lambda: not session.timer.active, PATIENCE)


def test_the_nodes_hold_the_result(session: Watched, plan: MakePlan) -> None:
    import SimpleITK as sitk

    from SlicerLDMRegLib.geometry import ImageGeometry
    from SlicerLDMRegLib.slicer_app.results.result_contents import place
    from SlicerLDMRegLib.slicer_app.scene.nodes import read_json, roles_of
    from SlicerLDMRegLib.slicer_app.scene.steps import all_at_once
    from SlicerLDMRegLib.slicer_app.scene.transform_nodes import field_from_transform
    from Testing.Python.slicer_app.scenes import array_of

    chosen = plan()
    run = session.run(chosen)
    placed = place(run.result, all_at_once(chosen.images()))
    lattice = ImageGeometry.from_image(placed.warped)
    found = field_from_transform(run.nodes["transform"], lattice)
    assert np.abs(found.vectors - placed.field.vectors).max() < 1e-9
    assert np.abs(found.vectors).max() > 0.5
    for name, image in (("warped", placed.warped), ("jacobian", placed.jacobian)):
        assert np.array_equal(array_of(run.nodes[name]), sitk.GetArrayFromImage(image))
    assert roles_of(run.nodes["transform"]) == (chosen.fixed, chosen.moving)
    assert read_json(run.nodes["transform"], "Metrics")["after"] == pytest.approx(
        run.metrics["after"]
    )


def test_again_into_the_same_nodes_and_back(
    session: Watched, plan: MakePlan, text: Callable[[], str]
) -> None:
    before = text()
    first = session.run(plan(outputs={"warped": None, "transform": None}))
    assert set(first.nodes) == {"warped", "transform"}
    between = text()
    second = session.run(plan(outputs={"warped": None, "transform": None}, seed=1))
    assert second.nodes == first.nodes
    assert text() != between
    session.session.revert()
    assert text() == between and session.session.last is None
    session.session.revert()
    assert text() == between
    first.change.revert()
    assert text() == before


def test_chosen_nodes(session: Watched, host: Any, plan: MakePlan) -> None:
    scene = host.slicer.mrmlScene
    mine = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "mine")
    run = session.run(plan(outputs={"warped": mine}))
    assert run.nodes == {"warped": mine} and mine.GetImageData() is not None
    # Earlier nodes are used where none is chosen, and not twice.
    run = session.run(plan(outputs={"jacobian": mine, "warped": None}))
    assert run.nodes["jacobian"] is mine and run.nodes["warped"] is not mine


def test_another_start_is_refused(session: Watched, plan: MakePlan) -> None:
    session.start(plan(**LONG))
    with pytest.raises(InputError, match="is running"):
        session.start(plan())
    session.wait_for("refine")
    with pytest.raises(InputError, match="is running"):
        session.start(plan())
    session.session.cancel()
    session.finish()
    assert len(session.errors) == 1 and not session.done
    session.errors.clear()
    assert session.run(plan()).nodes


def test_what_cannot_be_is_told(session: Watched, plan: MakePlan, text: Callable[[], str]) -> None:
    before = text()
    for options, expected in (
        ({"outputs": {}}, "output"),
        ({"refine": False}, "Nothing to do"),
        ({"model": "no-such-model"}, "no-such-model"),
        ({"precision": "float3"}, "float3"),
    ):
        error = session.fail(plan(**options))
        assert expected in str(error), error
        session.errors.clear()
    assert text() == before


def test_labels(session: Watched, host: Any, plan: MakePlan) -> None:
    from SlicerLDMRegLib.slicer_app.scene.labels import segmentation_from_labels
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry
    from Testing.Python.slicer_app.scenes import array_of

    def segments(volume: Any) -> Any:
        bright = (array_of(volume) > 0.4).astype(np.uint8)
        node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        image = volume_geometry(volume).to_image(bright)
        node.SetAndObserveSegmentation(segmentation_from_labels(image, {1: "bright"}))
        return node

    chosen = plan()
    labels = [segments(node) for node in (chosen.fixed, chosen.moving)]
    run = session.run(plan(fixed_labels=labels[0], moving_labels=labels[1]))
    assert run.metrics["after"]["dice"][1] > run.metrics["before"]["dice"][1]
    warped = run.nodes["warped_labels"].GetSegmentation()
    assert [warped.GetNthSegment(0).GetName()] == ["bright"]
    masked = session.run(plan(fixed_mask=labels[0], moving_mask=labels[1]))
    assert masked.metrics["after"] != run.metrics["after"]
    assert "fixed_mask" in masked.provenance["inputs"]


def test_memory_that_does_not_suffice_is_told(
    watch: Callable[..., Watched], environment: dict[str, str], cardiac: dict[str, Any]
) -> None:
    from SlicerLDMRegLib.slicer_app.run.plan import RegistrationPlan

    command = [sys.executable, str(HERE / "full_worker.py"), "float32"]
    session = watch(lambda: WorkerClient(command, environment))
    plan = RegistrationPlan(
        {role: cardiac[role] for role in ("fixed", "moving")},
        {"model": "ldm-morph-cardiac-mr", "refine": False},
    )
    run = session.run(plan)
    told = "out of memory with float32 on cpu, trying again with bfloat16 on cpu"
    assert any(level == "warning" and told in text for level, text in session.log)
    assert any(told in message for _, _, message in session.progress)
    assert run.provenance["fallbacks"][0]["to"] == "bfloat16 on cpu"


def test_a_callback_lets_the_application_live(session: Watched, plan: MakePlan) -> None:
    session.on_progress = lambda stage: session.host.process_events()
    assert session.run(plan()).nodes


def test_polled_by_the_caller(shared_client: WorkerClient, plan: MakePlan) -> None:
    from SlicerLDMRegLib.slicer_app.run.session import RegistrationSession

    session = RegistrationSession(lambda: shared_client)
    done: list[Any] = []
    session.start(plan(), on_done=done.append)
    while session.poll():
        pass
    assert done and session.last is done[0]
