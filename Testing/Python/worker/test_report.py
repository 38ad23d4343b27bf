"""A report is drawn by a process of its own, which leaves nothing behind."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import CancelledError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.result import RegistrationResult
from SlicerLDMRegLib.pipeline.slices import SliceRange
from SlicerLDMRegLib.worker.errors import WorkerError
from SlicerLDMRegLib.worker.report import ReportWriter


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files; empty at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def result() -> RegistrationResult:
    """Of noise in two slices of a small volume that did not move."""
    lattice = ImageGeometry((24, 20, 6), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    shape = lattice.array_shape
    noise = np.random.default_rng(0).random(shape, np.float32)
    image = lattice.to_image(noise)
    metrics = {"before": {"ncc": 0.5}, "after": {"ncc": 0.9}, "deformation": {"fold_count": 0}}
    return RegistrationResult(
        fixed=image,
        moving=lattice.to_image(noise[::-1].copy()),
        warped=image,
        field=DisplacementField.identity(lattice),
        inverse=DisplacementField.identity(lattice),
        jacobian=lattice.to_image(np.ones(shape, np.float32)),
        folds=lattice.to_image(np.zeros(shape, np.uint8)),
        metrics=metrics,
        timings={"total": 1.0},
        provenance={"inputs": {"fixed": {"path": "<b>.nrrd"}}, "date": "2026-01-01T00:00:00"},
        slices=SliceRange(2, 0, 5),
    )


def test_a_report(result: RegistrationResult, tmp_path: Path, temporary: Path) -> None:
    path = tmp_path / "Herz \u00e4.html"
    path.write_text("an older one")
    assert ReportWriter().write(result, path) == path
    text = path.read_text(encoding="utf-8")
    assert "&lt;b&gt;.nrrd" in text
    assert text.count("data:image/png;base64,") >= 5
    assert not list(temporary.iterdir())


def test_what_goes_wrong_is_told(
    result: RegistrationResult, tmp_path: Path, temporary: Path
) -> None:
    with pytest.raises(WorkerError, match=r"No such file or directory: .*nowhere"):
        ReportWriter().write(result, tmp_path / "nowhere" / "report.html")
    odd = replace(result, warped=sitk.Image([4, 4], sitk.sitkFloat32))  # 2D, the others are 3D
    with pytest.raises(WorkerError) as caught:
        ReportWriter().write(odd, tmp_path / "report.html")
    assert "\n" not in str(caught.value)
    assert "Traceback" in caught.value.detail
    with pytest.raises(OSError, match="no-such-python"):
        ReportWriter(["no-such-python"]).write(result, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]
    assert not list(temporary.iterdir())


def test_cancel_ends_the_process(
    result: RegistrationResult, tmp_path: Path, temporary: Path
) -> None:
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time; time.sleep(60)")
    writer: Any = ReportWriter([sys.executable, str(sleeper)])
    errors: list[Exception] = []

    def write() -> None:
        try:
            writer.write(result, tmp_path / "report.html")
        except CancelledError as error:
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    end = time.monotonic() + 30
    while writer._process is None and time.monotonic() < end:
        time.sleep(0.01)
    writer.cancel()
    thread.join(10)
    assert not thread.is_alive()
    assert len(errors) == 1
    assert writer._process.poll() is not None
    assert not list(temporary.iterdir())
