"""The panel of the module, in the host; and a session that does what a test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.errors import CancelledError, InputError, LDMRegError
from SlicerLDMRegLib.model_store import Grid, ModelCard
from SlicerLDMRegLib.resources import bundled_models_dir
from Testing.Host.fixtures import host, running_host

__all__ = ["host", "running_host"]

REPOSITORY = Path(__file__).resolve().parents[4]


class PlayedSession:
    """In place of a :class:`RegistrationSession`: the test says what happens, and when."""

    def __init__(self) -> None:
        self.plan: Any = None
        self.last: Any = None
        self.cancelled_because: str | None = None
        self.closed = False
        self.warmed: list[tuple[Any, ...]] = []

    @property
    def running(self) -> bool:
        return self.plan is not None

    def start(self, plan: Any, on_progress: Any, on_done: Any, on_error: Any, on_log: Any) -> None:
        if self.running:
            raise InputError("A registration is running.")
        self.plan, self.cancelled_because = plan, None
        self.progress, self._done, self._error, self.log = on_progress, on_done, on_error, on_log

    def cancel(self, reason: str = "") -> None:
        self.cancelled_because = reason

    def warm_up(self, *wanted: Any, on_error: Any = None) -> None:
        self.warmed.append(wanted)
        self.warm_up_failed = on_error

    def close(self) -> None:
        self.plan, self.closed = None, True

    def revert(self) -> None:
        self.last.change.revert()
        self.last = None

    def succeed(self, run: Any) -> None:
        self.plan, self.last = None, run
        self._done(run)

    def fail(self, error: LDMRegError | None = None) -> None:
        self.plan = None
        self._error(error or CancelledError(self.cancelled_because or "cancelled"))


@pytest.fixture
def widget(host: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module's widget, opened, with a played session."""
    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    from SlicerLDMRegLib.slicer_app.panel import widget as module

    # From the beginning: a real one starts its worker when the panel opens.
    monkeypatch.setattr(module, "RegistrationSession", lambda timer: PlayedSession())
    yield host.open_module("SlicerLDMReg")


@pytest.fixture
def choices(running_host: Any) -> Any:
    """The enumerations of the panel; Slicer's modules have to be there first."""
    from SlicerLDMRegLib.slicer_app.run import choices

    return choices


@pytest.fixture
def panel(widget: Any) -> Any:
    return widget.panel


@pytest.fixture
def session(panel: Any) -> PlayedSession:
    session: PlayedSession = panel.session
    return session


@pytest.fixture
def add_volume(host: Any) -> Callable[..., Any]:
    """Make a volume of some size (k, j, i), with a spacing of 2 mm."""

    def add(name: str, shape: tuple[int, ...] = (6, 10, 12), seed: int = 0) -> Any:
        array = np.random.default_rng(seed).random(shape, np.float32)
        node = host.slicer.util.addVolumeFromArray(array, name=name)
        node.SetSpacing(2.0, 2.0, 2.0)
        host.process_events()
        return node

    return add


@pytest.fixture
def pair(add_volume: Callable[..., Any]) -> tuple[Any, Any]:
    """A fixed and a moving volume of 12 x 10 x 6 voxels."""
    return add_volume("ED"), add_volume("ES", seed=1)


@pytest.fixture
def flat_pair(add_volume: Callable[..., Any]) -> tuple[Any, Any]:
    """A fixed and a moving image of 12 x 10 pixels."""
    return add_volume("ED", (1, 10, 12)), add_volume("ES", (1, 10, 12), seed=1)


@pytest.fixture
def add_segmentation(host: Any) -> Callable[..., Any]:
    """Make a segmentation with segments of some names, on the lattice of a volume."""

    def add(volume: Any, *names: str) -> Any:
        from SlicerLDMRegLib.slicer_app.scene.labels import segmentation_from_labels
        from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry

        geometry = volume_geometry(volume)
        array = np.zeros(geometry.array_shape, np.uint8)
        for number in range(1, len(names) + 1):
            array[..., number] = number
        node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Labels")
        image = geometry.to_image(array)
        node.SetAndObserveSegmentation(
            segmentation_from_labels(image, dict(enumerate(names, start=1)))
        )
        host.process_events()
        return node

    return add


@pytest.fixture
def finish(host: Any, session: PlayedSession) -> Callable[..., Any]:
    """Lets the run that is going on succeed, with a result of its volumes in the scene."""

    def finish(**changes: Any) -> Any:
        from SlicerLDMRegLib.slicer_app.run.run import FinishedRun
        from Testing.Python.slicer_app.scenes import result_of, scene_images, write_result

        plan = session.plan
        images = scene_images(plan.fixed, plan.moving)
        result = result_of(images, **changes)
        written = write_result(result, images)
        found = result.metrics, result.provenance, result.timings
        run = FinishedRun(written.nodes, written.change, plan, result, *found)
        session.succeed(run)
        return run

    return finish


@pytest.fixture
def region_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a 3D model with regions among the user's models; its id. It has no weights."""
    shipped = bundled_models_dir() / "ldm-morph-cardiac-mr" / "metadata.json"
    weights = json.loads(shipped.read_text("utf-8"))["ldmreg"]["weights"]
    card = ModelCard(
        id="brain-regions",
        title="Brain regions",
        method="textscf",
        spatial_dims=3,
        network={"regions": 3},
        grid=Grid((32, 32, 16), divisor=16, spacing=2.0, orientation="LPS", anchor="S"),
        use="Brain MR",
        label_scheme={
            "17": {"name": "Left-Hippocampus", "prompt": "left hippocampus"},
            "53": {"name": "Right-Hippocampus", "prompt": "right hippocampus"},
        },
    )
    metadata = json.loads(shipped.read_text("utf-8"))
    metadata["ldmreg"] = card.ldmreg_section() | {"weights": weights}
    folder = tmp_path / "models" / card.id
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps(metadata), "utf-8")
    monkeypatch.setenv("LDMREG_MODELS", str(folder.parent))
    return card.id
