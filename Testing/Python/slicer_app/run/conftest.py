"""Sessions in the host, with real workers; one that is warm is shared."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.resources import sample_data_dir
from SlicerLDMRegLib.worker import WorkerClient
from Testing.Host.fixtures import host, running_host
from Testing.Python.garbage import collect
from Testing.Python.slicer_app.run.runs import PATIENCE, Watched, make_plan
from Testing.Python.worker.waiting import assert_nothing_left

__all__ = ["host", "running_host"]

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """In which workers import fast, and compute in one thread."""
    result = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**result, "OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}


@pytest.fixture(scope="session")
def shared_client(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerClient]:
    """A client whose worker is there for all tests that leave it alive."""
    place = tmp_path_factory.mktemp("worker")
    client = WorkerClient([sys.executable], environment, place)
    yield client
    client.close(60.0)
    assert not list(place.iterdir())


@pytest.fixture
def watch(host: Any) -> Iterator[Callable[..., Watched]]:
    """Makes sessions with a timer, which end with the test."""
    made = []

    def make(client_factory: Callable[[], WorkerClient]) -> Watched:
        made.append(Watched(host, client_factory))
        return made[-1]

    yield make
    for session in made:
        session.timer.stop()
        session.session.close()
    collect()


@pytest.fixture
def session(watch: Callable[..., Watched], shared_client: WorkerClient) -> Iterator[Watched]:
    """A session whose worker has all it needs, and nothing to do."""
    shared_client.load("none").wait(PATIENCE)
    found = watch(lambda: shared_client)
    yield found
    found.session.cancel()
    found.session.poll()
    while shared_client.busy:
        shared_client.wait(0.05)
    found.session._client = None  # which would end the worker


@pytest.fixture
def own_session(
    watch: Callable[..., Watched], environment: dict[str, str], tmp_path: Path
) -> Iterator[Watched]:
    """A session with a worker of its own, which leaves nothing."""
    place = tmp_path / "worker"
    place.mkdir()
    found = watch(lambda: WorkerClient([sys.executable], environment, place))
    yield found
    found.session.close()
    assert_nothing_left(place)


@pytest.fixture
def blobs(host: Any) -> tuple[Any, Any]:
    """Two volumes of one slice that model "none" registers quickly."""
    from Testing.Python.slicer_app import scenes

    lattice = scenes.lattice((24, 20, 1), (1.6, 1.7, 3.0))
    return (
        scenes.volume_node(scenes.blobs(lattice), "fixed"),
        scenes.volume_node(scenes.blobs(lattice, (1.5, -1.0, 0.0)), "moving"),
    )


@pytest.fixture
def frames(host: Any) -> Any:
    """A beating image with four frames of one slice, in a browser."""
    import slicer

    from SlicerLDMRegLib.slicer_app.scene.frames import sequence_of
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import set_image
    from Testing.Python.slicer_app import scenes

    lattice = scenes.lattice((24, 20, 1), (1.6, 1.7, 3.0))
    scene = slicer.mrmlScene
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "heart")
    for number in range(4):
        node = slicer.vtkMRMLScalarVolumeNode()
        set_image(node, scenes.blobs(lattice, (0.8 * number, 0, 0)))
        sequence.SetDataNodeAtValue(node, str(number))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.AddSynchronizedSequenceNode(sequence)
    shown = scenes.volume_node(scenes.blobs(lattice), "heart")
    browser.AddProxyNode(shown, sequence, False)
    return sequence_of(shown)


@pytest.fixture
def plan(blobs: tuple[Any, Any]) -> Callable[..., Any]:
    """Makes plans for the two volumes, quick ones where nothing else is said."""
    return lambda **options: make_plan(*blobs, **options)


@pytest.fixture
def text(host: Any) -> Callable[[], str]:
    """The whole scene as text; where the views are laid out may change."""
    import slicer

    from Testing.Python.slicer_app import scenes

    return lambda: scenes.scene_text(slicer.mrmlScene)


@pytest.fixture
def volumes(host: Any) -> tuple[Any, Any]:
    """Two volumes of some slices."""
    from Testing.Python.slicer_app import scenes

    lattice = scenes.lattice((22, 20, 9), (1.7, 1.8, 2.0), np.diag([-1.0, -1, 1]))
    return (
        scenes.volume_node(scenes.blobs(lattice), "fixed"),
        scenes.volume_node(scenes.blobs(lattice, (1.5, -1.0, 0.0)), "moving"),
    )


@pytest.fixture
def cardiac(host: Any) -> dict[str, Any]:
    """The sample pair in the scene, by file name without ``cardiac_``."""
    import slicer

    folder = sample_data_dir()
    nodes = {
        n: slicer.util.loadVolume(str(folder / f"cardiac_{n}.nrrd")) for n in ("fixed", "moving")
    }
    for name in ("fixed_labels", "moving_labels"):
        path = str(folder / f"cardiac_{name}.nrrd")
        nodes[name] = slicer.util.loadVolume(path, {"labelmap": True})
    return nodes
