"""Real workers; one that has imported all it needs is shared."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.pipeline import RegistrationRequest
from SlicerLDMRegLib.worker import WorkerClient
from Testing.Python.worker.waiting import PATIENCE, assert_nothing_left

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """In which children import fast, and compute what this process does in one thread."""
    result = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**result, "OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a client may make folders; with a space and letters that ASCII has not."""
    folder = tmp_path / "tempörary files"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def memory_limit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file: while it exists, the shared worker may take only so many bytes more."""
    return tmp_path_factory.mktemp("control") / "limit"


@pytest.fixture(scope="session")
def log() -> list[tuple[str, str]]:
    """What the shared worker logs."""
    return []


@pytest.fixture(scope="session")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for temporary files of the shared worker."""
    folder = tmp_path_factory.mktemp("worker") / "tempörary files"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def damaged_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the store of models of the shared worker, which warns of it."""
    folder = tmp_path_factory.mktemp("models") / "damaged"
    folder.mkdir()
    (folder / "metadata.json").write_text("{")
    return folder


@pytest.fixture(scope="session")
def shared_client(
    environment: dict[str, str],
    memory_limit: Path,
    damaged_model: Path,
    log: list[tuple[str, str]],
    shared_place: Path,
) -> Iterator[WorkerClient]:
    control = {"MEMORY_LIMIT_FILE": str(memory_limit), "LDMREG_MODELS": str(damaged_model.parent)}
    client = WorkerClient(
        [sys.executable, str(HERE / "noisy_worker.py")],
        {**environment, **control},
        shared_place,
        on_log=lambda level, text: log.append((level, text)),
    )
    yield client
    client.close(60.0)
    assert not list(shared_place.iterdir())


@pytest.fixture
def client(shared_client: WorkerClient) -> WorkerClient:
    """A client whose worker is warm, noisy, and has nothing to do."""
    shared_client.load("ldm-morph-cardiac-mr").wait(PATIENCE)
    return shared_client


@pytest.fixture
def make_client(environment: dict[str, str], place: Path) -> Iterator[Callable[..., WorkerClient]]:
    """Make clients with workers of their own, which end with the test and leave nothing."""
    clients = []

    def make(*python: str, **options: Any) -> WorkerClient:
        interpreter = [sys.executable, *python]
        clients.append(WorkerClient(interpreter, environment, place, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close(0.0)
    assert_nothing_left(place)


@pytest.fixture(scope="session")
def blobs() -> dict[str, np.ndarray]:
    """A pair of small images that model "none" registers quickly."""
    y, x = np.mgrid[:40, :36].astype(np.float32)
    return {
        name: np.exp(-((x - 18 - shift) ** 2 + (y - 20) ** 2) / 60)
        for name, shift in (("fixed", 0.0), ("moving", 2.0))
    }


@pytest.fixture(scope="session")
def quick() -> RegistrationRequest:
    """Of images in memory, without a network."""
    return RegistrationRequest("fixed", "moving", model="none", refine={"iterations": [5, 3]})
