"""Small generated images, tables of them, and quick registrations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cohort import CohortFolder, CohortPlan, make_plan

#: Options that make a registration of a small image take a moment.
QUICK: dict[str, Any] = {"model": "none", "refine": "3,2", "device": "cpu", "align": "none"}
QUICK_OPTIONS = ["--model", "none", "--refine-iterations", "3,2", "--align", "none"]

MakeImages = Callable[..., list[Path]]


def blobs(seed: int, size: int = 24) -> np.ndarray:
    """Smooth blobs, those of another seed a little moved."""
    y, x = np.mgrid[:size, :size]
    places = np.random.default_rng(0).uniform(0.25, 0.75, (4, 2)) * size
    moved = np.random.default_rng(seed + 1).uniform(-1.5, 1.5, (4, 2))
    image = np.zeros((size, size), np.float32)
    for n, (row, column) in enumerate(places + moved):
        image += (1 + n / 4) * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 2.5**2))
    return 100 * image


@pytest.fixture(scope="session")
def make_images() -> MakeImages:
    """``make_images(folder, count)``: images ``i00.nrrd`` with label maps ``i00_labels.nrrd``."""

    def make(folder: Path, count: int, size: int = 24) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for n in range(count):
            image = blobs(n, size)
            path = folder / f"i{n:02d}.nrrd"
            sitk.WriteImage(sitk.GetImageFromArray(image), str(path))
            labels = sitk.GetImageFromArray((image > 60).astype(np.uint8))
            sitk.WriteImage(labels, str(folder / f"i{n:02d}_labels.nrrd"))
            paths.append(path)
        return paths

    return make


@pytest.fixture
def pairs_table(tmp_path: Path, make_images: MakeImages) -> Path:
    """A table of four pairs of small images with labels."""
    make_images(tmp_path / "scans", 5)
    rows = ["fixed,moving,fixed_labels,moving_labels,site"]
    for n in range(1, 5):
        rows.append(
            f"scans/i00.nrrd,scans/i{n:02d}.nrrd,scans/i00_labels.nrrd,scans/i{n:02d}_labels.nrrd,S{n}"
        )
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def plan_of(table: Path, output: Path, **changes: Any) -> tuple[CohortPlan, CohortFolder]:
    """Make the plan of a table, and the folder of its cohort."""
    pairing = changes.pop("pairing", None)
    folder = CohortFolder(output)
    plan = make_plan(table, folder, {**QUICK, **changes}, pairing=pairing)
    folder.prepare(share=False)
    return plan, folder


def bits_of(folder: CohortFolder) -> dict[str, Any]:
    """The digests of the results of all pairs, from their own reports."""
    found = {}
    for report in sorted((folder.root / "pairs").glob("*/*/report.json")):
        content = json.loads(report.read_text())
        assert report.parent.name not in found
        found[report.parent.name] = content["provenance"]["results"]
    return found
