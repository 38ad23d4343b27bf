"""Masks and the choice of a diffeomorphic field on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cli import main


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A pair of images, of which the moving one has a lesion, and its mask."""
    rows, columns = np.mgrid[:40, :48].astype(float)
    image = np.sin(columns / 5) * np.cos(rows / 6) + columns / 20
    lesion = (columns - 30) ** 2 + (rows - 20) ** 2 < 36
    for name, array in (
        ("fixed", image.astype(np.float32)),
        ("moving", np.where(lesion, image.max(), image).astype(np.float32)),
        ("mask", (~lesion).astype(np.uint8)),
        ("empty", np.zeros_like(lesion, dtype=np.uint8)),
        ("small", np.ones((20, 20), np.uint8)),
    ):
        sitk.WriteImage(sitk.GetImageFromArray(array), f"{tmp_path}/{name}.nrrd")
    pair = ["--fixed", f"{tmp_path}/fixed.nrrd", "--moving", f"{tmp_path}/moving.nrrd"]
    fast = ["--model", "none", "--refine-iterations", "10,10", "--refine-similarity", "mse"]
    return ["register", *pair, *fast, "--align", "none", "--output", f"{tmp_path}/out"]


def test_masks_are_used_and_reported(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = f"{tmp_path}/mask.nrrd"
    assert main([*arguments, "--moving-mask", mask, "--fixed-mask", mask]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["metrics"]["masks"] == ["fixed", "moving"]
    assert report["metrics"]["after"]["ncc"] > 0.999
    assert report["metrics"]["deformation"]["displacement_max_mm"] < 0.1
    assert main(arguments) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert "masks" not in report["metrics"]
    assert report["metrics"]["deformation"]["displacement_max_mm"] > 1.0


def test_bad_masks_and_contradictions_are_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, said in (
        (["--fixed-mask", f"{tmp_path}/empty.nrrd"], "fixed mask: all voxels are 0"),
        (["--moving-mask", f"{tmp_path}/small.nrrd"], "moving mask: expected the lattice"),
        (["--moving-mask", f"{tmp_path}/none.nrrd"], "moving mask: there is no file"),
        (["--no-diffeomorphic", "--refine"], "always is diffeomorphic"),
        (["--no-diffeomorphic"], "always is diffeomorphic"),  # iterations ask for a refinement
    ):
        assert main([*arguments, *options]) == 2, options
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 1
        assert said in captured.err
        assert not (tmp_path / "out").exists()


def test_a_diffeomorphic_field_can_be_asked_for(arguments: list[str], tmp_path: Path) -> None:
    assert main([*arguments, "--diffeomorphic"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["provenance"]["options"]["diffeomorphic"] is True
    assert report["metrics"]["deformation"]["fold_count"] == 0
