"""Small generated images, tables of them, and quick registrations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cohort import CohortFolder, CohortPlan, make_plan
from Testing.Prove.dask_processes import bits_of, blobs

__all__ = [
    "QUICK",
    "QUICK_OPTIONS",
    "MakeImages",
    "bits_of",
    "blobs",
    "make_images",
    "pairs_table",
    "plan_of",
]

#: Options that make a registration of a small image take a moment.
QUICK: dict[str, Any] = {"model": "none", "refine": "3,2", "device": "cpu", "align": "none"}
QUICK_OPTIONS = ["--model", "none", "--refine-iterations", "3,2", "--align", "none"]

MakeImages = Callable[..., list[Path]]


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
