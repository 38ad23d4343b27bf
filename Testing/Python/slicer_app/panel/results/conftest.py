"""Fixtures for the parts of the panel that come after a registration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from Testing.Host.fixtures import host, running_host

__all__ = ["host", "running_host"]

_UI = Path(__file__).resolve().parents[5] / "Resources" / "UI" / "SlicerLDMReg.ui"


@pytest.fixture
def form(host: Any) -> Iterator[Any]:
    """The widgets of the panel without what joins them; ``session`` is idle and without a run."""
    slicer = host.slicer
    widget = slicer.util.loadUI(str(_UI))
    widget.setMRMLScene(slicer.mrmlScene)
    widget.show()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    form = SimpleNamespace(
        widget=widget,
        ui=slicer.util.childWidgetVariables(widget),
        parameters=SimpleNamespace(fixedVolume=None, movingVolume=None, parameterNode=node),
        session=SimpleNamespace(last=None, running=False, revert=lambda: None),
        scene=slicer.mrmlScene,
        sections=[],
        said=[],
    )
    form.say = lambda text, level="info": form.said.append(text)
    form.update = lambda: [section.update() for section in form.sections]
    host.process_events()
    yield form
    for section in form.sections:
        section.cleanup()
    widget.hide()
    widget.deleteLater()
    host.process_events()


@pytest.fixture
def registered(host: Any, form: Any) -> Callable[..., Any]:
    """Writes a result of two small volumes into the scene, as a run of the panel does."""
    from SlicerLDMRegLib.slicer_app.run.plan import RegistrationPlan
    from SlicerLDMRegLib.slicer_app.run.run import FinishedRun
    from Testing.Python.slicer_app.scenes import (
        blobs,
        lattice,
        result_of,
        scene_images,
        volume_node,
        write_result,
    )

    def run(outputs: Any = None, **changes: Any) -> Any:
        if form.parameters.fixedVolume is None:
            form.parameters.fixedVolume = volume_node(blobs(lattice((20, 18, 16))), "fixed")
            moving = blobs(lattice((22, 20, 18)), (1.5, -1, 0.5))
            form.parameters.movingVolume = volume_node(moving, "moving")
        plan = RegistrationPlan(
            {"fixed": form.parameters.fixedVolume, "moving": form.parameters.movingVolume}
        )
        images = scene_images(plan.fixed, plan.moving)
        result = result_of(images, **changes)
        result.provenance["model"] = {
            "id": "some-model",
            "title": "Some model",
            "sha256": "ab" * 32,
        }
        written = write_result(result, images, outputs)
        finished = FinishedRun(
            written.nodes,
            written.change,
            plan,
            result,
            result.metrics,
            result.provenance,
            result.timings,
        )

        def revert() -> None:
            form.session.last = None
            written.change.revert()

        form.session.last, form.session.revert = finished, revert
        form.update()
        host.process_events()
        return finished

    return run
